"""How many nats an object explains: the likelihood of a frame with it minus without it, exact and patch by patch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from scalor.core.canvas import pixel_index, splat_at
from scalor.core.tensors import Struct
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

    From the sums that `canvas.composite` makes: an object's own part is taken out of them, on its patch alone. In
    float64, since importances of e^12 and e^-12 meet in one sum.
    """
    batch, channels, height, width = frame.shape
    index = pixel_index(layers, batch=batch, height=height, width=width)
    full = _planes(layers, torch.ones_like(layers.pres), convex)
    own = _planes(layers, layers.pres, convex)
    canvas = splat_at(index, own, (batch, height, width))
    shown = torch.cat([frame, backdrop.expand_as(frame)], dim=1).double().transpose(0, 1)
    under = _under(torch.cat([canvas, shown]), index, layers)
    sums, seen, ground = under.split([channels + 2, channels, channels])
    without = _image(sums - own, sums[-1:], ground, convex)
    present = _image(sums - own + full, sums[-1:] + full[-1:], ground, convex)
    view = (index < batch * height * width).view(seen.shape[1:])
    gain = ((seen - without) ** 2 - (seen - present) ** 2).sum(0) * view
    bare = torch.exp(-0.5 * ((seen - ground) ** 2).mean(0) / sigma**2)
    whole = layers.patch[:, -1].double()
    mask = whole * view
    area = mask.sum((1, 2))
    found = Evidence(
        nats=gain.sum((1, 2)) / (2 * sigma**2),
        hidden=((1 - bare) * mask).sum((1, 2)) / area.clamp(min=1e-6),
        inside=area / whole.sum((1, 2)).clamp(min=1e-6),
    )
    return found.map(lambda tensor: tensor.to(frame.dtype))


def _planes(layers: Layers, pres: Tensor, convex: bool) -> Tensor:
    """What layers of presence ``pres`` [M] add to the sums: weighted colour, weighted or plain alpha, importance."""
    paint = (layers.patch * pres[:, None, None, None]).transpose(0, 1).double()
    mask = paint[-1:]
    weight = mask * layers.near[:, None, None]
    return torch.cat([weight * paint, weight] if convex else [weight * paint[:-1], mask, weight])


def _under(canvas: Tensor, index: Tensor, layers: Layers) -> Tensor:
    """Planes [K, B, H, W] under every patch, 0 outside the view: [K, M, P, P]."""
    flat = torch.cat([canvas.flatten(1), canvas.new_zeros(len(canvas), 1)], dim=1)
    return flat.index_select(1, index).unflatten(1, layers.patch[:, 0].shape)


def _image(sums: Tensor, before: Tensor, ground: Tensor, convex: bool) -> Tensor:
    """The picture [C, M, P, P] that sums [C + 2, M, P, P] make in front of ``ground``."""
    total = sums[-1:]
    some = total > NOTHING * before
    scale = torch.where(some, 1.0 / total.clamp(min=1e-30), 0.0)
    alpha = sums[-2:-1] * scale if convex else sums[-2:-1].clamp(0.0, 1.0)
    return sums[:-2] * scale + (1 - alpha) * ground
