"""Two objects meet and part: did the tracker give each of them its own identity back?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scalor.tracking.linking import OFTEN_RIGHT, Tracklet
from scalor.tracking.looks import WINDOW, Looks
from scalor.tracking.motion import RECENT, Leg, Motion, miss, turn

TOUCH = 0.1
"""Boxes that overlap by more than this (IoU) are an encounter."""
APART = 3
"""Encounters with fewer frames between them are one."""


@dataclass(frozen=True)
class Encounter:
    """Tracklets ``one`` and ``other`` (numbers in a list) touch from frame ``start`` to ``end``, both included."""

    one: int
    other: int
    start: int
    end: int


def encounters(tracklets: Sequence[Tracklet]) -> list[Encounter]:
    """All encounters of a video by their end."""
    frame = np.concatenate([t.leg.frame for t in tracklets] or [np.zeros(0, np.int64)])
    owner = np.repeat(np.arange(len(tracklets)), [len(t.leg.frame) for t in tracklets])
    box = np.concatenate([t.box for t in tracklets] or [np.zeros((0, 4))])
    order = np.argsort(frame, kind="stable")
    edges = np.flatnonzero(np.diff(frame[order], prepend=-1))
    touching: dict[tuple[int, int], list[int]] = {}
    for rows in np.split(order, edges[1:]):
        for one, other in _touching(box[rows]):
            pair = sorted((int(owner[rows[one]]), int(owner[rows[other]])))
            touching.setdefault((pair[0], pair[1]), []).append(int(frame[rows[0]]))
    found = [
        Encounter(*pair, int(part[0]), int(part[-1]))
        for pair, times in touching.items()
        for part in np.split(np.array(times), np.flatnonzero(np.diff(times) > APART) + 1)
    ]
    return sorted(found, key=lambda each: (each.end, each.start, each.one, each.other))


def _touching(box: np.ndarray) -> Iterator[tuple[int, int]]:
    if len(box) < 2:
        return
    near, far = box[:, :2], box[:, :2] + box[:, 2:]
    both = np.minimum(far[:, None], far[None]) - np.maximum(near[:, None], near[None])
    shared = both.clip(min=0).prod(axis=-1)
    area = box[:, 2:].prod(axis=1)
    share = shared / np.maximum(area[:, None] + area[None] - shared, 1e-9)
    for one, other in zip(*np.nonzero(np.triu(share > TOUCH, 1)), strict=True):
        yield int(one), int(other)


def swapped(meeting: Encounter, pair: Sequence[Tracklet], *, motion: Motion, looks: Looks) -> float:
    """Nats by which it is likelier that the two of a meeting changed identities than that they did not; minus what the
    tracker is trusted for. Negative infinity where neither is seen before, or after, or one for a few frames only.
    """
    before = [_part(each, each.leg.frame < meeting.start, -WINDOW) for each in pair]
    after = [_part(each, each.leg.frame > meeting.end, WINDOW) for each in pair]
    counts = [[len(leg.frame) for leg, _ in part] for part in (before, after)]
    if any(0 < count < RECENT for part in counts for count in part):
        return -np.inf
    (b0, b1), (a0, a1) = ([count > 0 for count in part] for part in counts)
    if b0 and b1 and a0 and a1:
        worth = np.array([[_same(one, other, motion, looks) for other in after] for one in before])
        return float(worth[0, 1] + worth[1, 0] - worth[0, 0] - worth[1, 1] - OFTEN_RIGHT)
    if b0 and b1 and a0 != a1:
        # One is gone: which of the two is the one that goes on?
        stays = int(a1)
        found = [_same(each, after[stays], motion, looks, turns=True) for each in before]
        return found[1 - stays] - found[stays] - OFTEN_RIGHT
    if a0 and a1 and b0 != b1:
        # One was born: which of the two was there before?
        old = int(b1)
        found = [_same(before[old], each, motion, looks, turns=True) for each in after]
        return found[1 - old] - found[old] - OFTEN_RIGHT
    return -np.inf


def _part(tracklet: Tracklet, keep: np.ndarray, window: int) -> tuple[Leg, np.ndarray]:
    """The last (``window`` < 0) or first rows of those kept: path and looks."""
    picked = np.flatnonzero(keep)
    picked = picked[window:] if window < 0 else picked[:window]
    leg = tracklet.leg
    return Leg(leg.frame[picked], leg.center[picked], leg.extent), tracklet.looks[picked]


def _same(
    before: tuple[Leg, np.ndarray], after: tuple[Leg, np.ndarray], motion: Motion, looks: Looks, *, turns: bool = False
) -> float:
    """Nats in favour of one object; ``turns``: things seldom turn round, which two that bounce off each other do."""
    gap = float(after[0].frame[0] - before[0].frame[-1])
    where = float(motion.log_density(miss(before[0], after[0]), gap))
    if turns:
        where += float(motion.turning(turn(before[0], after[0]), after[0].first()[1], gap))
    return where + float(looks.evidence(before[1].mean(axis=0), after[1].mean(axis=0)))
