"""Medians over time, and the colours that each pixel had for long: candidates for what it shows of the empty scene."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from scalor.data.slopes import widest

MEDIAN_OF = 99
MODES = 6
"""Candidates per pixel."""
LEAST_SHARE = 0.02
"""Share of the frames in which a candidate must have been seen."""


@dataclass(frozen=True)
class Candidate:
    """For every pixel a colour, float32 [h, w, 3], and in how many frames it was seen, float32 [h, w]."""

    color: np.ndarray
    count: np.ndarray


@dataclass(frozen=True)
class Modes:
    """Per pixel up to MODES colours: color float32 [K, h, w, 3], count float32 [K, h, w]; most frequent first.

    reach  largest difference of a pixel to its colour
    least  count from which a colour is long-lived
    """

    color: np.ndarray
    count: np.ndarray
    reach: float
    least: float


def temporal_median(frames: np.ndarray, *, limit: int = MEDIAN_OF) -> np.ndarray:
    """Median over at most ``limit`` (< 256) evenly spread frames: uint8 [N, ...] -> [...] (lower of two middles).

    Bisection over the 8 bits: the median is the largest value that at most half of the frames lie below. Eight
    passes of comparisons are several times faster than partitioning millions of short rows.
    """
    picks = spread(len(frames), limit)
    middle = (len(picks) - 1) // 2
    out = np.zeros(frames.shape[1:], np.uint8)
    for top in range(0, len(out), 16):  # blocks of rows that stay in the cache
        block = frames[picks, top : top + 16]
        median = out[top : top + 16]
        for bit in (128, 64, 32, 16, 8, 4, 2, 1):
            higher = median + np.uint8(bit)
            below = np.add.reduce(block < higher, axis=0, dtype=np.uint8)
            np.copyto(median, higher, where=below <= middle)
    return out


def spread(number: int, most: int) -> np.ndarray:
    """At most ``most`` row numbers, evenly spread over 0 .. number - 1, both ends among them."""
    return np.unique(np.linspace(0, number - 1, min(most, number)).round().astype(int))


def frame_noise(frames: np.ndarray) -> np.ndarray:
    """Standard deviation of each pixel from one row to the next, float32 [h, w], robust to what passes by.

    The median difference of neighbours in time is not moved by an object that comes, stays and goes.
    """
    steps = spread(len(frames) - 1, MEDIAN_OF) if len(frames) > 1 else np.zeros(0, int)
    if not len(steps):
        return np.zeros(frames.shape[1:3], np.float32)
    gaps = np.stack([gap_of(frames[i + 1], frames[i]) for i in steps])
    return temporal_median(gaps).astype(np.float32) * np.float32(1.4826 / 2**0.5)


def gap_of(frame: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Largest absolute difference over the channels of uint8 images: uint8 [h, w]."""
    import cv2

    return widest(cv2.absdiff(frame, other))


def modes_of(frames: np.ndarray, reach: float) -> Modes:
    """Colours that each pixel had for long: leader clustering over time, the rarest candidate gives way to new ones."""
    middle = temporal_median(frames)
    count = np.zeros((MODES, *frames.shape[1:3]), np.float32)
    color = np.full((MODES, *frames.shape[1:]), -1e3, np.float32)
    color[0], count[0] = middle, len(frames)
    away = np.zeros(frames.shape[1:3], np.float32)
    for frame in frames:
        away += gap_of(frame, middle) > reach
    busy = away >= LEAST_SHARE * len(frames)  # elsewhere the median is the only candidate
    if busy.any():
        colors, counts = _clustered((frame[busy] for frame in frames), int(busy.sum()), reach)
        color[:, busy], count[:, busy] = colors, counts
    return Modes(color, count, reach, least=max(2.0, LEAST_SHARE * len(frames)))


def _clustered(rows: Iterable[np.ndarray], number: int, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Candidates float32 [K, P, 3] and their counts [K, P], most frequent first, of colours [P, 3] in turn."""
    count = np.zeros((MODES, number), np.float32)
    color = np.full((3, MODES, number), -1e3, np.float32)
    at = np.arange(number)
    for row in rows:
        seen = np.ascontiguousarray(row.T, np.float32)
        gap = np.abs(color[0] - seen[0])
        for channel in (1, 2):
            np.maximum(gap, np.abs(color[channel] - seen[channel]), out=gap)
        near = gap.argmin(axis=0)
        known = gap[near, at] <= reach
        slot = np.where(known, near, count.argmin(axis=0))
        total = np.where(known, count[slot, at], 0.0) + 1.0
        count[slot, at] = total
        for channel in range(3):
            color[channel, slot, at] += (seen[channel] - color[channel, slot, at]) / total
    order = np.argsort(-count, axis=0, kind="stable")
    return np.stack([color[channel][order, at] for channel in range(3)], axis=2), count[order, at]


def shown_by(modes: Modes, frame: np.ndarray) -> tuple[Candidate, np.ndarray]:
    """A frame in the colours of the long-lived candidates it shows, and where it does, bool [h, w]."""
    gap = widest(np.abs(modes.color - frame.astype(np.float32)))
    near = gap.argmin(axis=0)[None]
    count = np.take_along_axis(modes.count, near, axis=0)[0]
    lasting = count >= modes.least
    lasting &= np.take_along_axis(gap, near, axis=0)[0] <= modes.reach
    color = np.take_along_axis(modes.color, near[..., None], axis=0)[0]
    return Candidate(np.where(lasting[..., None], color, frame), count), lasting
