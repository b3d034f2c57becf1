"""What leaves the ground's texture to be seen is its shadow; what does not is a dark part of an object."""

import numpy as np
import pytest

from scalor.core.shade import EVEN
from scalor.data.objects import estimate_objects
from scalor.data.shadows import Light, Texture

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


BLUE = np.array([0.45, 0.5, 0.55], np.float32)
"""What a shadow under a blue sky leaves of the light."""


def lit_by_the_sky(empty: np.ndarray, leaves: list[np.ndarray]) -> np.ndarray:
    """Red boxes over shadows that each leave so much of the channels, in turns: uint8 [N, H, W, 3]."""
    frames = frames_of(empty, share=0.5, veil=True).astype(np.float32)
    for t, frame in enumerate(frames):
        for row in (20, 90):
            place = slice(row + LONG, row + LONG + LONG // 2), slice(20 + 3 * t, 20 + 3 * t + LONG)
            frame[place] = empty[place] * leaves[t % len(leaves)]
    return np.clip(frames, 0, 255).astype(np.uint8)


def light_of(frames: np.ndarray, empty: np.ndarray) -> tuple[float, float, float]:
    light = Light()
    for frame in frames:
        light.add(frame, empty.astype(np.uint8), np.abs(frame - empty).max(-1) > 12)
    return light.tint()


def test_the_tint_of_shadows_is_what_they_take_of_each_channel():
    empty = ground(8.0)
    taken = 1 - BLUE
    assert light_of(lit_by_the_sky(empty, [BLUE]), empty) == pytest.approx(tuple(taken / taken.mean()), abs=0.03)


def test_of_many_tints_none_is_that_of_shadows():
    """Panes and stained cloth leave texture as well, each in its colour."""
    empty = ground(8.0)
    many = [BLUE, BLUE[::-1], BLUE[[1, 0, 2]], BLUE[[0, 2, 1]]]
    assert light_of(lit_by_the_sky(empty, many), empty) == EVEN


def test_even_shadows_have_no_tint():
    empty = ground(8.0)
    assert light_of(frames_of(empty, share=0.5, veil=True), empty) == EVEN


def test_blue_shadows_are_left_out_of_sizes():
    empty = ground(8.0)
    stats = estimate_objects(lit_by_the_sky(empty, [BLUE]), empty.astype(np.uint8))
    assert stats.shadows and stats.tint[0] > 1.05 > 0.95 > stats.tint[2]
    assert stats.height_px == pytest.approx(LONG, abs=3)
