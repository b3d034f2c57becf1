"""Whether two stretches of track look like one object: learned from the tracks of the same video, without labels.

Two parts of one track show how much the looks of one object vary; tracks that exist side by side are different objects
for certain and show how much objects differ. The two distributions give the evidence in nats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WINDOW = 8
"""Rows that the looks of an end of a track are averaged over."""
LEAST_PAIRS = 6
"""With fewer examples of either kind nothing is claimed."""
NEIGHBOURS = 20
"""Tracks that each one is compared with."""
LIMIT = 6.0
"""Nats that looks can weigh at most: the tails of the distributions are not known."""


@dataclass(frozen=True)
class Looks:
    """Evidence from looks.

    scale         [D] spread of looks within tracks
    same, other   mean and deviation of ln distance between parts of one object, and between two
    """

    scale: np.ndarray
    same: tuple[float, float]
    other: tuple[float, float]

    @classmethod
    def learn(cls, tracks: Sequence[tuple[np.ndarray, np.ndarray]]) -> "Looks":
        """From tracks as (frame int64 [L], looks float [L, D])."""
        width = max((looks.shape[1] for _, looks in tracks), default=0)
        spread = [((looks - looks.mean(axis=0)) ** 2).sum(axis=0) for _, looks in tracks if len(looks) > 1]
        freedom = sum(len(looks) - 1 for _, looks in tracks if len(looks) > 1)
        scale = np.sqrt(np.sum(spread, axis=0) / freedom) + 1e-6 if freedom else np.ones(width)
        silent = cls(scale, (0.0, 1.0), (0.0, 1.0))
        halves = [(frame, looks, len(looks) // 2) for frame, looks in tracks if len(looks) >= 4]
        if not width or not halves:
            return silent
        spans = np.array([(frame[0], frame[-1]) for frame, _, _ in halves])
        alike = [silent.distance(_end(looks[:cut]), _start(looks[cut:])) for _, looks, cut in halves]
        unlike = [
            silent.distance(_end(one[:cut]), _nearest(halves[rank][1], halves[rank][0], int(frame[cut])))
            for number, (frame, one, cut) in enumerate(halves)
            for rank in _beside(number, int(frame[cut]), spans)
        ]
        if min(len(alike), len(unlike)) < LEAST_PAIRS:
            return silent
        same, other = _fitted(alike), _fitted(unlike)
        return cls(scale, same, other) if other[0] > same[0] else silent

    def distance(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """ln of the root mean square difference of looks [..., D], in spreads."""
        return 0.5 * np.log(np.mean(((one - other) / self.scale) ** 2, axis=-1) + 1e-9)

    def evidence(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """ln p(looks | one object) - ln p(looks | two objects) of mean looks [..., D]; 0 where nothing was learned."""
        if self.same == self.other:
            return np.zeros(np.broadcast_shapes(one.shape, other.shape)[:-1])
        # Closer than is usual is no evidence against, further than is usual none for.
        at = self.distance(one, other).clip(self.same[0], self.other[0])
        return (_log_normal(at, self.same) - _log_normal(at, self.other)).clip(-LIMIT, LIMIT)


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


def _fitted(distances: list[np.ndarray]) -> tuple[float, float]:
    return float(np.mean(distances)), max(0.2, float(np.std(distances)))


def _log_normal(value: np.ndarray, law: tuple[float, float]) -> np.ndarray:
    return -0.5 * ((value - law[0]) / law[1]) ** 2 - np.log(law[1])
