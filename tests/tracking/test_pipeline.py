"""Stages in threads keep the order, hold little, hand errors on, and are gone afterwards."""

import threading
import time
from collections.abc import Iterator

import pytest

from scalor.tracking.pipeline import WAITING, beside, prefetched


def test_items_come_in_order_and_few_are_fetched_ahead():
    fetched = 0

    def numbers() -> Iterator[int]:
        nonlocal fetched
        for number in range(1, 51):
            fetched = number
            yield number

    taken = []
    with prefetched(numbers()) as items:
        for item in items:
            taken.append(item)
            time.sleep(0.001)
            assert fetched <= len(taken) + WAITING + 2
    assert taken == list(range(1, 51))


def test_work_is_done_in_order_and_all_of_it_when_the_block_ends():
    done: list[int] = []
    with beside(done.append) as sink:
        for number in range(50):
            sink.put(number)
    assert done == list(range(50))


def test_an_error_comes_out_where_items_are_taken_after_those_before_it():
    def two() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("the third is broken")

    taken = []
    with pytest.raises(ValueError, match="third"), prefetched(two()) as items:
        taken += [items.__next__(), items.__next__()]
        next(items)
    assert taken == [1, 2]


@pytest.mark.parametrize("at", [0, 3, 19])
def test_an_error_in_the_work_comes_out_of_the_block_and_later_work_is_not_done(at):
    done: list[int] = []

    def work(number: int) -> None:
        if number == at:
            raise ValueError(f"broke at {number}")
        done.append(number)

    with pytest.raises(ValueError, match=f"broke at {at}"), beside(work) as sink:
        for number in range(20):
            sink.put(number)
    assert done == list(range(at))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_threads_end_whoever_breaks_off(error):
    before = threading.active_count()
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    with pytest.raises(error), prefetched(endless()) as items, beside(lambda _: time.sleep(0.001)) as sink:
        for count, item in enumerate(items):
            sink.put(item)
            if count == 10:
                raise error
    assert threading.active_count() == before and closed.wait(1.0)
