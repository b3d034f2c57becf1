"""Billiards: what physics keeps, and what it undoes when time runs backwards."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.data.collide import Box, advance, collide
from scalor.data.stage import bounce

BOX = Box(side=40.0, radius=4.0)


def scattered(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Places on a grid of 9 px, so that none overlap, and random velocities."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation(16)[:count]
    place = 6.0 + 9.0 * np.stack([cells % 4, cells // 4], -1) + rng.uniform(-0.4, 0.4, (count, 2))
    return place, rng.normal(0, 2, (count, 2))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(0, 12))
def test_energy_is_kept_nobody_overlaps_and_walls_hold(seed: int, count: int) -> None:
    place, speed = scattered(seed, count)
    energy = (speed**2).sum()
    for _ in range(30):
        place, speed = advance(place, speed, BOX)
        assert (speed**2).sum() == pytest.approx(energy, rel=1e-9)
        assert ((place >= BOX.radius - 1e-9) & (place <= BOX.side - BOX.radius + 1e-9)).all()
        one, other = np.triu_indices(count, 1)
        assert (np.linalg.norm(place[one] - place[other], axis=1) >= 2 * BOX.radius - 1e-7).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_momentum_is_kept_while_no_wall_is_near(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-7, 7)
    way, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    place = np.array([500 - 10 * way, 500 + 10 * way + offset * aside])
    speed = np.array([3 * way, -2 * way])
    after, faster = advance(place, speed, Box(1000.0, 4.0), time=8.0)
    assert not np.allclose(faster, speed), "they meet, as less than a diameter parts their ways"
    assert faster.sum(0) == pytest.approx(speed.sum(0), abs=1e-9)
    assert after.mean(0) == pytest.approx(place.mean(0) + 8 * speed.mean(0), abs=1e-9)


def test_who_is_hit_in_the_middle_takes_all() -> None:
    place, speed = np.array([[10.0, 20.0], [25.0, 20.0]]), np.array([[4.0, 0.0], [0.0, 0.0]])
    # Seven pixels part them: they touch after 1.75 frames, and the other goes on with what is left of the third.
    centers = collide(place, speed, BOX, frames=4)
    np.testing.assert_allclose(centers[:, 0], [[10, 20], [14, 20], [17, 20], [17, 20]])
    np.testing.assert_allclose(centers[:, 1], [[25, 20], [25, 20], [26, 20], [30, 20]])


@pytest.mark.parametrize("seed", range(5))
def test_backwards_in_time_everything_returns(seed: int) -> None:
    place, speed = scattered(seed, 6)
    after, faster = advance(place, speed, BOX, time=12.0)
    back, _ = advance(after, -faster, BOX, time=12.0)
    assert np.abs(after - place).max() > 1
    np.testing.assert_allclose(back, place, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_a_lone_disc_follows_the_closed_form(seed: int) -> None:
    place, speed = scattered(seed, 1)
    low, high = np.full((1, 2), BOX.radius), np.full((1, 2), BOX.side - BOX.radius)
    expected = bounce(place, 3 * speed, low, high, 40)
    np.testing.assert_allclose(collide(place, 3 * speed, BOX, frames=40), expected, atol=1e-9)


def test_discs_that_overlap_or_lie_in_a_wall_part_and_nothing_hangs() -> None:
    place = np.array([[10.0, 10.0], [13.0, 10.0], [1.0, 30.0], [10.0, 10.0]])
    speed = np.array([[1.0, 0.0], [-1.0, 0.0], [-1.0, 0.5], [0.5, 0.5]])
    after, faster = advance(place, speed, BOX, time=10.0)
    assert np.isfinite(after).all() and (faster**2).sum() == pytest.approx((speed**2).sum())
    assert np.linalg.norm(after[0] - after[1]) > 8 and after[2, 0] > 4


def test_no_disc_and_a_resting_one_are_legal() -> None:
    assert collide(np.zeros((0, 2)), np.zeros((0, 2)), BOX, frames=3).shape == (3, 0, 2)
    still = collide(np.array([[9.0, 9.0]]), np.zeros((1, 2)), BOX, frames=3)
    assert (still == 9.0).all()
