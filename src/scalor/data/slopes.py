"""Softened images, and how steep they are."""

import numpy as np

STEEP = 48.0
"""Grey levels per pixel from which an outline is as good as any: a few steep ones must not outweigh the rest."""


def softened(frame: np.ndarray) -> np.ndarray:
    """A frame with less noise."""
    import cv2

    return cv2.GaussianBlur(frame, (0, 0), 1.0)


def widest(gap: np.ndarray) -> np.ndarray:
    """Maximum over the last axis of three channels, several times faster than numpy's own."""
    return np.maximum(np.maximum(gap[..., 0], gap[..., 1]), gap[..., 2])


def slope_of(image: np.ndarray) -> np.ndarray:
    """Steepness of an image [h, w, 3]: grey levels per pixel, most over the channels, at most STEEP; float32 [h, w]."""
    import cv2

    image = np.ascontiguousarray(image, np.float32)
    x, y = (cv2.Sobel(image, cv2.CV_32F, *axis, ksize=3, scale=0.125) for axis in ((1, 0), (0, 1)))
    return np.minimum(np.sqrt(widest(x * x + y * y)), STEEP)


def slopes(image: np.ndarray) -> np.ndarray:
    """Grey levels per pixel to the right and down of an image uint8 [h, w, 3], softened: float32 [2, h, w, 3]."""
    import cv2

    soft = softened(image).astype(np.float32)
    return np.stack([cv2.Sobel(soft, cv2.CV_32F, *axis, ksize=3, scale=0.125) for axis in ((1, 0), (0, 1))])
