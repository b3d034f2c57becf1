"""What a person should look at before trusting a tracking for which there is no truth."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalor.core.tracks import FIRST_FRAME
from scalor.data.source import VideoSource
from scalor.tracking.linking import at_edge
from scalor.tracking.report import FrameResult
from scalor.tracking.second_pass import Joint
from scalor.viz.contact import Exhibit

MOST = 10
"""Moments on the sheet."""
LEAST = 0.01
"""Doubts below this are none."""
EVEN = 0.5
"""Doubt of something of which nothing is known: an object that appears or vanishes in the middle of the view."""
PARTS = 10
"""Stretches of time of which the mean score is given."""


@dataclass(frozen=True)
class Moment:
    """A decision that may be wrong.

    frame     0-based
    id        of the object
    box_tlwh  where it is, [4] in source pixels
    doubt     probability in [0, 1] that the decision is wrong
    why       in a few words
    shown     frames to look at, one or two
    """

    frame: int
    id: int
    box_tlwh: np.ndarray
    doubt: float
    why: str
    shown: tuple[int, ...]


@dataclass
class _Life:
    """What is remembered of one identity."""

    first: int
    first_box: np.ndarray
    last: int
    last_box: np.ndarray
    rows: int
    gaps: int
    weakest: float
    weakest_at: int
    weakest_box: np.ndarray


class Trust:
    """Collects, frame by frame, what the sheet says; memory grows with the identities and 8 bytes per frame."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._lives: dict[int, _Life] = {}
        self._sums, self._counts = array("f"), array("f")

    def add(self, result: FrameResult) -> None:
        """The next frame's report."""
        now = len(self._sums)
        self._sums.append(float(result.score.sum()))
        self._counts.append(len(result))
        for name, box, score in zip(result.ids.tolist(), result.box_tlwh, result.score.tolist(), strict=True):
            life = self._lives.get(name)
            if life is None:
                self._lives[name] = _Life(now, box, now, box, 1, 0, score, now, box)
                continue
            life.gaps += now - life.last > 1
            life.last, life.last_box, life.rows = now, box, life.rows + 1
            if score < life.weakest:
                life.weakest, life.weakest_at, life.weakest_box = score, now, box

    def moments(self, joints: Iterable[Joint] = ()) -> list[Moment]:
        """The least certain moments, the worst first; one for each identity and reason at most."""
        found = [moment for name, life in self._lives.items() for moment in self._of(name, life)]
        for joint in joints:
            if joint.id in self._lives:
                doubt = float(1 / (1 + np.exp(min(joint.nats, 50.0))))
                why = "given back after a swap" if joint.swap else "taken for the same"
                found.append(Moment(joint.frame, joint.id, joint.box, doubt, why, (joint.before, joint.frame)))
        doubted = [each for each in found if each.doubt >= LEAST]
        return sorted(doubted, key=lambda each: (-each.doubt, each.frame, each.id))[:MOST]

    def summary(self, moments: Sequence[Moment]) -> dict[str, Any]:
        """What ``summary.json`` says under ``trust``."""
        lives, length = list(self._lives.values()), len(self._sums)
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
            "vanish_inside": sum(self._vanishes(life, length) for life in lives),
            "gaps": sum(life.gaps for life in lives),
            "score_over_time": parts,
            "least_certain": [
                {"frame": each.frame, "id": each.id, "doubt": round(each.doubt, 4), "why": each.why} for each in moments
            ],
        }

    def _of(self, name: int, life: _Life) -> Iterable[Moment]:
        if self._appears(life):
            around = (life.first - 1, life.first)
            yield Moment(life.first, name, life.first_box, EVEN, "appears inside the view", around)
        if self._vanishes(life, len(self._sums)):
            yield Moment(life.last, name, life.last_box, EVEN, "vanishes inside the view", (life.last, life.last + 1))
        if life.weakest < 1 - LEAST:
            here = (life.weakest_at,)
            yield Moment(life.weakest_at, name, life.weakest_box, 1 - life.weakest, "hardly there", here)

    def _appears(self, life: _Life) -> bool:
        return life.first > 0 and not at_edge(life.first_box, self._size)

    def _vanishes(self, life: _Life, length: int) -> bool:
        return life.last < length - 1 and not at_edge(life.last_box, self._size)


def exhibits(source: VideoSource, moments: Sequence[Moment]) -> list[Exhibit]:
    """The moments with their pictures, read again from the source."""
    wanted = sorted({frame for each in moments for frame in each.shown})
    pictures = dict(zip(wanted, (frame.image for frame in source.read(wanted)), strict=True))
    return [
        Exhibit(
            pictures=[pictures[frame] for frame in each.shown],
            box_tlwh=each.box_tlwh,
            identity=each.id,
            words=f"{_numbers(each)}: {each.id} {each.why}, doubt {each.doubt:.2f}",
        )
        for each in moments
    ]


def _numbers(moment: Moment) -> str:
    """The frames to look at, counted as the tables do."""
    return ", ".join(str(frame + FIRST_FRAME) for frame in moment.shown)
