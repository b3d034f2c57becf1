"""Square, ellipse and heart as signed distances, with exact extents at any orientation.

Every shape lives in its own upright frame around its own origin with unit scale; a heart is a square with a disc on
two of its sides.
"""

import numpy as np

SHAPES = ("square", "ellipse", "heart")
_ELLIPSE = (1.0, 0.6)


def distance(shape: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Signed distance (negative inside) from the outline of the unit shape at the points (x, y), any equal shapes."""
    if shape == "ellipse":
        a, b = _ELLIPSE
        inner = np.sqrt((x / a) ** 2 + (y / b) ** 2)
        slope = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2)
        # First-order distance: the value of (inner - 1) over the length of its gradient.
        return inner * (inner - 1) / np.maximum(slope, 1e-6)
    square = np.maximum(np.abs(x), np.abs(y)) - 1
    if shape == "square":
        return square
    discs = np.minimum(x * x + (y - 1) ** 2, (x - 1) ** 2 + y * y)
    return np.minimum(square, np.sqrt(discs) - 1)


def _support(shape: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far the unit shape reaches in the unit direction (x, y)."""
    if shape == "ellipse":
        a, b = _ELLIPSE
        return np.sqrt((a * x) ** 2 + (b * y) ** 2)
    square = np.abs(x) + np.abs(y)
    return square if shape == "square" else np.maximum(square, 1 + np.maximum(x, y))


def reach(shape: str, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest and farthest picture coordinates (x, y) of the unit shape turned by ``angle`` [n]: two arrays [n, 2]."""
    cos, sin = np.cos(angle), np.sin(angle)
    far = np.stack([_support(shape, cos, -sin), _support(shape, sin, cos)], -1)
    near = -np.stack([_support(shape, -cos, sin), _support(shape, -sin, -cos)], -1)
    return near, far
