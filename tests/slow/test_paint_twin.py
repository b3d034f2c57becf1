"""Patches against the obvious twin: every object drawn on the whole frame, pixel by pixel, object by object."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from scalor.core.canvas import composite, coverage, explained, lookup, splat, visibility
from scalor.core.geometry import WhereConfig, crop, paste, patch_side
from scalor.core.types import Layers

EPS = 1e-8


def texel(image: Tensor, row: int, column: int) -> Tensor:
    """Value [C] at a texel of [C, g, h]; 0 outside."""
    inside = 0 <= row < image.shape[1] and 0 <= column < image.shape[2]
    return image[:, row, column] if inside else image.new_zeros(image.shape[0])


def bilinear(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Value [C] of [C, h, w] at a point in texels, where texel i covers [i, i + 1); differentiable in x and y."""
    x, y = x - 0.5, y - 0.5
    left, top = math.floor(float(x.detach())), math.floor(float(y.detach()))
    fx, fy = x - left, y - top
    upper = (1 - fx) * texel(image, top, left) + fx * texel(image, top, left + 1)
    lower = (1 - fx) * texel(image, top + 1, left) + fx * texel(image, top + 1, left + 1)
    return (1 - fy) * upper + fy * lower


def slow_paste(glimpse: Tensor, box: Tensor, height: int, width: int) -> Tensor:
    """A glimpse [C, g, g] at box [4] on a frame: [C, H, W]."""
    side = glimpse.shape[-1]
    rows = []
    for i in range(height):
        row = []
        for j in range(width):
            x = ((j + 0.5 - box[0]) / box[2] + 0.5) * side
            y = ((i + 0.5 - box[1]) / box[3] + 0.5) * side
            row.append(bilinear(glimpse, x, y))
        rows.append(torch.stack(row, -1))
    return torch.stack(rows, -2)


def slow_crop(image: Tensor, box: Tensor, side: int) -> Tensor:
    """The part of an image [C, H, W] in box [4]: [C, side, side]."""
    out = image.new_zeros(image.shape[0], side, side)
    for i in range(side):
        for j in range(side):
            x = box[0] + box[2] * ((j + 0.5) / side - 0.5)
            y = box[1] + box[3] * ((i + 0.5) / side - 0.5)
            out[:, i, j] = bilinear(image, x, y)
    return out


WHERE = WhereConfig(size=5.0, size_range=2.0, ratio=1.0, ratio_range=0.4)
HEIGHT, WIDTH, BATCH = 11, 14, 2
ONE = torch.Size([1, 1])


def crowd(count: int, *, seed: int = 0, side: int = 4) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Glimpses [M, 4, g, g] (alpha * colour, alpha), boxes in and half out of the view, presence, importance, batch."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    alpha = uniform(count, 1, side, side)
    glimpse = torch.cat([alpha * uniform(count, 3, side, side), alpha], dim=1)
    center = uniform(count, 2) * torch.tensor([WIDTH + 4.0, HEIGHT + 4.0]) - 2
    box = torch.cat([center, 2.5 + 4.0 * uniform(count, 2)], dim=1)
    return glimpse, box, uniform(count), 0.1 + uniform(count), torch.arange(count) % BATCH


def laid(glimpse: Tensor, box: Tensor, pres: Tensor, near: Tensor, batch: Tensor) -> Layers:
    side = patch_side(WHERE, glimpse.shape[-1])
    patch, corner = paste(glimpse, box, side=side)
    return Layers(batch=batch, slot=torch.arange(len(batch)), patch=patch, corner=corner, pres=pres, near=near)


SIZE = {"batch": BATCH, "height": HEIGHT, "width": WIDTH}


