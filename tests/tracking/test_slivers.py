"""Laws of what is hardly seen: pieces between leaves have no box, what enters the view has one."""

from dataclasses import replace

import numpy as np
import pytest

from scalor.tracking.second_pass import revise

from .rows_of import COLORS, LENGTH, others, path, table


def _shrunk(start, frames, share, *, boxes=True):
    """Rows of an object of which the share is seen in some frames, and those rows; or the share of its mask alone."""
    rows = table({**others(), 1: path(start, (0.5, 0.0), range(LENGTH))}, COLORS)
    few = (rows.id == 1) & np.isin(rows.frame, frames)
    box = rows.box_tlwh.copy()
    box[few, 3] *= share if boxes else 1
    return replace(rows, area=np.where(few, share * rows.area, rows.area).astype(np.float32), box_tlwh=box), few


@pytest.mark.parametrize(("share", "reported"), [(0.1, False), (0.24, False), (0.3, True)])
def test_less_than_a_quarter_of_what_is_usual_has_no_box(share, reported):
    rows, few = _shrunk((100.0, 200.0), range(30, 40), share)
    revised = revise(rows)
    assert revised.keep[few].all() if reported else not revised.keep[few].any()
    assert revised.keep[~few].all() and len(np.unique(revised.rows.id)) == 5


def test_a_whole_box_whose_pixels_somebody_else_has_stays():
    rows, _ = _shrunk((100.0, 200.0), range(30, 40), 0.1, boxes=False)
    assert revise(rows).keep.all()


def test_whoever_asks_for_all_gets_all():
    rows, _ = _shrunk((100.0, 200.0), range(30, 40), 0.1)
    assert revise(rows, min_visibility=0.0).keep.all()


def test_little_at_the_edge_of_the_view_enters():
    rows, few = _shrunk((0.0, 200.0), range(3), 0.1)
    assert revise(rows).keep[few].all()


def test_what_is_always_small_is_usual():
    rows, few = _shrunk((100.0, 200.0), range(LENGTH), 0.1)
    assert revise(rows).keep[few].all()
