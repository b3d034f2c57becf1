"""Painting patches into frames: presence fades, depth hides (spec A.6, E.1)."""

import torch
from torch import Tensor

from scalor.core.tensors import ste_clamp
from scalor.core.types import Layers

EPS = 1e-8


def pixel_index(layers: Layers, *, batch: int, height: int, width: int) -> tuple[Tensor, tuple[int, int]]:
    """Flat index of every patch pixel into planes of ``batch`` padded frames: int64 [M * P * P] and the padded (H, W).

    Frames are padded by P on all sides, so that a patch that leaves the view needs no mask.
    """
    side = layers.patch.shape[-1]
    tall, wide = height + 2 * side, width + 2 * side
    top = (layers.corner[:, 0] + side).clamp(0, tall - side)
    left = (layers.corner[:, 1] + side).clamp(0, wide - side)
    step = torch.arange(side, device=top.device)
    rows = (layers.batch * tall + top).unsqueeze(-1) + step
    index = rows.unsqueeze(-1) * wide + (left.unsqueeze(-1) + step).unsqueeze(1)
    return index.reshape(-1), (tall, wide)


def splat(planes: Tensor, layers: Layers, *, batch: int, height: int, width: int) -> Tensor:
    """Add patches [K, M, P, P] into frames: [K, B, H, W]."""
    index, (tall, wide) = pixel_index(layers, batch=batch, height=height, width=width)
    side = layers.patch.shape[-1]
    canvas = planes.new_zeros(planes.shape[0], batch * tall * wide)
    canvas = canvas.index_add(1, index, planes.reshape(planes.shape[0], -1))
    return canvas.view(-1, batch, tall, wide)[:, :, side : side + height, side : side + width]


def lookup(canvas: Tensor, layers: Layers) -> Tensor:
    """The canvas [B, H, W] under every patch, 0 outside the frame: [M, P, P]."""
    batch, height, width = canvas.shape
    side = layers.patch.shape[-1]
    index, _ = pixel_index(layers, batch=batch, height=height, width=width)
    padded = torch.nn.functional.pad(canvas, (side, side, side, side))
    return padded.reshape(-1).index_select(0, index).view(-1, side, side)


def composite(layers: Layers, *, batch: int, height: int, width: int, convex: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Foreground colour [B, C, H, W], alpha [B, 1, H, W] and the sum of importances [B, H, W].

    w_n = I_n / sum I;  colour = sum w_n Y_n;  alpha = sum w_n A_n (convex) or clamp(sum A_n) (the official code).
    """
    paint = (layers.patch * layers.pres[:, None, None, None]).transpose(0, 1)
    mask = paint[-1:]
    weight = mask * layers.near[:, None, None]
    planes = torch.cat([weight * paint, weight] if convex else [weight * paint[:-1], mask, weight])
    canvas = splat(planes, layers, batch=batch, height=height, width=width)
    total = canvas[-1]
    color = canvas[:-2] / (total + EPS)
    alpha = canvas[-2] / (total + EPS) if convex else ste_clamp(canvas[-2])
    return color.transpose(0, 1), alpha.unsqueeze(1), total


@torch.no_grad()
def explained(layers: Layers, *, batch: int, height: int, width: int) -> Tensor:
    """What is already explained: clamp(sum of faded masks) in [0, 1]: [B, H, W]."""
    mask = layers.patch[:, -1] * layers.pres[:, None, None]
    return splat(mask.unsqueeze(0), layers, batch=batch, height=height, width=width)[0].clamp(0.0, 1.0)


@torch.no_grad()
def coverage(layers: Layers, mask: Tensor, *, own: float = 0.3, other: float = 0.1) -> Tensor:
    """Share of each patch's own mask (alpha > ``own``) where ``mask`` [B, H, W] exceeds ``other``: [M] (spec A.4)."""
    shape = layers.patch[:, -1] > own
    hit = shape & (lookup(mask, layers) > other)
    return hit.sum((1, 2)) / shape.sum((1, 2)).clamp(min=1)


@torch.no_grad()
def visibility(layers: Layers, total: Tensor) -> Tensor:
    """Share of each object's own mask that is in view and in front: [M]; ``total`` [B, H, W] from `composite`."""
    mask = layers.patch[:, -1] * layers.pres[:, None, None]
    weight = mask * layers.near[:, None, None]
    front = weight / (lookup(total, layers) + EPS)
    return (front * mask).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1e-6)
