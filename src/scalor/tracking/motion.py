"""How well constant velocity foretells where an object is after a gap, learned from the tracks of the same video."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RECENT = 5
"""Frames that a velocity is taken from."""
LAGS = (1, 2, 4, 8, 16, 32, 64)
LEAST = 0.5
"""Pixels below which no scale lies."""
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


def turn(before: Leg, after: Leg) -> np.ndarray:
    """How the velocity changed from one end to the other, pixels per frame [2]."""
    return after.first()[1] - before.last()[1]


@dataclass(frozen=True)
class Motion:
    """Densities of `miss` and `turn` after gaps, per direction.

    scale  [len(LAGS)] of misses in pixels
    bend   [len(LAGS)] of turns in pixels per frame
    pace   of the velocities of all objects in pixels per frame
    """

    scale: np.ndarray
    bend: np.ndarray
    pace: float

    @classmethod
    def learn(cls, legs: Sequence[Leg]) -> "Motion":
        """From gaps cut into whole tracks: the median miss at each lag, beside a guess from the objects' size."""
        size = float(np.median([leg.extent.mean() for leg in legs])) if legs else 1.0
        scales, bends, speeds = [], [], []
        for lag in LAGS:
            gaps = [pair for leg in legs[:: max(1, len(legs) // TRACKS)] for pair in _gaps(leg, lag)]
            misses, turns = [miss(*pair) for pair in gaps], [turn(*pair) for pair in gaps]
            speeds += [pair[1].first()[1] for pair in gaps]
            guess = max(LEAST, 0.1 * size * np.sqrt(lag))
            scales.append(_scale(misses, guess, least=LEAST))
            bends.append(_scale(turns, guess / RECENT, least=LEAST / RECENT))
        pace = _scale(speeds, 0.1 * size / RECENT, least=LEAST / RECENT)
        # What is foretold further ahead is never surer.
        return cls(np.maximum.accumulate(scales), np.maximum.accumulate(bends), pace)

    def log_density(
        self, missed: np.ndarray, gap: np.ndarray | float, *, least: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """ln of the density per square pixel of misses [..., 2] after ``gap`` frames, of scale ``least`` or more."""
        lags = np.log(LAGS)
        at = np.log(np.maximum(gap, 1))
        beyond = np.maximum(0.0, at - lags[-1])  # errors of the velocity grow in proportion to the time
        return _density(missed, np.maximum(least, np.exp(np.interp(at, lags, np.log(self.scale)) + beyond)))

    def turning(self, turned: np.ndarray, coming: np.ndarray, gap: np.ndarray | float) -> np.ndarray:
        """Nats by which velocities ``coming`` [..., 2] that changed by ``turned`` over ``gap`` frames are likelier of
        an object that goes on than of any object."""
        bend = np.exp(np.interp(np.log(np.maximum(gap, 1)), np.log(LAGS), np.log(self.bend)))
        return _density(turned, bend) - _density(coming, np.maximum(bend, self.pace))


def _density(off: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """ln of Student's density of [..., 2] with scales [...]."""
    distance = (off**2).sum(-1) / (FREEDOM * scale**2)
    return -np.log(2 * np.pi * scale**2) - (FREEDOM + 2) / 2 * np.log1p(distance)


def _scale(seen: Sequence[np.ndarray], guess: float, *, least: float) -> float:
    """Scale per direction of what was seen, [..., 2], beside a guess from before."""
    if not seen:
        return max(least, guess)
    # Half of a round normal distribution lies within 1.177 scales.
    usual = float(np.median(np.linalg.norm(seen, axis=1))) / 1.177
    weight = len(seen) / (len(seen) + PRIOR_COUNT)
    return max(least, float(np.exp(weight * np.log(max(usual, 1e-3)) + (1 - weight) * np.log(guess))))


def _gaps(leg: Leg, lag: int) -> list[tuple[Leg, Leg]]:
    """What is before and after gaps of ``lag`` frames cut into one track, spread over its length."""
    out = []
    count = len(leg.frame)
    cuts = np.arange(RECENT, count - RECENT)
    for cut in cuts[:: max(1, len(cuts) // PER_TRACK)]:
        back = int(np.searchsorted(leg.frame, leg.frame[cut - 1] + lag))
        if back + 2 > count:
            break
        if leg.frame[back] == leg.frame[cut - 1] + lag:
            parts = (slice(max(0, cut - RECENT), cut), slice(back, back + RECENT))
            before, after = (Leg(leg.frame[part], leg.center[part], leg.extent) for part in parts)
            out.append((before, after))
    return out
