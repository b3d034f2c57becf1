"""The stage against slow, obvious twins: step-by-step motion, pixel-by-pixel painting, counting by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scalor.data.stage import Cast, bounce, launch, paint, perform, renew_ids, witness


def random_cast(seed: int, *, frames: int = 3, count: int = 5, side: int = 4, view: int = 9) -> tuple[Cast, np.ndarray]:
    rng = np.random.default_rng(seed)
    alpha = rng.uniform(-0.5, 1.2, (frames, count, side, side)).clip(0, 1).astype(np.float32)
    corner = rng.integers(-side - 3, view + 4, (frames, count, 2))
    center = (corner + side / 2).astype(np.float32)
    color = rng.random((count, 3), np.float32)
    background = rng.random((frames, view, view + 2, 3), np.float32)
    return Cast(alpha, corner, color, center, np.full((count, 2), float(side)), solid=0.4), background


def slow_paint(cast: Cast, background: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Picture, owner map, visibility and whether in view, one pixel at a time."""
    frames, count, side, _ = cast.alpha.shape
    picture, owner = background.copy(), np.full(background.shape[:3], -1)
    full, inside = np.zeros((2, frames, count))
    for t in range(frames):
        for n in range(count):
            for i in range(side):
                for j in range(side):
                    alpha = cast.alpha[t, n, i, j]
                    y, x = cast.corner[t, n, 1] + i, cast.corner[t, n, 0] + j
                    full[t, n] += alpha >= cast.solid
                    if 0 <= y < owner.shape[1] and 0 <= x < owner.shape[2]:
                        picture[t, y, x] = alpha * cast.color[n] + (1 - alpha) * picture[t, y, x]
                        if alpha >= cast.solid:
                            owner[t, y, x] = n
                            inside[t, n] += 1
    seen = np.array([[(owner[t] == n).sum() for n in range(count)] for t in range(frames)])
    return picture, owner, seen / np.maximum(full, 1), inside > 0


@pytest.mark.parametrize("seed", range(8))
def test_painting_and_visibility_equal_a_pixel_by_pixel_recount(seed: int) -> None:
    cast, background = random_cast(seed)
    picture, owner = paint(cast, background)
    slow_picture, slow_owner, visibility, in_view = slow_paint(cast, background)
    np.testing.assert_allclose(picture, slow_picture, atol=1e-5)
    np.testing.assert_array_equal(owner, slow_owner)
    truth = witness(cast, owner)
    np.testing.assert_allclose(truth.visibility.numpy(), visibility, atol=1e-6)
    np.testing.assert_array_equal(truth.id.numpy() >= 0, in_view)


def test_objects_beyond_every_edge_leave_no_trace() -> None:
    cast, background = random_cast(0, frames=1, count=4)
    corner = np.array([[[-4, 2], [11, 2], [2, -4], [2, 9]]])
    picture, owner = paint(Cast(cast.alpha, corner, cast.color, cast.center, cast.extent), background)
    np.testing.assert_array_equal(picture, background)
    assert (owner == -1).all()


def test_an_empty_stage_is_its_background() -> None:
    background = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    cast = Cast(
        np.zeros((2, 0, 4, 4), np.float32),
        np.zeros((2, 0, 2), np.int64),
        np.zeros((0, 1), np.float32),
        np.zeros((2, 0, 2)),
        np.zeros((0, 2)),
    )
    clip = perform(cast, background, name="empty")
    np.testing.assert_allclose(clip.video.permute(0, 2, 3, 1) / 255, background, atol=0.5 / 255 + 1e-6)
    assert clip.truth is not None and clip.truth.id.shape == (2, 0) and len(clip.truth.tracks()) == 0


@given(
    st.integers(0, 10_000),
    st.floats(0.1, 7.0),
    st.floats(8.0, 40.0),
)
@settings(max_examples=30, deadline=None)
def test_bounce_equals_simulation_step_by_step(seed: int, speed: float, room: float) -> None:
    rng = np.random.default_rng(seed)
    low, high = rng.uniform(0, 5, (3, 2)), np.empty((3, 2))
    high[:] = low + room
    start, velocity = low + rng.random((3, 2)) * room, rng.uniform(-speed, speed, (3, 2))
    place, heading, path = start.copy(), velocity.copy(), []
    for _ in range(12):
        path.append(place.copy())
        place += heading
        for bound, outside in ((low, place < low), (high, place > high)):
            place = np.where(outside, 2 * bound - place, place)
            heading = np.where(outside, -heading, heading)
    np.testing.assert_allclose(bounce(start, velocity, low, high, 12), path, atol=1e-6)


def test_launched_objects_lie_wholly_inside_and_keep_to_the_speeds() -> None:
    extent = np.random.default_rng(0).uniform(5, 20, (200, 2))
    start, velocity = launch(np.random.default_rng(1), extent, 30.0, (1.0, 3.0))
    assert (start >= extent / 2).all() and (start <= 30 - extent / 2).all()
    pace = np.linalg.norm(velocity, axis=-1)
    assert 1.0 <= pace.min() < 1.2 and 2.8 < pace.max() <= 3.0


def test_an_object_that_returns_to_the_view_gets_a_new_id() -> None:
    in_view = np.array([[1, 0], [1, 1], [0, 1], [1, 1], [1, 0]], bool)
    assert renew_ids(in_view).tolist() == [[0, -1], [0, 1], [-1, 1], [2, 1], [2, -1]]


@given(arrays(bool, st.tuples(st.integers(1, 8), st.integers(0, 5))))
@settings(deadline=None)
def test_ids_live_for_one_unbroken_stay_and_are_never_reused(in_view: np.ndarray) -> None:
    ids = renew_ids(in_view)
    np.testing.assert_array_equal(ids >= 0, in_view)
    stays = set()
    for n in range(in_view.shape[1]):
        for t in range(len(in_view)):
            if in_view[t, n] and (t == 0 or not in_view[t - 1, n]):
                assert ids[t, n] not in stays
                stays.add(ids[t, n])
            elif in_view[t, n]:
                assert ids[t, n] == ids[t - 1, n]
    assert stays == set(range(len(stays)))
