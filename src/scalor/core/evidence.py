"""How many nats an object explains: the likelihood of a frame with it minus without it, exact and patch by patch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from scalor.core.canvas import pixel_index
from scalor.core.fixed import fixed, listed
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

    Presences are 0 or 1. From the sums that `canvas.composite` makes: an object is taken out of them, or put into them,
    on the pixels in view that its mask touches. Sums in float64, since importances of e^12 and e^-12 meet in one.
    """
    batch, channels, height, width = frame.shape
    index, owner, paint = _touched(layers, pixel_index(layers, batch=batch, height=height, width=width), frame)
    mask = paint[:, -1:]
    near, pres = torch.stack([layers.near, layers.pres], 1).index_select(0, owner).double().split(1, dim=1)
    weight = mask * near
    planes = [weight * paint, weight] if convex else [weight * paint[:, :-1], mask.double(), weight]
    own = torch.cat(planes, dim=1)
    canvas = own.new_zeros(batch * height * width, channels + 2).index_add_(0, index, own * pres)
    sums = canvas.index_select(0, index)
    shown = torch.cat([frame, backdrop], dim=1).movedim(1, -1).contiguous().flatten(0, 2).index_select(0, index)
    seen, ground = shown[:, :channels], shown[:, channels:]
    here = _error(sums, sums[:, -1:], seen, ground, convex)
    other = torch.addcmul(sums, own, 1 - 2 * pres)
    changed = _error(other, torch.maximum(sums[:, -1:], other[:, -1:]), seen, ground, convex)
    gain = (changed - here) * (2 * pres - 1)
    bare = torch.exp(_summed((seen - ground).square()) * (-0.5 / sigma**2 / channels))
    parts = torch.cat([gain, (1 - bare) * mask, mask], dim=1)
    nats, hidden, area = parts.new_zeros(len(layers.pres), 3).index_add_(0, owner, parts).unbind(1)
    found = Evidence(
        nats=nats / (2 * sigma**2),
        hidden=hidden / area.clamp(min=1e-6),
        inside=area / layers.patch[:, -1].sum((1, 2)).clamp(min=1e-6),
    )
    return found.map(lambda tensor: tensor.to(frame.dtype))


def _touched(layers: Layers, index: Tensor, frame: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The pixels in view that masks touch: their places in the frames' planes [T], their layers [T], and the paint
    there [T, C + 1]."""
    count, channels = layers.patch.shape[:2]
    pixels = frame[:, 0].numel()
    (touched,) = listed((layers.patch[:, -1].reshape(-1) > 0) & (index < pixels))
    owner = torch.div(touched, max(1, len(index) // max(1, count)), rounding_mode="floor")
    paint = layers.patch.movedim(1, -1).reshape(-1, channels).index_select(0, touched)
    place = index.index_select(0, touched)
    if fixed():  # what is out of view was listed too
        paint, place = paint * (place < pixels).unsqueeze(1), place.clamp(max=pixels - 1)
    return place, owner, paint


def _error(sums: Tensor, before: Tensor, seen: Tensor, ground: Tensor, convex: bool) -> Tensor:
    """Squared difference [T, 1] to the colours ``seen`` of what sums [T, C + 2] make in front of ``ground``."""
    total = sums[:, -1:]
    some = total > NOTHING * before
    scale = torch.where(some, 1.0 / total.clamp(min=1e-30), 0.0)
    alpha = sums[:, -2:-1] * scale if convex else sums[:, -2:-1].clamp(0.0, 1.0)
    image = torch.addcmul(sums[:, :-2] * scale, 1 - alpha, ground.to(sums.dtype))
    return _summed((seen - image).square_())


def _summed(values: Tensor) -> Tensor:
    """The sum over the short last axis of [T, C], [T, 1]: as a product, which is twenty times faster."""
    return values @ constant(*[1.0] * values.shape[1], like=values).unsqueeze(1)
