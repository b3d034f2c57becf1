"""Tiles paint the same picture as one patch per object, with the same gradients, and no more pixels than needed."""

import pytest
import torch

from scalor.core.canvas import composite, coverage
from scalor.core.geometry import paste, paste_at
from scalor.core.tiles import TILE, tiles
from scalor.core.types import Layers

HEIGHT, WIDTH, COUNT = 90, 120, 14
SIZE = {"batch": 2, "height": HEIGHT, "width": WIDTH}


def boxes() -> torch.Tensor:
    """Small and large ones, some of them beyond the edges."""
    torch.manual_seed(0)
    place = torch.rand(COUNT, 2) * torch.tensor([WIDTH, HEIGHT]) * 1.4 - 20.0
    return torch.cat([place, torch.exp(torch.rand(COUNT, 2) * 3.0 + 1.6)], dim=1)


def painted(leaves: list[torch.Tensor], *, tiled: bool) -> Layers:
    glimpse, box, pres, near = leaves
    batch, slot = torch.arange(COUNT) % 2, torch.arange(COUNT) // 2
    if not tiled:
        patch, corner = paste(glimpse, box, side=160)
        return Layers(batch=batch, slot=slot, patch=patch, corner=corner, pres=pres, near=near)
    row, corner = tiles(box, glimpse=8, height=HEIGHT, width=WIDTH)
    patch = paste_at(glimpse[row], box[row], corner, side=TILE)
    return Layers(
        batch=batch[row], slot=slot[row], patch=patch, corner=corner.long().flip(-1), pres=pres[row], near=near[row]
    )


@pytest.mark.parametrize("convex", [True, False])
def test_tiles_paint_the_same_picture_with_the_same_gradients(convex: bool) -> None:
    box = boxes()
    start = [torch.rand(COUNT, 4, 8, 8), box, torch.rand(COUNT), torch.rand(COUNT)]
    start = [leaf.double() for leaf in start]
    found = []
    for tiled in (False, True):
        leaves = [leaf.clone().requires_grad_() for leaf in start]
        made = composite(painted(leaves, tiled=tiled), **SIZE, convex=convex)
        loss = sum(((part - 0.3) ** 2).sum() for part in made)
        found.append((*made, *torch.autograd.grad(loss, leaves)))
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9)


def test_an_object_of_many_tiles_is_covered_as_one() -> None:
    leaves = [torch.rand(COUNT, 4, 8, 8), boxes(), torch.rand(COUNT), torch.rand(COUNT)]
    mask, shape = torch.rand(2, HEIGHT, WIDTH) * 0.2, torch.Size([2, COUNT // 2])
    whole, parts = (coverage(painted(leaves, tiled=tiled), mask, shape) for tiled in (False, True))
    torch.testing.assert_close(whole, parts)
    assert 0.2 < float(whole.max()) < 0.8


def test_tiles_cover_what_is_in_view_and_little_else() -> None:
    box = boxes()
    row, corner = tiles(box, glimpse=8, height=HEIGHT, width=WIDTH)
    assert row.unique().tolist() == list(range(COUNT)), "everything has a tile"
    assert torch.equal(row, row.sort().values)
    half = (box[:, 2:] * (1 + 1 / 8) / 2)[row]
    seen = torch.minimum(corner + TILE, box[row, :2] + half) - torch.maximum(corner, box[row, :2] - half)
    assert (seen > -2.0).all(), "no tile lies beside its object"
    several = row.bincount()[row] > 1
    out = (corner + TILE <= 0).any(1) | (corner >= torch.tensor([WIDTH, HEIGHT])).any(1)
    assert not (several & out).any()
