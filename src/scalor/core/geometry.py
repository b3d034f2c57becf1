"""Boxes in pixels, glimpses and patches. Pixel i covers [i, i + 1); a box is centre x, centre y, width, height."""

import math
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.jsonable import later
from scalor.core.tensors import constant, once

FARTHEST = 0.1
"""Least factor by which perspective makes things smaller: above the horizon there is no ground."""
Row = TypeVar("Row", Tensor, "np.ndarray[Any, np.dtype[Any]]")


@dataclass(frozen=True)
class WhereConfig:
    """The map from raw where samples to boxes (spec A.2), in pixels.

    size, size_range   a = size + size_range * tanh(u)        (scale="linear", the paper)
                       a = size * exp(size_range * tanh(u))   (scale="log")
    ratio, ratio_range height / width, likewise; width = a / sqrt(ratio), height = a * sqrt(ratio)
    reach              how far, in cells, a proposal's centre may lie from its cell's centre (paper: 1)
    motion             largest step per frame in pixels along each axis (with ``ground``, that at ``level``)
    tilt, level        perspective: at row y of the view sizes are 1 + tilt * (y - level) times as large (`nearness`)
    nearest            that factor at most
    ground             steps are so many times as large, too: what goes on level ground at one pace has one code
    """

    size: float = 10.0
    size_range: float = 5.0
    ratio: float = 1.0
    ratio_range: float = 0.2
    scale: str = "linear"
    reach: float = 1.0
    motion: float = 6.4
    tilt: float = later(0.0)
    level: float = later(0.0)
    nearest: float = later(1.0)
    ground: bool = later(False)

    @property
    def largest(self) -> tuple[float, float]:
        """Largest width and height that the map can produce."""
        (_, a), (low, high) = self.sizes, self.ratios
        return self.nearest * a / math.sqrt(low), self.nearest * a * math.sqrt(high)

    @property
    def sizes(self) -> tuple[float, float]:
        """Smallest and largest a, at the level where things are as large as ``size`` says."""
        return self._range(self.size, self.size_range)

    @property
    def ratios(self) -> tuple[float, float]:
        """Smallest and largest height / width."""
        return self._range(self.ratio, self.ratio_range)

    @property
    def steepness(self) -> tuple[float, float]:
        """By how much the logarithms of a and of the ratio grow with their raw codes in the middle of their range."""
        linear = self.scale == "linear"
        return self.size_range / (self.size if linear else 1.0), self.ratio_range / (self.ratio if linear else 1.0)

    def nearness(self, row: Row) -> Row:
        """How many times larger things at these rows of the view are than those at ``level``.

        A camera sees things on level ground smaller the nearer they are to the horizon, in proportion.
        """
        return (1.0 + self.tilt * (row - self.level)).clip(FARTHEST, self.nearest)

    def _range(self, middle: float, spread: float) -> tuple[float, float]:
        if self.scale == "linear":
            return middle - spread, middle + spread
        return middle * math.exp(-spread), middle * math.exp(spread)


def decode_size(raw: Tensor, config: WhereConfig, row: Tensor | None = None) -> Tensor:
    """Raw (size, ratio) [..., 2] to width, height in pixels [..., 2].

    ``row`` [...]: where in the view the centres lie, which counts where the config knows a perspective.
    """
    middle = constant(config.size, config.ratio, like=raw)
    spread = constant(config.size_range, config.ratio_range, like=raw) * torch.tanh(raw)
    scaled = middle + spread if config.scale == "linear" else middle * spread.exp()
    a, ratio = scaled.unbind(-1)
    if config.tilt and row is not None:
        a = a * config.nearness(row)
    root = ratio.sqrt()
    return torch.stack([a / root, a * root], dim=-1)


def decode_step(raw: Tensor, config: WhereConfig, row: Tensor | None = None) -> Tensor:
    """Raw speed [..., 2] to the step of a frame in pixels [..., 2]; ``row`` as in `decode_size`."""
    step = config.motion * torch.tanh(raw)
    if config.ground and config.tilt and row is not None:
        step = step * config.nearness(row).unsqueeze(-1)
    return step


def cell_centers(rows: int, columns: int, *, cell: int, like: Tensor, ring: int = 0) -> Tensor:
    """Centres (x, y) of all cells in row-major order, pixels: [rows * columns, 2]; not to be changed in place.

    The outer ``ring`` cells on all sides lie outside the view, which begins at 0.
    """
    return _cell_centers(rows, columns, cell, ring, like.dtype, like.device)


