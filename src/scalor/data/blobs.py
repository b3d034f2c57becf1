"""Tables of connected components: their sizes, steps from frame to frame, and growth with the place in the view."""

from collections.abc import Iterator, Sequence

import numpy as np

TINY_PX = 6
"""Components of fewer pixels are noise."""
MOST_OF_VIEW = 0.5
"""Components of more of the view are a change of light or of camera."""
LEAST_SEEN = 20
"""Objects from which sizes at different places are compared."""

X, Y, W, H, AREA, CX, CY, MEAN = range(8)
"""Columns of a table of components: left, top, width, height, area, centre, mean difference."""


def components(lit: np.ndarray, strength: np.ndarray, side: int) -> np.ndarray:
    """Connected components of a boolean [H, W] after closing gaps of less than ``side``: float64 [K, 8]."""
    import cv2

    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(lit.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    number, labels, stats, centers = cv2.connectedComponentsWithStats(closed, connectivity=8)
    total = np.bincount(labels.ravel(), weights=strength.ravel(), minlength=number)
    table = np.column_stack([stats, centers, total / np.maximum(stats[:, 4], 1)]).astype(np.float64)[1:]
    return table[(table[:, AREA] >= TINY_PX) & (table[:, AREA] <= MOST_OF_VIEW * lit.size)]


def inside(table: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Which components do not touch the edge of a view of ``size`` (height, width): bool [K]."""
    right, bottom = table[:, X] + table[:, W], table[:, Y] + table[:, H]
    return (table[:, X] > 0) & (table[:, Y] > 0) & (right < size[1]) & (bottom < size[0])


def speed_of(tables: Sequence[np.ndarray], numbers: np.ndarray) -> tuple[tuple[float, float], float]:
    """Median and 95 % of the displacement between consecutive frames, and the share of objects that could be followed.

    Objects are matched as mutual nearest neighbours of like size.
    """
    steps: list[float] = []
    tried = 0
    for before, after, gap in zip(tables[:-1], tables[1:], np.diff(numbers), strict=True):
        if gap != 1:
            continue
        tried += min(len(before), len(after))
        steps.extend(_matched_steps(before, after))
    speed = (float(np.median(steps)), float(np.quantile(steps, 0.95))) if steps else (0.0, 0.0)
    return speed, len(steps) / tried if tried else 1.0


def _matched_steps(before: np.ndarray, after: np.ndarray) -> Iterator[float]:
    if not (len(before) and len(after)):
        return
    distance = np.linalg.norm(before[:, None, [CX, CY]] - after[None, :, [CX, CY]], axis=2)
    forward, backward = distance.argmin(axis=1), distance.argmin(axis=0)
    for i, j in enumerate(forward):
        alike = 0.5 <= before[i, AREA] / after[j, AREA] <= 2.0
        near = distance[i, j] <= 2 * max(before[i, W], before[i, H])
        if backward[j] == i and alike and near:
            yield float(distance[i, j])


def perspective(table: np.ndarray, size: tuple[int, int]) -> tuple[float, float]:
    """How much larger objects are low in the view than high in it, and the spread of log sizes that this leaves.

    A line of log(size) over the height of the centre, refitted without its outliers; 1.0 where it explains little.
    The factor is taken between the places that 5 % and 95 % of the objects lie above.
    """
    logs = 0.5 * np.log(table[:, W] * table[:, H])
    place = table[:, CY] / size[0]
    spread = 0.7413 * float(np.subtract(*np.quantile(logs, [0.75, 0.25])))
    span = float(np.subtract(*np.quantile(place, [0.95, 0.05])))
    if len(table) < LEAST_SEEN or span < 0.2:
        return 1.0, spread
    keep = np.ones(len(table), bool)
    for _ in range(4):
        slope, start = np.polyfit(place[keep], logs[keep], 1)
        rest = np.abs(logs - slope * place - start)
        keep = rest <= 3.0 * 1.4826 * np.median(rest) + 1e-6
    left = 1.4826 * float(np.median(rest))
    growth = float(np.exp(slope * span))
    thirds = [float(np.median(part)) for part in np.array_split(logs[np.argsort(place, kind="stable")], 3)]
    steady = min(np.diff(thirds) * np.sign(slope)) > 0.05  # one odd object high or low in the view is no perspective
    steep = abs(np.log(growth)) > max(0.35, left)
    return (growth, left) if steep and steady else (1.0, spread)


def complete(table: np.ndarray, size: tuple[int, int]) -> float:
    """Share of the area of all components that are seen whole: where most are cut off, sizes are not known."""
    whole = table[inside(table, size)][:, AREA].sum() / max(1.0, table[:, AREA].sum())
    return float(np.clip(whole / 0.5, 0.0, 1.0))


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value that half of the weight lies below."""
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(mass, 0.5 * mass[-1])])
