"""Laws of the empty scene: nothing that comes, goes or stands for long is in it, and what belongs to it stays."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.data.backdrop import empty_scene, ghostly
from scalor.data.candidates import temporal_median

H, W, N = 72, 96, 60
NOISE = 2.0


def ground(seed: int = 0) -> np.ndarray:
    """A room: a wall, a floor of boards and a picture on the wall, float64 [H, W, 3]."""
    rng = np.random.default_rng(seed)
    picture = np.empty((H, W, 3))
    picture[:40] = (150, 155, 160)
    picture[40:] = (120, 90, 60)
    picture[40:, ::12] -= 15
    picture[8:20, 60:80] = (60, 70, 90)
    return picture + 3 * rng.standard_normal((H, W, 1))


def filmed(scenes: list[np.ndarray], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([np.clip(scene + NOISE * rng.standard_normal(scene.shape), 0, 255) for scene in scenes]).astype(
        np.uint8
    )


def standing(when: range, *, at: tuple[int, int] = (20, 30), color: tuple[int, int, int] = (40, 30, 90)) -> np.ndarray:
    """A person of 36 x 14 px who stands in the room in the frames of ``when``."""
    scenes = [ground() for _ in range(N)]
    for t in when:
        scenes[t][at[0] : at[0] + 36, at[1] : at[1] + 14] = color
    return filmed(scenes)


def off(image: np.ndarray, truth: np.ndarray) -> float:
    """Share of the pixels that are wrong by more than 20 grey levels."""
    return float((np.abs(image - truth).max(axis=2) > 20).mean())


@settings(max_examples=12, deadline=None)
@given(start=st.integers(0, N - 1), share=st.floats(0.1, 0.9), seed=st.integers(0, 99))
def test_who_stands_for_up_to_nine_tenths_of_the_video_is_not_in_the_background(start, share, seed):
    rng = np.random.default_rng(seed)
    length = round(share * N)
    first = min(start, N - length)
    at = (int(rng.integers(0, H - 36)), int(rng.integers(0, W - 14)))
    color = ((40, 30, 90), (220, 60, 40), (20, 20, 20))[int(rng.integers(3))]
    video = standing(range(first, first + length), at=at, color=color)
    # Nothing is left of the person, but at one place of a hundred, along an edge of the room: there 15 % are.
    assert off(empty_scene(video).image, ground()) * H * W <= 0.15 * 36 * 14


def test_a_median_would_hold_who_stands_for_most_of_the_video():
    video = standing(range(0, 45))
    assert off(temporal_median(video), ground()) > 0.05  # the law above is not empty
    assert off(empty_scene(video).image, ground()) < 0.01


def test_what_never_moves_stays_even_if_it_is_covered_for_long():
    """The picture on the wall is hidden by somebody who stands before it: it continues nothing, but it was there."""
    video = standing(range(10, 40), at=(4, 62))
    assert off(empty_scene(video).image, ground()) < 0.01


def test_several_people_one_after_another_at_one_place():
    scenes = [ground() for _ in range(N)]
    colors = [(40, 30, 90), (200, 200, 60), (20, 20, 20), (200, 40, 40)]
    for t in range(N):
        if t % 15 >= 3:  # 80 % of the time somebody is there
            scenes[t][20:56, 30:44] = colors[t // 15]
    assert off(empty_scene(filmed(scenes)).image, ground()) < 0.01


def test_what_wriggles_on_one_spot_all_the_time_is_painted_over():
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:H, :W]
    plain = np.full((H, W, 3), 130.0)
    scenes = []
    for _ in range(N):
        row, column = np.array([36, 48]) + rng.normal(0, 2.5, 2)
        scene = plain.copy()
        scene[(y - row) ** 2 + (x - column) ** 2 < 36] = 220
        scenes.append(scene)
    assert off(empty_scene(filmed(scenes)).image, plain) < 0.002


def passing_behind(leaves: np.ndarray, *, frames: int) -> np.ndarray:
    """A plain shirt that shows through a gap in the leaves for so many frames at the end."""
    scenes = [leaves.copy() for _ in range(N)]
    for scene in scenes[N - frames :]:
        scene[30:38, 40:50] = 200
    return filmed(scenes)


def test_what_shows_through_leaves_for_a_moment_is_not_the_scene():
    rng = np.random.default_rng(3)
    leaves = cv2.GaussianBlur(rng.uniform(0, 255, (H, W, 3)), (0, 0), 1.5)
    leaves = np.clip(120 + 45 * (leaves - leaves.mean()) / leaves.std(), 0, 255)
    scene = empty_scene(passing_behind(leaves, frames=3)).image
    assert off(scene[30:38, 40:50], leaves[30:38, 40:50]) < 0.1


def test_a_bush_that_moves_in_a_bush_is_not_painted_over_and_is_noisy():
    rng = np.random.default_rng(4)
    plain = np.full((H, W, 3), 130.0)
    leaves = rng.integers(0, 2, (N, 30, 40)) * 90.0
    scenes = []
    for t in range(N):
        scene = plain.copy()
        scene[20:50, 20:60] += leaves[t][..., None]
        scenes.append(scene)
    scene = empty_scene(filmed(scenes))
    assert np.median(scene.noise[24:46, 24:56]) > 5 * np.median(scene.noise[:, 70:])


def test_noise_is_each_pixels_own_and_not_that_of_passers_by():
    scenes = [ground() for _ in range(N)]
    for t in range(N):
        scenes[t][20:56, (3 * t) % (W - 14) : (3 * t) % (W - 14) + 14] = (40, 30, 90)
    scene = empty_scene(filmed(scenes))
    # The largest of three channels spreads a little more than one.
    assert 0.8 * NOISE < np.median(scene.noise) < 2.5 * NOISE
    assert (scene.noise < 8 * NOISE).mean() > 0.97


def test_equal_frames_give_themselves():
    frame = filmed([ground()])
    scene = empty_scene(np.repeat(frame, 5, axis=0))
    np.testing.assert_array_equal(scene.image, frame[0])
    assert scene.noise.max() == 0


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_few_frames_are_enough_to_answer(number):
    scene = empty_scene(filmed([ground()] * number))
    assert scene.image.shape == (H, W, 3) and scene.noise.shape == (H, W) and np.isfinite(scene.noise).all()


def test_a_place_that_something_has_left_is_a_ghost_and_who_stands_there_is_none():
    room, full = ground(), ground()
    full[20:56, 30:44] = (40, 30, 90)
    lit = np.abs(room - full).max(axis=2) > 20
    with_person, without = filmed([full])[0], filmed([room])[0]
    assert ghostly(with_person, without, lit) < 0.35
    assert ghostly(without, with_person, lit) > 0.65
    assert ghostly(without, without, np.zeros((H, W), bool)) == 0.0


def test_a_window_that_is_bright_for_most_of_the_video_is_bright_in_the_scene():
    """In shade for a moment, it has fainter outlines, but nothing was removed there."""
    bright = ground()
    bright[8:20, 60:80] = 230 + 12 * np.random.default_rng(5).standard_normal((12, 20, 1))
    dim = bright.copy()
    dim[8:20, 60:80] *= 0.85
    scenes = [dim if t < 4 else bright for t in range(N)]
    assert off(empty_scene(filmed(scenes)).image, bright) < 0.002


def queue(seed: int) -> np.ndarray:
    """A lane at whose end, 40 px long, cars of all colours with dark windows stand close: no frame shows all of it."""
    rng = np.random.default_rng(seed)
    scenes, cars = [], [(float(x), rng.uniform(90, 250, 3)) for x in range(10, 66, 14)]
    for _ in range(4 * N):
        scene = ground()
        for x, color in cars:
            left = round(x)
            scene[50:60, max(left, 20) : max(left + 10, 20)] = color
            scene[51:59, max(left + 1, 20) : max(left + 8, 20)] = (30, 32, 40)
        scenes.append(scene)
        cars = [(x - 0.37, color) for x, color in cars if x > 8]
        if cars[-1][0] < 54:
            cars.append((cars[-1][0] + rng.uniform(13, 17), rng.uniform(90, 250, 3)))
    return filmed(scenes)


@pytest.mark.parametrize("seed", range(4))
def test_a_place_that_is_never_empty_is_what_it_shows_now_and_then(seed):
    video = queue(seed)
    assert off(temporal_median(video)[50:60, 20:60], ground()[50:60, 20:60]) > 0.25
    assert off(empty_scene(video).image, ground()) < 0.005
