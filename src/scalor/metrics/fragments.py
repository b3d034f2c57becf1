"""How often a truth object is lost and found again."""

from collections.abc import Sequence

import numpy as np

KEPT = 1000.0
"""What a pair of the frame before is worth more than any similarity."""


def fragments(
    truth_ids: Sequence[np.ndarray], ids: Sequence[np.ndarray], similarity: Sequence[np.ndarray], threshold: float
) -> int:
    """Times a truth object is found again after frames in which it is there and is not found.

    Frames in which it is not there are no gap. Pairs are those of CLEAR-MOT in the `trackers` library, whose own count
    overlooks gaps in which nothing at all is reported. Ids int64 [N] and [M] and similarities [N, M] of every frame.
    """
    partner: dict[int, int] = {}
    found: dict[int, bool] = {}
    count = 0
    for rows, columns, scores in zip(truth_ids, ids, similarity, strict=True):
        if len(rows) and len(columns):
            partner = _pairs(rows, columns, scores, threshold, partner)
        matched = partner.keys() if len(columns) else ()
        for row in rows.tolist():
            # Only an object that was found before has an entry.
            if row in matched:
                count += not found.get(row, True)
                found[row] = True
            elif row in found:
                found[row] = False
    return count


def _pairs(
    rows: np.ndarray, columns: np.ndarray, scores: np.ndarray, threshold: float, before: dict[int, int]
) -> dict[int, int]:
    """{truth id: id} of one frame; pairs of the frame before are kept inside the gate."""
    from scipy.optimize import linear_sum_assignment

    kept = columns[None] == np.array([before.get(row, columns.min() - 1) for row in rows.tolist()])[:, None]
    worth = np.where(scores >= threshold, scores + KEPT * kept, 0.0)
    at, to = linear_sum_assignment(-worth)
    good = worth[at, to] > 0
    return dict(zip(rows[at[good]].tolist(), columns[to[good]].tolist(), strict=True))
