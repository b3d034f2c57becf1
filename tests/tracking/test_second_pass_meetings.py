"""Laws of the second pass where objects hide each other, meet behind something, or begin in the dark."""

from dataclasses import replace

import numpy as np
import pytest

from scalor.tracking.encounters import Encounter, parting
from scalor.tracking.linking import Arrivals, Tracklet
from scalor.tracking.motion import Leg
from scalor.tracking.second_pass import revise
from scalor.tracking.table import Rows

from .rows_of import COLORS, LENGTH, name_at, others, path, table


def hidden(rows: Rows, name: int, frames: range, share: float) -> Rows:
    """The same with ``share`` of an object in view in some frames: its lower part, as behind a sign."""
    box, area = rows.box_tlwh.copy(), rows.area.copy()
    there = (rows.id == name) & np.isin(rows.frame, frames)
    box[there, 1] += (1 - share) * box[there, 3]
    box[there, 3] *= share
    area[there] *= share
    return replace(rows, box_tlwh=box, area=area)


def test_what_comes_out_from_behind_a_sign_as_another_is_the_one_that_went_behind_it() -> None:
    """Its legs are seen all the time and keep its name for a while; its head, which comes out first, gets a new one."""
    rows = table(
        others() | {1: path((60.0, 100.0), (2.0, 0.0), range(44)), 2: path((60.0, 100.0), (2.0, 0.0), range(40, 80))}
    )
    revised = revise(hidden(hidden(rows, 1, range(36, 44), 0.3), 2, range(40, 42), 0.4))
    assert name_at(revised, 20, 100.0, 100.0) == name_at(revised, 60, 180.0, 100.0) == 1
    frames = revised.rows.frame[revised.keep & (revised.rows.id == 1)]
    assert len(np.unique(frames)) == len(frames) == 80


def crossing(turned: bool) -> Rows:
    """Two that meet behind something narrow: the tracker loses one, goes on with the other, and finds a third."""
    right, left = path((20.0, 100.0), (2.0, 0.0), range(40)), path((180.0, 100.0), (-2.0, 0.0), range(39))
    goes_on = (
        path((20.0, 100.0), (2.0, 0.0), range(40, 80)) if turned else path((180.0, 100.0), (-2.0, 0.0), range(40, 80))
    )
    found = (
        path((180.0, 100.0), (-2.0, 0.0), range(46, 80)) if turned else path((20.0, 100.0), (2.0, 0.0), range(46, 80))
    )
    return hidden(table(others() | {1: np.concatenate([right, goes_on]), 2: left, 3: found}), 2, range(34, 39), 0.3)


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_that_meet_the_one_that_goes_on_is_the_one_that_went_that_way(turned: bool) -> None:
    revised = revise(crossing(turned))
    assert name_at(revised, 10, 40.0, 100.0) == name_at(revised, 70, 160.0, 100.0) == 1
    assert name_at(revised, 10, 160.0, 100.0) == name_at(revised, 70, 40.0, 100.0) == 2


def test_of_two_the_older_one_goes_on_straight_and_the_younger_is_the_other() -> None:
    """One that came with another in front of it is found where they part, and takes its name first."""
    old = np.concatenate([path((20.0, 100.0), (2.0, 0.0), range(40)), path((180.0, 100.0), (-2.0, 0.0), range(40, 80))])
    young = path((20.0, 100.0), (2.0, 0.0), range(40, 80))
    revised = revise(table(others() | {1: old, 2: young}))
    assert name_at(revised, 10, 40.0, 100.0) == name_at(revised, 70, 160.0, 100.0) == 1
    assert name_at(revised, 70, 40.0, 100.0) == 2


def behind_a_post() -> tuple[Rows, dict[str, tuple[int, float, float]]]:
    """Two walk towards each other and cross behind a post: the track of the one (1) comes out with the other, whose own
    track (2) ended behind the post, and the one comes out as a new object (3)."""
    right, left = (path((x, 110.0), (step, 0.0), range(LENGTH)) for x, step in ((30.0, 3.0), (270.0, -3.0)))
    turned = np.concatenate([right[:40], path((145.0, 110.0), (0.0, 0.0), range(40, 44)), left[44:]])
    rows = table(
        {**others(), 1: turned, 2: left[:35], 3: right[50:]},
        {**COLORS, 1: 1.0, 2: -1.0, 3: 1.0},
    )
    late = (rows.id == 1) & (rows.frame > 42)
    looks = rows.looks.copy()
    looks[late] = looks[late] - np.float16(2.0)
    return replace(rows, looks=looks), {"right": (70, 240.0, 110.0), "left": (70, 60.0, 110.0)}


def test_two_that_cross_behind_a_post_are_told_apart_though_one_is_lost_and_one_is_new() -> None:
    rows, later = behind_a_post()
    revised = revise(rows)
    assert name_at(revised, *later["right"]) == name_at(revised, 10, 60.0, 110.0)
    assert name_at(revised, *later["left"]) == name_at(revised, 10, 240.0, 110.0)


def test_identities_change_hands_where_the_ways_of_the_two_part() -> None:
    """The tracks go on in the wrong place a good while before the meeting ends."""
    one = Leg(
        np.arange(41), np.stack([np.arange(41.0), np.r_[np.arange(18.0), 40 - np.arange(18.0, 41)]], 1), np.ones(2)
    )
    other = Leg(one.frame, np.stack([one.center[:, 0], 40 - one.center[:, 1]], 1), np.ones(2))
    pair = [Tracklet(n, leg.frame, leg, np.zeros((41, 1)), np.zeros((41, 4))) for n, leg in enumerate((one, other))]
    assert parting(Encounter(0, 1, 10, 30), pair) == 17


def test_what_is_there_when_a_film_begins_dark_has_not_arrived():
    frames, box = np.arange(3, 9), np.tile([60.0, 40.0, 9.0, 9.0], (6, 1))
    one = Tracklet(0, frames, Leg(frames, box[:, :2] + 4.5, np.array([9.0, 9.0])), np.zeros((6, 1)), box)
    dark, bright = (np.cumsum(np.arange(12) >= first) for first in (3, 0))
    assert (
        Arrivals.learn([one], clock=dark, size=(100, 200)).inside
        < Arrivals.learn([one], clock=bright, size=(100, 200)).inside
    )
