"""Presets of the paper's natural scene: SCALOR, a VRNN and a sequential VAE under one likelihood.

``natural-*`` learn the packaged films at 64 px on a CPU; beside ``paper-natural`` stand ``grand-central-*``, at 128 px.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from scalor.configs.baselines import frame_recipe
from scalor.core.geometry import WhereConfig
from scalor.core.schedule import Recipe
from scalor.models.baselines.seq_vae import SeqVaeConfig
from scalor.models.baselines.vrnn import VrnnConfig
from scalor.models.config import (
    BackgroundConfig,
    DiscoverConfig,
    EncoderConfig,
    GlimpseConfig,
    ModelConfig,
    PropagateConfig,
    RenderConfig,
)
from scalor.training.preset import Preset

SIGMA = 0.1
"""Std of the likelihood of all models: the paper's for its natural scene."""
NATURAL, STATION = "natural", "grand-central"
"""Names of the data, and beginnings of the presets' names."""
SIDES = {NATURAL: 64, STATION: 128}


def natural_scalor() -> Preset:
    """Cars of 20 x 9 px and people of up to 20 x 50 px before six views that never move.

    The median image of a clip, which `fit` has as background, is known from later frames, too, and is no part of a
    likelihood. The paper's code per frame learns a view slowly, and objects paint the walls meanwhile (300 steps:
    squared error 0.015); codes of large squares have their colours from the first step on. Objects are dark at first,
    as most are, and are born where something stands out: born anywhere, all die within 80 steps.
    """
    model = ModelConfig(
        cell=8,
        where=WhereConfig(size=18.0, size_range=0.65, ratio=1.0, ratio_range=1.0, scale="log", reach=0.8, motion=6.4),
        encoder=EncoderConfig(widths=(16, 32, 48), memory=24, memory_stride=1, mask_widths=(4, 8, 8)),
        glimpse=GlimpseConfig(side=24, level=0.15, foreground=True),
        propagate=PropagateConfig(leave=0.5),
        discover=DiscoverConfig(evidence=2.0),
        background=BackgroundConfig(family="lattice", code=12, lattice=32, prevail=True),
        render=RenderConfig(sigma=SIGMA, stand_out=0.15),
    )
    recipe = Recipe(
        batch=8,
        lr=1e-3,
        lengths=((0.0, 2), (0.3, 4), (0.7, 8)),
        blind_frames=((0.0, 2), (0.7, 4)),
        birth=(0.1, 1e-3),
        first_birth=0.05,
        cuts=0.0,
        steps=4000,
    )
    return Preset(name="natural-scalor", data=NATURAL, model=model, recipe=recipe)


def of_frames(data: str, model: str) -> Preset:
    """A model of whole frames, "vrnn" or "vae", on "natural" or "grand-central"."""
    kind = VrnnConfig if model == "vrnn" else SeqVaeConfig
    config = kind(side=SIDES[data], sigma=SIGMA)
    recipe = replace(frame_recipe(), batch=8)
    return Preset(name=f"{data}-{model}", data=data, model=config, recipe=recipe)


NATURAL_PRESETS: dict[str, Callable[[], Preset]] = {
    "natural-scalor": natural_scalor,
    **{f"{data}-{model}": partial(of_frames, data, model) for data in SIDES for model in ("vrnn", "vae")},
}
