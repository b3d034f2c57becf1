"""Presets of the baselines: the same data, likelihood and scores as ours (docs/baselines.md)."""

from collections.abc import Callable
from functools import partial

from scalor.core.schedule import Recipe
from scalor.data.digits import digits
from scalor.models.baselines.seq_vae import SeqVaeConfig
from scalor.models.baselines.vrnn import VrnnConfig
from scalor.training.preset import Preset

SPRITES = ("vld", "ld", "md", "hd", "vhd", "bg")
DIGITS = ("vld", "ld", "md")


def frame_recipe() -> Recipe:
    """Models of whole frames: ten frames a clip soon, nothing that only objects need."""
    return Recipe(
        lr=1e-3, lengths=((0.0, 4), (0.1, 8)), discover_dropout=0.0, carry_until=0.0, blind_every=0, steps=12_000
    )


def vrnn(data: str) -> Preset:
    """A VRNN on one of the paper's data sets, as ``sprites-md``."""
    return Preset(name=f"vrnn-{data}", data=data, model=VrnnConfig(channels=channels(data)), recipe=frame_recipe())


def seq_vae(data: str) -> Preset:
    """A sequential VAE on one of the paper's data sets."""
    return Preset(name=f"seq-vae-{data}", data=data, model=SeqVaeConfig(channels=channels(data)), recipe=frame_recipe())


def channels(data: str) -> int:
    """Channels of made clips."""
    family, _, kind = data.partition("-")
    return 3 if family == "sprites" else digits(kind).channels


DATA = (*(f"sprites-{name}" for name in SPRITES), *(f"digits-{name}" for name in DIGITS))

BASELINES: dict[str, Callable[[], Preset]] = {
    f"{name}-{data}": partial(make, data) for name, make in (("vrnn", vrnn), ("seq-vae", seq_vae)) for data in DATA
}
