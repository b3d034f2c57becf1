"""What is followed as one and is two is parted where a fresh look says so, and only there."""

from types import SimpleNamespace
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from scalor.tracking.splitting import followed_as_one, inherit


def slots(*boxes: tuple[float, float, float, float], sure: float = 1.0, names: tuple[int, ...] = ()) -> Any:
    """Objects with boxes (centre x, centre y, width, height)."""
    there = torch.ones(1, len(boxes), dtype=torch.bool)
    box = torch.tensor(boxes, dtype=torch.float32).reshape(1, -1, 4)
    ids = torch.tensor([names or tuple(range(len(boxes)))])
    return SimpleNamespace(box=box, alive=there, shown=there, confidence=sure * there.float(), id=ids)


PAIR = (50.0, 50.0, 44.0, 64.0)
LEFT, RIGHT = (39.0, 50.0, 22.0, 60.0), (61.0, 52.0, 22.0, 60.0)
FAR = (150.0, 50.0, 22.0, 60.0)


def test_a_box_around_two_is_two() -> None:
    assert followed_as_one(slots(PAIR, FAR), slots(LEFT, RIGHT, FAR)).tolist() == [True, False]


@given(st.floats(0.7, 1.4), st.floats(0.7, 1.4), st.floats(-4, 4), st.floats(-4, 4))
def test_one_that_is_found_as_one_stays(wide: float, high: float, x: float, y: float) -> None:
    again = (FAR[0] + x, FAR[1] + y, FAR[2] * wide, FAR[3] * high)
    assert not followed_as_one(slots(FAR, PAIR), slots(again)).any()


def test_two_that_are_followed_as_two_stay() -> None:
    assert not followed_as_one(slots(LEFT, RIGHT), slots(LEFT, RIGHT)).any()


def test_one_and_a_part_of_it_are_one() -> None:
    head, body = (150.0, 26.0, 12.0, 12.0), (150.0, 56.0, 22.0, 48.0)
    assert not followed_as_one(slots(FAR), slots(head, FAR)).any()
    assert not followed_as_one(slots(FAR), slots(head, body)).any(), "the body is nearly all of it"


def test_doubtful_things_part_nothing() -> None:
    assert not followed_as_one(slots(PAIR), slots(LEFT, RIGHT, sure=0.6)).any()
    assert not followed_as_one(slots(PAIR), slots()).any() and not followed_as_one(slots(), slots(LEFT)).any()


def test_two_over_each_other_are_not_two() -> None:
    near = (LEFT[0] + 8, *LEFT[1:])
    assert not followed_as_one(slots(PAIR), slots(LEFT, near)).any()


def test_the_nearest_new_one_keeps_the_name() -> None:
    after = slots(FAR, LEFT, RIGHT, names=(3, 8, 9))
    inherit(after, slots((46.0, 50.0, 40.0, 64.0), names=(7,)))
    assert after.id.tolist() == [[3, 7, 9]]
    inherit(after, None)
    assert after.id.tolist() == [[3, 7, 9]]
