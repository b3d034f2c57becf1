"""Places in a view as people name them: rectangles and polygons."""

import numpy as np


def polygon_of(points: np.ndarray) -> np.ndarray:
    """The corners [M, 2] of a polygon given by them, or of a rectangle by two that lie across from each other."""
    if len(points) != 2:
        return points
    (x0, y0), (x1, y1) = points
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def within(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Whether points [N, 2] lie in a polygon [M, 2] (even-odd rule; a left or upper edge is inside): bool [N]."""
    inside = np.zeros(len(points), bool)
    x, y = points.T
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        spans = (y0 <= y) != (y1 <= y)
        if y0 != y1:
            inside ^= spans & (x >= x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    return inside
