"""A known number of individuals that are there all the time: every stretch of track belongs to one of them.

Tracks that exist side by side are different individuals; that is all that is known. It teaches how individuals differ
(`looks`), and it forbids that one of them is in two places.
"""

from collections.abc import Sequence

import numpy as np

from scalor.tracking.linking import Tracklet, Video
from scalor.tracking.motion import RECENT, Leg, miss

DOUBLE = 0.1
"""Share of the shorter of two chains that may lie beside the longer one: a track may outlive its object a little."""
NOBODY = -1
"""What belongs to none of the individuals."""


class _Chain:
    """Tracklets that are taken for one individual: where it is known to be, and its mean looks."""

    def __init__(self, number: int, tracklet: Tracklet) -> None:
        self.members = [number]
        self.leg = tracklet.leg
        self.rows = len(tracklet.rows)
        self.looks = tracklet.looks.mean(axis=0)

    def with_(self, other: "_Chain") -> None:
        """Take the other's part of time over."""
        # Where both have a row, the longer one's counts.
        legs = sorted([self.leg, other.leg], key=lambda leg: -len(leg.frame))
        frame, at = np.unique(np.concatenate([leg.frame for leg in legs]), return_index=True)
        center = np.concatenate([leg.center for leg in legs])[at]
        self.looks = (self.looks * self.rows + other.looks * other.rows) / (self.rows + other.rows)
        self.leg = Leg(frame, center, self.leg.extent)
        self.members += other.members
        self.rows += other.rows


def individuals(tracklets: Sequence[Tracklet], video: Video, *, count: int) -> np.ndarray:
    """Which of ``count`` individuals each tracklet belongs to, int64 [len(tracklets)]; `NOBODY` for what is left over.

    The two chains that are likeliest to be one individual become one, until none are left that are not somewhere at the
    same time. The ``count`` chains of the most rows are the individuals, numbered by their first frame.
    """
    chains: dict[int, _Chain] = {number: _Chain(number, each) for number, each in enumerate(tracklets)}
    worth = {pair: _worth(chains[pair[0]], chains[pair[1]], video) for pair in _pairs(list(chains))}
    worth = {pair: nats for pair, nats in worth.items() if nats > -np.inf}
    while worth and len(chains) > count:
        one, other = max(worth, key=lambda pair: (worth[pair], -pair[0], -pair[1]))
        chains[one].with_(chains.pop(other))
        worth = {pair: nats for pair, nats in worth.items() if not {one, other} & set(pair)}
        for number in chains:
            if number != one:
                pair = (min(number, one), max(number, one))
                nats = _worth(chains[pair[0]], chains[pair[1]], video)
                if nats > -np.inf:
                    worth[pair] = nats
    longest = sorted(chains.values(), key=lambda chain: -chain.rows)[:count]
    out = np.full(len(tracklets), NOBODY)
    for name, chain in enumerate(sorted(longest, key=lambda chain: (int(chain.leg.frame[0]), chain.members[0]))):
        out[chain.members] = name
    return out


def _pairs(names: list[int]) -> list[tuple[int, int]]:
    return [(one, other) for at, one in enumerate(names) for other in names[at + 1 :]]


def _worth(one: _Chain, other: _Chain, video: Video) -> float:
    """Nats in favour of one individual: looks, and how well each change from one chain to the other fits the motion.

    Compared with being anywhere in the view. Negative infinity where both are somewhere at once for long.
    """
    beside = len(np.intersect1d(one.leg.frame, other.leg.frame, assume_unique=True))
    if beside > max(1.0, DOUBLE * min(len(one.leg.frame), len(other.leg.frame))):
        return -np.inf
    frame = np.concatenate([one.leg.frame, other.leg.frame])
    order = np.argsort(frame, kind="stable")
    whose = (order >= len(one.leg.frame)).astype(int)
    height, width = video.size
    nats = float(video.looks.evidence(one.looks, other.looks))
    for at in np.flatnonzero(np.diff(whose)):
        legs = [one.leg, other.leg]
        before, after = legs[whose[at]], legs[whose[at + 1]]
        end = int(np.searchsorted(before.frame, frame[order[at]], side="right"))
        start = int(np.searchsorted(after.frame, frame[order[at + 1]]))
        parts = (
            Leg(leg.frame[part], leg.center[part], leg.extent)
            for leg, part in ((before, slice(max(0, end - RECENT), end)), (after, slice(start, start + RECENT)))
        )
        gap = float(frame[order[at + 1]] - frame[order[at]])
        nats += float(video.motion.log_density(miss(*parts), gap)) + np.log(height * width)
    return nats
