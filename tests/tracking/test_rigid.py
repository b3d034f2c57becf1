"""Laws of pieces: what keeps its places and one silhouette on its way is one thing; who walks side by side never is."""

import numpy as np
import pytest

from scalor.tracking.masks import PatchMasks
from scalor.tracking.second_pass import revise
from scalor.tracking.table import Rows

LENGTH, SIDE = 40, 48


def rectangle(tall: int, wide: int) -> np.ndarray:
    """bool [SIDE, SIDE], a solid thing at the upper left."""
    patch = np.zeros((SIDE, SIDE), bool)
    patch[:tall, :wide] = True
    return patch


def corner_of(patch: np.ndarray, which: int) -> np.ndarray:
    """A rectangle at the upper left without its lower left, or its lower right corner, beyond the diagonal."""
    y, x = np.mgrid[:SIDE, :SIDE]
    wide = patch.any(axis=0).sum()
    return patch & ((x if which else wide - 1 - x) * patch.any(axis=1).sum() >= y * wide)


def walker(frame: int, phase: float) -> np.ndarray:
    """Who walks: a narrow head, a body, and two legs that part and meet; bool [SIDE, SIDE], 30 high and 12 wide."""
    patch = np.zeros((SIDE, SIDE), bool)
    patch[0:6, 4:8] = True
    patch[6:18, 2:10] = True
    apart = round(5 * abs(np.sin(0.5 * frame + phase)))
    patch[18:30, 5 - apart : 7 - apart] = True
    patch[18:30, 5 + apart : 7 + apart] = True
    return patch


def film(things, *, step=3.0):
    """Rows and masks of things (identity: frames, left, top, mask of a frame) that move by ``step`` px per frame."""
    rows, masks = [], []
    for frame in range(LENGTH):
        here = []
        for name, (when, left, top, mask) in things.items():
            if frame in when:
                patch = mask(frame)
                ys, xs = np.nonzero(patch)
                x, y = left(frame) if callable(left) else left, top
                box = (x + step * frame + xs.min(), y + ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1)
                here.append((frame, name, *box, (patch, (y, x + step * frame))))
        rows += here
        masks.append(
            PatchMasks(
                np.array([each[-1][0] for each in here]).reshape(-1, SIDE, SIDE),
                np.array([each[-1][1] for each in here], dtype=np.int64).reshape(-1, 2),
                (240, 320),
            )
        )
    box = np.array([each[2:6] for each in rows], float).reshape(-1, 4)
    table = Rows(
        frame=np.array([each[0] for each in rows], np.int64),
        id=np.array([each[1] for each in rows], np.int64),
        box_tlwh=box,
        score=np.full(len(rows), 0.9),
        visibility=np.ones(len(rows)),
        looks=np.zeros((len(rows), 4), np.float16),
        area=np.array([each[-1][0].sum() for each in rows], np.float32),
        seen=np.ones(LENGTH, bool),
        size=(240, 320),
    )
    return table, masks


ALL = range(LENGTH)
LORRY = {
    1: (ALL, 30, 60, lambda frame: rectangle(24, 40)),
    2: (range(2, LENGTH), 70, 60, lambda frame: rectangle(24, 38)),
}


def reported(things, **how):
    rows, masks = film(things, **how)
    revised = revise(rows, masks=lambda: iter(masks))
    return revised, list(revised.results(iter(masks)))


def test_two_halves_of_a_lorry_are_one_with_one_box_and_one_mask():
    revised, results = reported(LORRY)
    assert revised.parts == 1 and all(result.ids.tolist() == [1] for result in results)
    for frame, result in enumerate(results[3:-3], start=3):
        assert np.allclose(result.box_tlwh[0], [30 + 3 * frame, 60, 78, 24], atol=1.0)
        assert result.masks.dense()[0].sum() == 24 * 78
    first = results[0]
    assert first.masks.dense()[0].sum() == 24 * 40


def test_three_pieces_are_one():
    trailer = {**LORRY, 3: (range(4, LENGTH), 108, 60, lambda frame: rectangle(24, 30))}
    revised, results = reported(trailer, step=2.0)
    assert revised.parts == 2 and all(result.ids.tolist() == [1] for result in results)
    assert np.allclose(results[20].box_tlwh[0], [70, 60, 108, 24], atol=1.0)


def test_two_who_walk_side_by_side_are_two():
    pair = {
        1: (ALL, 40, 60, lambda frame: walker(frame, 0.0)),
        2: (ALL, 51, 60, lambda frame: walker(frame, 1.0)),
    }
    revised, results = reported(pair)
    assert revised.parts == 0 and all(result.ids.tolist() == [1, 2] for result in results)


@pytest.mark.parametrize(
    "other",
    [
        (ALL, 90, 60, lambda frame: rectangle(24, 40)),  # apart
        (ALL, lambda frame: 70 + 12 * np.sin(frame / 5), 60, lambda frame: rectangle(24, 40)),  # closes up, falls back
        (ALL, lambda frame: 55 + 14 * np.sin(frame / 5), 60, lambda frame: rectangle(24, 40)),  # passes beside
        (ALL, 70, 76, lambda frame: rectangle(24, 40)),  # beside: together they have notches
        (ALL, 70, 60, lambda frame: corner_of(rectangle(24, 40), frame % 2)),  # no silhouette stays
    ],
    ids=["apart", "closes up", "moves on the first", "notches", "another shape every time"],
)
def test_neighbours_are_themselves(other):
    revised, _ = reported({1: LORRY[1], 2: other})
    assert revised.parts == 0


def test_two_that_are_whole_together_and_change_their_shape_are_two():
    """Of a rectangle, a lens and a diamond, one after the other, each is one half."""

    def half(frame: int, right: bool) -> np.ndarray:
        y, x = np.mgrid[:24, :40] + 0.5
        patch = np.zeros((SIDE, SIDE), bool)
        patch[:24, :40] = np.abs(y / 12 - 1) <= (1 - x / 40 if right else x / 40) ** (frame % 3 / 2)
        return patch

    pair = {1: (ALL, 30, 60, lambda frame: half(frame, False)), 2: (ALL, 70, 60, lambda frame: half(frame, True))}
    assert reported(pair)[0].parts == 0
    still = {n: (*thing[:3], lambda frame, thing=thing: thing[3](1)) for n, thing in pair.items()}
    assert reported(still)[0].parts == 1


def test_what_does_not_travel_may_be_two_that_are_parked():
    revised, _ = reported(LORRY, step=0.0)
    assert revised.parts == 0


def test_on_a_belt_where_all_keep_their_places_boxes_that_touch_are_themselves():
    belt = {n: (ALL, 10 + 32 * n, 60, lambda frame: rectangle(24, 32)) for n in range(5)}
    revised, _ = reported(belt, step=3.0)
    assert revised.parts == 0


def test_a_lorry_among_cars_at_other_speeds_is_one():
    cars = {
        n: (
            ALL,
            lambda frame, n=n: 20 * n + (0.5 + 0.2 * n) * frame,
            20 + 100 * (n % 2),
            lambda frame: rectangle(20, 30),
        )
        for n in range(3, 6)
    }
    revised, _ = reported({**LORRY, **cars}, step=2.0)
    assert revised.parts == 1


def test_without_masks_and_with_a_known_number_nothing_is_put_together():
    rows, masks = film(LORRY)
    assert revise(rows).parts == 0
    assert revise(rows, individuals=2, masks=lambda: iter(masks)).parts == 0


def test_no_rows_have_no_pieces():
    rows, masks = film({})
    assert len(revise(rows, masks=lambda: iter(masks)).rows) == 0
