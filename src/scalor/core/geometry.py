"""Boxes in pixels, glimpses and patches. Pixel i covers [i, i + 1); a box is centre x, centre y, width, height."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class WhereConfig:
    """The map from raw where samples to boxes (spec A.2), in pixels.

    size, size_range   a = size + size_range * tanh(u)        (scale="linear", the paper)
                       a = size * exp(size_range * tanh(u))   (scale="log")
    ratio, ratio_range height / width, likewise; width = a / sqrt(ratio), height = a * sqrt(ratio)
    reach              how far, in cells, a proposal's centre may lie from its cell's centre (paper: 1)
    motion             largest step per frame in pixels along each axis

    """

    size: float = 10.0
    size_range: float = 5.0
    ratio: float = 1.0
    ratio_range: float = 0.2
    scale: str = "linear"
    reach: float = 1.0
    motion: float = 6.4

    @property
    def largest(self) -> tuple[float, float]:
        """Largest width and height that the map can produce."""
        a = self._top(self.size, self.size_range)
        low, high = self._bottom(self.ratio, self.ratio_range), self._top(self.ratio, self.ratio_range)
        return a / math.sqrt(low), a * math.sqrt(high)

    def _top(self, middle: float, spread: float) -> float:
        return middle + spread if self.scale == "linear" else middle * math.exp(spread)

    def _bottom(self, middle: float, spread: float) -> float:
        return middle - spread if self.scale == "linear" else middle * math.exp(-spread)


def decode_size(raw: Tensor, config: WhereConfig) -> Tensor:
    """Raw (size, ratio) [..., 2] to width, height in pixels [..., 2]."""
    u = torch.tanh(raw)
    if config.scale == "linear":
        a = config.size + config.size_range * u[..., 0]
        ratio = config.ratio + config.ratio_range * u[..., 1]
    else:
        a = config.size * torch.exp(config.size_range * u[..., 0])
        ratio = config.ratio * torch.exp(config.ratio_range * u[..., 1])
    root = ratio.sqrt()
    return torch.stack([a / root, a * root], dim=-1)


def cell_centers(rows: int, columns: int, *, cell: int, like: Tensor) -> Tensor:
    """Centres (x, y) of all cells in row-major order, pixels: [rows * columns, 2]."""
    y = (torch.arange(rows, device=like.device, dtype=like.dtype) + 0.5) * cell
    x = (torch.arange(columns, device=like.device, dtype=like.dtype) + 0.5) * cell
    return torch.stack([x.repeat(rows), y.repeat_interleave(columns)], dim=-1)


def _grid(box: Tensor, side: tuple[int, int], extent: tuple[int, int]) -> Tensor:
    """Grid [..., gh, gw, 2] in grid_sample's coordinates of an image of ``extent = (H, W)``, one per box [..., 4]."""
    rows, columns = side
    v = (torch.arange(rows, device=box.device, dtype=box.dtype) + 0.5) / rows - 0.5
    u = (torch.arange(columns, device=box.device, dtype=box.dtype) + 0.5) / columns - 0.5
    x = (box[..., 0:1] + box[..., 2:3] * u) * (2.0 / extent[1]) - 1.0
    y = (box[..., 1:2] + box[..., 3:4] * v) * (2.0 / extent[0]) - 1.0
    shape = (*box.shape[:-1], rows, columns)
    return torch.stack([x.unsqueeze(-2).expand(shape), y.unsqueeze(-1).expand(shape)], dim=-1)


def crop(image: Tensor, box: Tensor, *, side: int) -> Tensor:
    """Glimpses of ``image`` [B, C, H, W] at ``box`` [B, N, 4] (pixels): [B, N, C, side, side], zero outside."""
    batch, count = box.shape[:2]
    grid = _grid(box, (side, side), (image.shape[2], image.shape[3]))
    out = F.grid_sample(image, grid.reshape(batch, count * side, side, 2), align_corners=False)
    return out.reshape(batch, image.shape[1], count, side, side).transpose(1, 2)