def test_pasted_patches_equal_the_full_canvas_in_value_and_gradient() -> None:
    glimpse, box, _, _, batch = crowd(5)
    count = len(batch)
    probe = torch.rand(BATCH, 4, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def fast(g: Tensor, b: Tensor) -> Tensor:
        layers = laid(g, b, g.new_ones(count), g.new_ones(count), batch)
        return splat(layers.patch.transpose(0, 1), layers, **SIZE).transpose(0, 1)

    def slow(g: Tensor, b: Tensor) -> Tensor:
        full = [slow_paste(g[m], b[m], HEIGHT, WIDTH) for m in range(count)]
        return torch.stack(
            [sum((full[m] for m in range(count) if batch[m] == e), torch.tensor(0.0)) for e in range(BATCH)]
        )

    results = []
    for draw in (fast, slow):
        g, b = glimpse.clone().requires_grad_(), box.clone().requires_grad_()
        canvas = draw(g, b)
        results.append((canvas, *torch.autograd.grad((canvas * probe).sum(), (g, b))))
    for quick, obvious in zip(*results, strict=True):
        torch.testing.assert_close(quick, obvious, rtol=1e-9, atol=1e-9)
    assert results[0][2].abs().min() > 0, "boxes must feel the picture"


@settings(max_examples=20, deadline=None)
@given(
    x=st.floats(-3, 15),
    y=st.floats(-3, 13),
    u=st.floats(-1, 1),
    r=st.floats(-1, 1),
    side=st.sampled_from([1, 3, 4, 8]),
)
def test_every_patch_holds_its_whole_support(x: float, y: float, u: float, r: float, side: int) -> None:
    """Nothing of a pasted glimpse is cut off by the patch's edge, whatever the box the where map can make."""
    size, ratio = WHERE.size + WHERE.size_range * u, WHERE.ratio + WHERE.ratio_range * r
    box = torch.tensor([[x, y, size / math.sqrt(ratio), size * math.sqrt(ratio)]], dtype=torch.float64)
    patch, corner = paste(torch.ones(1, 1, side, side, dtype=torch.float64), box, side=patch_side(WHERE, side))
    wide, _ = paste(torch.ones(1, 1, side, side, dtype=torch.float64), box, side=patch_side(WHERE, side) + 20)
    assert float(patch.sum()) == pytest.approx(float(wide.sum()), rel=1e-9)
    mass = patch[0, 0] / patch.sum()
    pixel = torch.arange(patch.shape[-1]) + 0.5
    seen = (corner[0, 1] + (mass.sum(0) * pixel).sum(), corner[0, 0] + (mass.sum(1) * pixel).sum())
    assert abs(float(seen[0]) - x) < 0.51 and abs(float(seen[1]) - y) < 0.51


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(3, 9),
    width=st.integers(3, 9),
    side=st.integers(1, 5),
    box=st.tuples(st.floats(-2, 11), st.floats(-2, 11), st.floats(1, 9), st.floats(1, 9)),
)
def test_crops_equal_a_loop_over_points(
    height: int, width: int, side: int, box: tuple[float, float, float, float]
) -> None:
    image = torch.rand(2, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    where = torch.tensor(box, dtype=torch.float64)
    fast = crop(image.unsqueeze(0), where.view(1, 1, 4), side=side)[0, 0]
    torch.testing.assert_close(fast, slow_crop(image, where, side), rtol=1e-8, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(st.integers(4, 13), st.integers(4, 13)),
    side=st.integers(1, 6),
    place=st.tuples(st.integers(-3, 12), st.integers(-3, 12)),
)
def test_a_box_on_whole_pixels_crops_and_pastes_them_exactly(
    size: tuple[int, int], side: int, place: tuple[int, int]
) -> None:
    """Odd and even sides, over the borders, non-square frames: glimpse texels are the pixels, both ways."""
    height, width = size
    left, top = place
    image = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    box = torch.tensor([[left + side / 2, top + side / 2, side, side]], dtype=torch.float64)
    glimpse = crop(image, box.unsqueeze(0), side=side)[0]
    padded = torch.nn.functional.pad(image[0, 0], (20, 20, 20, 20))
    torch.testing.assert_close(glimpse[0, 0], padded[20 + top : 20 + top + side, 20 + left : 20 + left + side])
    patch, corner = paste(glimpse, box, side=side + 4)
    one = torch.ones(1, dtype=torch.float64)
    layers = Layers(torch.zeros(1).long(), torch.zeros(1).long(), patch, corner, one, one)
    back = splat(patch.transpose(0, 1), layers, batch=1, height=height, width=width)[0, 0]
    inside = torch.zeros(height + 40, width + 40, dtype=torch.bool)
    inside[20 + top : 20 + top + side, 20 + left : 20 + left + side] = True
    torch.testing.assert_close(back, image[0, 0] * inside[20:-20, 20:-20])


def full_planes(glimpse: Tensor, box: Tensor) -> np.ndarray:
    """[M, 4, H, W]"""
    return np.stack([slow_paste(g, b, HEIGHT, WIDTH).numpy() for g, b in zip(glimpse, box, strict=True)])


@pytest.mark.parametrize("convex", [True, False])
def test_composition_equals_loops_over_pixels_and_objects(convex: bool) -> None:
    glimpse, box, pres, near, batch = crowd(9, seed=3)
    planes = full_planes(glimpse, box)
    color, alpha, total = (t.numpy() for t in composite(laid(glimpse, box, pres, near, batch), **SIZE, convex=convex))
    overlapped = 0
    for e in range(BATCH):
        members = [m for m in range(len(batch)) if batch[m] == e]
        for i in range(HEIGHT):
            for j in range(WIDTH):
                masks = [planes[m, 3, i, j] * float(pres[m]) for m in members]
                importance = [mask * float(near[m]) for mask, m in zip(masks, members, strict=True)]
                whole = sum(importance)
                shares = [each / (whole + EPS) for each in importance]
                paint = sum(
                    share * planes[m, :3, i, j] * float(pres[m]) for share, m in zip(shares, members, strict=True)
                )
                if convex:
                    cover = sum(share * mask for share, mask in zip(shares, masks, strict=True))
                else:
                    cover = min(1.0, max(0.0, sum(masks)))
                overlapped += sum(mask > 0 for mask in masks) > 1
                assert color[e, :, i, j] == pytest.approx(paint, abs=1e-9)
                assert alpha[e, 0, i, j] == pytest.approx(cover, abs=1e-9)
                assert total[e, i, j] == pytest.approx(whole, abs=1e-9)
    assert overlapped > 20


def test_depth_hides_and_presence_fades() -> None:
    """Two opaque objects on one place: the nearer colour wins; at half presence half of the ground shines through."""
    glimpse = torch.ones(2, 4, 4, 4, dtype=torch.float64)
    glimpse[1, :3] = 0.2
    box = torch.tensor([[7.0, 5.0, 5.0, 5.0]], dtype=torch.float64).expand(2, 4)
    batch, ones = torch.zeros(2).long(), torch.ones(2, dtype=torch.float64)
    near = torch.tensor([1e-4, 1.0], dtype=torch.float64)
    color, alpha, _ = composite(laid(glimpse, box, ones, near, batch), batch=1, height=11, width=14, convex=True)
    assert float(color[0, 0, 5, 7]) == pytest.approx(0.2, abs=1e-3) and float(alpha[0, 0, 5, 7]) == pytest.approx(1)
    color, alpha, _ = composite(laid(glimpse, box, ones / 2, near, batch), batch=1, height=11, width=14, convex=True)
    assert float(color[0, 0, 5, 7]) == pytest.approx(0.1, abs=1e-3) and float(alpha[0, 0, 5, 7]) == pytest.approx(0.5)


def test_what_is_explained_and_looked_up_equals_loops() -> None:
    glimpse, box, pres, near, batch = crowd(7, seed=4)
    layers = laid(glimpse, box, pres, near, batch)
    planes = full_planes(glimpse, box)
    mask = explained(layers, **SIZE)
    for e in range(BATCH):
        members = [m for m in range(len(batch)) if batch[m] == e]
        wanted = sum(planes[m, 3] * float(pres[m]) for m in members).clip(0, 1)
        np.testing.assert_allclose(mask[e].numpy(), wanted, atol=1e-9)
    under = lookup(mask, layers)
    side = layers.patch.shape[-1]
    for m in range(len(batch)):
        for i in range(side):
            for j in range(side):
                row, column = int(layers.corner[m, 0]) + i, int(layers.corner[m, 1]) + j
                inside = 0 <= row < HEIGHT and 0 <= column < WIDTH
                assert float(under[m, i, j]) == (float(mask[batch[m], row, column]) if inside else 0.0)


def inner_crowd(count: int, seed: int) -> tuple[Tensor, ...]:
    """A crowd that is wholly in view."""
    glimpse, box, pres, near, batch = crowd(count, seed=seed)
    box = torch.cat([box[:, :2].clamp(5.0, 6.0) + torch.arange(count).unsqueeze(1) * 0.1, box[:, 2:] * 0.8], dim=1)
    return glimpse, box, pres, near, batch


def test_coverage_equals_counting_pixels() -> None:
    glimpse, box, pres, near, batch = inner_crowd(8, seed=5)
    layers = laid(glimpse, box, pres, near, batch)
    mask = torch.rand(BATCH, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)) * 0.2
    planes = full_planes(glimpse, box)
    table = coverage(layers, mask.double(), torch.Size([BATCH, int(layers.slot.max()) + 1]))
    got = table[layers.batch, layers.slot]
    for m in range(len(batch)):
        own = planes[m, 3] > 0.3
        hit = own & (mask[batch[m]].numpy() > 0.1)
        assert float(got[m]) == pytest.approx(hit.sum() / own.sum())
    assert 0 < float(got.min()) < float(got.max()) < 1


