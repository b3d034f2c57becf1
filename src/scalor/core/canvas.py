"""Painting patches into frames: presence fades, depth hides (spec A.6, E.1)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.fixed import fixed, listed
from scalor.core.tensors import constant, ramp, ste_clamp
from scalor.core.types import Layers

EPS = 1e-8
MANY = 100_000
"""Pixels of patches from which it pays to look for the empty ones."""


def _above_zero(total: Tensor) -> Tensor:
    """``total`` as a divisor. A number of this size written into the sum is dropped by exporters to ONNX."""
    return total + constant(EPS, like=total)


def pixel_index(layers: Layers, *, batch: int, height: int, width: int) -> Tensor:
    """Flat index of every patch pixel into planes of ``batch`` frames: int64 [M * P * P].

    Pixels outside the view point one past the end, at a bin that nobody looks at.
    """
    if layers.index is not None and layers.size == (batch, height, width):
        return layers.index
    corner = layers.corner
    place = corner.unsqueeze(-1) + ramp(layers.patch.shape[-1], like=corner)
    outside = (place < 0) | (place >= constant(height, width, like=corner).unsqueeze(-1))
    rows, columns = place.unbind(1)
    start = torch.addcmul(columns, layers.batch.unsqueeze(-1), constant(height * width, like=corner))
    index = (rows * width).unsqueeze(-1) + start.unsqueeze(1)
    past = outside[:, 0].unsqueeze(-1) | outside[:, 1].unsqueeze(1)
    return index.masked_fill_(past, batch * height * width).view(-1)


def placed(layers: Layers, *, batch: int, height: int, width: int) -> Layers:
    """Layers that know their `pixel_index` in planes of ``batch`` frames."""
    index = pixel_index(layers, batch=batch, height=height, width=width)
    return layers.replace(index=index, size=(batch, height, width))


def widened(layers: Layers, side: int) -> Layers:
    """The same layers on patches of ``side`` x ``side`` pixels, no fewer than they have."""
    more = side - layers.patch.shape[-1]
    if more == 0:
        return layers
    wide = layers.replace(patch=F.pad(layers.patch, (0, more, 0, more)), index=None, size=None)
    if layers.size is None:
        return wide
    batch, height, width = layers.size
    return placed(wide, batch=batch, height=height, width=width)


def splat(planes: Tensor, layers: Layers, *, batch: int, height: int, width: int) -> Tensor:
    """Add patches [K, M, P, P] into frames: [K, B, H, W]."""
    index = pixel_index(layers, batch=batch, height=height, width=width)
    return _added(planes.reshape(planes.shape[0], -1), index, (batch, height, width))


def _added(planes: Tensor, index: Tensor, size: tuple[int, int, int]) -> Tensor:
    """The sums of ``planes`` [K, T] at the places ``index`` [T] of frames of ``size``: [K, B, H, W]."""
    canvas = planes.new_zeros(planes.shape[0], math.prod(size) + 1).index_add_(1, index, planes)
    return canvas[:, :-1].unflatten(1, size)


def _touched(layers: Layers, index: Tensor, pixels: int) -> tuple[Tensor, Tensor, Tensor]:
    """The paint [C + 1, T] of the pixels in view that masks touch, their places [T] and their layers [T]; of few pixels
    all. Patches are as large as the largest object needs, so that most of their pixels are empty.
    """
    patch = layers.patch.transpose(0, 1).flatten(1)
    owner = ramp(len(layers.pres), like=index).repeat_interleave(layers.patch.shape[-1] ** 2)
    if fixed() or len(index) < MANY:
        return patch, index, owner
    (touched,) = listed((patch[-1] > 0) & (index < pixels))
    return patch.index_select(1, touched), index[touched], owner[touched]


def lookup(canvas: Tensor, layers: Layers) -> Tensor:
    """The canvas [B, H, W] under every patch, 0 outside the frame: [M, P, P]."""
    batch, height, width = canvas.shape
    side = layers.patch.shape[-1]
    index = pixel_index(layers, batch=batch, height=height, width=width)
    padded = torch.cat([canvas.reshape(-1), canvas.new_zeros(1)])
    return padded.index_select(0, index).view(-1, side, side)


def composite(layers: Layers, *, batch: int, height: int, width: int, convex: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Foreground colour [B, C, H, W], alpha [B, 1, H, W] and the sum of importances [B, H, W].

    w_n = I_n / sum I;  colour = sum w_n Y_n;  alpha = sum w_n A_n (convex) or clamp(sum A_n) (the official code).
    """
    index = pixel_index(layers, batch=batch, height=height, width=width)
    patch, index, owner = _touched(layers, index, batch * height * width)
    paint = patch * layers.pres[owner]
    mask = paint[-1:]
    weight = mask * layers.near[owner]
    planes = torch.cat([weight * paint, weight] if convex else [weight * paint[:-1], mask, weight])
    canvas = _added(planes, index, (batch, height, width))
    total = canvas[-1]
    if convex:
        image = (canvas[:-1] / _above_zero(total)).transpose(0, 1)
        return image[:, :-1], image[:, -1:], total
    return (canvas[:-2] / _above_zero(total)).transpose(0, 1), ste_clamp(canvas[-2]).unsqueeze(1), total


@torch.no_grad()
def explained(layers: Layers, *, batch: int, height: int, width: int) -> Tensor:
    """What is already explained: clamp(sum of faded masks) in [0, 1]: [B, H, W]."""
    mask = layers.patch[:, -1] * layers.pres.view(-1, 1, 1)
    return splat(mask.unsqueeze(0), layers, batch=batch, height=height, width=width)[0].clamp(0.0, 1.0)


@torch.no_grad()
def coverage(layers: Layers, mask: Tensor, shape: torch.Size, *, own: float = 0.3, other: float = 0.1) -> Tensor:
    """Share of each object's own mask in view (alpha > ``own``) where ``mask`` [B, H, W] exceeds ``other``: ``shape``,
    [B, N]; 0 without a layer."""
    batch, height, width = mask.shape
    alpha = layers.patch[:, -1]
    view = pixel_index(layers, batch=batch, height=height, width=width).view_as(alpha) < mask.numel()
    mine = (alpha > own) & view
    hit = mine & (lookup(mask, layers) > other)
    hits, area = summed(layers, torch.stack([hit.sum((1, 2)), mine.sum((1, 2))], dim=1), shape).unbind(-1)
    return hits / area.clamp(min=1)


def summed(layers: Layers, values: Tensor, shape: torch.Size) -> Tensor:
    """The sums of ``values`` [M, K] over the layers of each object: [B, N, K] for ``shape`` = (B, N)."""
    out = values.new_zeros(*shape, values.shape[1])
    # With fixed shapes every object has one layer, and exporters are spared the sum.
    return out.index_put_((layers.batch, layers.slot), values, accumulate=not fixed())


@torch.no_grad()
def visibility(layers: Layers, total: Tensor) -> Tensor:
    """Share of each object's own mask that is in view and in front: [M]; ``total`` [B, H, W] from `composite`."""
    mask = layers.patch[:, -1] * layers.pres.view(-1, 1, 1)
    weight = mask * layers.near.view(-1, 1, 1)
    under = lookup(total, layers)  # 0 outside the view
    front = torch.where(under > 0, weight / _above_zero(under), torch.zeros_like(weight))
    return (front * mask).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1e-6)
