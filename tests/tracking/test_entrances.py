"""What enters or leaves the view is reported from the first frame in which the edge shows enough of it."""

import numpy as np
import pytest

from scalor.tracking.second_pass import revise
from scalor.tracking.table import Rows

LENGTH, WIDTH, HEIGHT = 40, 200, 100
LONG = 40.0


def passing(*, edge: bool = True, named: int = 3, blank: int = -1) -> Rows:
    """A thing of 40 px enters at the left, 2 px a frame, or comes out in the middle from behind something."""
    frame = np.array([t for t in range(1, LENGTH) if t != blank])
    seen = np.minimum(2.0 * frame, LONG)
    right = 2.0 * frame if edge else 2.0 * frame + 50
    box = np.stack([right - seen, np.full(len(frame), 40.0), seen, np.full(len(frame), 20.0)], 1)
    ids = np.where(frame < 5, named, 3)
    many = np.ones(LENGTH, bool)
    if blank >= 0:
        many[blank] = False
    nothing = np.zeros((len(frame), 0), np.float16)
    area = (seen * 20).astype(np.float32)
    return Rows(frame, ids, box, np.full(len(frame), 0.99), seen / LONG, nothing, area, many, (HEIGHT, WIDTH))


def reported(rows: Rows, **how: float) -> list[int]:
    revised = revise(rows, **how)  # type: ignore[arg-type]
    assert set(revised.rows.id[revised.keep]) <= {3}
    return revised.rows.frame[revised.keep].tolist()


def test_at_the_edge_a_tenth_suffices() -> None:
    assert reported(passing()) == list(range(2, LENGTH))


def test_in_the_middle_a_quarter_is_wanted() -> None:
    assert reported(passing(edge=False)) == list(range(5, LENGTH))


def test_more_can_be_asked_for() -> None:
    assert reported(passing(), min_visibility=0.5) == list(range(4, LENGTH))
    assert reported(passing(), min_visibility=0.0) == list(range(1, LENGTH))


def test_another_that_was_there_before_stays_out() -> None:
    """What the first pass called otherwise is not known to be the same."""
    assert reported(passing(named=9)) == list(range(5, LENGTH))


def test_a_blank_frame_ends_nothing() -> None:
    assert reported(passing(blank=3)) == [2, *range(4, LENGTH)]


def test_leaving_is_entering_backwards() -> None:
    rows = passing()
    there = LENGTH - 1 - rows.frame[::-1]
    parts = {
        name: value[::-1] for name, value in vars(rows).items() if name in ("id", "box_tlwh", "visibility", "area")
    }
    back = Rows(**{**vars(rows), **parts, "frame": there})
    assert reported(back) == pytest.approx([LENGTH - 1 - t for t in range(LENGTH - 1, 1, -1)])
