"""Floor 6: presets as functions; the only place where everything meets."""

from scalor.configs.api import fit, train
from scalor.configs.presets import PRESETS, preset_named
from scalor.training.datasets import data_named, data_names
from scalor.training.preset import Preset, apply_overrides, from_json, to_json

__all__ = [
    "PRESETS",
    "Preset",
    "apply_overrides",
    "data_named",
    "data_names",
    "fit",
    "from_json",
    "preset_named",
    "to_json",
    "train",
]
