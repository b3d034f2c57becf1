"""How well constant velocity foretells where an object is after a gap, learned from the tracks of the same video."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

RECENT = 5
"""Frames that a velocity is taken from."""
LAGS = (1, 2, 4, 8, 16, 32, 64)
LEAST = 0.5
"""Network pixels below which no scale lies: boxes end at whole ones where they are cut."""
FREEDOM = 4.0
"""Degrees of freedom of Student's t: now and then an object turns."""
PRIOR_COUNT = 4.0
"""Observations that the guess before any observation weighs as much as."""
ROUNDS = 20
"""In which the share of objects that stay where they are is found."""
PER_TRACK, TRACKS = 10, 200
"""Gaps that are cut into one track at each lag, and tracks that are cut, at most."""


@dataclass(frozen=True)
class Leg:
    """A stretch of one object's path: frame int64 [L] (rising), center float64 [L, 2], extent [2], in pixels."""

    frame: np.ndarray
    center: np.ndarray
    extent: np.ndarray

    @cached_property
    def first(self) -> tuple[np.ndarray, np.ndarray]:
        """Where it begins, and the velocity there (pixels per frame)."""
        return self.center[0], velocity(self.frame[:RECENT], self.center[:RECENT])

    @cached_property
    def last(self) -> tuple[np.ndarray, np.ndarray]:
        """Where it ends, and the velocity there."""
        return self.center[-1], velocity(self.frame[-RECENT:], self.center[-RECENT:])


def velocity(frame: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Slope of the straight line through points, pixels per frame [2]; 0 of a single point."""
    time = frame - frame.sum() / len(frame)
    spread = float(time @ time)
    return time @ (center - center.sum(axis=0) / len(center)) / spread if spread else np.zeros(2)


def miss(before: Leg, after: Leg) -> np.ndarray:
    """How far apart the two ends are from what their velocities foretell, pixels [2]."""
    (end, leaving), (start, coming) = before.last, after.first
    gap = float(after.frame[0] - before.frame[-1])
    return start - end - gap * (leaving + coming) / 2


def turn(before: Leg, after: Leg) -> np.ndarray:
    """How the velocity changed from one end to the other, pixels per frame [2]."""
    return after.first[1] - before.last[1]


@dataclass(frozen=True)
class Motion:
    """Densities of `miss` and `turn` after gaps, per direction.

    scale  [len(LAGS)] of misses in pixels
    bend   [len(LAGS)] of turns in pixels per frame
    pace   of the velocities of all objects in pixels per frame
    rest   how many objects are after a gap where they were before it, not where their velocity leads
    """

    scale: np.ndarray
    bend: np.ndarray
    pace: float
    rest: float

    @classmethod
    def learn(cls, legs: Sequence[Leg], *, pixel: float = 1.0) -> "Motion":
        """From gaps cut into whole tracks: the median miss at each lag, beside a guess from the objects' size.

        ``pixel``: side of a network pixel in the pixels of the paths; things that stand still are not known better.
        """
        least = LEAST * pixel
        size = float(np.median([leg.extent.mean() for leg in legs])) if legs else 1.0
        legs = legs[:: max(1, len(legs) // TRACKS)]
        scales: list[float] = []
        bends, speeds, odds = [], [], []
        for lag in LAGS:
            missed, leaving, coming = _missed(legs, lag)
            speeds.append(coming)
            guess = max(least, 0.1 * size * np.sqrt(lag))
            scales.append(_scale(missed, guess, least=least))
            bends.append(_scale(coming - leaving, guess / RECENT, least=least / RECENT))
            moved = missed + lag * (leaving + coming) / 2
            scale = np.array(max(scales))
            odds.append(_density(moved, scale) - _density(missed, scale))
        pace = _scale(np.concatenate(speeds), 0.1 * size / RECENT, least=least / RECENT)
        # What is foretold further ahead is never surer.
        return cls(np.maximum.accumulate(scales), np.maximum.accumulate(bends), pace, _share(np.concatenate(odds)))

    def log_density(
        self, missed: np.ndarray, gap: np.ndarray | float, *, least: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """ln of the density per square pixel of misses [..., 2] after ``gap`` frames, of scale ``least`` or more."""
        lags = np.log(LAGS)
        at = np.log(np.maximum(gap, 1))
        beyond = np.maximum(0.0, at - lags[-1])  # errors of the velocity grow in proportion to the time
        return _density(missed, np.maximum(least, np.exp(np.interp(at, lags, np.log(self.scale)) + beyond)))

    def going_on(
        self,
        missed: np.ndarray,
        moved: np.ndarray,
        gap: np.ndarray | float,
        *,
        turned: np.ndarray | float = 0.0,
        least: np.ndarray | float = 0.0,
    ) -> np.ndarray:
        """ln of the density per square pixel of an object's being found where it is after ``gap`` frames.

        It went on, is off by ``missed`` [..., 2] and has changed its velocity, for which ``turned`` speaks in nats; or
        it stayed, and is off by all that it ``moved``.
        """
        on = np.log1p(-self.rest) + self.log_density(missed, gap, least=least) + turned
        return np.logaddexp(on, np.log(self.rest) + self.log_density(moved, gap, least=least))

    def turning(self, turned: np.ndarray, coming: np.ndarray, gap: np.ndarray | float) -> np.ndarray:
        """Nats by which velocities ``coming`` [..., 2] that changed by ``turned`` over ``gap`` frames are likelier of
        an object that goes on than of any object."""
        bend = np.exp(np.interp(np.log(np.maximum(gap, 1)), np.log(LAGS), np.log(self.bend)))
        return _density(turned, bend) - _density(coming, np.maximum(bend, self.pace))


def _density(off: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """ln of Student's density of [..., 2] with scales [...]."""
    distance = (off**2).sum(-1) / (FREEDOM * scale**2)
    return -np.log(2 * np.pi * scale**2) - (FREEDOM + 2) / 2 * np.log1p(distance)


def _scale(seen: np.ndarray, guess: float, *, least: float) -> float:
    """Scale per direction of what was seen, [M, 2], beside a guess from before."""
    if not len(seen):
        return max(least, guess)
    # Half of a round normal distribution lies within 1.177 scales.
    usual = float(np.median(np.linalg.norm(seen, axis=1))) / 1.177
    weight = len(seen) / (len(seen) + PRIOR_COUNT)
    return max(least, float(np.exp(weight * np.log(max(usual, 1e-3)) + (1 - weight) * np.log(guess))))


def _share(odds: np.ndarray) -> float:
    """How often the one of two laws holds of which the density is larger by ``odds`` nats [M]: the likeliest share,
    with one half as the guess before."""
    share = 0.5
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(odds + np.log(share / (1 - share)), -50, 50)))
        share = float((chance.sum() + PRIOR_COUNT / 2) / (len(odds) + PRIOR_COUNT))
    return share


