"""From a set of objects to paint: decode only what can matter, paste on patches, find tight boxes (spec E.1, E.5)."""

import torch
from torch import Tensor, nn

from scalor.core.geometry import corners, paste, patch_side, tight_box
from scalor.core.types import Latents, Layers
from scalor.models.appearance import GlimpseDecoder
from scalor.models.config import ModelConfig

LEAST = 1e-3
"""Objects fainter than this change no pixel by more than a thousandth: they are not decoded."""


class Painter(nn.Module):
    """Turns `Latents` and boxes [B, N, 4] into `Layers` and tight boxes [B, N, 4]."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.decoder = GlimpseDecoder(config.channels, config.glimpse, config.style)
        self.side = patch_side(config.where, config.glimpse.side)
        self.render = config.render

    def nearness(self, depth: Tensor) -> Tensor:
        """Importance of an object at ``depth`` (spec A.6): sg(-z), or exp(-sharpness z) for harder edges."""
        if self.render.depth == "sigmoid":
            return torch.sigmoid(-depth)
        return torch.exp((-self.render.sharpness * depth).clamp(-12.0, 12.0))

    def forward(self, latents: Latents, box: Tensor, visible: Tensor) -> tuple[Layers, Tensor]:
        """``visible`` [B, N] bool says which objects to paint; the others get their whole box as tight box."""
        batch, slot = visible.nonzero(as_tuple=True)
        boxes = box[batch, slot]
        glimpse = self.decoder(latents.what[batch, slot])
        patch, corner = paste(glimpse, boxes, side=self.side)
        layers = Layers(
            batch=batch,
            slot=slot,
            patch=patch,
            corner=corner,
            pres=latents.pres[batch, slot],
            near=self.nearness(latents.depth[batch, slot, 0]),
        )
        tight = corners(box.detach())
        tight[batch, slot] = tight_box(glimpse[:, -1].detach(), boxes.detach(), level=self.render.mask)
        return layers, tight


@torch.no_grad()
def tints(layers: Layers, shape: torch.Size) -> Tensor:
    """Mean colour of every painted object, [B, N, C] for ``shape`` = (B, N); black for the others."""
    sums = layers.patch.sum((2, 3))
    out = sums.new_zeros(*shape, sums.shape[1] - 1)
    out[layers.batch, layers.slot] = sums[:, :-1] / sums[:, -1:].clamp(min=1e-3)
    return out


@torch.no_grad()
def alike(tint: Tensor, limit: float, among: Tensor) -> Tensor:
    """Those of the pairs ``among`` (bool [B, N, N]) whose mean colours [B, N, C] differ by less than ``limit`` in every
    channel. Few pairs are near each other, and colours of the others are not compared.
    """
    batch, one, other = among.nonzero(as_tuple=True)
    out = torch.zeros_like(among)
    out[batch, one, other] = (tint[batch, one] - tint[batch, other]).abs().amax(-1) < limit
    return out
