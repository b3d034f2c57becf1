"""Moments of a tracking that a person should look at, most doubtful first: where tracks begin, end, jump, meet."""

from dataclasses import dataclass

import numpy as np

from scalor.core.tracks import Tracks
from scalor.metrics.boxes import box_iou
from scalor.outputs.pixels import frames_of, steps_of

MARGIN = 0.03
"""Nearer to an edge of the picture than this share of its shorter side, things may come and go."""
OVERLAP = 0.5
"""Two boxes that share more than this may be one thing seen twice."""
JUMP = 4.0
"""A step this many times the usual one of its track, and more than half the object, may be a change of identity."""
GROWTH = 2.0


@dataclass(frozen=True)
class Doubt:
    """A frame and an identity; ``kind`` groups, ``words`` tell a person, ``weight`` in [0, 1] sorts."""

    kind: str
    frame: int
    row: int
    id: int
    words: str
    weight: float

    @property
    def frames(self) -> tuple[int, int]:
        """The two frames that tell: the one before and the moment, or for an end the moment and the one after."""
        return (self.frame, self.frame + 1) if self.kind == "ends" else (max(0, self.frame - 1), self.frame)


def doubts(tracks: Tracks, size: tuple[int, int]) -> list[Doubt]:
    """The strongest doubt of each kind for every identity, most doubtful first. ``size`` is (height, width)."""
    found = [*_ends(tracks, size), *_steps(tracks), *_overlaps(tracks)]
    best: dict[tuple[str, int], Doubt] = {}
    for doubt in found:
        key = doubt.kind, doubt.id
        if key not in best or doubt.weight > best[key].weight:
            best[key] = doubt
    return sorted(best.values(), key=lambda doubt: (-doubt.weight, doubt.frame, doubt.id))


def _ends(tracks: Tracks, size: tuple[int, int]) -> list[Doubt]:
    """Tracks that begin or end in the middle of the picture while the video runs."""
    if not len(tracks):
        return []
    height, width = size
    margin = MARGIN * min(size)
    low, high = tracks.box_tlwh[:, :2], tracks.box_tlwh[:, :2] + tracks.box_tlwh[:, 2:]
    inner = (low > margin).all(axis=1) & (high[:, 0] < width - margin) & (high[:, 1] < height - margin)
    order = np.lexsort((tracks.frame, tracks.id))
    edges = np.flatnonzero(np.diff(tracks.id[order])) + 1
    found = []
    for mine in np.split(order, edges):
        weight = 0.4 + 0.4 * min(1.0, len(mine) / 50)
        first, last = mine[0], mine[-1]
        if inner[last] and tracks.frame[last] < tracks.length - 1:
            found.append(_doubt(tracks, last, "ends", "ends in the middle of the picture", weight + 0.1))
        if inner[first] and tracks.frame[first] > 0:
            found.append(_doubt(tracks, first, "begins", "begins in the middle of the picture", weight))
    return found


def _steps(tracks: Tracks) -> list[Doubt]:
    before, after = steps_of(tracks)
    away = np.linalg.norm(tracks.center[after] - tracks.center[before], axis=1)
    waited = tracks.frame[after] - tracks.frame[before]
    areas = tracks.box_tlwh[:, 2:].prod(axis=1).clip(1e-6)
    growth = np.exp(np.abs(np.log(areas[after] / areas[before])))
    half = np.sqrt(areas[after]) / 2
    usual = _median_by_id(tracks.id[after], away / waited)
    found = []
    for k in np.flatnonzero((away / waited > JUMP * usual) & (away > half)):
        weight = 0.5 + 0.5 * min(1.0, away[k] / (8 * half[k]))
        found.append(_doubt(tracks, after[k], "jumps", f"jumps by {away[k]:.0f} px", weight))
    for k in np.flatnonzero(waited > 1):
        weight = 0.3 + 0.4 * min(1.0, waited[k] / 30)
        found.append(_doubt(tracks, after[k], "returns", f"returns after {_count(waited[k] - 1)} out of sight", weight))
    for k in np.flatnonzero(growth > GROWTH):
        grows = "grows" if areas[after[k]] > areas[before[k]] else "shrinks"
        weight = 0.3 + 0.3 * min(1.0, growth[k] / 6)
        found.append(_doubt(tracks, after[k], "size", f"{grows} {growth[k]:.1f} times in a step", weight))
    return found


def _count(frames: int) -> str:
    return "1 frame" if frames == 1 else f"{frames} frames"


def _median_by_id(identity: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The median of the values of each row's identity."""
    usual = np.zeros(len(values))
    order = np.argsort(identity, kind="stable")
    for mine in np.split(order, np.flatnonzero(np.diff(identity[order])) + 1):
        usual[mine] = np.median(values[mine]) if len(mine) else 0.0
    return usual


def _overlaps(tracks: Tracks) -> list[Doubt]:
    found = []
    for rows in frames_of(tracks):
        if len(rows) < 2:
            continue
        share = np.triu(box_iou(tracks.box_tlwh[rows], tracks.box_tlwh[rows]), k=1)
        for a, b in zip(*np.nonzero(share > OVERLAP), strict=True):
            words = f"shares {share[a, b]:.0%} with {tracks.id[rows[a]]}"
            found.append(_doubt(tracks, rows[b], "overlaps", words, 0.4 + 0.6 * float(share[a, b])))
    return found


def _doubt(tracks: Tracks, row: int, kind: str, words: str, weight: float) -> Doubt:
    name = int(tracks.id[row])
    return Doubt(kind, int(tracks.frame[row]), int(row), name, f"{name} {words}", float(weight))
