"""Progress is a share of the steps, or of the minutes of training over all parts of a run."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.training.clock import Clock


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
