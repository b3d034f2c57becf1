"""How well masks agree, from maps that name the owner of every pixel: int [T, H, W], -1 is background."""

import numpy as np
import torch

Owners = np.ndarray | torch.Tensor


def fg_ari(truth: Owners, predicted: Owners) -> float:
    """Adjusted Rand index over the pixels that belong to an object in the truth, in all frames together.

    Both maps are int [T, H, W] (or [H, W]) and carry the same number for one object in every frame, so a change of
    identity costs as much as a wrong outline. Predicted background is one more cluster. 1 is perfect, 0 is chance;
    NaN when the truth has no foreground. Raises ValueError when the shapes differ.
    """
    true, found = _flat_pair(truth, predicted)
    inside = true >= 0
    table = _contingency(true[inside], found[inside])
    total = table.sum()
    if total == 0:
        return float("nan")
    together, rows, cols = _pairs(table).sum(), _pairs(table.sum(axis=1)).sum(), _pairs(table.sum(axis=0)).sum()
    expected = rows * cols / max(_pairs(total), 1.0)
    largest = (rows + cols) / 2
    return 1.0 if largest == expected else float((together - expected) / (largest - expected))


def mean_iou(truth: Owners, predicted: Owners) -> float:
    """Mean IoU of object masks over the truth's objects, matched one to one by largest total IoU over the whole clip.

    Maps as in `fg_ari`; an object that is never found has 0; background is no object. NaN without truth objects.
    """
    from scipy.optimize import linear_sum_assignment

    true, found = _flat_pair(truth, predicted)
    if not (true >= 0).any():
        return float("nan")
    # Background is shifted to row and column 0, and cut off after the areas are known.
    table = _contingency(np.append(true, -1), np.append(found, -1))
    table[0, 0] -= 1
    shared = table[1:, 1:]
    union = table.sum(axis=1)[1:, None] + table.sum(axis=0)[None, 1:] - shared
    overlap = shared / np.maximum(union, 1)
    best = linear_sum_assignment(overlap, maximize=True)
    return float(overlap[best].sum() / len(overlap))


def _flat_pair(truth: Owners, predicted: Owners) -> tuple[np.ndarray, np.ndarray]:
    true, found = np.asarray(truth), np.asarray(predicted)
    if true.shape != found.shape:
        raise ValueError(f"owner maps of {true.shape} and {found.shape} came; equal shapes were wanted; resize one")
    return true.ravel().astype(np.int64), found.ravel().astype(np.int64)


def _contingency(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Counts of every pair of labels, float64 [labels of first, labels of second], labels in rising order."""
    rows, row_of = np.unique(first, return_inverse=True)
    cols, col_of = np.unique(second, return_inverse=True)
    counts = np.bincount(row_of * len(cols) + col_of, minlength=len(rows) * len(cols))
    return counts.reshape(len(rows), len(cols)).astype(np.float64)


def _pairs(count: np.ndarray) -> np.ndarray:
    return count * (count - 1) / 2
