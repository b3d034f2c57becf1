"""Presets of the baselines: the same data, likelihood and scores as ours (docs/baselines.md)."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from scalor.core.schedule import Recipe
from scalor.data.digits import DigitsConfig, digits
from scalor.data.sprites import SpritesConfig, sprites
from scalor.models.baselines.air import AirConfig
from scalor.models.baselines.seq_vae import SeqVaeConfig
from scalor.models.baselines.silot import SilotConfig
from scalor.models.baselines.sqair import SqairConfig
from scalor.models.baselines.vrnn import VrnnConfig
from scalor.training.preset import Preset

SPRITES = ("vld", "ld", "md", "hd", "vhd", "bg")
DIGITS = ("vld", "ld", "md")


def frame_recipe() -> Recipe:
    """Models of whole frames: ten frames a clip soon, nothing that only objects need."""
    return Recipe(
        lr=1e-3,
        lengths=((0.0, 4), (0.1, 8)),
        discover_dropout=0.0,
        cuts=0.0,
        carry_until=0.0,
        blind_every=0,
        steps=12_000,
    )


def vrnn(data: str) -> Preset:
    """A VRNN on one of the paper's data sets, as ``sprites-md``."""
    return Preset(name=f"vrnn-{data}", data=data, model=VrnnConfig(channels=channels(data)), recipe=frame_recipe())


def seq_vae(data: str) -> Preset:
    """A sequential VAE on one of the paper's data sets."""
    return Preset(name=f"seq-vae-{data}", data=data, model=SeqVaeConfig(channels=channels(data)), recipe=frame_recipe())


def object_recipe(births: tuple[float, float]) -> Recipe:
    """Models of objects on a length curriculum; ``births``: prior of one more object in first and in later frames.

    Single frames teach to find things. Then clips have three frames and more, and for a while what is carried stays: a
    thing carried to a pixel beside its place is worse than one found anew, so that else none would ever be carried.
    """
    return Recipe(
        batch=8,
        lr=1e-3,
        lengths=((0.0, 1), (0.1, 3), (0.5, 4), (0.8, 6)),
        birth=(0.3, births[1]),
        first_birth=births[0],
        discover_dropout=0.0,
        cuts=0.0,
        carry_until=0.3,
        blind_every=0,
        steps=6_000,
    )


def sqair(data: str, slots: int) -> Preset:
    """SQAIR; the paper has it for few objects."""
    shape = sizes(data)
    model = SqairConfig(channels=channels(data), side=shape.size, slots=slots, size=shape.object_size)
    return Preset(name=f"sqair-{data}", data=data, model=model, recipe=object_recipe((0.6, 0.02)), particles=5)


def air(data: str, slots: int) -> Preset:
    """AIR on every frame, with linking."""
    shape = sizes(data)
    model = AirConfig(channels=channels(data), side=shape.size, slots=slots, size=shape.object_size)
    recipe = replace(
        object_recipe((0.0, 0.01)), batch=16, lengths=((0.0, 2),), birth=(0.6, 0.01), birth_steps=2_000, carry_until=0.0
    )
    return Preset(name=f"air-{data}", data=data, model=model, recipe=recipe, particles=5)


def silot(data: str) -> Preset:
    """SILOT, with relaxed presence as its authors have it."""
    shape = sizes(data)
    most = max(8, 2 * shape.count[1])
    model = SilotConfig(channels=channels(data), side=shape.size, slots=most, size=shape.object_size)
    recipe = Recipe(
        lr=1e-3,
        lengths=((0.0, 2), (0.2, 4), (0.5, 8)),
        birth=(0.1, 1e-6),
        discover_dropout=0.5,
        dropout_until=1.0,
        cuts=0.0,
        carry_until=0.0,
        blind_every=0,
        steps=6_000,
    )
    return Preset(name=f"silot-{data}", data=data, model=model, recipe=recipe)


def sizes(data: str) -> SpritesConfig | DigitsConfig:
    """How large frames and objects of made clips are."""
    family, _, kind = data.partition("-")
    return sprites(kind) if family == "sprites" else digits(kind)


def channels(data: str) -> int:
    """Channels of made clips."""
    shape = sizes(data)
    return shape.channels if isinstance(shape, DigitsConfig) else 3


DATA = (*(f"sprites-{name}" for name in SPRITES), *(f"digits-{name}" for name in DIGITS))
OBJECT_DATA = {"sprites-vld": 5, "sprites-ld": 12, "digits-vld": 5, "digits-few": 3}
"""Data of the models that find one object after the other, and how many they can."""

BASELINES: dict[str, Callable[[], Preset]] = {
    **{f"{name}-{data}": partial(make, data) for name, make in (("vrnn", vrnn), ("seq-vae", seq_vae)) for data in DATA},
    **{
        f"{name}-{data}": partial(make, data, slots)
        for name, make in (("sqair", sqair), ("air", air))
        for data, slots in OBJECT_DATA.items()
    },
    **{
        f"silot-{data}": partial(silot, data)
        for data in ("sprites-vld", "sprites-ld", "digits-vld", "digits-ld", "digits-six")
    },
}
