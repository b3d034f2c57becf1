"""Laws of parts: what is never seen but at a larger, longer-lived object belongs to it; neighbours never do."""

import numpy as np
import pytest

from scalor.tracking.masks import PatchMasks
from scalor.tracking.parts import owners
from scalor.tracking.second_pass import revise
from scalor.tracking.table import Rows

LENGTH = 40


def rows_of(tracks: dict[int, tuple[range, tuple[float, float, float, float]]]) -> Rows:
    """Things at rest relative to each other, all moving by 2 px per frame: frames and box at frame 0 of each."""
    found = sorted((frame, name, box) for name, (frames, box) in tracks.items() for frame in frames)
    frame, name = (np.array([each[k] for each in found], dtype=np.int64) for k in (0, 1))
    box = np.array([each[2] for each in found], dtype=float).reshape(-1, 4)
    box[:, 0] += 2.0 * frame
    return Rows(
        frame=frame,
        id=name,
        box_tlwh=box,
        score=np.full(len(found), 0.9),
        visibility=np.ones(len(found)),
        looks=np.zeros((len(found), 4), np.float16),
        area=box[:, 2:].prod(axis=1).astype(np.float32),
        seen=np.ones(LENGTH, dtype=bool),
        size=(240, 320),
    )


BODY = (range(LENGTH), (50.0, 50.0, 20.0, 60.0))
LEG = (range(10, 16), (66.0, 90.0, 14.0, 24.0))


def belongs(tracks: dict[int, tuple[range, tuple[float, float, float, float]]], part: int) -> set[int]:
    """The identities that the rows of ``part`` belong to."""
    rows = rows_of(tracks)
    into, _ = owners(rows, rows.id, np.ones(len(rows), dtype=bool))
    return {int(rows.id[row]) if row >= 0 else -1 for row in into[rows.id == part]}


def test_a_leg_beside_its_body_is_the_bodys_and_what_is_reported_holds_it():
    rows = rows_of({1: BODY, 2: LEG})
    revised = revise(rows)
    assert revised.parts == 1 and revised.dropped == 0
    assert set(revised.rows.id[revised.keep]) == {1} and revised.keep.sum() == LENGTH
    masks = []
    for frame in range(LENGTH):
        here = rows.box_tlwh[rows.frame == frame]
        patch = np.zeros((len(here), 64, 64), dtype=bool)
        for number, (_, _, wide, tall) in enumerate(here.astype(int).tolist()):
            patch[number, :tall, :wide] = True
        masks.append(PatchMasks(patch, here[:, 1::-1].astype(np.int64), rows.size))
    reports = list(revised.results(iter(masks)))
    for frame, report in enumerate(reports):
        (mask,) = report.masks.dense()
        assert mask.sum() == (1200 if frame not in LEG[0] else 1200 + 14 * 24 - 4 * 20)
        if frame in range(12, 14):  # smoothing moves edges elsewhere
            left, _, wide, tall = report.box_tlwh[0]
            assert left + wide >= 80 + 2 * frame - 2 and tall >= 60


@pytest.mark.parametrize(
    "other",
    [
        (range(10, 16), (70.0, 50.0, 20.0, 60.0)),  # as large
        (range(LENGTH), (70.0, 80.0, 10.0, 20.0)),  # stays as long as the body
        (range(10, 31), (70.0, 80.0, 10.0, 20.0)),  # or half of the time
        (range(10, 16), (90.0, 80.0, 10.0, 20.0)),  # is apart from it
    ],
    ids=["as large", "as long", "half as long", "apart"],
)
def test_neighbours_are_themselves(other):
    assert belongs({1: BODY, 2: other}, 2) == {2}


def test_what_leaves_the_body_is_itself():
    rows = rows_of({1: BODY, 2: LEG})
    rows.box_tlwh[(rows.id == 2) & (rows.frame > 12), 0] += 30.0
    into, _ = owners(rows, rows.id, np.ones(len(rows), dtype=bool))
    assert (into == np.arange(len(rows))).all()


def test_a_part_of_a_part_is_the_bodys():
    foot = (range(12, 14), (76.0, 112.0, 4.0, 4.0))
    assert belongs({1: BODY, 2: LEG, 3: foot}, 3) == {1}


def test_of_two_bodies_the_part_is_that_of_the_one_it_always_touches():
    near = (range(LENGTH), (83.0, 20.0, 20.0, 60.0))
    assert belongs({1: BODY, 2: LEG, 4: near}, 2) == {1}


def test_of_two_bodies_that_it_touches_the_part_is_that_of_the_one_whose_box_holds_it():
    larger = (range(LENGTH), (74.0, 10.0, 60.0, 100.0))
    inside = (range(10, 16), (54.0, 90.0, 18.0, 20.0))
    assert belongs({1: BODY, 2: inside, 4: larger}, 2) == {1}


def test_rows_that_do_not_count_own_nothing():
    rows = rows_of({1: BODY, 2: LEG})
    into, _ = owners(rows, rows.id, rows.id == 2)
    assert (into == np.arange(len(rows))).all()
    empty = rows_of({})
    assert len(owners(empty, empty.id, np.zeros(0, dtype=bool))[0]) == 0


def entering(*, grows: bool = True, ends: int = 20) -> Rows:
    """A car that enters: its roof (2) at first alone, then its body (1) below, which grows over the roof's place."""
    rows = rows_of({2: (range(4, ends), (50.0, 50.0, 40.0, 20.0)), 1: (range(8, LENGTH), (50.0, 70.0, 40.0, 30.0))})
    late = (rows.id == 1) & (rows.frame >= ends)
    if grows:
        rows.box_tlwh[late, 1] -= 20.0
        rows.box_tlwh[late, 3] += 20.0
    return rows


def test_a_roof_that_entered_first_is_its_cars():
    revised = revise(entering())
    assert revised.parts == 1
    assert set(revised.rows.id[revised.keep]) == {1}
    assert sorted(revised.rows.frame[revised.keep]) == list(range(4, LENGTH))


@pytest.mark.parametrize("rows", [entering(grows=False), entering(ends=37)], ids=["nobody takes its place", "lives on"])
def test_who_vanishes_beside_another_is_itself(rows):
    into, ids = owners(rows, rows.id, np.ones(len(rows), dtype=bool))
    assert (into == np.arange(len(rows))).all() and (ids == rows.id).all()


def test_who_leaves_the_view_beside_another_is_itself():
    rows = entering()
    rows.box_tlwh[:, 0] -= rows.box_tlwh[(rows.id == 2) & (rows.frame == 19), 0]
    into, _ = owners(rows, rows.id, np.ones(len(rows), dtype=bool))
    assert (into == np.arange(len(rows))).all()
