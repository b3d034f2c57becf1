"""Sizes, speed, noise and contrast of the objects of footage: what presets for it are made from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from scalor.core.shade import DARKEST, EVEN
from scalor.data.footage import ObjectStats, suggest_scale

TARGET_PX = 32.0
"""Videos are scaled so that the longer side of their objects has this many pixels."""
TURNING_PX = 24.0
"""The same for things seen from all sides: long thin ones have few pixels, and small steps are quick."""
FAR_PX = 14.0
"""Where there is a perspective, far things have this many pixels, too: what has less needs small cells."""
FINER = 2.0
"""For them a video is at most so many times as fine as the usual ones ask for."""

FASTEST = 16.0
"""Largest step per frame that is chosen for boxes, in pixels (where there is a perspective, at its level)."""
UNNOTICED = 0.1
"""Contrast of objects that no survey noticed: they stand out where the frame differs by 8 grey levels or more."""


@dataclass(frozen=True)
class Sizes:
    """What a preset for footage is made from; in pixels of the scaled frames.

    height, width  of a typical object
    spread         half of the logarithm of the 90 % to the 10 % quantile of the heights
    motion         displacement per frame that 95 % of the objects stay below
    noise          standard deviation of the background, 0..1
    contrast       typical difference of an object's pixels to the background, 0..1
    level          mean grey level of what moves, 0..1
    turns          objects are seen from all sides: their heights and widths have about the same range
    elongation     of things that turn: the longer side by the shorter one
    shadows        they cast shadows (`scalor.data.objects.ObjectStats.shadows`)
    darkest, tint  of shadows (`scalor.data.objects.ObjectStats`)
    growth         how many times larger they are low in the view than high in it, by their sizes
    """

    height: float
    width: float
    spread: float
    motion: float
    noise: float
    contrast: float = 0.44
    turns: bool = False
    level: float = 0.5
    shadows: bool = False
    darkest: float = DARKEST
    tint: tuple[float, float, float] = EVEN
    growth: float = 1.0
    elongation: float = 1.0


def largest_step(pace: float) -> float:
    """The largest step along an axis that boxes need where 95 % of the things move by less than ``pace`` per frame."""
    return min(FASTEST, max(4.0, 1.5 * pace))


def crop_for(sizes: Sizes) -> int:
    """Side of training crops: some three objects beside each other, as many pixels as a step can pay for."""
    return int(min(112.0, max(64.0, 3.5 * max(sizes.height, sizes.width))))


def scale_for(stats: ObjectStats, far: float | None = None) -> float:
    """The factor by which a video is scaled down; ``far``: mean side of the far things of one with perspective."""
    if far is None:
        return suggest_scale(stats, target_px=TURNING_PX if turns(stats) else TARGET_PX)
    scale = suggest_scale(stats, target_px=TARGET_PX)
    return min(1.0, max(scale, min(FAR_PX / far, FINER * scale)))


def typical_sizes(surveys: Sequence[ObjectStats], scales: Sequence[float], *, upright: bool = False) -> Sizes:
    """One size for all videos, each at its scale, weighted by how sure its survey is.

    What stands ``upright`` on level ground, as where there is a perspective, is never seen from all sides.
    """
    weights = [stats.confidence + 1e-3 for stats in surveys]
    total = sum(weights)

    def mean(values: list[float]) -> float:
        return sum(value * weight for value, weight in zip(values, weights, strict=True)) / total

    def channel(number: int) -> float:
        return mean([stats.tint[number] for stats in surveys])

    pairs = list(zip(surveys, scales, strict=True))
    spreads = [max(1.0, stats.height_range[1] / max(stats.height_range[0], 1e-3)) for stats in surveys]
    return Sizes(
        height=mean([stats.height_px * scale for stats, scale in pairs]),
        width=mean([stats.width_px * scale for stats, scale in pairs]),
        spread=mean([0.5 * float(torch.tensor(spread).log()) for spread in spreads]),
        motion=max(stats.speed_px[1] * scale for stats, scale in pairs),
        noise=mean([stats.noise for stats in surveys]),
        contrast=mean([stats.contrast for stats in surveys]),
        level=mean([stats.level for stats in surveys]),
        turns=not upright and any(turns(stats) for stats in surveys),
        elongation=1.0 if upright else max(elongation(stats) for stats in surveys),
        shadows=all(stats.shadows for stats in surveys),
        darkest=min(stats.darkest for stats in surveys),
        tint=(channel(0), channel(1), channel(2)),
        growth=max((stats.growth for stats in surveys), key=lambda growth: abs(math.log(growth))),
    )


def turns(stats: ObjectStats) -> bool:
    """Whether things are at times as wide for their height as they usually are high for their width, and the other way
    round."""
    (low, high), usual = stats.shape_range, stats.height_px / stats.width_px
    return low < min(usual, 1 / usual) and high > max(usual, 1 / usual)


def elongation(stats: ObjectStats) -> float:
    """The longer side by the shorter one of a thing that turns: how much the shapes of its boxes vary."""
    return math.sqrt(stats.shape_range[1] / stats.shape_range[0]) if turns(stats) else 1.0
