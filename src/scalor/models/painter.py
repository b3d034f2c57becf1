"""From a set of objects to paint: decode only what can matter, paste on patches, find tight boxes (spec E.1, E.5)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scalor.core.canvas import composite, summed
from scalor.core.fixed import fixed, listed
from scalor.core.geometry import corners, paste, paste_at, patch_side, support, tight_box
from scalor.core.tensors import Struct
from scalor.core.tiles import TILE, tiles
from scalor.core.types import Latents, Layers, Scenery, Slots
from scalor.models.appearance import GlimpseDecoder
from scalor.models.config import ModelConfig

LEAST = 1e-3
"""Objects fainter than this change no pixel by more than a thousandth: they are not decoded."""


@dataclass(frozen=True)
class Paint(Struct):
    """Painted objects: their layers, tight boxes [B, N, 4] and paint on the glimpse's grid [B, N, C + 1, g, g]."""

    layers: Layers
    tight: Tensor
    glimpse: Tensor


class Painter(nn.Module):
    """Turns `Latents` and boxes [B, N, 4] into `Paint`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.decoder = GlimpseDecoder(config.channels, config.glimpse, config.style)
        self.glimpse, self.side = config.glimpse.side, patch_side(config.where, config.glimpse.side)
        self.render = config.render

    def nearness(self, depth: Tensor) -> Tensor:
        """Importance of an object at ``depth`` (spec A.6): sg(-z), or exp(-sharpness z) for harder edges."""
        if self.render.depth == "sigmoid":
            return torch.sigmoid(-depth)
        return torch.exp((-self.render.sharpness * depth).clamp(-12.0, 12.0))

    def _side(self, box: Tensor) -> int:
        """Side of the patches that hold these boxes [M, 4]: mostly far less than the largest possible."""
        if fixed():
            return self.side
        largest = float(box[:, 2:].detach().amax()) if len(box) else 0.0
        if not math.isfinite(largest):  # whoever looks at the numbers says so
            return self.side
        return min(self.side, support(largest, self.glimpse)) if len(box) else 1

    def layers(
        self, latents: Latents, box: Tensor, visible: Tensor, learning: Scenery | None = None
    ) -> tuple[Layers, Tensor]:
        """The layers of the objects that are ``visible`` [B, N] bool, and the paint of these on the glimpse's grid.

        While ``learning`` of a scenery, whatever can be large is painted in tiles, as far as it is in view.
        """
        return self._layers(latents, box, listed(visible), learning)

    def _layers(
        self, latents: Latents, box: Tensor, at: tuple[Tensor, ...], learning: Scenery | None
    ) -> tuple[Layers, Tensor]:
        """`layers` of the objects ``at`` (batch element, slot)."""
        batch, slot = at
        glimpse = self.decoder(latents.what[batch, slot])
        boxes = box[batch, slot]
        if learning is not None and torch.is_grad_enabled() and self.side > 2 * TILE:
            row, left_top = tiles(boxes, glimpse=self.glimpse, height=learning.height, width=learning.width)
            batch, slot, corner = batch[row], slot[row], left_top.long().flip(-1)
            patch = paste_at(glimpse[row], boxes[row], left_top, side=TILE)
        else:
            patch, corner = paste(glimpse, boxes, side=self._side(boxes))
        layers = Layers(
            batch=batch,
            slot=slot,
            patch=patch,
            corner=corner,
            pres=latents.pres[batch, slot],
            near=self.nearness(latents.depth[batch, slot, 0]),
        )
        return layers, glimpse

    def forward(self, latents: Latents, box: Tensor, visible: Tensor, learning: Scenery | None = None) -> Paint:
        """``visible`` [B, N] bool says which objects to paint; the others get their whole box as tight box."""
        at = listed(visible)
        layers, glimpse = self._layers(latents, box, at, learning)
        still, seen = glimpse.detach(), box.detach()
        tight = corners(seen)
        tight[at] = tight_box(still[:, -1], seen[at], level=self.render.mask)
        looks = still.new_zeros(*visible.shape, *still.shape[1:])
        looks[at] = still
        return Paint(layers, tight, looks)

    @torch.no_grad()
    def expected(self, slots: Slots, center: Tensor, scenery: Scenery) -> Tensor:
        """The scene as carried objects are expected to make it, their last paint at ``center`` [B, N, 2]: colour where
        they are and alpha, [B, C + 1, H, W]."""
        batch, slot = listed(slots.shown)
        box = torch.cat([center, slots.box[..., 2:]], dim=-1)[batch, slot].detach()
        patch, corner = paste(slots.paint[batch, slot], box, side=self._side(box))
        latents = slots.latents
        pres = (latents.pres.detach() * slots.shown)[batch, slot]
        near = self.nearness(latents.depth[batch, slot, 0].detach())
        layers = Layers(batch=batch, slot=slot, patch=patch, corner=corner, pres=pres, near=near)
        size = {"batch": len(slots.alive), "height": scenery.height, "width": scenery.width}
        color, alpha, _ = composite(layers, **size, convex=self.render.convex)
        return torch.cat([color, alpha], dim=1)


@torch.no_grad()
def tints(layers: Layers, shape: torch.Size) -> Tensor:
    """Mean colour of every painted object, [B, N, C] for ``shape`` = (B, N); black for the others."""
    sums = summed(layers, layers.patch.sum((2, 3)), shape)
    return sums[..., :-1] / sums[..., -1:].clamp(min=1e-3)


@torch.no_grad()
def alike(tint: Tensor, limit: float, among: Tensor) -> Tensor:
    """Those of the pairs ``among`` (bool [B, N, N]) whose mean colours [B, N, C] differ by less than ``limit`` in every
    channel. Few pairs are near each other, and colours of the others are not compared.
    """
    batch, one, other = listed(among)
    out = torch.zeros_like(among)
    out[batch, one, other] = (tint[batch, one] - tint[batch, other]).abs().amax(-1) < limit
    return out & among
