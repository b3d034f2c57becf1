"""Every pixel has at most one owner, and run lengths made from patches are those of whole pictures."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco

from scalor.core.types import Layers
from scalor.tracking.masks import PatchMasks, owned

SIDE = 5


def layers_of(seed: int, count: int, *, batch: int, size: tuple[int, int]) -> Layers:
    """Random patches, some of them partly outside the frame."""
    draw = torch.Generator().manual_seed(seed)
    where = torch.rand(count, 2, generator=draw) * torch.tensor([size[0] + SIDE, size[1] + SIDE]) - SIDE
    return Layers(
        batch=torch.randint(0, batch, (count,), generator=draw),
        slot=torch.arange(count),
        patch=torch.rand(count, 4, SIDE, SIDE, generator=draw),
        corner=where.long(),
        pres=(torch.rand(count, generator=draw) > 0.2).float(),
        near=torch.rand(count, generator=draw) + 0.1,
    )


def slow_owner(layers: Layers, *, batch: int, y: int, x: int) -> int:
    """The obvious twin: go through all objects and keep the one with the largest share of this pixel."""
    best, owner = 0.0, -1
    for m in range(len(layers.batch)):
        top, left = layers.corner[m].tolist()
        if layers.batch[m] == batch and 0 <= y - top < SIDE and 0 <= x - left < SIDE:
            faded = float(layers.patch[m, -1, y - top, x - left] * layers.pres[m])
            claim = faded * faded * float(layers.near[m])
            if claim > best:
                best, owner = claim, m if faded > 0.5 else -1
    return owner


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 12))
def test_each_pixel_belongs_to_the_object_with_the_largest_share_of_its_colour(seed, count):
    batch, height, width = 2, 9, 12
    layers = layers_of(seed, count, batch=batch, size=(height, width))
    mine = owned(layers, batch=batch, height=height, width=width)
    found = np.full((batch, height, width), -1)
    for m in range(count):
        masks = PatchMasks(mine[m : m + 1].numpy(), layers.corner[m : m + 1].numpy(), (height, width))
        here = masks.dense()[0]
        assert not (found[int(layers.batch[m])][here] >= 0).any()
        found[int(layers.batch[m])][here] = m
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                assert found[b, y, x] == slow_owner(layers, batch=b, y=y, x=x)


def test_of_two_equal_objects_on_one_place_the_first_owns_all():
    layers = layers_of(3, 1, batch=1, size=(9, 9)).replace(pres=torch.ones(1), corner=torch.zeros(1, 2).long())
    twins = layers.map(lambda tensor: tensor.repeat_interleave(2, dim=0))
    mine = owned(twins, batch=1, height=9, width=9)
    assert mine[0].any() and not mine[1].any()


@st.composite
def patch_masks(draw: st.DrawFn) -> PatchMasks:
    count, side = draw(st.integers(0, 4)), draw(st.integers(1, 6))
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    corner = rng.integers(-side, 12, (count, 2))
    scale = draw(st.sampled_from([(1.0, 1.0), (2.0, 2.0), (1.7, 2.3), (3.0, 1.5)]))
    size = (int(10 * scale[0]), int(8 * scale[1]))
    rest = draw(st.sampled_from([(0.0, 0.0), (0.5, -0.25), (-0.3, 0.1)]))
    return PatchMasks(rng.random((count, side, side)) > draw(st.floats(0, 1)), corner, size, scale, rest)


@settings(deadline=None)
@given(patch_masks())
def test_run_lengths_are_those_of_the_whole_picture(masks):
    whole = coco.encode(np.asfortranarray(masks.dense().transpose(1, 2, 0).astype(np.uint8)))
    assert [rle["counts"] for rle in masks.rles()] == [rle["counts"].decode() for rle in whole]
    assert all(rle["size"] == list(masks.size) for rle in masks.rles())


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(1.0, 4.0), st.floats(1.0, 4.0))
def test_masks_that_do_not_overlap_still_do_not_after_enlarging(seed, tall, wide):
    layers = layers_of(seed, 8, batch=1, size=(9, 12))
    mine = owned(layers, batch=1, height=9, width=12).numpy()
    masks = PatchMasks(mine, layers.corner.numpy(), (round(9 * tall), round(12 * wide)), (tall, wide))
    assert masks.dense().sum(axis=0).max() <= 1


@pytest.mark.parametrize("scale", [2, 3, 5])
def test_an_enlarged_rectangle_keeps_its_edges_and_at_most_rounds_its_corners(scale):
    patch = np.zeros((1, 6, 6), dtype=bool)
    patch[0, 1:4, 2:6] = True
    small = PatchMasks(patch, np.array([[2, 1]]), (10, 10)).dense()[0]
    large = PatchMasks(patch, np.array([[2, 1]]), (10 * scale, 10 * scale), (scale, scale)).dense()[0]
    wanted = small.repeat(scale, axis=0).repeat(scale, axis=1)
    assert not (large & ~wanted).any()
    assert (large.any(axis=0) == wanted.any(axis=0)).all() and (large.any(axis=1) == wanted.any(axis=1)).all()
    assert (wanted & ~large).sum() <= 4 * (scale // 2) ** 2


@settings(deadline=None)
@given(patch_masks())
def test_crops_hold_the_pixels_at_which_the_interpolated_mask_is_solid(masks):
    """The slow twin interpolates whole patches with grid_sample at the centre of every pixel of the frame."""
    height, width = masks.size
    side = masks.patch.shape[1]
    y = (np.arange(height) + 0.5) / masks.scale[0]
    x = (np.arange(width) + 0.5) / masks.scale[1]
    for patch, (top, left), got in zip(masks.patch, masks.corner.tolist(), masks.dense(), strict=True):
        top, left = top + masks.rest[0], left + masks.rest[1]
        grid = np.stack(np.meshgrid((x - left) * 2 / side - 1, (y - top) * 2 / side - 1), axis=-1)
        soft = torch.from_numpy(patch[None, None].astype(np.float64))
        fine = F.grid_sample(soft, torch.from_numpy(grid[None]), align_corners=False)[0, 0].numpy()
        clear = np.abs(fine - 0.5) > 1e-6
        assert ((fine > 0.5) == got)[clear].all()
    assert (masks.seen() == masks.dense().any(axis=(1, 2))).all()
