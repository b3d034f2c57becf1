"""Which tracklets are one object: motion, looks and time in nats, decided for the whole video at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scalor.tracking.looks import WINDOW, Looks
from scalor.tracking.motion import RECENT, Leg, Motion

RETURNS = 0.5
"""Guess: how many of the objects that vanish inside the view are seen again. What leaves the view does not come back:
by the usual convention it is a new object when it does.
"""
CUT = 0.1
"""By so much of an object's size the middle of its box is at least unsure where the frame cuts the box."""
LONGEST = 512
"""Frames that an object may be gone."""
ALONE = 1e-9
"""Nats of having no successor: more than nothing, as an assignment wants them, and less than any link."""
OFTEN_RIGHT = 5.0
"""Nats in favour of what the tracker says of objects that it had in view all the time: 1 in 150 goes wrong."""


@dataclass(frozen=True)
class Tracklet:
    """Rows of one identity without those in which it is hidden.

    id       of the causal tracker
    rows     int64 [L]      where they stand in the table
    leg      its path
    looks    float [L, D]
    box      float64 [L, 4] left, top, width, height
    """

    id: int
    rows: np.ndarray
    leg: Leg
    looks: np.ndarray
    box: np.ndarray

    @property
    def first(self) -> int:
        """First frame."""
        return int(self.leg.frame[0])

    @property
    def last(self) -> int:
        """Last frame."""
        return int(self.leg.frame[-1])


@dataclass(frozen=True)
class Link:
    """Tracklets ``before`` and ``after`` (numbers in a list) are one object, in favour of which speak ``nats``."""

    before: int
    after: int
    nats: float


