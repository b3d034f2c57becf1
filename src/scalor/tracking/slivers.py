"""Frames in which hardly anything of an object is seen, since something hides it that the model does not know."""

import numpy as np

from scalor.tracking.entrances import EDGE_PX
from scalor.tracking.table import Rows

AROUND = 25
"""Rows before and after that say what is usual."""


def usual(values: np.ndarray) -> np.ndarray:
    """The median of each value [L] and the `AROUND` before and after it, as far as there are any: [L]."""
    padded = np.pad(values, AROUND, constant_values=np.inf)
    ranked = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1), axis=1)
    place = np.arange(len(values))
    count = np.minimum(place, AROUND) + np.minimum(place[::-1], AROUND) + 1
    return (ranked[place, (count - 1) // 2] + ranked[place, count // 2]) / 2


def slivers(rows: Rows, ids: np.ndarray, keep: np.ndarray, min_visibility: float) -> np.ndarray:
    """Rows of which mask and box have less than the share ``min_visibility`` of their usual area: bool [R].

    What a mask leaves out of its object is its visibility; what leaves, a post or a fence hide is not in the mask at
    all, and the rest of it has a box of its own size. A box of the usual size with few pixels is no such rest. At the
    edge of the view such rows are an object that enters.

    Args:
        rows: of a first pass, with the boxes and areas of their parts.
        ids: int64 [R], identities.
        keep: bool [R], rows that count.
    """
    found = np.zeros(len(rows), bool)
    low, high = rows.box_tlwh[:, :2], rows.box_tlwh[:, :2] + rows.box_tlwh[:, 2:]
    edge = (low <= EDGE_PX).any(1) | (high >= np.array(rows.size[::-1]) - EDGE_PX).any(1)
    picked = np.flatnonzero(keep)
    picked = picked[np.lexsort((rows.frame[picked], ids[picked]))]
    areas = rows.area.astype(np.float64), rows.box_tlwh[:, 2:].prod(axis=1)
    for part in np.split(picked, np.flatnonzero(np.diff(ids[picked])) + 1):
        if len(part):
            found[part] = np.all([area[part] < min_visibility * usual(area[part]) for area in areas], axis=0)
    return found & ~edge
