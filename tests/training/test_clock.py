"""Progress is a share of the steps, or of the minutes of training over all parts of a run."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.training.clock import PATIENCE, Clock


class Time:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@settings(deadline=None)
@given(st.integers(1, 10_000), st.integers(0, 20_000))
def test_with_steps_the_wall_clock_does_not_matter(steps: int, step: int) -> None:
    clock = Clock(steps=steps, now=lambda: math.nan)
    assert clock.progress(step) == min(1.0, step / steps)
    assert clock.over(step) == (step >= steps)


def test_with_minutes_the_time_of_earlier_parts_counts_and_the_pause_does_not() -> None:
    now = Time()
    clock = Clock(minutes=2.0, before=30.0, now=now)
    now.seconds += 1000
    clock.start()
    now.seconds += 30
    assert clock.elapsed == 60.0 and clock.progress(12345) == 0.5 and not clock.over(0)
    now.seconds += 60
    assert clock.over(0) and clock.minutes_left(0) == 0.0


def test_the_rest_of_a_number_of_steps_is_judged_by_the_pace_so_far() -> None:
    now = Time()
    clock = Clock(steps=10, now=now)
    clock.start()
    now.seconds += 60
    assert clock.minutes_left(5) == 1.0 and clock.minutes_left(0) == math.inf


def test_beside_other_programs_minutes_of_work_take_longer_but_not_for_ever() -> None:
    wall, work = Time(), Time()
    clock = Clock(minutes=1.0, now=wall, worked=work)
    clock.start()
    wall.seconds += 60
    work.seconds += 30  # the machine gave it half of its time
    assert clock.progress(0) == 0.5 and clock.pace == 0.5 and clock.minutes_left(0) == 1.0
    wall.seconds += 60
    work.seconds += 30
    assert clock.over(0)


def test_a_training_that_gets_next_to_nothing_still_ends() -> None:
    wall, work = Time(), Time()
    clock = Clock(minutes=1.0, now=wall, worked=work)
    clock.start()
    wall.seconds += 60 * PATIENCE
    assert clock.over(0)


def test_work_in_several_threads_counts_no_faster_than_the_wall() -> None:
    wall, work = Time(), Time()
    clock = Clock(minutes=1.0, now=wall, worked=work)
    clock.start()
    wall.seconds += 30
    work.seconds += 55
    assert clock.progress(0) == 0.5
