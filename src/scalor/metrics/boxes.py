"""Arithmetic on numpy boxes (left, top, width, height) and on the rows of one frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scalor.core.tracks import Tracks

LEAST_VISIBLE = 0.25
"""Share of an object that must be seen before it is asked for."""


@dataclass(frozen=True)
class FrameRows:
    """The rows of one frame: id int64 [R], box_tlwh float64 [R, 4], center float64 [R, 2]."""

    id: np.ndarray
    box_tlwh: np.ndarray

    @property
    def center(self) -> np.ndarray:
        """Box centres (x, y), float64 [R, 2]."""
        return self.box_tlwh[:, :2] + self.box_tlwh[:, 2:] / 2

    def __len__(self) -> int:
        return len(self.id)


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair of boxes: [N, 4] tlwh and [M, 4] tlwh -> [N, M]; 0 without any area."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum((first[:, :2] + first[:, 2:])[:, None], (second[:, :2] + second[:, 2:])[None])
    shared = np.clip(high - low, 0.0, None).prod(axis=-1)
    union = first[:, 2:].prod(axis=-1)[:, None] + second[:, 2:].prod(axis=-1)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def center_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Euclidean distance of every pair of points: [N, 2] and [M, 2] -> [N, M], in the points' unit."""
    return np.linalg.norm(first[:, None] - second[None], axis=-1)


def frames_of(tracks: Tracks, first: int, last: int) -> Iterator[FrameRows]:
    """The rows of frames ``first`` .. ``last - 1`` in turn; the table may be in any order."""
    return rows_at(tracks, np.arange(first, last))


def rows_at(tracks: Tracks, frames: np.ndarray) -> Iterator[FrameRows]:
    """The rows of these frames, int64 [F], in turn; the table may be in any order."""
    order = np.argsort(tracks.frame, kind="stable")
    sides: tuple[Literal["left"], Literal["right"]] = ("left", "right")
    begins, ends = (np.searchsorted(tracks.frame[order], frames, side) for side in sides)
    for begin, end in zip(begins, ends, strict=True):
        rows = order[begin:end]
        yield FrameRows(id=tracks.id[rows], box_tlwh=tracks.box_tlwh[rows])


def without_hidden(truth: Tracks, tracks: Tracks, *, min_visibility: float = LEAST_VISIBLE, iou: float = 0.5) -> Tracks:
    """The tracks without the rows that sit on truth objects seen by less than ``min_visibility``.

    MOTChallenge's rule for objects that are there but hardly visible: finding them is neither asked for nor an error.
    All rows of a frame are assigned to all truth rows by IoU (at least ``iou``, as many as possible, then the best);
    those that end up on a hidden one are dropped.
    """
    from scipy.optimize import linear_sum_assignment

    keep = np.ones(len(tracks), dtype=bool)
    for frame in np.unique(truth.frame[truth.visibility < min_visibility]):
        there, rows = np.flatnonzero(truth.frame == frame), np.flatnonzero(tracks.frame == frame)
        overlap = box_iou(truth.box_tlwh[there], tracks.box_tlwh[rows])
        value = np.where(overlap >= iou, 1.0 + overlap, 0.0)
        first, second = linear_sum_assignment(value, maximize=True)
        on_hidden = (value[first, second] > 0) & (truth.visibility[there[first]] < min_visibility)
        keep[rows[second[on_hidden]]] = False
    return tracks.select(keep)
