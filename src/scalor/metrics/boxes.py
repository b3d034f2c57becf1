"""Arithmetic on numpy boxes (left, top, width, height) and on the rows of one frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scalor.core.tracks import Tracks


@dataclass(frozen=True)
class FrameRows:
    """The rows of one frame: id int64 [R], box_tlwh float64 [R, 4], center float64 [R, 2]."""

    id: np.ndarray
    box_tlwh: np.ndarray

    @property
    def center(self) -> np.ndarray:
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
    order = np.argsort(tracks.frame, kind="stable")
    edges = np.searchsorted(tracks.frame[order], np.arange(first, last + 1))
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        rows = order[begin:end]
        yield FrameRows(id=tracks.id[rows], box_tlwh=tracks.box_tlwh[rows])
