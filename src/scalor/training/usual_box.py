"""`UsualBox`: size and shape of a video's single objects, by their height in the view.

A fixed camera sees what is near it larger. Across the whole view one object near the camera may be as large as two far
from it; in one place two that touch are larger by a factor of 1.4 in the mean of their sides, single ones differ less,
and two side by side have half the height for their width.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from scalor.core.geometry import WhereConfig
from scalor.training.foreground_blobs import sized
from scalor.training.groups import Outline
from scalor.training.perspective import Perspective

LEAST = 40
"""Blobs from which a rule is made; of fewer nothing is known."""
SPAN = 0.2
"""Share of the view's height that they must spread over to tell how sizes change with it."""
SURE = 2.0
"""Standard deviations from the usual size within which a blob is one object."""
FLOOR = 0.15
"""Least deviation of log sizes that is allowed for."""
SHAPES = 3.0
"""Standard deviations from the usual shape that boxes can have."""
LEAST_SHAPES = 0.4
"""Least deviation of log(height / width) that boxes can have."""
OTHERS = 0.05
"""Share of things of other shapes from which there is no usual shape."""
MANY = 0.2
"""Share of pairs among the blobs of an object's size from which that size is doubtful."""
ODD = 0.03
"""Share of blobs that are odd, at both ends of their sizes."""
EPSILON = 1e-9
"""Rounding of sums."""
ROUNDS = 8
"""Times that the line is fitted, each without what the one before has shown to be no single object."""


@dataclass(frozen=True)
class UsualBox:
    """log sqrt(width x height) of a single object is ``start + slope * y`` at y pixels from the top, give or take
    ``spread`` (inf: nothing is known); its log(height / width) is ``shape``, give or take ``shapes``. Where sizes were
    measured among too many pairs, together with the ``perspective`` or on what stays, boxes shall have log sizes
    ``middle``, give or take ``reach`` (inf: they were not). All sizes are those at the perspective's level.

    ``outline``: what of its box a single object fills, where groups are taken apart by it (see `training.groups`).
    """

    start: float = 0.0
    slope: float = 0.0
    spread: float = math.inf
    shape: float = 0.0
    shapes: float = math.inf
    middle: float = 0.0
    reach: float = math.inf
    perspective: Perspective = Perspective()
    outline: Outline = ()

    @property
    def far(self) -> float:
        """Mean side of what is far away."""
        return self.perspective.far * math.exp(self.middle)

    def within(self, top: int) -> tuple[float, float, float, float, float]:
        """The sizes with y counted from row ``top``: start, slope, spread; that row; and the shape."""
        return self.start + self.slope * top, self.slope, self.spread, top, self.shape

    def sides(self, y: float) -> tuple[float, float]:
        """(width, height) of a single object at y pixels from the top, where there is no perspective."""
        size = self.start + self.slope * y
        return math.exp(size - self.shape / 2), math.exp(size + self.shape / 2)


def rule_of(boxes: np.ndarray, pairs: np.ndarray, where: WhereConfig, height: float) -> UsualBox:
    """The rule for blobs of which ``pairs`` bool [K] are known to be two objects."""
    possible = sized(boxes, where)
    if pairs.sum() < LEAST or pairs[possible].mean() < MANY:
        return usual_box(boxes[possible & ~pairs], height)
    # Pairs have passed for objects: of what is known to be none, all but a few odd ones are single.
    single = boxes[~pairs]
    sizes = 0.5 * np.log(single[:, 2] * single[:, 3])
    low, high = np.quantile(sizes, [ODD, 1 - ODD])
    fair = single[(sizes >= low) & (sizes <= high)]
    middle, reach = float(low + high) / 2, float(high - low) / 2 + FLOOR / 2
    rule = usual_box(fair, height)
    return replace(rule, start=middle, slope=0.0, spread=reach, middle=middle, reach=reach)


def usual_box(boxes: np.ndarray, height: float) -> UsualBox:
    """The rule for blobs (x, y, w, h) [K, 4] in a view ``height`` pixels high, most of which are single objects (inf:
    sizes do not change with the place).

    A line goes through the middle of the shortest interval that holds half of the sizes, and half of its width tells
    how much these vary; likewise the shapes. Nothing is known where many that are no larger have other shapes: what
    turns has boxes of all kinds, and so has what sits down.
    """
    if len(boxes) < LEAST:
        return UsualBox()
    shape = every = np.log(boxes[:, 3] / boxes[:, 2])
    sides, heights = 0.5 * np.log(boxes[:, 2] * boxes[:, 3]), boxes[:, 1]
    middle, deviation = bulk(shape)
    alike = np.abs(shape - middle) <= max(FLOOR, SURE * deviation)
    boxes, shape = boxes[alike], shape[alike]
    sizes, place = 0.5 * np.log(boxes[:, 2] * boxes[:, 3]), boxes[:, 1]
    steep = float(np.subtract(*np.quantile(place, [0.95, 0.05]))) > SPAN * height
    keep = np.ones(len(boxes), bool)
    for _ in range(ROUNDS):
        slope, start = np.polyfit(place[keep], sizes[keep], 1) if steep else (0.0, 0.0)
        rest = sizes - slope * place - start
        middle, deviation = bulk(rest)
        spread = max(FLOOR, SURE * deviation)
        keep = np.abs(rest - middle) <= spread
    usual, deviation = bulk(shape[keep])
    fair = sides - slope * heights - start - middle <= spread  # pairs are larger
    if (np.abs(every - usual) > max(LEAST_SHAPES, SHAPES * deviation))[fair].mean() > OTHERS:
        return UsualBox()
    return UsualBox(float(start + middle), float(slope), float(spread), usual, SHAPES * deviation)


def bulk(values: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """Middle of the shortest interval that holds half of the values, and the std of normal ones with such a half.

    ``weights``: how much each counts; None: all alike.
    """
    order = np.argsort(values)
    ordered = values[order]
    mass = np.concatenate([[0.0], np.cumsum(np.ones(len(values)) if weights is None else weights[order])])
    last = np.searchsorted(mass, mass[:-1] + mass[-1] / 2 - EPSILON * mass[-1]) - 1
    last = last[last < len(ordered)]
    widths = ordered[last] - ordered[: len(last)]
    first = int(widths.argmin())
    return float(ordered[first] + widths[first] / 2), float(widths[first] / 2 / 0.6745)
