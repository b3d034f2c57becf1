"""Figure 8: presets without attention, without rejection, without both."""

import math
from dataclasses import replace

from scalor.configs.gated import gated, uncut
from scalor.models.config import MergeConfig, PropagateConfig
from scalor.training.preset import Preset

OFF = math.inf


def ablated(base: Preset, kept: str) -> Preset:
    """``base``, a preset on sprites, with ``kept`` of attention and rejection: none, attention, rejection or both.

    Our own guards against doubles and collapse are off in all four. They have the core from before evidence, as the
    weights in ``benchmarks/runs`` do, without context: a crop of where an object is expected, which is compared before
    its place is read, would be attention too (spec A.3).
    """
    attention, rejection = kept in ("attention", "both"), kept in ("rejection", "both")
    discover = replace(base.scalor.discover, twin_iou=OFF, twin_inside=OFF, twin_certain=OFF)
    model = replace(
        base.scalor,
        propagate=PropagateConfig() if attention else PropagateConfig(window=0),
        discover=discover if rejection else replace(discover, overlap=OFF),
        merge=MergeConfig(iou=OFF),
    )
    # Without the guards a clip holds several times as many objects: small steps, or there are too few of them.
    recipe = replace(
        uncut(base.recipe), batch=8, lengths=((0.0, 2), (0.3, 4)), carry_until=0.0, dropout_until=0.0, blind_every=0
    )
    return replace(base, name=f"ablation-{kept}", model=gated(model, context=False), recipe=recipe)
