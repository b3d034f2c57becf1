"""Laws of steady frames: shake and light are undone, steady frames left as they are, blank ones and pans known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.data.steady import Steady, pans, steadied

H, W = 96, 128


def world(seed: int = 0, height: int = H + 64, width: int = W + 64) -> np.ndarray:
    """A large picture with structure of all sizes, uint8."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for side in (4, 8, 16, 32):
        rows, columns = -(-height // side), -(-width // side)
        picture += rng.uniform(30, 60, (rows, columns, 3)).repeat(side, 0).repeat(side, 1)[:height, :width]
    return picture.clip(0, 255).astype(np.uint8)


def seen_from(x: int, y: int) -> np.ndarray:
    return world()[32 + y : 32 + y + H, 32 + x : 32 + x + W]


@settings(max_examples=20, deadline=None)
@given(st.integers(-6, 6), st.integers(-6, 6))
def test_a_shake_of_some_pixels_is_found_and_undone(x, y):
    reference = seen_from(0, 0)
    back, shift = Steady(reference).seen(seen_from(-x, -y))
    assert abs(shift[0] - x) < 0.3 and abs(shift[1] - y) < 0.3
    inner = np.s_[8:-8, 8:-8]
    assert np.abs(back[inner].astype(int) - reference[inner]).mean() < 3.0


@settings(max_examples=20, deadline=None)
@given(st.floats(-1.8, 1.8), st.floats(-1.8, 1.8), st.integers(0, 500))
def test_a_trembling_camera_over_a_field_is_found_to_half_a_pixel(x, y, seed):
    """Little but grain and two lines to hold on to, in a view that is measured smaller, and players move."""
    import cv2

    rng = np.random.default_rng(3)
    grass = cv2.GaussianBlur(rng.normal(0, 24, (360, 640)).astype(np.float32), (0, 0), 3) + 110
    cv2.line(grass, (320, 0), (320, 359), 225, 3)
    cv2.circle(grass, (320, 180), 70, 225, 3)
    field = np.repeat(grass[..., None], 3, 2)
    way = np.array([[1, 0, x], [0, 1, y]], np.float32)
    frame = cv2.warpAffine(field, way, (640, 360), borderMode=cv2.BORDER_REPLICATE)
    noise = np.random.default_rng(seed)
    for left, top in noise.integers((10, 10), (600, 320), (14, 2)):
        frame[top : top + 30, left : left + 14] = noise.integers(20, 235)
    frame = (frame + noise.normal(0, 4, frame.shape)).clip(0, 255).astype(np.uint8)
    shift = Steady(field.clip(0, 255).astype(np.uint8)).seen(frame)[1]
    small = max(abs(x), abs(y)) < 0.9
    assert (small and shift == (0.0, 0.0)) or max(abs(shift[0] - x), abs(shift[1] - y)) < 0.5


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9), st.integers(0, 500))
def test_a_small_view_trembles_by_a_pixel_as_a_large_one_does(x, y, seed):
    """A field that is seen a fifth as large has few edges, and each differs by as much as things that move do."""
    import cv2

    rng, noise = np.random.default_rng(3), np.random.default_rng(seed)
    grass = cv2.GaussianBlur(rng.normal(0, 40, (360, 640)).astype(np.float32), (0, 0), 4) + 110
    cv2.line(grass, (320, 0), (320, 359), 225, 5)
    cv2.circle(grass, (320, 180), 70, 225, 5)

    def seen(x: float, y: float) -> np.ndarray:
        moved = cv2.warpAffine(grass, np.array([[1, 0, 5 * x], [0, 1, 5 * y]], np.float32), (640, 360))
        small = cv2.resize(moved, (128, 72), interpolation=cv2.INTER_AREA)[..., None].repeat(3, 2)
        for left, top in noise.integers((4, 4), (110, 60), (14, 2)):
            small[top : top + 7, left : left + 9] = noise.integers(20, 235)
        return (small + noise.normal(0, 4, small.shape)).clip(0, 255).astype(np.uint8)

    scene = np.median([seen(0.0, 0.0) for _ in range(15)], axis=0).astype(np.uint8)
    shift = Steady(scene).seen(seen(x, y))[1]
    small = max(abs(x), abs(y)) < 0.5
    assert (small and shift == (0.0, 0.0)) or max(abs(shift[0] - x), abs(shift[1] - y)) < 0.2


def test_a_large_thing_that_moves_before_a_still_scene_is_no_shake():
    reference = seen_from(0, 0)
    for x in (2, 5, 9):
        frame = reference.copy()
        frame[20:76, :90] = world(1)[:56, 20 - x : 110 - x]
        before = reference.copy()
        before[20:76, :90] = world(1)[:56, 20:110]
        assert Steady(before).seen(frame)[1] == (0.0, 0.0)


def test_a_steady_frame_is_left_as_it_is_whatever_moves_in_it():
    reference = seen_from(0, 0)
    frame = reference.copy()
    frame[20:60, 30:70] = 250
    frame = np.clip(frame + np.random.default_rng(0).normal(0, 2, frame.shape), 0, 255).astype(np.uint8)
    back, shift = Steady(reference).seen(frame)
    assert shift == (0.0, 0.0)
    np.testing.assert_array_equal(back, frame)


def test_a_thing_that_moves_over_a_plain_ground_is_no_shake():
    def frame(x: int) -> np.ndarray:
        image = np.full((H, W, 3), 120, np.uint8)
        image[:, 10:12] = 60
        image[40:60, 50 + x : 70 + x] = 230
        return image

    assert Steady(frame(0)).seen(frame(3))[1] == (0.0, 0.0)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.6, 1.5), st.floats(-20, 20))
def test_light_that_changes_is_undone_beside_an_object(gain, offset):
    reference = seen_from(0, 0) // 2 + 20
    bright = np.clip(gain * reference.astype(float) + offset, 0, 255)
    bright[10:60, 10:60] = 255.0
    back = Steady(reference)(bright.astype(np.uint8))
    usable = (bright > 4).all(axis=2) & (bright < 251).all(axis=2)
    assert np.abs(back.astype(int) - reference)[usable].mean() < 3.0


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_blank_frames_are_known_and_dark_or_dim_ones_are_not_blank(grey):
    steady = Steady(seen_from(0, 0))
    assert steady.blank(np.full((H, W, 3), grey, np.uint8))
    assert not steady.blank((seen_from(0, 0) * 0.3).astype(np.uint8))
    assert not Steady(np.full((H, W, 3), 90, np.uint8)).blank(np.full((H, W, 3), 90, np.uint8))


def test_frames_are_steadied_in_place_and_blank_ones_named():
    frames = np.stack([seen_from(0, 0), seen_from(3, -2), np.zeros((H, W, 3), np.uint8)])
    assert steadied(frames, seen_from(0, 0)).tolist() == [True, True, False]
    assert np.abs(frames[1, 8:-8, 8:-8].astype(int) - frames[0, 8:-8, 8:-8]).mean() < 3.0


def test_a_pan_is_told_from_a_shake_and_from_a_still_camera():
    wide = world(1, H, W + 200)
    pan = np.stack([wide[:, 5 * t : 5 * t + W] for t in range(30)])
    rng = np.random.default_rng(0)
    shake = np.stack([seen_from(*rng.integers(-4, 5, 2)) for _ in range(30)])
    still = np.stack([seen_from(0, 0)] * 30)
    number = np.arange(30)
    assert pans(pan, number)
    assert not pans(shake, number) and not pans(still, number)
