"""Boxes without jitter: local parabolas, so that steady motion, however fast, and rest stay what they are."""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

WINDOWS = (5, 7, 9, 11)
"""Frames that a parabola is fitted to; which, the video itself decides (`window_for`)."""


@cache
def _filters(window: int) -> np.ndarray:
    """float64 [window, window]: row t gives the fitted value at place t of ``window`` values."""
    time = np.arange(window) - window // 2
    basis = np.stack([time**0, time, time**2], axis=1).astype(np.float64)
    return basis @ np.linalg.pinv(basis)


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Values [L, D] of consecutive frames, each replaced by the parabola through the ``window`` around it, at the ends
    through the outermost ``window``. What lies on a parabola, rest and steady motion included, stays; so do stretches
    shorter than the window.
    """
    length = len(values)
    if window <= 1 or length < window:
        return values
    half, filters = window // 2, _filters(window)
    # Of differences to the first value: what rests stays to the last bit.
    moved = values - values[0]
    out = np.empty_like(moved)
    parts = np.lib.stride_tricks.sliding_window_view(moved, window, axis=0)
    out[half : length - half] = parts @ filters[half]
    out[:half] = filters[:half] @ moved[:window]
    out[length - half :] = filters[half + 1 :] @ moved[-window:]
    return out + values[0]


def window_for(stretches: Sequence[np.ndarray]) -> int:
    """The window with which values [L, D] foretell a value best from its neighbours alone (leave one out); 1: none
    beats the mean of the two neighbours, so nothing is known to be gained.
    """
    longest = max(WINDOWS)
    fitting = [values for values in stretches if len(values) >= longest + 2]
    if not fitting:
        return 1
    half = longest // 2
    errors = {1: np.concatenate([_foretold(values, 3, half) for values in fitting])}
    for window in WINDOWS:
        errors[window] = np.concatenate([_foretold(values, window, half) for values in fitting])
    return min(errors, key=lambda window: (float(np.mean(errors[window])), window))


def _foretold(values: np.ndarray, window: int, margin: int) -> np.ndarray:
    """Absolute errors of values foretold by the others of their window; ``margin`` at both ends is left out."""
    if window == 3:
        fitted = (values[margin - 1 : -margin - 1] + values[margin + 1 : len(values) - margin + 1]) / 2
        return np.abs(values[margin:-margin] - fitted)
    weight = _filters(window)[window // 2]
    parts = np.lib.stride_tricks.sliding_window_view(values, window, axis=0)
    inner = margin - window // 2
    fitted = (parts @ weight)[inner : len(parts) - inner]
    return np.abs(values[margin:-margin] - fitted) / (1 - weight[window // 2])


def runs(frame: np.ndarray, still: np.ndarray) -> Iterator[slice]:
    """Stretches of consecutive frames in which ``still`` (bool [L], values to be left alone) is False."""
    good = ~still
    breaks = np.flatnonzero((np.diff(frame) != 1) | (good[1:] != good[:-1])) + 1
    edges = [0, *breaks.tolist(), len(frame)]
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        if last > first and good[first]:
            yield slice(first, last)