def _missed(legs: Sequence[Leg], lag: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of gaps of ``lag`` frames cut into tracks: `miss`, and the velocities before and after, [G, 2] each."""
    frame = np.concatenate([np.zeros(0, np.int64), *(leg.frame for leg in legs)])
    center = np.concatenate([np.zeros((0, 2)), *(leg.center for leg in legs)])
    ends = np.cumsum([0, *(len(leg.frame) for leg in legs)])
    gaps = [first + _gaps(leg.frame, lag) for leg, first in zip(legs, ends[:-1], strict=True)]
    cut, back = np.concatenate([np.zeros((2, 0), np.int64), *gaps], axis=1)
    end = np.repeat(ends[1:], [gap.shape[1] for gap in gaps])[:, None]
    before, after = cut[:, None] + np.arange(-RECENT, 0), back[:, None] + np.arange(RECENT)
    known, after = after < end, np.minimum(after, end - 1)
    leaving = _velocities(frame[before], center[before], np.ones_like(known))
    coming = _velocities(frame[after], center[after], known)
    return center[back] - center[cut - 1] - lag * (leaving + coming) / 2, leaving, coming


def _velocities(frame: np.ndarray, center: np.ndarray, known: np.ndarray) -> np.ndarray:
    """`velocity` through those of points [G, T] that are ``known``, two at least: [G, 2]."""
    weight = known / known.sum(axis=1, keepdims=True)
    time = np.where(known, frame - (weight * frame).sum(axis=1, keepdims=True), 0.0)
    place = center - np.einsum("gt,gtc->gc", weight, center)[:, None]
    return np.einsum("gt,gtc->gc", time, place) / (time**2).sum(axis=1, keepdims=True)


def _gaps(frame: np.ndarray, lag: int) -> np.ndarray:
    """Where gaps of ``lag`` frames can be cut into a track, spread over its length: the first row left out and the
    first one after the gap, [2, G]."""
    cuts = np.arange(RECENT, len(frame) - RECENT)
    cuts = cuts[:: max(1, len(cuts) // PER_TRACK)]
    back = np.searchsorted(frame, frame[cuts - 1] + lag)
    inside = back + 2 <= len(frame)
    cuts, back = cuts[inside], back[inside]
    return np.stack([cuts, back])[:, frame[back] == frame[cuts - 1] + lag]