def hand_made(covered: int) -> tuple[Layers, Tensor]:
    """A proposal of exactly 10 x 10 pixels, and the mask of ``covered`` of these as explained."""
    glimpse = torch.ones(1, 4, 10, 10)
    box = torch.tensor([[10.0, 10.0, 10.0, 10.0]])
    patch, corner = paste(glimpse, box, side=16)
    zero, one = torch.zeros(1).long(), torch.ones(1)
    mask = torch.zeros(1, 20, 20)
    for number in range(covered):
        mask[0, 5 + number // 10, 5 + number % 10] = 0.11
    return Layers(zero, zero, patch, corner, one, one), mask


@pytest.mark.parametrize(("covered", "share"), [(0, 0.0), (29, 0.29), (31, 0.31), (100, 1.0)])
def test_coverage_of_hand_made_masks(covered: int, share: float) -> None:
    layers, mask = hand_made(covered)
    assert float(coverage(layers, mask, ONE)) == pytest.approx(share)
    assert float(coverage(layers, mask * 0.9, ONE)) == 0.0, "0.099 explains nothing"
    faint = dataclasses.replace(layers, pres=layers.pres * 0.01)
    assert float(coverage(faint, mask, ONE)) == pytest.approx(share), "presence does not matter to rejection"


def test_coverage_counts_only_pixels_in_view() -> None:
    glimpse = torch.ones(1, 4, 10, 10)
    patch, corner = paste(glimpse, torch.tensor([[1.0, 1.0, 10.0, 10.0]]), side=16)
    zero, one = torch.zeros(1).long(), torch.ones(1)
    layers = Layers(zero, zero, patch, corner, one, one)
    assert float(coverage(layers, torch.ones(1, 20, 20), ONE)) == pytest.approx(1.0)


def test_visibility_equals_loops() -> None:
    """Share of the own faded mask that is in view, weighted by how much it is in front."""
    glimpse, box, pres, near, batch = crowd(9, seed=6)
    layers = laid(glimpse, box, pres, near, batch)
    _, _, total = composite(layers, **SIZE, convex=True)
    got, planes = visibility(layers, total), full_planes(glimpse, box)
    for m in range(len(batch)):
        front = 0.0
        for i in range(HEIGHT):
            for j in range(WIDTH):
                everyone = sum(
                    planes[k, 3, i, j] * float(pres[k] * near[k]) for k in range(len(batch)) if batch[k] == batch[m]
                )
                own = planes[m, 3, i, j] * float(pres[m])
                front += own * own * float(near[m]) / (everyone + EPS)
        # The whole mask, in view or not: on a frame so large that nothing is cut off.
        shifted = torch.cat([box[m, :2] + 10, box[m, 2:]])
        whole = float(slow_paste(glimpse[m], shifted, HEIGHT + 20, WIDTH + 20)[3].sum() * pres[m])
        assert float(got[m]) == pytest.approx(front / whole, abs=1e-6)
