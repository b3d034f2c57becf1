"""Presets beyond the paper: balls that bounce off each other, and sprites of other benchmarks' kind."""

from dataclasses import replace

from scalor.core.geometry import WhereConfig
from scalor.data.balls import BallsConfig
from scalor.data.benchmark_paths import Winding
from scalor.data.benchmark_sets import SetConfig
from scalor.models.config import BackgroundConfig, GlimpseConfig, RenderConfig
from scalor.training.preset import Preset

NEAREST = 4
"""Others that a ball's prior knows of: no more of its size find room around it that it could meet in one frame."""
WHOLE_CLIP = 100
"""Frames that looks and sizes are averaged over: in futures of ninety frames the last ones would drift away."""


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
        propagate=replace(
            model.propagate,
            leave=-data.radius / where.size,
            reflect=True,
            neighbors=neighbors,
            habit=WHOLE_CLIP,
            pace=1,
            steady=True,
        ),
    )
    recipe = replace(
        base.recipe,
        batch=8,
        first_birth=round(sum(data.count) / 2 / (data.size / model.cell) ** 2, 3),
        blind_every=2,
        blind_frames=((0.0, 2), (0.3, 8), (0.5, 16), (0.7, 20)),
        steps=3500,
    )
    end = "" if data.name == "bounce" else f"-{data.name}"
    return Preset(
        name=f"balls{end}" if neighbors else f"balls{end}-alone",
        data=f"balls-{data.name}",
        model=model,
        recipe=recipe,
    )


GROUNDS = {
    "primary": BackgroundConfig(),
    "any": BackgroundConfig(family="lattice", code=3, lattice=32, prevail=True),
    "textures": BackgroundConfig(family="lattice", code=8, prevail=True),
}
"""By what a set is painted with: black, one colour, or a texture that as many numbers as this can say most of."""
STAND_OUT = {"any": 0.15, "textures": 0.25}
"""How far colours differ from the ground's: the sprites' masks are met best by what does (IoU 0.85 and 0.57)."""
EVIDENCE = 2.0
"""Nats for a birth where something stands out, and against it elsewhere: before they know their ground, objects that
are born anywhere cost more than they are worth, and all die."""
LOOKS = {
    "primary": GlimpseConfig(what=12),
    "any": GlimpseConfig(what=12, side=24, foreground=True),
    "textures": GlimpseConfig(what=16, side=24, foreground=True),
}
"""How sprites are seen and painted: no coarser than they are, and the grain of a texture need not be said."""
SIGMA = {"any": 0.2, "textures": 0.3}
"""Likelihood std: what the background's numbers cannot say of a texture must not be worth an object."""


def on_benchmark(base: Preset, data: SetConfig) -> Preset:
    """``base``, a preset on sprites of about that size, made for a set like the benchmark's."""
    model, paths = base.scalor, data.paths
    winding = isinstance(paths, Winding)
    if isinstance(paths, Winding):
        size, spread, count = sum(paths.side) / 2, 0.45, sum(paths.count) / 2
    else:
        size, spread, count = paths.side, 0.3, 0.75 * paths.most
    where = WhereConfig(size=1.1 * size, size_range=spread * size, ratio=1.0, ratio_range=0.3, reach=0.8)
    model = replace(
        model,
        where=where,
        glimpse=LOOKS[data.paint],
        # Sprites of these sets are never outside; winding ones turn at the sides, and swell faster than `slow` allows.
        propagate=replace(model.propagate, leave=0.0, reflect=winding, slow=0.3 if winding else model.propagate.slow),
        background=GROUNDS[data.paint],
    )
    if data.paint != "primary":
        model = replace(
            model,
            discover=replace(model.discover, evidence=EVIDENCE),
            render=RenderConfig(sigma=SIGMA[data.paint], stand_out=STAND_OUT[data.paint]),
        )
    first = count / (data.size / model.cell) ** 2
    return Preset(
        name=f"fast-{data.name.removesuffix('-like')}",
        data=data.name,
        model=model,
        recipe=replace(base.recipe, first_birth=round(first, 3), steps=2500),
    )
