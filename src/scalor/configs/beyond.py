"""Presets beyond the paper: balls that bounce off each other, and sprites of other benchmarks' kind."""

from dataclasses import replace

from scalor.core.geometry import WhereConfig
from scalor.data.balls import BallsConfig
from scalor.models.config import GlimpseConfig
from scalor.training.preset import Preset

NEAREST = 4
"""Others that a ball's prior knows of: no more of its size find room around it that it could meet in one frame."""


def on_balls(base: Preset, data: BallsConfig, *, neighbors: int = NEAREST) -> Preset:
    """``base``, a preset on sprites of about the balls' size, made for balls.

    Their walls are told, as everywhere (`configs.presets.fast_walls`); they are inside the view here. What happens
    between balls has to be learned, from futures mostly: half of the steps look at the first half of a clip only.
    """
    model, size = base.scalor, 2 * data.radius
    where = WhereConfig(size=1.1 * size, size_range=0.3 * size, ratio=1.0, ratio_range=0.2, reach=0.8)
    model = replace(
        model,
        where=where,
        glimpse=GlimpseConfig(what=8),
        propagate=replace(model.propagate, leave=-data.radius / where.size, reflect=True, neighbors=neighbors),
    )
    recipe = replace(
        base.recipe,
        first_birth=round(sum(data.count) / 2 / (data.size / model.cell) ** 2, 3),
        blind_every=2,
        blind_frames=((0.0, 2), (0.3, 8), (0.5, 16), (0.7, 20)),
        steps=2500,
    )
    end = "" if data.name == "bounce" else f"-{data.name}"
    return Preset(
        name=f"balls{end}" if neighbors else f"balls{end}-alone",
        data=f"balls-{data.name}",
        model=model,
        recipe=recipe,
    )
