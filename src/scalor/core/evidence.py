"""How many nats an object explains: the likelihood of a frame with it minus without it, exact and patch by patch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from scalor.core.canvas import pixel_index
from scalor.core.tensors import Struct, constant
from scalor.core.types import Layers

NOTHING = 1e-9
"""Sums of importances below this share of what they were are rounding errors: nobody else is there."""


@dataclass(frozen=True)
class Evidence(Struct):
    """Of every layer: how it relates to one frame.

    nats    [M] log p(frame | all objects) - log p(frame | all but this one); one whose ``pres`` is 0 is compared as if
            it were there. What a twin explains as well counts for neither of two, and what is hidden is 0.
    hidden  [M] share of its mask, in view, where the background alone does not explain the frame: an object can be
            hidden there, whereas one that should stand on visible background is gone
    inside  [M] share of its mask in view
    """

    nats: Tensor
    hidden: Tensor
    inside: Tensor


@torch.no_grad()
def evidence(layers: Layers, frame: Tensor, backdrop: Tensor, *, sigma: float, convex: bool) -> Evidence:
    """`Evidence` of objects for ``frame`` [B, C, H, W] in front of ``backdrop`` (of the same shape, or 1 channel).

    From the sums that `canvas.composite` makes: an object's own part is taken out of them, on the pixels in view that
    its mask touches. In float64, since importances of e^12 and e^-12 meet in one sum.
    """
    batch, channels, height, width = frame.shape
    alpha, pixels = layers.patch[:, -1], batch * height * width
    index = pixel_index(layers, batch=batch, height=height, width=width)
    touched = ((alpha.reshape(-1) > 0) & (index < pixels)).nonzero()[:, 0]
    owner = torch.div(touched, alpha[0].numel() or 1, rounding_mode="floor") if len(alpha) else touched
    index = index.index_select(0, touched)
    mask, own, full = _planes(layers, touched, owner, convex)
    canvas = full.new_zeros(pixels, channels + 2).index_add_(0, index, own)
    shown = torch.cat([frame, backdrop.expand_as(frame)], dim=1).movedim(1, -1).reshape(pixels, 2 * channels)
    seen, ground = shown.index_select(0, index).double().split(channels, dim=1)
    sums = canvas.index_select(0, index)
    without = _image(sums - own, sums[:, -1:], ground, convex)
    present = _image(sums - own + full, sums[:, -1:] + full[:, -1:], ground, convex)
    gain = ((seen - without).square_() - (seen - present).square_()).sum(1, keepdim=True)
    bare = torch.exp((seen - ground).square_().mean(1, keepdim=True) * (-0.5 / sigma**2))
    parts = torch.cat([gain, (1 - bare) * mask, mask], dim=1)
    nats, hidden, area = full.new_zeros(len(alpha), 3).index_add_(0, owner, parts).unbind(1)
    found = Evidence(
        nats=nats / (2 * sigma**2),
        hidden=hidden / area.clamp(min=1e-6),
        inside=area / alpha.sum((1, 2)).clamp(min=1e-6),
    )
    return found.map(lambda tensor: tensor.to(frame.dtype))


def _planes(layers: Layers, touched: Tensor, owner: Tensor, convex: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Of the ``touched`` [T] pixels of all patches, which layers own: the mask [T, 1] and what a layer adds there to
    the sums as it is, and if it is present. [T, C + 2]: weighted colour, weighted or plain alpha, importance."""
    count = layers.patch.shape[1]
    paint = layers.patch.movedim(1, -1).reshape(-1, count).index_select(0, touched).double()
    mask = paint[:, -1:]
    weight = mask * layers.near.double().index_select(0, owner).unsqueeze(1)
    full = torch.cat([weight * paint, weight] if convex else [weight * paint[:, :-1], mask, weight], dim=1)
    # A faded layer adds faded paint with faded importance.
    powers = constant(*[2.0] * (count - 1), 2.0 if convex else 1.0, 1.0, like=full)
    own = full * layers.pres.double().unsqueeze(1).pow(powers).index_select(0, owner)
    return mask, own, full


def _image(sums: Tensor, before: Tensor, ground: Tensor, convex: bool) -> Tensor:
    """The colours [T, C] that sums [T, C + 2] make in front of ``ground``."""
    total = sums[:, -1:]
    some = total > NOTHING * before
    scale = torch.where(some, 1.0 / total.clamp(min=1e-30), 0.0)
    alpha = sums[:, -2:-1] * scale if convex else sums[:, -2:-1].clamp(0.0, 1.0)
    return torch.addcmul(sums[:, :-2] * scale, 1 - alpha, ground)
