"""CLEAR-MOT on masks, by the rules of the Object-Centric Representation Benchmark (Weis et al. 2021)."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

FIRST, LAST = 2, 10
"""Frames FIRST .. LAST - 1 are scored: the benchmark leaves out the first two."""
LEAST_PIXELS = 6
"""Smaller masks, of either side, are left out."""
MATCH = 0.5
"""IoU of a match."""
GROUND = 0.2
"""Predicted masks that agree more than this with the true background are taken to be the background."""


@dataclass(frozen=True)
class MaskScores:
    """Shares of all true masks, but for motp, which is the mean IoU of the matched ones; NaN where there is nothing.

    mota       1 - missed - false - switched
    missed     true masks without a partner
    false      predicted masks without one
    switched   true masks whose partner is another than the last
    matched    the others
    """

    mota: float
    motp: float
    matched: float
    missed: float
    false: float
    switched: float
    masks: int

    def as_dict(self) -> dict[str, float | int | None]:
        """The scores by name, fit for JSON: NaN becomes None."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


def mask_scores(pairs: Sequence[tuple[np.ndarray, np.ndarray]], *, first: int = FIRST, last: int = LAST) -> MaskScores:
    """Totals over clips of (truth, predicted) maps int [T, H, W] that name the object of every pixel, -1: none.

    A pair matched in the frame before is kept while its IoU reaches `MATCH`; all others are matched to the largest
    total IoU. Raises ValueError where two maps have other shapes, or no frame is left to score.
    """
    from trackers.eval import aggregate_clear_metrics, compute_clear_metrics

    tallies = []
    for truth, predicted in pairs:
        if truth.shape != predicted.shape or len(truth) <= first:
            raise ValueError(
                f"maps of {truth.shape} and {predicted.shape} came; equal shapes of more than {first} frames are wanted"
            )
        found = [_frame(*maps) for maps in zip(truth[first:last], predicted[first:last], strict=True)]
        true_ids, ids, overlaps = (list(column) for column in zip(*found, strict=True))
        tallies.append(compute_clear_metrics(true_ids, ids, overlaps, MATCH))
    clear = aggregate_clear_metrics(tallies)
    hits, false, missed, switched = (int(clear[key]) for key in ("CLR_TP", "CLR_FP", "CLR_FN", "IDSW"))
    masks = hits + missed

    def share(part: int) -> float:
        return part / masks if masks else math.nan

    return MaskScores(
        mota=1.0 - share(missed + false + switched),
        motp=float(clear["MOTP_sum"]) / hits if hits else math.nan,
        matched=share(hits - switched),
        missed=share(missed),
        false=share(false),
        switched=share(switched),
        masks=masks,
    )


def _frame(truth: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Identities of a frame's true and predicted masks that count, and the IoU of every pair."""
    true_ids, ids = _large(truth), _large(predicted)
    masks, found = truth == true_ids[:, None, None], predicted == ids[:, None, None]
    ids = ids[_iou((truth < 0)[None], found)[0] <= GROUND]
    return true_ids, ids, _iou(masks, predicted == ids[:, None, None])


def _large(owner: np.ndarray) -> np.ndarray:
    ids, pixels = np.unique(owner[owner >= 0], return_counts=True)
    return ids[pixels >= LEAST_PIXELS].astype(np.int64)


def _iou(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """IoU of masks bool [N, H, W] and [M, H, W]: [N, M]."""
    pixels = one.shape[1] * one.shape[2]
    flat, against = (masks.reshape(len(masks), pixels).astype(np.float64) for masks in (one, other))
    shared = flat @ against.T
    union = flat.sum(1)[:, None] + against.sum(1)[None] - shared
    return shared / np.maximum(union, 1.0)
