"""Leaving out the empty pixels of large patches changes nothing."""

import math

import pytest
import torch

from scalor.core import canvas
from scalor.core.canvas import composite
from scalor.core.geometry import paste
from scalor.core.types import Layers

SIZE = {"batch": 2, "height": 40, "width": 48}


@pytest.mark.parametrize("convex", [True, False])
def test_empty_pixels_of_patches_count_for_nothing(convex: bool, monkeypatch) -> None:
    torch.manual_seed(0)
    box = torch.cat([torch.rand(9, 2) * 48, torch.rand(9, 2) * 20 + 4], dim=1)
    leaves = [torch.rand(9, 4, 8, 8), box, torch.rand(9), torch.rand(9)]
    found = []
    for many in (math.inf, 0):
        monkeypatch.setattr(canvas, "MANY", many)
        glimpse, where, pres, near = (leaf.clone().requires_grad_() for leaf in leaves)
        patch, corner = paste(glimpse, where, side=40)
        layers = Layers(
            batch=torch.arange(9) % 2, slot=torch.arange(9), patch=patch, corner=corner, pres=pres, near=near
        )
        made = composite(layers, **SIZE, convex=convex)
        loss = sum(((part - 0.3) ** 2).sum() for part in made)
        found.append((made, torch.autograd.grad(loss, [glimpse, where, pres, near])))
    (dense, slopes), (sparse, others) = found
    assert all(torch.equal(one, two) for one, two in zip(dense, sparse, strict=True))
    for one, two in zip(slopes, others, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)
