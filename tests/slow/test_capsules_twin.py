"""`capsules.paint` against the obvious: every capsule on the whole canvas, far ones first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.data.capsules import Capsules, Light, paint

SIDE = 40


def obvious(shapes: Capsules, group: int, light: Light) -> tuple[np.ndarray, np.ndarray]:
    """Alpha [SIDE, SIDE] and premultiplied colour [SIDE, SIDE, 3] of one group."""
    alpha, color = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE, 3))
    for part in np.argsort(-shapes.depth[group]):
        first, last = shapes.ends[group, part]
        thick, thin = shapes.radii[group, part]
        if max(thick, thin) == 0:
            continue
        axis = last - first
        for y in range(SIDE):
            for x in range(SIDE):
                spot = np.array([x + 0.5, y + 0.5]) - first
                along = np.clip(spot @ axis / max(axis @ axis, 1e-6), 0, 1)
                off = spot - along * axis
                radius = thick + along * (thin - thick)
                cover = np.clip(0.5 - (np.linalg.norm(off) - radius), 0, 1)
                right, down = off / max(radius, 0.3)
                normal = np.array([right, down, np.sqrt(max(0.0, 1 - right**2 - down**2))])
                up = 0.5 + 0.5 * normal @ light.up
                falls = max(0.0, normal @ light.sun) * light.sunlight[group]
                falls = falls + up * (0.55 + 0.45 * normal[2]) * light.sky + (1 - up) * light.bounce
                alpha[y, x] += cover * (1 - alpha[y, x])
                color[y, x] += cover * (falls * shapes.color[group, part] - color[y, x])
    return alpha, color


@pytest.mark.slow
@given(st.integers(0, 10_000))
@settings(max_examples=5, deadline=None)
def test_painting_on_patches_is_painting_on_the_canvas(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups, parts = 2, 4
    radii = rng.uniform(0.3, 5, (groups, parts, 2)) * (rng.random((groups, parts, 1)) < 0.8)
    radii[:, 0] = 3.0  # somebody is there
    ends = rng.uniform(10, 30, (groups, parts, 2, 2))
    stripes = np.zeros((groups, parts, 2), np.float32)
    shapes = Capsules(ends, radii, rng.random((groups, parts)), rng.random((groups, parts, 3)), stripes)
    sun, up = rng.normal(size=(2, 3))
    sunlight = rng.random((groups, 3))
    light = Light(sun / np.linalg.norm(sun), sunlight, rng.random(3), rng.random(3), up / np.linalg.norm(up))
    painted = paint(shapes, light)
    for group in range(groups):
        alpha, color = obvious(shapes, group, light)
        (left, top), (width, height) = painted.corner[group], painted.size[group]
        here = slice(top, top + height), slice(left, left + width)
        found_alpha, found_color = painted.patch(group)
        np.testing.assert_allclose(found_alpha, alpha[here], atol=1e-4)
        np.testing.assert_allclose(found_color, color[here], atol=2e-3)
        alpha[here] = 0
        assert alpha.max() < 1e-6  # nothing lies beside the patch
