"""Laws of what sways: leaves on their places are shown at rest, whatever passes stays as it is, before them as well."""

import cv2
import numpy as np
import pytest

from scalor.data.backdrop import bring_to_rest, empty_scene
from scalor.data.objects import estimate_objects
from scalor.data.steady import Steady
from scalor.data.sway import Sway

H, W, N = 72, 120, 120
LEAF, COAT = (40, 80, 30), (200, 60, 50)


def leaves(t: int) -> list[tuple[tuple[int, int], int]]:
    """Centres (x, y) of leaves that sway by two pixels, each in its own time, and their phases."""
    rng = np.random.default_rng(3)
    places = rng.uniform((70, 8), (112, 64), (14, 2))
    return [
        ((round(x + 2 * np.sin(t / 5 + k)), round(y + np.sin(t / 3 + k))), k)
        for k, (x, y) in enumerate(places.tolist())
    ]


def film(*, walker: bool, sway: bool = True) -> np.ndarray:
    """A meadow with leaves, and somebody of 20 x 10 px who walks through the picture and back again."""
    rng, frames = np.random.default_rng(0), []
    for t in range(N):
        image = np.full((H, W, 3), (150, 160, 120), np.uint8)
        if walker:
            x = walker_at(t)
            image[30:50, x : x + 10] = COAT
        for place, k in leaves(t if sway else 0):
            cv2.ellipse(image, place, (5, 3), 40.0 * k, 0, 360, LEAF, -1)
        frames.append(np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8))
    return np.stack(frames)


def walker_at(t: int) -> int:
    """Left edge."""
    return int(abs((3 * t) % (2 * (W - 10)) - (W - 10)))


def outstanding(frames: np.ndarray, image: np.ndarray) -> np.ndarray:
    """bool [N, h, w]: what differs from the scene by more than thirty grey levels."""
    return np.abs(frames.astype(int) - image).max(axis=3) > 30


def test_leaves_come_to_rest():
    frames = film(walker=False)
    scene = empty_scene(frames)
    before = outstanding(frames, scene.image).mean()
    bring_to_rest(frames, scene)
    after = outstanding(frames, scene.image).mean()
    assert before > 0.01
    assert after < 0.1 * before


def test_who_walks_past_stays_in_every_frame():
    frames = film(walker=True)
    scene = empty_scene(frames)
    rested = frames.copy()
    bring_to_rest(rested, scene)
    for t in range(N):
        x = walker_at(t)
        body = np.zeros((H, W), bool)
        body[31:49, x + 1 : x + 9] = True
        coat = body & (np.abs(frames[t].astype(int) - COAT).max(axis=2) < 12)
        assert outstanding(rested[t : t + 1], scene.image)[0][coat].mean() > 0.95
    meadow = np.s_[:, :, :60]
    np.testing.assert_array_equal(rested[meadow], frames[meadow])


def test_the_survey_counts_who_walks_and_no_leaves():
    frames = film(walker=True)
    scene = empty_scene(frames)
    bring_to_rest(frames, scene)
    found = estimate_objects(frames, scene.image, noise=scene.noise)
    assert found.count == 1
    assert found.height_px == pytest.approx(20, abs=4)


def test_a_scene_in_which_nothing_sways_is_left_alone():
    frames = film(walker=True, sway=False)
    scene = empty_scene(frames)
    rested = frames.copy()
    bring_to_rest(rested, scene)
    changed = (rested != frames).any(axis=(0, 3))
    assert changed.mean() < 0.002


def test_a_tracker_sees_what_learning_saw():
    frames = film(walker=True)
    scene = empty_scene(frames)
    steady = Steady(scene.image, scene.sways)
    rested = frames[:5].copy()
    bring_to_rest(rested, scene)
    np.testing.assert_array_equal(np.stack([steady(frame) for frame in frames[:5]]), rested)


def test_nowhere_is_nothing_to_do():
    frame = film(walker=True)[0]
    assert Sway(frame, np.zeros((H, W), np.uint8))(frame) is frame
