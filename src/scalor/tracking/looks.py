"""Whether two stretches of track look like one object: learned from the tracks of the same video, without labels.

Two parts of one track show how much the looks of one object vary; tracks that exist side by side are different objects
for certain and show how much objects differ. The two distributions give the evidence in nats.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

WINDOW = 16
"""Rows that the looks of an end of a track are averaged over."""
LEAST_PAIRS = 6
"""With fewer examples of either kind nothing is claimed."""
NEIGHBOURS = 20
"""Tracks that each one is compared with."""
LIMIT = 6.0
"""Nats that looks can weigh at most: the tails of the distributions are not known."""
UNBROKEN = 100.0
"""Links that what is seen within tracks counts as, where it is asked how looks change across a break: with few links a
wrong one among them would decide."""
NOTHING = (0.0, 1.0), (0.0, 1.0)
"""Laws of `Looks` that tell nothing."""


@dataclass(frozen=True)
class Looks:
    """Evidence from looks.

    lens          [D, K] from looks to numbers whose distance tells objects apart
    same, other   mean and deviation of ln distance between parts of one object, and between two
    """

    lens: np.ndarray
    same: tuple[float, float]
    other: tuple[float, float]

    @classmethod
    def learn(cls, tracks: Sequence[tuple[np.ndarray, np.ndarray]]) -> "Looks":
        """From tracks as (frame int64 [L], looks float [L, D])."""
        halves = [(frame, looks, len(looks) // 2) for frame, looks in tracks if len(looks) >= 4]
        width = max((looks.shape[1] for _, looks in tracks), default=0)
        silent = cls(np.zeros((width, 0)), *NOTHING)
        if not width or not halves:
            return silent
        spans = np.array([(frame[0], frame[-1]) for frame, _, _ in halves])
        alike = np.array(
            [
                _end(looks[: part * cut // 2]) - _start(looks[part * cut // 2 :])
                for _, looks, cut in halves
                for part in (1, 2, 3)
            ]
        )
        unlike = np.array(
            [
                _end(one[:cut]) - _nearest(halves[rank][1], halves[rank][0], int(frame[cut]))
                for number, (frame, one, cut) in enumerate(halves)
                for rank in _beside(number, int(frame[cut]), spans)
            ]
        )
        if min(len(alike), len(unlike)) < LEAST_PAIRS:
            return silent
        alike = _typical(alike)
        apart = cls(_lens(alike, unlike), *NOTHING)
        same, other = (_fitted(apart.distance(pairs, np.zeros(width))) for pairs in (alike, unlike))
        return cls(apart.lens, same, other) if other[0] > same[0] else silent

    @property
    def speaks(self) -> bool:
        """Whether anything was learned."""
        return self.same != self.other

    def silenced(self) -> "Looks":
        """The same without any evidence."""
        return replace(self, same=NOTHING[0], other=NOTHING[1])

    def across(self, before: np.ndarray, after: np.ndarray, chance: np.ndarray) -> "Looks":
        """The evidence where a track broke off: objects are lost when they are hardly seen, and what is found again is
        read anew, so that one object differs from itself by more than within a track.

        Looks [M, D] ``before`` and ``after`` breaks that by place and time are of one object with ``chance`` [M].
        """
        apart = self.distance(before, after)
        total = chance.sum() + UNBROKEN
        mean = (chance @ apart + UNBROKEN * self.same[0]) / total
        spread = chance @ (apart - mean) ** 2 + UNBROKEN * (self.same[1] ** 2 + (self.same[0] - mean) ** 2)
        same = float(mean), float(np.sqrt(spread / total))
        return replace(self, same=same) if self.other[0] > same[0] else self.silenced()

    def distance(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """ln of the distance of looks [..., D] through the lens."""
        return 0.5 * np.log((((one - other) @ self.lens) ** 2).sum(axis=-1) + 1e-9)

    def evidence(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """ln p(looks | one object) - ln p(looks | two objects) of mean looks [..., D]; 0 where nothing was learned."""
        if not self.speaks:
            return np.zeros(np.broadcast_shapes(one.shape, other.shape)[:-1])
        # Closer than is usual is no evidence against, further than is usual none for.
        at = self.distance(one, other).clip(self.same[0], self.other[0])
        return (_log_normal(at, self.same) - _log_normal(at, self.other)).clip(-LIMIT, LIMIT)


def _typical(alike: np.ndarray) -> np.ndarray:
    """The smaller three quarters of differences [M, D]: in a few of the tracks two objects changed hands."""
    usual = np.median(np.abs(alike), axis=0) + 1e-6
    size = ((alike / usual) ** 2).mean(axis=1)
    return alike[size <= np.quantile(size, 0.75)]


def _lens(alike: np.ndarray, unlike: np.ndarray) -> np.ndarray:
    """From differences within objects and between objects [M, D] the directions in which objects differ by more than
    one object varies, weighed by how much of the difference is not variation (the linear discriminant): [D, D].
    """
    within = alike.T @ alike / len(alike)
    # Few tracks say little of how directions go together: shrunk towards independent ones.
    trust = len(alike) / (len(alike) + within.shape[0])
    spread = np.diag(within) + 1e-6 * (1 + np.diag(within).mean())
    within = trust * within + (1 - trust) * np.diag(spread) + 1e-6 * np.diag(spread)
    value, vector = np.linalg.eigh(within)
    whiten = vector / np.sqrt(np.maximum(value, 1e-12))
    between = (unlike @ whiten).T @ (unlike @ whiten) / len(unlike)
    ratio, turn = np.linalg.eigh(between)
    return whiten @ turn * np.sqrt(np.maximum(0.0, 1 - 1 / np.maximum(ratio, 1e-9)))


def _beside(number: int, time: int, spans: np.ndarray) -> list[int]:
    """Some of the tracks, given as (first, last) frame [N, 2], that are there at ``time``, without ``number``."""
    there = np.flatnonzero((spans[:, 0] <= time) & (time <= spans[:, 1]))
    return there[there != number][:: max(1, len(there) // NEIGHBOURS)].tolist()


def _start(looks: np.ndarray) -> np.ndarray:
    return looks[:WINDOW].mean(axis=0)


def _end(looks: np.ndarray) -> np.ndarray:
    return looks[-WINDOW:].mean(axis=0)


def _nearest(looks: np.ndarray, frame: np.ndarray, time: int) -> np.ndarray:
    at = int(np.searchsorted(frame, time))
    first = max(0, min(at - WINDOW // 2, len(looks) - WINDOW))
    return looks[first : first + WINDOW].mean(axis=0)


def _fitted(distances: np.ndarray) -> tuple[float, float]:
    return float(np.mean(distances)), max(0.2, float(np.std(distances)))


def _log_normal(value: np.ndarray, law: tuple[float, float]) -> np.ndarray:
    return -0.5 * ((value - law[0]) / law[1]) ** 2 - np.log(law[1])
