"""Memories in time: a ConvLSTM whose weights do not know the size of the frame."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvLSTM(nn.Module):
    """Stacked 3 x 3 ConvLSTM with per-channel peepholes (spec A.12-6); state packed as [B, 2 * layers * C, h, w].

    Its cells stay within ``cell_clip`` of 0.
    """

    def __init__(self, channels: int, layers: int, *, cell_clip: float = math.inf) -> None:
        super().__init__()
        self.cell_clip = checked_bound(cell_clip)
        self.channels = channels
        self.layers = layers
        self.gates = nn.ModuleList(nn.Conv2d(2 * channels, 4 * channels, 3, padding=1) for _ in range(layers))
        self.peep = nn.Parameter(torch.zeros(layers, 3, channels, 1, 1))

    @property
    def width(self) -> int:
        return 2 * self.layers * self.channels

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One frame: x [B, channels, h, w] and the packed state; returns the output and the new state."""
        states = list(state.chunk(2 * self.layers, dim=1))
        for level, conv in enumerate(self.gates):
            h, c = states[2 * level], states[2 * level + 1]
            i, f, g, o = conv(torch.cat([x, h], dim=1)).chunk(4, dim=1)
            peep = self.peep[level]
            c = torch.sigmoid(f + 1.0 + peep[1] * c) * c + torch.sigmoid(i + peep[0] * c) * torch.tanh(g)
            c = clipped(c, self.cell_clip)
            x = torch.sigmoid(o + peep[2] * c) * torch.tanh(c)
            states[2 * level], states[2 * level + 1] = x, c
        return x, torch.cat(states, dim=1)


class ConvGRU(nn.Module):
    """A 3 x 3 convolutional GRU: input [B, inputs, h, w] and state [B, hidden, h, w] to the new state."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(inputs + hidden, 2 * hidden, 3, padding=1)
        self.change = nn.Conv2d(inputs + hidden, hidden, 3, padding=1)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        reset, update = torch.sigmoid(self.gates(torch.cat([x, state], dim=1))).chunk(2, dim=1)
        fresh = torch.tanh(self.change(torch.cat([x, reset * state], dim=1)))
        return update * state + (1 - update) * fresh


class LSTMState(nn.Module):
    """An LSTM cell whose h and c travel side by side in one tensor [..., 2 H]; c stays within ``cell_clip`` of 0."""

    def __init__(self, inputs: int, hidden: int, *, cell_clip: float = math.inf) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(inputs, hidden)
        self.cell_clip = checked_bound(cell_clip)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        flat = state.reshape(-1, state.shape[-1])
        h, c = self.cell(x.reshape(-1, x.shape[-1]), tuple(t.contiguous() for t in flat.chunk(2, dim=-1)))
        return torch.cat([h, clipped(c, self.cell_clip)], dim=-1).reshape(state.shape)


class GRUState(nn.Module):
    """A GRU cell over the last axis."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(inputs, hidden)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        flat = self.cell(x.reshape(-1, x.shape[-1]), state.reshape(-1, state.shape[-1]))
        return flat.reshape(state.shape)


def checked_bound(cell_clip: float) -> float:
    """The bound itself. Raises ValueError where it is not above 0."""
    if not cell_clip > 0:
        raise ValueError(f"cell_clip is {cell_clip}; a number above 0 is wanted, inf for none; correct it")
    return cell_clip


def clipped(cell: Tensor, bound: float) -> Tensor:
    """The numbers of an LSTM's cell, none farther from 0 than ``bound``."""
    return cell.clamp(-bound, bound) if bound < math.inf else cell


def upsample_to(x: Tensor, factor: int, size: tuple[int, int]) -> Tensor:
    """Pixel shuffle by ``factor`` and cut to ``size``."""
    return F.pixel_shuffle(x, factor)[..., : size[0], : size[1]]
