"""Groups are taken apart by the outline of single objects, and only groups."""

import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scalor.core.geometry import WhereConfig
from scalor.training.bootstrap import labels_of
from scalor.training.foreground_blobs import blobs_of, layered
from scalor.training.groups import COLUMNS, ROWS, members, outline_of

WIDTH, HEIGHT = 14, 30


def walker(stride: float = 0.0) -> np.ndarray:
    """A head, a body with arms, and two legs, bool [30, 14]."""
    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(image, (7, 4), (3, 4), 0, 0, 360, 1, -1)
    cv2.rectangle(image, (2, 9), (11, 19), 1, -1)
    cv2.rectangle(image, (0, 11), (13, 14), 1, -1)
    for side in (-1, 1):
        cv2.line(image, (7 + 2 * side, 18), (round(7 + (3 + stride) * side), HEIGHT - 1), 1, 3)
    return image > 0


def together(*places: tuple[int, int], shape: tuple[int, int] = (64, 80)) -> np.ndarray:
    """Walkers with their left upper corners at places (x, y), bool [H, W]."""
    mask = np.zeros(shape, bool)
    for k, (x, y) in enumerate(places):
        mask[y : y + HEIGHT, x : x + WIDTH] |= walker(0.5 * k)
    return mask


def tight(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


OUTLINE = np.array(outline_of([tight(walker(k)) for k in (0.0, 0.5, 1.0)]), np.float32)


def test_an_outline_is_what_most_fill_of_their_boxes() -> None:
    assert OUTLINE.shape == (ROWS, COLUMNS) and set(OUTLINE.ravel()) == {0.0, 1.0}
    assert OUTLINE[0, 0] == 0.0 and OUTLINE[ROWS // 2, COLUMNS // 2] == 1.0
    assert outline_of([]) == ()


@given(dx=st.integers(8, 13), dy=st.integers(-10, 10))
def test_two_who_touch_are_two_wherever_the_second_is(dx: int, dy: int) -> None:
    mask = tight(together((20, 15), (20 + dx, 15 + dy)))
    found = members(mask, WIDTH, HEIGHT, OUTLINE)
    assert len(found) == 2
    left, right = found[np.argsort(found[:, 0])]
    assert right[0] - left[0] == pytest.approx(dx, abs=4) and right[1] - left[1] == pytest.approx(dy, abs=5)
    assert found[:, 2:].tolist() == [[WIDTH, HEIGHT]] * 2


def test_three_in_a_row_are_three() -> None:
    found = members(tight(together((5, 10), (17, 14), (29, 9))), WIDTH, HEIGHT, OUTLINE)
    assert len(found) == 3
    assert np.diff(np.sort(found[:, 0])) == pytest.approx([12, 12], abs=4)


@given(size=st.floats(0.8, 2.0), stretch=st.floats(0.8, 1.3))
def test_one_is_no_group_however_large(size: float, stretch: float) -> None:
    one = tight(walker()).astype(np.uint8)
    mask = cv2.resize(one, None, fx=size * stretch, fy=size / stretch, interpolation=cv2.INTER_NEAREST) > 0
    assert len(members(mask, WIDTH, HEIGHT, OUTLINE)) == 0


def test_a_lorry_is_no_two_cars() -> None:
    car = np.ones((14, 30), bool)
    outline = np.array(outline_of([car]), np.float32)
    assert len(members(np.ones((14, 60), bool), 30, 14, outline)) == 0
    assert len(members(np.ones((1, 3), bool), 30, 14, outline)) == 0


WHERE = WhereConfig(size=21.0, size_range=0.6, ratio=2.0, ratio_range=0.5, scale="log")
RULE = (0.5 * math.log(WIDTH * HEIGHT), 0.0, 0.2, 0.0, math.log(HEIGHT / WIDTH))


def test_a_pair_teaches_two_objects_in_their_places() -> None:
    mask = together((20, 15), (31, 20))
    assert len(blobs_of(mask, WHERE, RULE).single) == 0, "without an outline nothing is known of it"
    found = blobs_of(mask, WHERE, RULE, OUTLINE)
    assert len(found.every) == 1 and len(found.single) == 2 and found.known.all()
    assert sorted(found.single[:, 0].tolist()) == pytest.approx([27, 38], abs=3)
    places = np.stack(np.meshgrid(np.arange(4, 80, 8), np.arange(4, 64, 8)), -1).reshape(-1, 2)
    labels = labels_of([found], torch.tensor(places, dtype=torch.float32), cell=8)
    assert labels.present.sum() == 2 and len(labels.box) == 2


def test_what_the_view_cuts_off_is_not_taken_apart() -> None:
    assert len(blobs_of(together((1, 15), (12, 20))[:, 4:], WHERE, RULE, OUTLINE).single) == 0


def test_each_layer_is_taken_apart_by_itself() -> None:
    front, back = together((50, 15)), together((10, 15), (21, 20))
    found = layered(front, back, WHERE, RULE, OUTLINE)
    assert len(found.single) == 3
