"""Things in grain are as large as they are without it."""

import numpy as np
import pytest

from scalor.data.grain import extents
from scalor.data.objects import estimate_objects

SIDE = 96


def spots(bright: float, grain: float, *, sign: int = 1, wide: float = 1.0, seed: int = 0) -> np.ndarray:
    """Forty frames of five spots, their std 2 px high and ``wide`` times as wide, on a grey ground: uint8."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    frames = np.full((40, SIDE, SIDE), 120.0)
    for frame in frames:
        for y, x in rng.uniform(12, SIDE - 12, (5, 2)):
            frame += sign * bright * np.exp(-((rows - y) ** 2 + ((columns - x) / wide) ** 2) / (2 * 2.0**2))
        frame += rng.normal(0, grain, frame.shape)
    return np.repeat(frames.clip(0, 255).round().astype(np.uint8)[..., None], 3, axis=3)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("wide", [1.0, 2.0])
def test_a_size_does_not_depend_on_the_grain(sign: int, wide: float) -> None:
    ground = np.full((SIDE, SIDE, 3), 120, np.uint8)
    clear = estimate_objects(spots(80, 0.5, sign=sign, wide=wide), ground, grainy=True)
    for grain in (4.0, 8.0, 12.0):
        noise = np.full((SIDE, SIDE), grain, np.float32)
        seen = estimate_objects(spots(80, grain, sign=sign, wide=wide), ground, noise=noise, grainy=True)
        assert seen.height_px == pytest.approx(clear.height_px, rel=0.15)
        assert seen.width_px == pytest.approx(clear.width_px, rel=0.15)
        small = estimate_objects(spots(80, grain, sign=sign, wide=wide), ground, noise=noise)
        assert grain < 12 or small.height_px < 0.8 * clear.height_px
        assert small.count == seen.count


def test_few_things_and_things_that_fill_the_view_have_no_extent() -> None:
    frames, ground = spots(80, 1.0), np.full((SIDE, SIDE, 3), 120, np.uint8)
    one = np.array([[40.0, 40, 8, 8, 60, 44, 44, 30]])
    assert extents(frames[:10], ground, [one] * 10, (8, 8)) == (0.0, 0.0)
    assert extents(frames, ground, [one] * 40, (60, 60)) == (0.0, 0.0)
