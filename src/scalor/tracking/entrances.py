"""What enters the view or leaves it, in the frames in which only a small part of it is in view yet, or still."""

import numpy as np

from scalor.tracking.table import Rows

AT_EDGE = 0.4
"""Share of what must be seen of an object that suffices at the edge of the view, where its track goes on."""
EDGE_PX = 2.0
"""So near to the edge of the view a box ends that the view cuts off."""


def at_the_edge(rows: Rows, ids: np.ndarray, keep: np.ndarray, min_visibility: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows that are reported beside those kept, bool [R], and identities with theirs, int64 [R].

    Of a track that begins or ends at the edge of the view these are the rows of the same object right before or after,
    one frame after the other, at the edge, too, of which enough is seen. In the middle of the view little of an object
    is seen because something hides it, and where its box ends is then a guess; the edge hides nothing that is in view.
    """
    more, named = np.zeros(len(rows), bool), ids.copy()
    low, high = rows.box_tlwh[:, :2], rows.box_tlwh[:, :2] + rows.box_tlwh[:, 2:]
    edge = (low <= EDGE_PX).any(1) | (high >= np.array(rows.size[::-1]) - EDGE_PX).any(1)
    free = ~keep & edge & (rows.visibility >= AT_EDGE * min_visibility)
    clock = np.cumsum(rows.seen)[rows.frame]
    place = {(int(rows.id[row]), int(clock[row])): int(row) for row in np.flatnonzero(free)}
    kept = np.flatnonzero(keep)
    kept = kept[np.lexsort((clock[kept], ids[kept]))]
    turns = np.flatnonzero(np.diff(ids[kept])) + 1
    firsts, lasts = kept[np.r_[0, turns]] if len(kept) else kept, kept[np.r_[turns - 1, -1]] if len(kept) else kept
    for ends, step in ((firsts, -1), (lasts, 1)):
        for end in ends[edge[ends]]:
            when = int(clock[end]) + step
            while (row := place.pop((int(rows.id[end]), when), None)) is not None:
                more[row], named[row], when = True, ids[end], when + step
    return more, named
