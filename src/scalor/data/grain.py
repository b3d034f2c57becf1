"""How large things are of which only the brightest parts stand out of the noise: seen in the mean of all of them."""

from collections.abc import Sequence

import numpy as np

from scalor.data.blobs import CX, CY

PART = 0.15
"""A thing ends where its mean is below this share of its middle: there the threshold, half of Otsu's, ends round spots
in frames without noise."""
AROUND = 2.0
"""The mean is taken this many sizes to each side."""
LEAST = 20
"""Of fewer things the mean is too noisy."""


def extents(
    frames: np.ndarray, background: np.ndarray, tables: Sequence[np.ndarray], size: tuple[float, float]
) -> tuple[float, float]:
    """Height and width, in pixels, of the mean of what was found in frames uint8 [N, H, W, 3]; 0, 0 of too few.

    Noise is as often brighter as darker than the background, so the mean of K things has 1 / sqrt(K) of it.

    Args:
        background: uint8 [H, W, 3].
        tables: of each frame, of the form of `scalor.data.blobs.components`.
        size: the median height and width of what stands out.
    """
    half = int(np.ceil(AROUND * max(size)))
    views = [
        view
        for frame, table in zip(frames, tables, strict=True)
        for view in _around(frame.astype(np.float32).mean(axis=2) - background.mean(axis=2), table, half)
    ]
    if len(views) < LEAST:
        return 0.0, 0.0
    stack = np.stack(views)
    # Dark things and bright ones alike.
    mean = (stack * np.sign(stack[:, half, half])[:, None, None]).mean(axis=0)
    mean -= np.median(np.concatenate([mean[0], mean[-1], mean[:, 0], mean[:, -1]]))
    return _length(mean[:, half], half), _length(mean[half], half)


def _around(apart: np.ndarray, table: np.ndarray, half: int) -> list[np.ndarray]:
    """Squares [2 half + 1, 2 half + 1] around the things of one frame that lie far enough from its edges."""
    y, x = table[:, CY].round().astype(int), table[:, CX].round().astype(int)
    height, width = apart.shape
    whole = (y >= half) & (y < height - half) & (x >= half) & (x < width - half)
    return [
        apart[row - half : row + half + 1, column - half : column + half + 1]
        for row, column in zip(y[whole].tolist(), x[whole].tolist(), strict=True)
    ]


def _length(profile: np.ndarray, middle: int) -> float:
    """Pixels between the ends of what is above `PART` of the middle; 0 where it does not end in the profile."""
    limit, total = PART * profile[middle], 0.0
    for side in (profile[middle:], profile[middle::-1]):
        below = np.flatnonzero(side < limit)
        if not len(below):
            return 0.0
        first = int(below[0])
        total += first - 1 + (side[first - 1] - limit) / (side[first - 1] - side[first])
    return float(total)
