"""What comes apart in two is two as long as it is one blob, and what only changes, or loses an arm, is one."""

import numpy as np
import pytest

from scalor.core.geometry import WhereConfig
from scalor.training import usual_box
from scalor.training.box_prior import fitted_where
from scalor.training.components import Components, pairs_among
from scalor.training.foreground_blobs import ROOM
from scalor.training.usual_box import UsualBox


def frame(*boxes: tuple[int, int, int, int]) -> Components:
    """A frame of 40 x 60 px with boxes (left, top, width, height)."""
    mask = np.zeros((40, 60), bool)
    for left, top, width, height in boxes:
        mask[top : top + height, left : left + width] = True
    return Components.of(mask)


APART = [(10, 10, 8, 8), (20, 10, 8, 8)]
TOGETHER = [(11, 10, 16, 8)]


def test_a_blob_is_a_pair_before_it_comes_apart_and_after_two_have_met() -> None:
    film = [frame(*APART), frame(*TOGETHER), frame(*TOGETHER), frame(*APART)]
    assert [each.tolist() for each in pairs_among(film)] == [[False, False], [True], [True], [False, False]]
    film = [frame(*TOGETHER), frame(*TOGETHER), frame(*APART)]
    assert [each.tolist() for each in pairs_among(film)] == [[True], [True], [False, False]]


def test_one_that_stays_one_is_no_pair_however_large() -> None:
    assert not any(
        each.any() for each in pairs_among([frame(*TOGETHER), frame((12, 11, 16, 8)), frame((13, 12, 15, 8))])
    )


@pytest.mark.parametrize("rest", [[(10, 10, 16, 8), (27, 12, 2, 6)], [(10, 10, 5, 4), (20, 10, 4, 4)]])
def test_a_part_that_is_small_and_one_that_vanishes_make_no_pair(rest: list[tuple[int, int, int, int]]) -> None:
    assert not any(each.any() for each in pairs_among([frame((10, 10, 19, 8)), frame(*rest)]))


def test_specks_and_empty_frames_are_nothing() -> None:
    film = [frame((5, 5, 2, 2)), frame(), frame(*APART)]
    assert [len(each.area) for each in film] == [0, 0, 2]
    assert [len(each) for each in pairs_among(film)] == [0, 0, 2]
    assert film[2].whole.all() and film[2].box.tolist() == [[14.0, 14.0, 8.0, 8.0], [24.0, 14.0, 8.0, 8.0]]


def test_sizes_that_were_measured_among_pairs_are_measured_without_them() -> None:
    """Two thirds of all blobs are pairs: boxes get the single ones' size, and no pair's."""
    where = WhereConfig(size=24.0, size_range=0.5, ratio=1.0, ratio_range=0.5, scale="log")
    rng = np.random.default_rng(0)
    side = np.where(np.arange(300) < 100, 14.0, 20.0) * np.exp(rng.normal(0, 0.03, 300))
    place = rng.uniform(20, 180, (300, 2))
    boxes, pairs = np.column_stack([place, side, side]), np.arange(300) >= 100
    rule = usual_box.rule_of(boxes, pairs, where, 200)
    assert np.exp(rule.middle) == pytest.approx(14.0, rel=0.05)
    made = fitted_where(where, [rule])
    assert made.sizes[1] < 20.0 * ROOM
    unflagged = usual_box.rule_of(boxes, np.zeros(300, bool), where, 200)
    assert unflagged.reach == np.inf and fitted_where(where, [unflagged]).size == 24.0
    assert fitted_where(where, [rule, UsualBox()]) == where, "one video of which nothing is known"
