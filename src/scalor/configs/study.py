"""Presets of the study that took SCALOR to photo-realistic crowds (spec part C), in sizes for CPUs.

They are plain SCALOR: the paper's background code, and none of our guards against doubles and collapse. Grid, boxes and
likelihood are the study's, but for cells of half its side, since our crowds are denser than an 8 x 8 grid can hold.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from scalor.core.geometry import WhereConfig
from scalor.core.schedule import Recipe, Weight
from scalor.core.sites import LOGIT_BOUND
from scalor.models.config import (
    BackgroundConfig,
    DiscoverConfig,
    EncoderConfig,
    GlimpseConfig,
    MergeConfig,
    ModelConfig,
    PropagateConfig,
    RenderConfig,
)
from scalor.training.preset import Preset

OFF = math.inf

PLAIN: Mapping[str, tuple[tuple[str, ...], tuple[Weight, ...]]] = {
    "elbo": ((), ()),
    "perceptual": (("perceptual",), (Weight("perceptual", 0.01),)),
    "perceptual-literal": (("perceptual-literal",), (Weight("perceptual", 0.01),)),
    "perceptual-gan": (
        ("perceptual", "adversarial"),
        (Weight("perceptual", 0.01), Weight("adversarial", 0.1, start=0.2, full=0.3)),
    ),
    "perceptual-gan-literal": (
        ("perceptual-literal", "adversarial-literal"),
        (Weight("perceptual", 0.01), Weight("adversarial", 1000.0)),
    ),
    "alpha": (("alpha",), (Weight("alpha", 0.3, start=0.2, full=0.5),)),
}
"""What is lessened beside -ELBO: the literal ones with the study's weights, the others calibrated."""

GROUNDS = {
    "scenes": "crowd-hard",
    "gradient": "crowd-gradient",
    "hard": "crowd-hard-ground",
    "blurred": "crowd-blurred",
}
"""Where people walk, and the data's name."""


def plain_model() -> ModelConfig:
    """SCALOR of the study's boxes: 5 to 12 px wide and 13 to 29 px high in 128 px frames (spec C.1)."""
    return ModelConfig(
        cell=8,
        posterior_shift=0.0,
        presence_slope=LOGIT_BOUND,
        where=WhereConfig(size=12.8, size_range=3.84, ratio=2.5, ratio_range=0.5, reach=1.0, motion=12.8),
        encoder=EncoderConfig(widths=(16, 32, 48), memory=32, memory_stride=1, mask_widths=(4, 8, 16)),
        glimpse=GlimpseConfig(side=24, what=32, context=False),
        propagate=PropagateConfig(residual=0.0, update="gated", slow=OFF, presence_bias=2.0, legacy_what_std=True),
        discover=DiscoverConfig(
            overlap=0.3, twin_iou=OFF, twin_inside=OFF, twin_certain=OFF, proposals=16, ring=0, presence_bias=0.0
        ),
        merge=MergeConfig(iou=OFF),
        background=BackgroundConfig(family="encoder", code=10),
        render=RenderConfig(sigma=0.1, convex=False, depth="sigmoid"),
    )


def plain_recipe() -> Recipe:
    """Constant-length clips of the study are costly: short ones first."""
    return Recipe(
        batch=4,
        lr=1e-3,
        lengths=((0.0, 2), (0.25, 4), (0.7, 8)),
        birth=(0.1, 1e-3),
        discover_dropout=0.0,
        cuts=0.0,
        carry_until=0.0,
        blind_every=0,
        steps=6000,
    )


def study(ground: str, losses: str, *, background: str = "encoder") -> Preset:
    """People on ``ground`` (`GROUNDS`, or a data name) learned with ``losses`` (`PLAIN`)."""
    objectives, weights = PLAIN[losses]
    model = plain_model()
    model = replace(model, background=replace(model.background, family=background))
    recipe = replace(plain_recipe(), objectives=objectives, weights=weights)
    end = "" if background == "encoder" else f"-{background}"
    return Preset(name=f"study-{ground}-{losses}{end}", data=GROUNDS.get(ground, ground), model=model, recipe=recipe)


_PAIRS = [
    ("scenes", "elbo"),
    ("gradient", "elbo"),
    ("hard", "elbo"),
    *((ground, f"perceptual{end}") for ground in ("hard", "blurred") for end in ("-literal", "")),
    *((ground, f"perceptual-gan{end}") for ground in ("blurred", "scenes") for end in ("-literal", "")),
    ("gradient", "alpha"),
]
STUDY: dict[str, Callable[[], Preset]] = {
    f"study-{ground}-{loss}": partial(study, ground, loss) for ground, loss in _PAIRS
}
STUDY["study-crowd-one-elbo"] = partial(study, "crowd-one", "elbo")
STUDY["study-crowd-one-elbo-fixed"] = partial(study, "crowd-one", "elbo", background="fixed")
