"""The image encoder: a CNN over single frames, batched over time, and a memory that runs frame by frame."""

import torch
from torch import Tensor, nn

from scalor.models.config import ModelConfig
from scalor.nets.pointwise import Pointwise
from scalor.nets.pyramid import activation, block, pad_to_multiple, pyramid
from scalor.nets.recurrent import ConvLSTM, upsample_to


class Encoder(nn.Module):
    """Frames to features per cell. With a backdrop the input is colour and 3 x (frame - backdrop)."""

    def __init__(self, config: ModelConfig, *, backdrop: bool) -> None:
        super().__init__()
        part, style = config.encoder, config.style
        self.backdrop = backdrop
        self.features = part.widths[-1]
        self.stride = part.memory_stride
        inputs = config.channels * (2 if backdrop else 1)
        self.stack = pyramid(inputs, part.widths, cell=config.cell, style=style, refine=part.refine)
        self.memory = ConvLSTM(part.memory, part.memory_layers, cell_clip=part.cell_clip) if part.memory else None
        if self.memory is not None:
            down = nn.Conv2d(self.features, part.memory, 2 * self.stride, stride=self.stride, padding=self.stride // 2)
            same = nn.Conv2d(self.features, part.memory, 3, padding=1)
            self.down = nn.Sequential(*block(same if self.stride == 1 else down, part.memory, style))
            self.up = Pointwise(part.memory, self.features * self.stride**2)
            self.fuse = activation(style.act)

    def forward(self, frames: Tensor, backdrop: Tensor | None) -> Tensor:
        """[B, C, H, W] (any B, also B * T) to features [B, F, H / cell, W / cell], before memory."""
        if self.backdrop:
            gap = torch.zeros_like(frames) if backdrop is None else 3.0 * (frames - backdrop)
            frames = torch.cat([frames, gap], dim=1)
        return self.stack(frames.contiguous(memory_format=torch.channels_last))

    def initial(self, batch: int, grid: tuple[int, int], like: Tensor) -> Tensor:
        if self.memory is None:
            return like.new_zeros(batch, 0, 1, 1)
        return like.new_zeros(batch, self.memory.width, -(-grid[0] // self.stride), -(-grid[1] // self.stride))

    def remember(self, features: Tensor, state: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Features [B, T, F, h, w] with the past in them, and the memory's state after each of the T frames.

        Only the recurrence runs frame by frame; everything around it is batched over time.
        """
        batch, length = features.shape[:2]
        if self.memory is None:
            return features, [state] * length
        flat = features.flatten(0, 1)
        below = self.down(pad_to_multiple(flat, self.stride)).unflatten(0, (batch, length))
        coarse, states = [], []
        for frame in below.unbind(1):
            out, state = self.memory(frame, state)
            coarse.append(out)
            states.append(state)
        size = (features.shape[-2], features.shape[-1])
        past = upsample_to(self.up(torch.stack(coarse, dim=1).flatten(0, 1)), self.stride, size)
        return self.fuse(flat + past).unflatten(0, (batch, length)), states
