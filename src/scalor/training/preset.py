"""`Preset`: model, recipe and data of a training, without its seed and length. The presets are in `configs`."""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from scalor.core.jsonable import flat, from_jsonable, nearest, override, to_jsonable
from scalor.core.schedule import Recipe
from scalor.errors import UserError
from scalor.models.build import AnyConfig
from scalor.models.config import ModelConfig
from scalor.objectives.extras import refuse_misnamed

POSITIVE = ("model.render.sigma", "model.sigma", "train.lr", "train.temperature", "train.soften")
"""Settings of which the logarithm is taken, or that numbers are divided by."""
SHARES = (
    "model.background.darkest",
    "model.discover.keep",
    "model.render.mask",
    "model.render.stand_out",
    "train.covers",
    "train.crowded",
    "train.cuts",
    "train.discover_dropout",
    "train.ema",
    "train.first_birth",
    "train.hurry",
    "train.lr_final",
)
"""Settings that are nonsense outside 0 .. 1, such as grey levels of 255 or percents."""


@dataclass(frozen=True)
class Preset:
    """A model, the way to train it, and the name of the data it is trained on.

    data       a name that `datasets.data_named` knows, or "footage" for the user's own videos
    particles  1: the ELBO with relaxed presence; K: the IWAE bound of K samples per clip, presence drawn (VIMCO)
    """

    name: str
    data: str
    model: AnyConfig = field(default_factory=ModelConfig)
    recipe: Recipe = field(default_factory=Recipe)
    particles: int = 1

    @property
    def channels(self) -> int:
        """Channels of the frames, 1 or 3."""
        return self.model.channels

    @property
    def scalor(self) -> ModelConfig:
        """The model's config where it is SCALOR's. Raises UserError where it is a baseline's."""
        if isinstance(self.model, ModelConfig):
            return self.model
        raise UserError(
            f"preset {self.name} is of the model {self.model.kind}; a preset of SCALOR is wanted here, for example "
            "fast-sprites-md, or fast-video for your own videos"
        )


def apply_overrides(preset: Preset, overrides: Mapping[str, str]) -> Preset:
    """``preset`` with changes like ``{"model.cell": "8", "train.lr": "1e-3", "data": "sprites-hd"}``.

    Raises UserError for an unknown key (naming the nearest) and for a value that the setting cannot take.
    """
    for key, text in settings_of(overrides).items():
        group, _, rest = key.partition(".")
        if key == "data":
            preset = dataclasses.replace(preset, data=text)
        elif key == "particles":
            preset = override(preset, key, text)
        elif group == "model" and rest:
            preset = dataclasses.replace(preset, model=override(preset.model, rest, text, where="model."))
        elif group == "train" and rest:
            preset = dataclasses.replace(preset, recipe=override(preset.recipe, rest, text, where="train."))
        else:
            raise UserError(f"setting {key} is unknown; {_hint(preset, key)}")
    check(preset)
    return preset


def settings_of(overrides: object) -> Mapping[str, str]:
    """The settings that came. Raises UserError where they do not come by their keys."""
    if not isinstance(overrides, Mapping) or not all(isinstance(key, str) for key in overrides):
        raise UserError(
            f"overrides is {str(overrides)[:60]}; settings by their keys are wanted, for example {{'train.lr': '1e-3'}}"
        )
    return overrides


def _hint(preset: Preset, key: str) -> str:
    known = flat(preset.model, prefix="model.") | flat(preset.recipe, prefix="train.")
    near = nearest(key, [*known, "data", "particles"])
    # A list of all the settings would be no help.
    return near if near.startswith("did you mean") else "settings begin with model. or train."


def check(preset: Preset) -> None:
    """Raises UserError where a preset's numbers cannot be trained with."""
    recipe, model = preset.recipe, preset.model
    for name in ("lengths", "blind_frames"):
        table = getattr(recipe, name)
        starts = [start for start, _ in table]
        if not starts or starts[0] > 0 or starts != sorted(starts) or min(frames for _, frames in table) < 1:
            raise UserError(
                f"train.{name} is {table}; wanted pairs (from progress, frames), the first from 0, rising; correct it"
            )
    if recipe.optimizer not in ("adam", "rmsprop"):
        raise UserError(f"train.optimizer is {recipe.optimizer}; {nearest(recipe.optimizer, ('adam', 'rmsprop'))}")
    for name in ("batch", "clip_norm"):
        if not getattr(recipe, name) > 0:
            raise UserError(f"train.{name} is {getattr(recipe, name)}; a number above 0 is wanted; correct it")
    known = flat(model, prefix="model.") | flat(recipe, prefix="train.")
    for name in POSITIVE:
        if not 0 < known.get(name, 1) < math.inf:
            raise UserError(f"{name} is {known[name]}; a finite number above 0 is wanted; correct it")
    if not all(0 <= share <= 1 for share in recipe.birth):
        raise UserError(f"train.birth is {recipe.birth}; two numbers from 0 to 1 are wanted; correct it")
    for name in SHARES:
        if not 0 <= known.get(name, 0) <= 1:
            raise UserError(f"{name} is {known[name]}; a number from 0 to 1 is wanted; correct it")
    if preset.particles < 1:
        raise UserError(f"particles is {preset.particles}; a whole number from 1 is wanted; correct it")
    refuse_misnamed(recipe)
    if model.channels not in (1, 3):
        raise UserError(f"model.channels is {model.channels}; wanted 1 or 3; correct it")
    if isinstance(model, ModelConfig) and (model.cell < 2 or model.cell & (model.cell - 1)):
        raise UserError(f"model.cell is {model.cell}; wanted a power of two; set model.cell to 4, 8 or 16")


def to_json(preset: Preset) -> str:
    """Strict JSON of a preset."""
    return json.dumps(to_jsonable(preset), indent=2, allow_nan=False) + "\n"


def from_json(text: str) -> Preset:
    """The preset that `to_json` wrote. Raises UserError for broken JSON, unknown or missing keys and wrong types."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"the config is not JSON ({error}); a preset's JSON is wanted; write it again") from error
    preset = from_jsonable(Preset, data)
    check(preset)
    return preset
