"""What an object knows of the others near it when it predicts itself: so that bounces and pushes can be learned."""

import torch
from torch import Tensor, nn

from scalor.core.geometry import WhereConfig
from scalor.core.types import Slots
from scalor.models.config import ModelConfig
from scalor.nets.heads import mlp

SUMMARY = 32
"""Numbers of the summary."""
PAIR = 12
"""Numbers that describe a neighbour: see `describe`."""


class Neighbors(nn.Module):
    """A summary [B, N, SUMMARY] of the up to K nearest others of each object: the sum of what each of them means to it.

    A neighbour is known by where it lies from the object, how it moves relative to it, and how large both are; so the
    summary depends neither on the order of slots nor on where in the frame all this happens. A neighbour counts by its
    presence, and the less the wider the gap between the boxes is: not at all from twice the largest step on, where the
    two cannot meet within a frame.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.where, self.most = config.where, config.propagate.neighbors
        self.pair = mlp(PAIR, 64, 64, SUMMARY, act=config.style.act)

    def forward(self, slots: Slots) -> Tensor:
        count = slots.count
        nearest = min(self.most, count - 1)
        if nearest < 1:
            return slots.box.new_zeros(*slots.alive.shape, SUMMARY)
        gap = gaps(slots).masked_fill(~slots.alive.unsqueeze(1), float("inf"))
        gap.diagonal(dim1=1, dim2=2).fill_(float("inf"))
        gap, which = gap.topk(nearest, dim=-1, largest=False)
        weight = (1.0 - gap / (2.0 * self.where.motion)).clamp(0.0, 1.0) * _of(slots.latents.pres, which)
        return (weight.unsqueeze(-1) * self.pair(describe(slots, which, self.where))).sum(2)


def gaps(slots: Slots) -> Tensor:
    """Pixels between any two objects, taken as round: [B, N, N]; below 0 where they overlap."""
    center, radius = slots.box[..., :2], slots.box[..., 2:].mean(-1) / 2
    apart = distance(center.unsqueeze(1) - center.unsqueeze(2))
    return apart - radius.unsqueeze(1) - radius.unsqueeze(2)


def distance(apart: Tensor) -> Tensor:
    """Lengths of [..., 2], whose gradient is finite at 0."""
    return (apart.square().sum(-1) + 1e-6).sqrt()


def describe(slots: Slots, which: Tensor, where: WhereConfig) -> Tensor:
    """What objects [B, N] see of those numbered ``which`` [B, N, K]: [B, N, K, PAIR].

    The direction of the neighbour; its place and velocity relative to the object; the object's velocity; both sizes;
    the gap; the speed at which it closes. Lengths are in mean sizes of objects, velocities in largest steps.
    """
    step = slots.latents.where[..., 2:].tanh()
    apart = _of(slots.box[..., :2], which) - slots.box[..., :2].unsqueeze(2)
    far = distance(apart).unsqueeze(-1)
    toward = apart / far
    drift = _of(step, which) - step.unsqueeze(2)
    size = slots.box[..., 2:].mean(-1, keepdim=True)
    own, other = size.unsqueeze(2).expand(*far.shape), _of(size, which)
    gap = (far - (own + other) / 2) / (2.0 * where.motion)
    closing = (drift * toward).sum(-1, keepdim=True)
    sizes = (own / where.size - 1.0, other / where.size - 1.0)
    mine = step.unsqueeze(2).expand_as(drift)
    return torch.cat([toward, apart / where.size, drift, mine, *sizes, gap, closing], dim=-1)


def _of(values: Tensor, which: Tensor) -> Tensor:
    """``values`` [B, N, ...] of the objects numbered ``which`` [B, N, K]: [B, N, K, ...]."""
    batch, count, near = which.shape
    index = which.reshape(batch, count * near, *(1,) * (values.dim() - 2))
    found = values.gather(1, index.expand(batch, count * near, *values.shape[2:]))
    return found.unflatten(1, (count, near))
