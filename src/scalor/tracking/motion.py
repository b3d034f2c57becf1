"""How well constant velocity foretells where an object is after a gap, learned from the tracks of the same video."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RECENT = 5
"""Frames that a velocity is taken from."""
LAGS = (1, 2, 4, 8, 16, 32, 64)
FREEDOM = 4.0
"""Degrees of freedom of Student's t: now and then an object turns."""
PRIOR_COUNT = 4.0
"""Observations that the guess before any observation weighs as much as."""
PER_TRACK, TRACKS = 10, 200
"""Gaps that are cut into one track at each lag, and tracks that are cut, at most."""


@dataclass(frozen=True)
class Leg:
    """A stretch of one object's path: frame int64 [L] (rising), center float64 [L, 2], extent [2], in pixels."""

    frame: np.ndarray
    center: np.ndarray
    extent: np.ndarray

    def first(self) -> tuple[np.ndarray, np.ndarray]:
        """Where it begins, and the velocity there (pixels per frame)."""
        return self.center[0], velocity(self.frame[:RECENT], self.center[:RECENT])

    def last(self) -> tuple[np.ndarray, np.ndarray]:
        """Where it ends, and the velocity there."""
        return self.center[-1], velocity(self.frame[-RECENT:], self.center[-RECENT:])


def velocity(frame: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Slope of the straight line through points, pixels per frame [2]; 0 of a single point."""
    time = frame - frame.mean()
    spread = float((time * time).sum())
    return time @ (center - center.mean(axis=0)) / spread if spread else np.zeros(2)


def miss(before: Leg, after: Leg) -> np.ndarray:
    """How far apart the two ends are from what their velocities foretell, pixels [2]."""
    (end, leaving), (start, coming) = before.last(), after.first()
    gap = float(after.frame[0] - before.frame[-1])
    return start - end - gap * (leaving + coming) / 2


@dataclass(frozen=True)
class Motion:
    """Density of `miss` after gaps; ``scale`` [len(LAGS)] is in pixels per direction."""

    scale: np.ndarray

    @classmethod
    def learn(cls, legs: Sequence[Leg]) -> "Motion":
        """From gaps cut into whole tracks: the median miss at each lag, beside a guess from the objects' size."""
        size = float(np.median([leg.extent.mean() for leg in legs])) if legs else 1.0
        scales = []
        for lag in LAGS:
            missed = [m for leg in legs[:: max(1, len(legs) // TRACKS)] for m in _misses(leg, lag)]
            guess = max(0.5, 0.1 * size * np.sqrt(lag))
            # Half of a round normal distribution lies within 1.177 scales.
            seen = np.median(np.linalg.norm(missed, axis=1)) / 1.177 if missed else guess
            weight = len(missed) / (len(missed) + PRIOR_COUNT)
            scales.append(max(0.5, float(np.exp(weight * np.log(max(seen, 1e-3)) + (1 - weight) * np.log(guess)))))
        # What is foretold further ahead is never surer.
        return cls(np.maximum.accumulate(scales))

    def log_density(
        self, missed: np.ndarray, gap: np.ndarray | float, *, least: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """ln of the density per square pixel of misses [..., 2] after ``gap`` frames, of scale ``least`` or more."""
        lags = np.log(LAGS)
        at = np.log(np.maximum(gap, 1))
        beyond = np.maximum(0.0, at - lags[-1])  # errors of the velocity grow in proportion to the time
        scale = np.maximum(least, np.exp(np.interp(at, lags, np.log(self.scale)) + beyond))
        distance = (missed**2).sum(-1) / (FREEDOM * scale**2)
        return -np.log(2 * np.pi * scale**2) - (FREEDOM + 2) / 2 * np.log1p(distance)


def _misses(leg: Leg, lag: int) -> list[np.ndarray]:
    """Misses over gaps of ``lag`` frames cut into one track, spread over its length."""
    out = []
    count = len(leg.frame)
    cuts = np.arange(RECENT, count - RECENT)
    for cut in cuts[:: max(1, len(cuts) // PER_TRACK)]:
        back = int(np.searchsorted(leg.frame, leg.frame[cut - 1] + lag))
        if back + 2 > count:
            break
        if leg.frame[back] == leg.frame[cut - 1] + lag:
            parts = (slice(max(0, cut - RECENT), cut), slice(back, back + RECENT))
            out.append(miss(*(Leg(leg.frame[part], leg.center[part], leg.extent) for part in parts)))
    return out
