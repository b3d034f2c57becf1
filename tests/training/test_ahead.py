"""Batches that are made ahead are the same batches, come in order, and leave no thread behind."""

import threading

import pytest

from scalor.training.ahead import DEPTH, Ahead


def batches() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_every_batch_is_that_of_its_step_and_length_whatever_was_made_before() -> None:
    asked = [(0, 2), (1, 2), (2, 4), (3, 4), (3, 4), (9, 4), (4, 2)]
    with Ahead(lambda step, frames: (step, frames)) as ahead:
        assert [ahead(*each) for each in asked] == asked
    assert not batches()


def test_the_next_steps_are_under_way_and_none_after_the_last() -> None:
    made: list[tuple[int, int]] = []

    def make(step: int, frames: int) -> int:
        made.append((step, frames))
        return step

    with Ahead(make, last=4) as ahead:
        for step in range(4):
            ahead(step, 3)
    assert sorted(made) == [(step, 3) for step in range(4)], "each once, and nothing beyond the last"


def test_batches_are_made_while_the_caller_computes() -> None:
    ready = threading.Event()
    with Ahead(lambda step, frames: ready.set() if step == DEPTH else None) as ahead:
        ahead(0, 1)
        assert ready.wait(10.0), "nobody asked for this one yet"


def test_an_error_comes_up_where_its_batch_is_asked_for() -> None:
    def make(step: int, frames: int) -> int:
        if step == 1:
            raise ValueError("clip 7 is too short")
        return step

    with Ahead(make) as ahead:
        assert ahead(0, 1) == 0
        with pytest.raises(ValueError, match="clip 7"):
            ahead(1, 1)
        assert ahead(2, 1) == 2
    assert not batches()