def patch_side(config: WhereConfig, glimpse: int) -> int:
    """Side P of the pixel patch that holds every pasted glimpse: its support is s (1 + 1/g) around the centre."""
    return math.ceil(max(config.largest) * (1 + 1 / glimpse)) + 2


def paste(glimpse: Tensor, box: Tensor, *, side: int) -> tuple[Tensor, Tensor]:
    """Glimpses [M, C, g, g] drawn at ``box`` [M, 4]: pixel patches [M, C, side, side], corner int64 [M, 2] (top, left).

    Exact bilinear paste with zero padding, restricted to a patch that contains its whole support (spec E.1).
    """
    center = box[:, :2].detach()
    corner = torch.floor(center - side / 2 + 0.5)
    pixel = torch.arange(side, device=box.device, dtype=box.dtype) + 0.5
    offset = (corner - box[:, :2]).unsqueeze(-1) + pixel
    unit = offset * (2.0 / box[:, 2:]).unsqueeze(-1)
    shape = (box.shape[0], side, side)
    grid = torch.stack([unit[:, 0].unsqueeze(1).expand(shape), unit[:, 1].unsqueeze(2).expand(shape)], dim=-1)
    return F.grid_sample(glimpse, grid, align_corners=False), corner.long().flip(-1)


def _edges(profile: Tensor, level: float) -> tuple[Tensor, Tensor]:
    """First and last crossing of ``level`` of profiles [M, g], sub-pixel by interpolation, as fractions of the box."""
    side = profile.shape[1]
    inside = profile > level
    first = inside.float().argmax(1)
    last = side - 1 - inside.flip(1).float().argmax(1)
    padded = F.pad(profile, (1, 1))

    def cross(at: Tensor, neighbour: Tensor) -> Tensor:
        high = padded.gather(1, at[:, None] + 1)[:, 0]
        low = padded.gather(1, neighbour[:, None] + 1)[:, 0]
        return (high - level) / (high - low).clamp(min=1e-3)

    start = first + 0.5 - cross(first, first - 1).clamp(0.0, 1.0)
    stop = last + 0.5 + cross(last, last + 1).clamp(0.0, 1.0)
    return start / side, stop / side


@torch.no_grad()
def tight_box(alpha: Tensor, box: Tensor, *, level: float = 0.5) -> Tensor:
    """Left, top, right, bottom (pixels) of alpha > ``level`` in masks [M, g, g] drawn at ``box`` [M, 4]: [M, 4].

    A mask that never exceeds it keeps its whole box.
    """
    left, right = _edges(alpha.amax(1), level)
    top, bottom = _edges(alpha.amax(2), level)
    some = (alpha.amax((1, 2)) > level).unsqueeze(-1)
    part = torch.stack([left, top, right, bottom], dim=-1).clamp(0.0, 1.0)
    part = torch.where(some, part, part.new_tensor([0.0, 0.0, 1.0, 1.0]))
    origin = box[:, :2] - box[:, 2:] / 2
    return origin.repeat(1, 2) + part * box[:, 2:].repeat(1, 2)


def corners(box: Tensor) -> Tensor:
    """Boxes (centre x, centre y, width, height) [..., 4] as left, top, right, bottom."""
    half = box[..., 2:] / 2
    return torch.cat([box[..., :2] - half, box[..., :2] + half], dim=-1)


def box_overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and intersection over the smaller area of boxes (left, top, right, bottom), N x M pairs: [..., N, M]."""
    inter, area_a, area_b = _intersection(a, b)
    return _ratio(inter, area_a + area_b - inter), _ratio(inter, torch.minimum(area_a, area_b))


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU of boxes (left, top, right, bottom), N x M pairs: [..., N, M]."""
    inter, area_a, area_b = _intersection(a, b)
    return _ratio(inter, area_a + area_b - inter)


def _intersection(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
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
    low = (box[..., :2] - box[..., 2:] / 2).clamp(min=0)
    high = torch.minimum(box[..., :2] + box[..., 2:] / 2, box.new_tensor([width, height]))
    return (high - low).clamp(min=0).prod(-1) / box[..., 2:].prod(-1).clamp(min=1e-6)
