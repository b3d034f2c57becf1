"""Schedules are pure functions of the step and of progress."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.core.schedule import Recipe, clip_length, ema_decay, knobs_at, learning_rate

RECIPE = Recipe(
    lr=1e-2,
    warmup=10,
    lr_final=0.1,
    lengths=((0.0, 2), (0.5, 4)),
    temperature=0.3,
    temperature_steps=100,
    birth=(0.1, 1e-3),
    birth_steps=50,
    detach_until=0.2,
    discover_dropout=0.3,
    dropout_until=0.4,
    background_steps=5,
)


@settings(max_examples=30, deadline=None)
@given(step=st.integers(0, 10**6), progress=st.floats(0, 1))
def test_the_same_step_gives_the_same_knobs_in_any_order(step: int, progress: float) -> None:
    first = knobs_at(RECIPE, step, progress)
    knobs_at(RECIPE, 0, 0.0)
    assert knobs_at(RECIPE, step, progress) == first
    assert 0.3 - 1e-9 <= first.temperature <= 1.0 and 1e-3 - 1e-9 <= first.birth <= 0.1 + 1e-9
    assert 0 < learning_rate(RECIPE, step, progress) <= RECIPE.lr and 0 < ema_decay(RECIPE, step) <= RECIPE.ema


def test_anneals_start_and_end_where_they_should() -> None:
    first, middle, last = (knobs_at(RECIPE, step, 0.5) for step in (0, 50, 1000))
    assert (first.temperature, first.birth) == (1.0, 0.1)
    assert middle.temperature == pytest.approx(math.sqrt(0.3)) and middle.birth == pytest.approx(1e-3)
    assert last.temperature == pytest.approx(0.3) and last.birth == pytest.approx(1e-3)


def test_switches_turn_at_their_moments() -> None:
    assert knobs_at(RECIPE, 9, 0.19).detach and not knobs_at(RECIPE, 9, 0.2).detach
    assert knobs_at(RECIPE, 9, 0.39).discover_dropout == 0.3 and knobs_at(RECIPE, 9, 0.4).discover_dropout == 0.0
    assert (
        knobs_at(RECIPE, 4, 0.0).alpha_override == RECIPE.background_alpha
        and knobs_at(RECIPE, 5, 0.0).alpha_override is None
    )
    assert [clip_length(RECIPE, 0, progress) for progress in (0.0, 0.49, 0.5, 1.0)] == [2, 2, 4, 4]


def test_the_learning_rate_warms_up_and_ends_at_its_share() -> None:
    assert learning_rate(RECIPE, 0, 0.0) == pytest.approx(1e-3)
    assert learning_rate(RECIPE, 9, 0.0) == pytest.approx(1e-2)
    assert learning_rate(RECIPE, 10**5, 1.0) == pytest.approx(1e-3)
    assert learning_rate(RECIPE, 10**5, 7.0) == pytest.approx(1e-3), "progress past the end stays at the end"


def test_the_weight_average_forgets_its_first_weights() -> None:
    assert ema_decay(RECIPE, 0) == pytest.approx(0.1) and ema_decay(RECIPE, 10**6) == RECIPE.ema
    assert ema_decay(Recipe(ema=0.0), 10**6) == 0.0


def test_carrying_ends_and_zero_is_no_first_birth() -> None:
    recipe = Recipe(carry_until=0.1)
    assert knobs_at(recipe, 3, 0.09).carry and not knobs_at(recipe, 3, 0.1).carry
    assert knobs_at(recipe, 3, 0.5).first_birth is None
    assert knobs_at(Recipe(first_birth=0.2), 3, 0.5).first_birth == 0.2


def test_the_second_half_is_blind_now_and_then() -> None:
    recipe = Recipe(lengths=((0.0, 2), (0.5, 8)), blind_every=4, blind_frames=((0.0, 4), (0.7, 12)))
    assert [knobs_at(recipe, step, 0.6).sighted for step in range(5)] == [None, None, None, 4, None]
    assert knobs_at(recipe, 3, 0.1).sighted is None
    assert [clip_length(recipe, step, 0.6) for step in range(5)] == [8] * 5
    assert [clip_length(recipe, step, 0.7) for step in range(5)] == [8, 8, 8, 16, 8]
    assert knobs_at(recipe, 3, 0.7).sighted == 4
    assert clip_length(recipe, 3, 0.1) == 2
    assert all(knobs_at(Recipe(blind_every=0), step, 0.9).sighted is None for step in range(8))
