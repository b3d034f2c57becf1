"""What leaves the ground's texture to be seen is its shadow; what does not is a dark part of an object."""

import numpy as np
import pytest

from scalor.data.objects import estimate_objects
from scalor.data.shadows import Texture

SIDE, LONG = 160, 24


def ground(grain: float) -> np.ndarray:
    """Greenish ground with grain of this std in grey levels: float32 [H, W, 3]."""
    rng = np.random.default_rng(0)
    return np.array([110, 130, 90], np.float32) + rng.normal(0, grain, (SIDE, SIDE, 1)).astype(np.float32)


def frames_of(empty: np.ndarray, *, share: float, veil: bool) -> np.ndarray:
    """Red boxes over darker ones, which leave a share of the ground's brightness: of a veil with its grain, else with
    none. uint8 [N, H, W, 3]"""
    rng = np.random.default_rng(1)
    frames = []
    for t in range(30):
        frame = empty.copy()
        for row in (20, 90):
            place = slice(row, row + LONG), slice(20 + 3 * t, 20 + 3 * t + LONG)
            dark = slice(row + LONG, row + LONG + LONG // 2), place[1]
            frame[place] = (200, 40, 30)
            frame[dark] = share * (empty[dark] if veil else empty.mean((0, 1)))
        frames.append(frame + rng.normal(0, 1.0, frame.shape))
    return np.clip(np.stack(frames), 0, 255).astype(np.uint8)


def looked_at(frames: np.ndarray, empty: np.ndarray) -> Texture:
    """With what is darker than the ground given."""
    texture = Texture()
    for frame in frames:
        red = frame[..., 0] > 150
        texture.add(frame, empty, (np.abs(frame - empty).max(-1) > 12) & ~red)
    return texture


@pytest.mark.parametrize("share", [0.45, 0.6, 0.8])
def test_grain_is_seen_through_a_shadow(share: float):
    """It is known how dark shadows are, to a tenth."""
    empty = ground(6.0)
    level = looked_at(frames_of(empty, share=share, veil=True), empty).darkest()
    assert level is not None and share - 0.11 <= level <= share


@pytest.mark.parametrize("share", [0.45, 0.6])
def test_grain_ends_at_a_dark_part(share: float):
    empty = ground(6.0)
    assert looked_at(frames_of(empty, share=share, veil=False), empty).darkest() == 1.0


@pytest.mark.parametrize("veil", [True, False])
def test_even_ground_tells_nothing(veil: bool):
    empty = ground(0.0)
    assert looked_at(frames_of(empty, share=0.6, veil=veil), empty).darkest() is None


def test_nothing_dark_tells_nothing():
    assert Texture().darkest() is None


def test_the_survey_measures_objects_with_their_dark_parts_and_without_their_shadows():
    empty = ground(6.0)
    background = np.clip(empty, 0, 255).astype(np.uint8)
    shaded = estimate_objects(frames_of(empty, share=0.6, veil=True), background)
    dark = estimate_objects(frames_of(empty, share=0.6, veil=False), background)
    assert shaded.shadows and 0.49 <= shaded.darkest <= 0.6 and abs(shaded.height_px - LONG) <= 2
    assert not dark.shadows and abs(dark.height_px - 1.5 * LONG) <= 2