def at_edge(box_tlwh: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Whether boxes [..., 4] reach the edge of a frame of ``size``, or come within a quarter of themselves."""
    near, extent = box_tlwh[..., :2], box_tlwh[..., 2:]
    gap = np.minimum(near, np.array(size[::-1]) - near - extent)
    return (gap <= np.maximum(2.0, 0.25 * extent)).any(axis=-1)


@dataclass(frozen=True)
class Arrivals:
    """Objects that appear, per frame and square pixel: at the edge of the view, and inside."""

    edge: float
    inside: float

    @classmethod
    def learn(cls, tracklets: Sequence[Tracklet], *, clock: np.ndarray, size: tuple[int, int]) -> "Arrivals":
        """Counts; those of the first frame that was seen were there before. Inside, all may be links not made yet."""
        starts = np.array([t.box[0] for t in tracklets if clock[t.first] > 1]).reshape(-1, 4)
        length = max(len(clock), 1)
        extent = float(np.mean([t.leg.extent for t in tracklets])) if tracklets else 1.0
        height, width = size
        inner = max(0.0, height - 1.5 * extent) * max(0.0, width - 1.5 * extent)
        rim = max(height * width - inner, 1.0)
        edge = int(at_edge(starts, size).sum())
        inside = len(starts) - edge
        return cls((edge + 1) / (length * rim), (inside + 1) / (length * max(inner, 1.0)))


@dataclass(frozen=True)
class Video:
    """What links are judged by.

    clock   int64 [length]   how many frames were seen up to each frame: blank and undecodable ones take no time
    size    (height, width)
    """

    clock: np.ndarray
    size: tuple[int, int]
    motion: Motion
    looks: Looks


@dataclass(frozen=True)
class _Ends:
    """Where N tracklets begin and end: all that links are judged by, as arrays over tracklets."""

    id: np.ndarray
    first: np.ndarray
    last: np.ndarray
    start: np.ndarray
    coming: np.ndarray
    end: np.ndarray
    leaving: np.ndarray
    first_looks: np.ndarray
    last_looks: np.ndarray
    extent: np.ndarray
    enters: np.ndarray
    leaves: np.ndarray
    long: np.ndarray

    @classmethod
    def of(cls, tracklets: Sequence[Tracklet], size: tuple[int, int]) -> "_Ends":
        starts, ends = [each.leg.first for each in tracklets], [each.leg.last for each in tracklets]
        return cls(
            id=np.array([each.id for each in tracklets]),
            first=np.array([each.first for each in tracklets]),
            last=np.array([each.last for each in tracklets]),
            start=np.array([place for place, _ in starts]),
            coming=np.array([speed for _, speed in starts]),
            end=np.array([place for place, _ in ends]),
            leaving=np.array([speed for _, speed in ends]),
            first_looks=np.array([each.looks[:WINDOW].mean(axis=0) for each in tracklets]),
            last_looks=np.array([each.looks[-WINDOW:].mean(axis=0) for each in tracklets]),
            extent=np.array([each.leg.extent.mean() for each in tracklets]),
            enters=at_edge(np.array([each.box[0] for each in tracklets]), size),
            leaves=at_edge(np.array([each.box[-1] for each in tracklets]), size),
            long=np.array([len(each.rows) >= RECENT for each in tracklets]),
        )


def link(tracklets: Sequence[Tracklet], video: Video) -> list[Link]:
    """The likeliest set of links: each tracklet has one predecessor and one successor at most.

    A link is worth ln of how much likelier it is that the object came back just there and then, looking like this, than
    that it stayed away and another one appeared. The sum is maximised by linear assignment, in groups of tracklets that
    could be linked at all, so that long videos cost no more than many short ones. How much an object that was lost and
    found changes its looks is learned first, from the links that are the likeliest without them.
    """
    if not tracklets:
        return []
    ends = _Ends.of(tracklets, video.size)
    arrivals = Arrivals.learn(tracklets, clock=video.clock, size=video.size)
    if video.looks.speaks:
        by_place = _likeliest(ends, replace(video, looks=video.looks.silenced()), arrivals)
        before, after = (np.array([getattr(each, name) for each in by_place], np.int64) for name in ("before", "after"))
        nats = np.array([each.nats for each in by_place])
        looks = video.looks.across(ends.last_looks[before], ends.first_looks[after], 1 / (1 + np.exp(-nats)))
        video = replace(video, looks=looks)
    return _likeliest(ends, video, arrivals)


def _likeliest(ends: _Ends, video: Video, arrivals: Arrivals) -> list[Link]:
    """The links of the largest sum in nats."""
    order = np.argsort(ends.first, kind="stable")
    starts = ends.first[order]
    found: list[Link] = []
    for before in range(len(ends.id)):
        first, end = np.searchsorted(starts, ends.last[before] + np.array([1, 1 + LONGEST]))
        after = order[first:end]
        nats = _worth(ends, before, after, video=video, arrivals=arrivals)
        good = nats > 0
        found += [Link(before, *pair) for pair in zip(after[good].tolist(), nats[good].tolist(), strict=True)]
    return _assigned(found, len(ends.id))


def _worth(ends: _Ends, one: int, others: np.ndarray, *, video: Video, arrivals: Arrivals) -> np.ndarray:
    """Nats in favour of links from the end of tracklet ``one`` to the beginnings of ``others``."""
    gap = ends.first[others] - ends.last[one]
    absent = np.maximum(0, video.clock[ends.first[others]] - video.clock[ends.last[one]] - 1)
    # How long it stays away spans orders of magnitude: each doubling is as likely.
    when = RETURNS / ((absent + 1) * (1 + np.log(LONGEST)))
    new = np.where(ends.enters[others], arrivals.edge, arrivals.inside)
    missed = ends.start[others] - ends.end[one] - gap[:, None] * (ends.leaving[one] + ends.coming[others]) / 2
    # The middle of a box that is cut by the frame moves otherwise than the object.
    cut = CUT * ends.extent[one] * (ends.leaves[one] | ends.enters[others])
    # Of short ones, and where the frame cuts the box, the velocity is hardly known.
    steady = ends.long[one] & ends.long[others] & (cut == 0)
    turned = video.motion.turning(ends.coming[others] - ends.leaving[one], ends.coming[others], gap)
    moved = ends.start[others] - ends.end[one]
    where = video.motion.going_on(missed, moved, gap, turned=np.where(steady, turned, 0.0), least=cut)
    how = video.looks.evidence(ends.last_looks[one], ends.first_looks[others])
    # The tracker kept an eye on what it saw vanish inside the view.
    kept = np.where((absent > 0) & (ends.id[one] == ends.id[others]), OFTEN_RIGHT, 0.0)
    nats = np.log(when / (1 - RETURNS)) + where - np.log(new) + how + kept
    return np.where((absent > 0) & ends.leaves[one], -np.inf, nats)


def _assigned(links: list[Link], count: int) -> list[Link]:
    """The links of the largest sum of which no two share an end."""
    before, after = (np.array([getattr(each, name) for each in links], np.int64) for name in ("before", "after"))
    if max(np.bincount(ends).max(initial=0) for ends in (before, after)) < 2:
        return sorted(links, key=lambda each: each.before)
    # Imported where there is something to choose: it takes as long as some twenty frames.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    ends = np.unique(before)
    # Whoever stays alone takes a place of its own, which is worth next to nothing.
    row = np.concatenate([np.searchsorted(ends, before), np.arange(len(ends))])
    column = np.concatenate([after, count + np.arange(len(ends))])
    worth = np.concatenate([[each.nats for each in links], np.full(len(ends), ALONE)])
    graph = coo_array((worth, (row, column)), shape=(len(ends), count + len(ends))).tocsr()
    chosen = set(zip(*min_weight_full_bipartite_matching(graph, maximize=True), strict=True))
    picked = [each for each, pair in zip(links, zip(row, column, strict=False), strict=False) if pair in chosen]
    return sorted(picked, key=lambda each: each.before)