@once
def _cell_centers(rows: int, columns: int, cell: int, ring: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    x, y = ((torch.arange(count, device=device, dtype=dtype) + 0.5 - ring) * cell for count in (columns, rows))
    return torch.stack([x.repeat(rows), y.repeat_interleave(columns)], dim=-1)


@once
def _pixels(side: int, first: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Coordinates (x, y) of side x side pixels from ``first`` on: [side, side, 2]; not to be changed in place."""
    step = torch.arange(side, dtype=dtype, device=device) + first
    return torch.stack(torch.meshgrid(step, step, indexing="xy"), dim=-1)


def crop(image: Tensor, box: Tensor, *, side: int) -> Tensor:
    """Glimpses of ``image`` [B, C, H, W] at ``box`` [B, N, 4] (pixels): [B, N, C, side, side], zero outside."""
    batch, count = box.shape[:2]
    height, width = image.shape[2:]
    # In grid_sample's coordinates, -1 .. 1 from edge to edge.
    unit = box * constant(2.0 / width, 2.0 / height, 2.0 / width / side, 2.0 / height / side, like=box)
    center, pixel = unit.view(batch, count, 1, 1, 4).split(2, dim=-1)
    from_center = _pixels(side, 0.5 - side / 2, box.dtype, box.device)
    grid = torch.addcmul(center - 1.0, pixel, from_center)
    out = F.grid_sample(image, grid.view(batch, count * side, side, 2), align_corners=False)
    return out.view(batch, image.shape[1], count, side, side).transpose(1, 2)


def patch_side(config: WhereConfig, glimpse: int) -> int:
    """Side P of the pixel patch that holds every pasted glimpse."""
    return support(max(config.largest), glimpse)


def support(extent: float, glimpse: int) -> int:
    """Side of the pixel patch that holds a glimpse pasted into a box of ``extent``: s (1 + 1/g) around the centre."""
    return math.ceil(extent * (1 + 1 / glimpse)) + 2


def paste(glimpse: Tensor, box: Tensor, *, side: int) -> tuple[Tensor, Tensor]:
    """Glimpses [M, C, g, g] drawn at ``box`` [M, 4]: pixel patches [M, C, side, side], corner int64 [M, 2] (top, left).

    Exact bilinear paste with zero padding, restricted to a patch that contains its whole support (spec E.1).
    """
    corner = torch.floor(box[:, :2].detach() - (side / 2 - 0.5))
    return paste_at(glimpse, box, corner, side=side), corner.long().flip(-1)


def paste_at(glimpse: Tensor, box: Tensor, corner: Tensor, *, side: int) -> Tensor:
    """The part of `paste` on the ``side`` x ``side`` pixels from ``corner`` [M, 2] (left, top) on."""
    center, extent = box.view(-1, 1, 1, 4).split(2, dim=-1)
    unit = 2.0 / extent
    from_corner = (corner.view(-1, 1, 1, 2) - center) * unit
    grid = torch.addcmul(from_corner, _pixels(side, 0.5, box.dtype, box.device), unit)
    return F.grid_sample(glimpse, grid, align_corners=False)


def _crossing(profile: Tensor, level: float) -> Tensor:
    """Where profiles [..., g] first rise above ``level``, sub-pixel by interpolation, as a fraction of their length.

    0 where they never do.
    """
    first = (profile > level).byte().argmax(-1, keepdim=True)
    high = profile.gather(-1, first)
    low = F.pad(profile, (1, 0)).gather(-1, first)  # the one before
    up = high - level
    place = first + 0.5 - (up / (high - low).clamp(min=1e-3)).clamp(0.0, 1.0)
    return ((place / profile.shape[-1]).clamp(min=0.0) * (up > 0)).squeeze(-1)


@torch.no_grad()
def tight_box(alpha: Tensor, box: Tensor, *, level: float = 0.5) -> Tensor:
    """Left, top, right, bottom (pixels) of alpha > ``level`` in masks [M, g, g] drawn at ``box`` [M, 4]: [M, 4].

    A mask that never exceeds it keeps its whole box.
    """
    profile = torch.stack([alpha.amax(1), alpha.amax(2)], dim=1)
    from_edge = _crossing(torch.cat([profile, profile.flip(-1)], dim=1), level)
    from_center = (from_edge - 0.5) * constant(1.0, 1.0, -1.0, -1.0, like=box)
    center, extent = box.split(2, dim=-1)
    return torch.addcmul(center.repeat(1, 2), from_center, extent.repeat(1, 2))


def corners(box: Tensor) -> Tensor:
    """Boxes (centre x, centre y, width, height) [..., 4] as left, top, right, bottom."""
    center, extent = box.split(2, dim=-1)
    half = extent / 2
    return torch.cat([center - half, center + half], dim=-1)


def box_overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and intersection over the smaller area of boxes (left, top, right, bottom), N x M pairs: [..., N, M]."""
    inter, area_a, area_b = intersection(a, b)
    return _ratio(inter, area_a + area_b - inter), _ratio(inter, torch.minimum(area_a, area_b))


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU of boxes (left, top, right, bottom), N x M pairs: [..., N, M]."""
    inter, area_a, area_b = intersection(a, b)
    return _ratio(inter, area_a + area_b - inter)


def intersection(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Common area [..., N, M] and the boxes' own areas [..., N, 1] and [..., 1, M]; a plane per side, which is fast."""
    left, top, right, bottom = (side.unsqueeze(-1) for side in a.unbind(-1))
    left_b, top_b, right_b, bottom_b = (side.unsqueeze(-2) for side in b.unbind(-1))
    across = (torch.minimum(right, right_b) - torch.maximum(left, left_b)).clamp(min=0)
    down = (torch.minimum(bottom, bottom_b) - torch.maximum(top, top_b)).clamp(min=0)
    area_a = (right - left).clamp(min=0) * (bottom - top).clamp(min=0)
    area_b = (right_b - left_b).clamp(min=0) * (bottom_b - top_b).clamp(min=0)
    return across * down, area_a, area_b


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return part / whole.clamp(min=1e-6)


def in_view(box: Tensor, *, height: int, width: int) -> Tensor:
    """Share of each box [..., 4] (centre form) that lies inside the frame."""
    center, extent = box.split(2, dim=-1)
    half = extent / 2
    high = torch.minimum(center + half, constant(width, height, like=box))
    return (high - (center - half).clamp(min=0)).clamp(min=0).prod(-1) / extent.prod(-1).clamp(min=1e-6)
