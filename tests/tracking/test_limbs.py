"""Laws of limbs: what is thin and hangs on an object is its own; shadows, noise and what is apart are not."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.core.shade import outlined, shade, standing_out
from scalor.tracking.masks import PatchMasks
from scalor.tracking.report import FrameResult
from scalor.tracking.silhouette import with_silhouettes

H, W = 60, 90
LEVEL = 0.12
GROUND, BODY, LEG = 0.7, 0.2, 0.55


def ellipse(x: float, y: float, wide: float, high: float) -> np.ndarray:
    rows, columns = np.mgrid[0:H, 0:W]
    return ((columns - x) / wide) ** 2 + ((rows - y) / high) ** 2 <= 1


def film(bodies, thin=(), shadow=(), *, noise: float = 0.0, colour: bool = False, seed: int = 0):
    """The frame and the empty scene, [1, 3, H, W]: dark bodies, thin strips (x0, x1, y0, y1), broad shadows behind."""
    tint = np.array([1.0, 0.9, 0.7] if colour else [1.0, 1.0, 1.0], np.float32)[:, None, None]
    empty = np.full((3, H, W), GROUND, np.float32) * tint
    frame = empty.copy()
    for mask in shadow:
        frame[:, mask] *= 0.7 if colour else 0.86
    for x0, x1, y0, y1 in thin:
        frame[:, y0:y1, x0:x1] = LEG * tint
    for mask in bodies:
        frame[:, mask] = BODY
    frame += np.random.default_rng(seed).normal(0, noise, (3, H, W)).astype(np.float32)
    return torch.from_numpy(frame)[None], torch.from_numpy(empty)[None]


def reported(bodies, scale: float = 1.0) -> FrameResult:
    """What a tracker that knows the bodies alone says of them."""
    spans = [[np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1)] for mask in bodies]
    tlwh = np.array([(x[0], y[0], x[-1] + 1 - x[0], y[-1] + 1 - y[0]) for y, x in spans], float)
    side = int(tlwh[:, 2:].max())
    patch = np.zeros((len(bodies), side, side), bool)
    for number, (mask, (y, x)) in enumerate(zip(bodies, spans, strict=True)):
        patch[number, : len(y), : len(x)] = mask[y[0] : y[-1] + 1, x[0] : x[-1] + 1]
    masks = PatchMasks(patch, tlwh[:, 1::-1].astype(np.int64), (round(H * scale), round(W * scale)), (scale, scale))
    return FrameResult(0, np.arange(len(bodies)), tlwh * scale, np.ones(len(bodies)), np.ones(len(bodies)), masks)


def followed(bodies, thin=(), shadow=(), *, shades: bool = False, scale: float = 1.0, **how) -> FrameResult:
    frame, empty = film(bodies, thin, shadow, **how)
    ground = empty * shade(frame, empty) if shades else empty
    mask = standing_out(frame, ground, level=LEVEL)
    seen = outlined(frame, empty, ground, mask, level=LEVEL)
    return with_silhouettes(reported(bodies, scale), *(each[0].numpy() for each in (seen.solid, seen.faint, seen.bare)))


ONE = ellipse(40, 30, 12, 6)
LEGS = [(38, 40, 34, 46), (44, 45, 12, 26), (50, 64, 30, 31)]


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_the_box_and_the_mask_hold_the_legs(scale: float) -> None:
    after = followed([ONE], LEGS, scale=scale)
    np.testing.assert_allclose(after.box_xyxy[0], np.array([28, 12, 64, 46]) * scale, atol=1.01 * scale)
    mask = after.masks.dense()[0]
    for x0, x1, y0, y1 in LEGS:
        inner = np.s_[int((y0 + 1) * scale) : int((y1 - 1) * scale), int((x0 + x1) / 2 * scale)]
        row = np.s_[int((y0 + y1) / 2 * scale), int((x0 + 1) * scale) : int((x1 - 1) * scale)]
        assert mask[inner if y1 - y0 > x1 - x0 else row].mean() > 0.9


def test_rain_is_nobodys_limb() -> None:
    leg = (44, 45, 12, 26)
    alone = followed([ONE], [leg]).box_xyxy[0]
    rng = np.random.default_rng(3)
    drops = [(x, x + 1, y, y + 12) for x, y in zip(rng.integers(0, W, 60), rng.integers(0, H - 12, 60), strict=True)]
    rain = followed([ONE], [leg, *drops]).box_xyxy[0]
    body = followed([ONE]).box_xyxy[0]
    assert alone[1] < body[1] - 8
    np.testing.assert_allclose(rain, body, atol=2)


def test_a_short_leg_is_held() -> None:
    assert followed([ONE], [(40, 41, 34, 40)]).box_xyxy[0, 3] >= 39


def test_what_is_restless_is_nobodys() -> None:
    """Where pixels are known to vary as much as a leg differs, none is seen."""
    frame, empty = film([ONE], LEGS)
    mask = standing_out(frame, empty, level=LEVEL)
    for noise, legs in ((0.01, True), (0.05, False)):
        seen = outlined(frame, empty, empty, mask, level=LEVEL, noise=torch.full((1, H, W), noise))
        assert bool(seen.faint[0, 40, 38]) is legs


def test_a_tail_as_long_as_the_body_is_held() -> None:
    body = ellipse(30, 30, 10, 4)
    after = followed([body], [(38, 58, 29, 31)])
    assert after.box_xyxy[0, 2] >= 57


@pytest.mark.parametrize("colour", [False, True])
def test_a_broad_shadow_stays_out(colour: bool) -> None:
    """Whether shadows can be told by their colour, or are too faint for objects and still far above the noise."""
    shadow = ellipse(48, 42, 12, 7)
    with_shadow = followed([ONE], shadow=[shadow & ~ONE], colour=colour, shades=colour)
    alone = followed([ONE])
    np.testing.assert_allclose(with_shadow.box_xyxy, alone.box_xyxy, atol=1.01)
    legs = followed([ONE], LEGS[1:2], shadow=[shadow & ~ONE], colour=colour)
    assert legs.box_xyxy[0, 1] <= 13.01


def test_of_two_that_touch_each_gets_its_own_legs() -> None:
    one, two = ellipse(30, 30, 11, 6), ellipse(51, 30, 11, 6)
    two &= ~one
    thin = [(26, 27, 34, 48), (54, 55, 34, 48), (20, 21, 14, 28), (60, 61, 14, 28)]
    after = followed([one, two], thin)
    masks = after.masks.dense()
    assert not masks.all(0).any()
    for x0, _, y0, y1 in thin:
        owner = 0 if x0 < 40 else 1
        assert masks[owner, y0 + 1 : y1 - 1, x0].all() and not masks[1 - owner, y0:y1, x0].any()
    assert after.box_xyxy[0, 2] < 45 and after.box_xyxy[1, 0] > 36


def test_what_joins_two_is_shared_at_its_middle() -> None:
    one, two = ellipse(20, 30, 10, 6), ellipse(70, 30, 10, 6)
    left, right = followed([one, two], [(30, 60, 30, 31)]).box_xyxy
    assert abs(left[2] - 45) <= 2 and abs(right[0] - 45) <= 2


def test_what_is_apart_is_nobodys() -> None:
    before = reported([ONE])
    after = followed([ONE], [(56, 70, 30, 31)])
    np.testing.assert_allclose(after.box_tlwh, before.box_tlwh, atol=1.01)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), noise=st.sampled_from([0.01, 0.03, 0.06]))
def test_noise_is_nobodys(seed: int, noise: float) -> None:
    """A body in noise has the box of its mask, to two pixels."""
    alone = followed([ONE]).box_xyxy
    assert np.abs(followed([ONE], noise=noise, seed=seed).box_xyxy - alone).max() <= 2


def test_nothing_faint_nothing_changed() -> None:
    before, none = reported([ONE]), np.zeros((H, W), bool)
    assert with_silhouettes(before, none, none, none) is before
