"""Busy scenes for `scalor bench`: an untrained model finds nothing, so its objects are put there.

Two means, both of which leave every kernel that a trained model runs in place:

- `Newcomers` overrules the detector's verdict, so that chosen cells, and no others, propose an object;
- `crowded_world` is a world with exactly that many living objects, evenly spread.

An untrained model then keeps what it has: its presence biases say so, and with `opaque` its masks cover their boxes.
"""

import math
from typing import Any

import torch
from torch import Tensor

from scalor.core.geometry import decode_size
from scalor.core.types import Latents, Scenery, World
from scalor.data.loader import ClipData, batch_at
from scalor.models.config import ModelConfig
from scalor.models.scalor import Scalor

AREA = 64
"""`Newcomers` counts objects per square of this side in pixels."""
SURE = 8.7
"""A presence logit beyond doubt (the bound is 8.8)."""


def spread(count: int, height: int, width: int) -> Tensor:
    """``count`` centres (x, y) on an even lattice over a frame, pixels: [count, 2]."""
    columns = max(1, math.ceil(math.sqrt(count * width / height)))
    rows = max(1, math.ceil(count / columns))
    number = torch.arange(count)
    x = (number % columns + 0.5) * (width / columns)
    y = (torch.div(number, columns, rounding_mode="floor") + 0.5) * (height / rows)
    return torch.stack([x, y], dim=-1)


class Newcomers:
    """A forward hook for the detector: ``first`` proposals where nothing is known yet, then ``later``.

    Both are numbers per 64 x 64 pixels. One per frame is about what enters the view of
    sprites-md; most of ours are rejected again.
    """

    def __init__(self, *, first: int, later: int = 1) -> None:
        self.first, self.later = first, later

    def __call__(self, module: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: Any) -> Any:
        features, explained, _ = inputs
        rows, columns = features.shape[-2:]
        height, width = explained.shape[-2:]
        areas = max(1, round(height * width / AREA**2))
        count = areas * (self.later if bool(explained.any()) else self.first)
        center = spread(count, rows, columns).long()
        forced = torch.full_like(output.logit, -SURE)
        forced[:, center[:, 1] * columns + center[:, 0]] = SURE
        return output.replace(logit=0.0 * output.logit + forced)


def opaque(module: Any, inputs: Any, output: Tensor) -> Tensor:
    """A forward hook for the decoder: untrained masks, which are half transparent, cover their boxes."""
    return 0.5 + 0.5 * output


def crowded_model(config: ModelConfig, *, first: int) -> Scalor:
    """An untrained model that finds ``first`` objects per 64 x 64 pixels in the first frame and keeps them."""
    torch.manual_seed(0)
    model = Scalor(config)
    model.painter.decoder.register_forward_hook(opaque)
    model.discover.detector.register_forward_hook(Newcomers(first=first))
    return model


def crowded_world(model: Scalor, *, batch: int, count: int, size: tuple[int, int]) -> World:
    """A world of frames ``size`` (height, width) with ``count`` living objects in each element of the batch."""
    config, (height, width) = model.config, size
    world = model.init(batch, Scenery(height=height, width=width))
    noise = torch.Generator().manual_seed(0)
    zeros = torch.zeros(batch, count)
    raw = torch.zeros(batch, count, 4)
    center = spread(count, height, width).expand(batch, -1, -1)
    code = 0.5 * torch.randn(batch, count, config.glimpse.what + 1, generator=noise)
    slots = world.slots.map(lambda field: field.new_zeros(batch, count, *field.shape[2:])).replace(
        latents=Latents(pres=zeros + 1.0, where=raw, what=code[..., 1:], depth=code[..., :1]),
        box=torch.cat([center, decode_size(raw[..., :2], config.where)], dim=-1),
        confidence=zeros + 1.0,
        id=torch.arange(count).expand(batch, -1),
        alive=torch.ones(batch, count, dtype=torch.bool),
    )
    return world.replace(slots=slots, next_id=torch.full((batch,), count))


def mosaic(dataset: ClipData, side: int) -> Tensor:
    """First frames of as many clips as fill a square of ``side`` pixels, side by side: uint8 [C, side, side]."""
    tile = batch_at(dataset, 0, step=0, batch=1, frames=1).shape[-1]
    across = -(-side // tile)
    tiles = batch_at(dataset, 0, step=0, batch=across**2, frames=1)[:, 0].unflatten(0, (across, across))
    whole = tiles.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)
    return whole[:, :side, :side].contiguous()
