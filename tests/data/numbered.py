"""Pictures that say their number: where a bright square stands. What tests of readers put into films."""

import numpy as np

H, W = 64, 96


def picture(number: int) -> np.ndarray:
    """uint8 [H, W, 3] with a bright square whose left edge is 2 * number, in the upper half."""
    image = np.full((H, W, 3), 40, np.uint8)
    image[10:26, 2 * number : 2 * number + 16] = 230
    return image


def shown(image: np.ndarray) -> int:
    """The number of the picture."""
    bright = image[10:26].astype(float).mean(axis=(0, 2))
    return int(np.argmax(np.convolve(bright, np.ones(16), "valid"))) // 2
