"""COCO's run lengths as pixels.

Decoded here, since pycocotools hands its arrays to numpy in a way in which Ctrl-C comes out as a TypeError: a command
would end in a traceback, and `scalor fleet` go on with the next video.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

FIRST, BITS = 48, 5
"""The letter of 0, and the bits of a number that each letter holds; the sixth says that more letters follow."""


def pixels_of(rle: Mapping[str, Any]) -> np.ndarray:
    """The mask behind compressed run lengths, uint8 [H, W] of 0 and 1; of columns from the left, as COCO counts.

    Raises ValueError where the run lengths are none of a picture of their size.
    """
    height, width = rle["size"]
    runs = _runs(rle["counts"])
    if (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(f"its runs are {runs.sum()} pixels long")
    return np.repeat((np.arange(len(runs)) % 2).astype(np.uint8), runs).reshape(width, height).T


def _runs(counts: str | bytes) -> np.ndarray:
    """How many pixels are 0, then 1, then 0, ...: int64 [N]. From the fourth on each is told as what it has more than
    the one before the last."""
    text = counts.encode("utf-8") if isinstance(counts, str) else counts
    letters = np.frombuffer(text, np.uint8).astype(np.int64) - FIRST
    ends = np.flatnonzero(letters & 1 << BITS == 0)
    if not len(letters):
        return letters
    if letters.min() < 0 or letters.max() >= 2 << BITS or ends[-1:].tolist() != [len(letters) - 1]:
        raise ValueError("its letters are no run lengths")
    starts = np.r_[0, ends[:-1] + 1]
    lengths = ends + 1 - starts
    if lengths.max() > 12:
        raise ValueError("a run is longer than any picture")
    shift = BITS * (np.arange(len(letters)) - np.repeat(starts, lengths))
    runs = np.add.reduceat((letters & (1 << BITS) - 1) << shift, starts)
    runs -= np.where(letters[ends] & 1 << BITS - 1, 1 << BITS * lengths, 0)
    runs[1::2], runs[2::2] = runs[1::2].cumsum(), runs[2::2].cumsum()
    return runs
