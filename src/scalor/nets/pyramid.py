"""Convolutional stacks computed from sizes."""

import math
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from scalor.nets.pointwise import Pointwise


def activation(name: str) -> nn.Module:
    known = {"celu": nn.CELU, "relu": nn.ReLU, "silu": nn.SiLU}
    if name not in known:
        raise ValueError(f"activation is {name!r}; wanted {', '.join(known)}; correct model.style.act")
    return known[name]()


@dataclass(frozen=True)
class ConvStyle:
    """Activation and normalisation of every convolution block; the paper: celu with GroupNorm."""

    act: str = "relu"
    norm: bool = False


def groups(channels: int) -> int:
    """Number of GroupNorm groups: 4 for 16 channels, 8 up to 64, 16 above, fewer for very thin layers (spec A.11)."""
    wanted = 4 if channels <= 16 else 8 if channels <= 64 else 16
    return math.gcd(wanted, channels)


def block(conv: nn.Module, channels: int, style: ConvStyle) -> list[nn.Module]:
    """conv -> activation -> GroupNorm, in this order (spec A.11)."""
    norm = [nn.GroupNorm(groups(channels), channels)] if style.norm else []
    return [conv, activation(style.act), *norm]


def pyramid(channels: int, widths: tuple[int, ...], *, cell: int, style: ConvStyle, refine: bool) -> nn.Sequential:
    """A stack that halves log2(cell) times: [B, channels, H, W] -> [B, widths[-1], H / cell, W / cell].

    widths  one per halving; the last is repeated when there are fewer than halvings
    refine  a 3 x 3 block after each halving but the last, and a 1 x 1 at the end (the paper's encoder)
    """
    halvings = int(math.log2(cell))
    if 2**halvings != cell:
        raise ValueError(f"cell is {cell}; wanted a power of two; set model.cell to 4, 8 or 16")
    sizes = [widths[min(i, len(widths) - 1)] for i in range(halvings)]
    layers: list[nn.Module] = []
    below = channels
    for level, width in enumerate(sizes):
        layers += block(nn.Conv2d(below, width, 4, stride=2, padding=1), width, style)
        if refine and level < halvings - 1:
            layers += block(nn.Conv2d(width, width, 3, padding=1), width, style)
        below = width
    last = Pointwise(below, below) if refine else nn.Conv2d(below, below, 3, padding=1)
    return nn.Sequential(*layers, *block(last, below, style))


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Zero-pad right and bottom so that both sides are multiples."""
    down, right = -image.shape[-2] % multiple, -image.shape[-1] % multiple
    return F.pad(image, (0, right, 0, down)) if down or right else image
