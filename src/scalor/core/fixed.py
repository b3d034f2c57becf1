"""Shapes that follow from sizes alone, as exported graphs want them.

Usually lists hold what there is: the living objects, the pixels they touch. Inside `fixed_shapes` they hold everything
that there could be, and what is not there has a presence of 0. Results are the same, at a higher cost.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from scalor.core.types import World

_FIXED: ContextVar[bool] = ContextVar("fixed", default=False)


@contextmanager
def fixed_shapes() -> Iterator[None]:
    """Inside the block no shape depends on what a frame shows."""
    token = _FIXED.set(True)
    try:
        yield
    finally:
        _FIXED.reset(token)


def fixed() -> bool:
    """Whether we are inside `fixed_shapes`."""
    return _FIXED.get()


def listed(mask: Tensor) -> tuple[Tensor, ...]:
    """The indices, int64 [M] for every axis, of where ``mask`` holds; with fixed shapes of all its elements."""
    if not fixed():
        return mask.nonzero(as_tuple=True)
    axes = [torch.arange(size, device=mask.device) for size in mask.shape]
    return tuple(axis.reshape(-1) for axis in torch.meshgrid(*axes, indexing="ij"))


def longest(counts: Tensor, *, most: int) -> int:
    """The largest of ``counts`` [B], no more than ``most``; with fixed shapes ``most``."""
    return most if fixed() else min(most, int(counts.max()))


def roomy(world: World, count: int) -> World:
    """A world without objects with room for ``count``, whose slots have the shapes that `fixed_shapes` keep."""
    slots = world.slots.map(lambda tensor: tensor.new_zeros(tensor.shape[0], count, *tensor.shape[2:]))
    return world.replace(slots=slots.replace(box=slots.box + 1.0))  # even what is not there has a size to divide by
