"""Two objects meet and part: did the tracker give each of them its own identity back?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scalor.tracking.linking import OFTEN_RIGHT, Tracklet
from scalor.tracking.looks import WINDOW, Looks
from scalor.tracking.motion import RECENT, Leg, Motion, miss, turn, velocity

TOUCH = 0.1
"""Boxes that overlap by more than this (IoU) are an encounter."""
LINGER = 10
"""Frames for which one that is lost is taken to go on as it did, and one that is found to have come as it goes on."""
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
    """All encounters of a video by their end.

    One may be taken over by a track that was beside it in the very frame in which its own was lost.
    """
    parts = [_lingering(each) for each in tracklets] or [(np.zeros(0, np.int64), np.zeros((0, 4)))]
    frame, box = (np.concatenate(part) for part in zip(*parts, strict=True))
    owner = np.repeat(np.arange(len(parts)), [len(times) for times, _ in parts])
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


def _lingering(tracklet: Tracklet) -> tuple[np.ndarray, np.ndarray]:
    """Frames [T] and boxes [T, 4] of a tracklet, and of `LINGER` frames before and after it.

    What is half hidden when it is lost has a small box then: the last one of half the usual size goes on.
    """
    frame, box = tracklet.leg.frame, tracklet.box
    area = box[:, 2:].prod(axis=1)
    whole = np.flatnonzero(area >= 0.5 * np.median(area))
    early, late = np.arange(frame[0] - LINGER, frame[0]), np.arange(frame[-1] + 1, frame[-1] + 1 + LINGER)
    held = [_moved(frame, box, whole[:RECENT], early), _moved(frame, box, whole[-RECENT:][::-1], late)]
    return np.concatenate([early, frame, late]), np.concatenate([held[0], box, held[1]])


def _moved(frame: np.ndarray, box: np.ndarray, rows: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The box of the first of some rows at other times [T], at the velocity of these rows: [T, 4]."""
    pace = velocity(frame[rows], box[rows, :2] + box[rows, 2:] / 2)
    away = (times - frame[rows[0]])[:, None] * pace
    return np.concatenate([box[rows[0], :2] + away, np.broadcast_to(box[rows[0], 2:], away.shape)], axis=1)


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


def parting(meeting: Encounter, pair: Sequence[Tracklet]) -> int:
    """The frame of a meeting after which the two of a pair, who changed identities in it, have each other's.

    Where their rows lie best on the straight ways of the two objects through the meeting.
    """
    before = [_part(each, each.leg.frame < meeting.start, -WINDOW)[0] for each in pair]
    after = [_part(each, each.leg.frame > meeting.end, WINDOW)[0] for each in pair]
    cost = np.zeros(meeting.end - meeting.start + 1)
    for number, each in enumerate(pair):
        inside = np.flatnonzero((each.leg.frame >= meeting.start) & (each.leg.frame <= meeting.end))
        times, places = each.leg.frame[inside], each.leg.center[inside]
        own, others = (
            np.linalg.norm(places - _way(before[one], after[1 - one], times), axis=1) for one in (number, 1 - number)
        )
        change = np.zeros(len(cost))
        change[times - meeting.start] = own - others
        cost += np.cumsum(change)
    return meeting.start + int(cost.argmin())


def _way(before: Leg, after: Leg, times: np.ndarray) -> np.ndarray:
    """Places [T, 2] at times between two legs of one object, of which one may be empty."""
    if not len(before.frame):
        place, pace = after.first
        return place + (times - after.frame[0])[:, None] * pace
    place, pace = before.last
    if len(after.frame):
        pace = (after.first[0] - place) / float(after.frame[0] - before.frame[-1])
    return place + (times - before.frame[-1])[:, None] * pace


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
        where += float(motion.turning(turn(before[0], after[0]), after[0].first[1], gap))
    return where + float(looks.evidence(before[1].mean(axis=0), after[1].mean(axis=0)))
