"""Moments of a tracking that a person should look at, most doubtful first: the one list of pages, sheets and summaries.

Memory grows with the identities and by a few bytes per frame, not with the boxes.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalor.core.tracks import FIRST_FRAME, Tracks
from scalor.metrics.boxes import box_iou
from scalor.outputs.pixels import frames_of
from scalor.tracking.linking import at_edge
from scalor.tracking.second_pass import Joint

MOST = 24
"""Moments that are listed."""
LEAST = 0.1
"""What is less doubtful than this is left out."""
OVERLAP = 0.5
"""Two boxes that share more than this may be one thing seen twice."""
JUMP = 4.0
"""A step this many times the usual one of its track, and more than half the object, may be a change of identity."""
GROWTH = 2.0
STILL, LONG = 0.1, 50
"""What is there for half of the film and at least so many frames, and never leaves a place of this share of its own
size, never moves: a caption or a clock, perhaps."""
PARTS = 10
"""Stretches of time of which the mean score is given."""


@dataclass(frozen=True)
class Doubt:
    """A decision that may be wrong.

    kind      begins, ends, jumps, returns, size, overlaps, faint, joined, swapped or still
    frame     0-based
    id        of the object
    box_tlwh  where it is, [4] in source pixels
    words     for a person, without the id
    weight    in [0, 1]: how doubtful
    frames    the two frames that tell, before and after; one where one tells
    """

    kind: str
    frame: int
    id: int
    box_tlwh: tuple[float, ...]
    words: str
    weight: float
    frames: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """For ``summary.json``: frames count from 0 as in its other lists."""
        return {
            "kind": self.kind,
            "frame": self.frame,
            "id": self.id,
            "box_tlwh": [round(value, 2) for value in self.box_tlwh],
            "words": self.words,
            "weight": round(self.weight, 4),
            "frames": list(self.frames),
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "Doubt":
        """What `as_dict` gave."""
        return cls(
            **{**stored, "box_tlwh": tuple(map(float, stored["box_tlwh"])), "frames": tuple(map(int, stored["frames"]))}
        )


@dataclass
class _Life:
    """What is remembered of one identity: its ends, its path in numbers, and its strongest doubt of each kind."""

    first: int
    first_box: np.ndarray
    last: int
    last_box: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rows: int = 1
    gaps: int = 0
    path: float = 0.0
    step: tuple[float, float] = (0.0, 0.0)
    doubts: dict[str, Doubt] = field(default_factory=dict)

    def doubt(self, doubt: Doubt) -> None:
        known = self.doubts.get(doubt.kind)
        if known is None or doubt.weight > known.weight:
            self.doubts[doubt.kind] = doubt


class Watch:
    """Sees a tracking frame by frame, and says at its end what to look at. ``size`` is (height, width).

    ``start``: so many frames with a picture go by before anything can be reported. What is there then has not appeared.
    """

    def __init__(self, size: tuple[int, int], *, start: int = 0) -> None:
        self._size, self._start, self._opened = size, start, False
        self._lives: dict[int, _Life] = {}
        self._sums, self._counts = array("f"), array("f")

    @classmethod
    def over(cls, tracks: Tracks, size: tuple[int, int], *, start: int = 0) -> "Watch":
        """One that has seen a whole table, in which nothing could be reported before frame ``start``."""
        watch = cls(size, start=start)
        for rows in frames_of(tracks):
            watch.add(tracks.id[rows], tracks.box_tlwh[rows], tracks.score[rows])
        return watch

    def add(self, ids: np.ndarray, box_tlwh: np.ndarray, score: np.ndarray, *, decoded: bool = True) -> None:
        """The next frame, with a picture if ``decoded``: int64 [N], float64 [N, 4] in source pixels, float64 [N]."""
        now = len(self._sums)
        self._opened |= decoded
        self._start += not self._opened
        self._sums.append(float(score.sum()))
        self._counts.append(len(ids))
        for name, box, sure in zip(ids.tolist(), box_tlwh, score.tolist(), strict=True):
            life = self._lives.get(name)
            if life is None:
                center = box[:2] + box[2:] / 2
                life = self._lives[name] = _Life(now, box, now, box, center, center)
            else:
                self._moved(name, life, now, box)
            if "faint" not in life.doubts or 1 - sure > life.doubts["faint"].weight:
                life.doubt(Doubt("faint", now, name, tuple(box.tolist()), "is hardly there", 1 - sure, (now,)))
        self._overlapping(ids, box_tlwh, now)

    def doubts(self, joints: Iterable[Joint] = ()) -> list[Doubt]:
        """The most doubtful moments, the worst first; one for each identity and kind at most.

        ``joints`` are decisions of a second pass, with how sure it was of them.
        """
        found = [doubt for name, life in self._lives.items() for doubt in self._of(name, life)]
        found += [_joint(joint) for joint in joints if joint.id in self._lives]
        listed = [doubt for doubt in found if doubt.weight >= LEAST]
        return sorted(listed, key=lambda doubt: (-doubt.weight, doubt.frame, doubt.id))[:MOST]

    def summary(self, doubts: Sequence[Doubt]) -> dict[str, Any]:
        """What ``summary.json`` says under ``trust``."""
        lives = list(self._lives.values())
        rows = np.array([life.rows for life in lives] or [0])
        parts = [
            round(float(total.sum() / count.sum()), 4) if count.sum() else None
            for total, count in zip(
                np.array_split(np.array(self._sums, np.float64), PARTS),
                np.array_split(np.array(self._counts, np.float64), PARTS),
                strict=True,
            )
        ]
        return {
            "frames_per_track": {
                "shortest": int(rows.min()),
                "median": float(np.median(rows)),
                "longest": int(rows.max()),
            },
            "appear_inside": sum(self._appears(life) for life in lives),
            "vanish_inside": sum(self._vanishes(life) for life in lives),
            "gaps": sum(life.gaps for life in lives),
            "start": self._start,
            "score_over_time": parts,
            "doubts": [doubt.as_dict() for doubt in doubts],
        }

    def _moved(self, name: int, life: _Life, now: int, box: np.ndarray) -> None:
        """One more row of a track that is known: how far it went, how it changed, how long it was away."""
        before, waited = life.last_box, now - life.last
        place, frames = tuple(box.tolist()), (life.last, now)
        center = box[:2] + box[2:] / 2
        life.low, life.high = np.minimum(life.low, center), np.maximum(life.high, center)
        away = float(np.linalg.norm(center - before[:2] - before[2:] / 2))
        area, was = max(float(box[2:].prod()), 1e-6), max(float(before[2:].prod()), 1e-6)
        half = area**0.5 / 2
        life.path += away / waited
        if away > half:
            weight = 0.5 + 0.5 * min(1.0, away / (8 * half))
            known = life.doubts.get("jumps")
            life.doubt(Doubt("jumps", now, name, place, f"jumps by {away:.0f} px", weight, frames))
            if life.doubts["jumps"] is not known:
                life.step = (away / waited, half)
        if waited > 1:
            life.gaps += 1
            words = f"returns after {waited - 1} frame{'s' * (waited > 2)} out of sight"
            life.doubt(Doubt("returns", now, name, place, words, 0.3 + 0.4 * min(1.0, waited / 30), frames))
        growth = max(area / was, was / area)
        if growth > GROWTH:
            words = f"{'grows' if area > was else 'shrinks'} {growth:.1f} times in a step"
            life.doubt(Doubt("size", now, name, place, words, 0.3 + 0.3 * min(1.0, growth / 6), frames))
        life.last, life.last_box, life.rows = now, box, life.rows + 1

    def _overlapping(self, ids: np.ndarray, box_tlwh: np.ndarray, now: int) -> None:
        if len(ids) < 2:
            return
        share = np.triu(box_iou(box_tlwh, box_tlwh), k=1)
        for one, other in zip(*np.nonzero(share > OVERLAP), strict=True):
            words = f"shares {share[one, other]:.0%} with {ids[one]}"
            weight, place = 0.4 + 0.6 * float(share[one, other]), tuple(box_tlwh[other].tolist())
            name = int(ids[other])
            self._lives[name].doubt(Doubt("overlaps", now, name, place, words, weight, (max(0, now - 1), now)))

    def _of(self, name: int, life: _Life) -> Iterator[Doubt]:
        lasting = 0.4 * min(1.0, life.rows / 50)
        first, last = life.first, life.last
        if self._appears(life):
            place = tuple(life.first_box.tolist())
            yield Doubt("begins", first, name, place, "appears inside the view", 0.4 + lasting, (first - 1, first))
        if self._vanishes(life):
            place = tuple(life.last_box.tolist())
            yield Doubt("ends", last, name, place, "vanishes inside the view", 0.5 + lasting, (last, last + 1))
        reach, side = float((life.high - life.low).max()), float(life.last_box[2:].prod()) ** 0.5
        if life.rows >= max(LONG, len(self._sums) / 2) and reach < STILL * side:
            place, words = tuple(life.last_box.tolist()), f"never moves in {life.rows} frames: a caption or a clock?"
            yield Doubt("still", first, name, place, words, 0.6, (first, last))
        for doubt in life.doubts.values():
            # A track that is always that fast does not jump.
            usual = (life.path - life.step[0]) / max(life.rows - 2, 1)
            if doubt.kind != "jumps" or life.step[0] > JUMP * usual:
                yield doubt

    def _appears(self, life: _Life) -> bool:
        return life.first > self._start and not at_edge(life.first_box, self._size)

    def _vanishes(self, life: _Life) -> bool:
        return life.last < len(self._sums) - 1 and not at_edge(life.last_box, self._size)


def _joint(joint: Joint) -> Doubt:
    weight = float(1 / (1 + np.exp(min(joint.nats, 50.0))))
    kind, words = ("swapped", "was given back after a swap") if joint.swap else ("joined", "is taken for the same")
    return Doubt(kind, joint.frame, joint.id, tuple(joint.box.tolist()), words, weight, (joint.before, joint.frame))


def in_words(doubt: Doubt) -> str:
    """A line for people, frames counted as the tables do."""
    frames = ", ".join(str(frame + FIRST_FRAME) for frame in doubt.frames)
    return f"{frames}: {doubt.id} {doubt.words}, doubt {doubt.weight:.2f}"
