"""Whose pixel is it: from soft overlapping paint to masks that never overlap, and to COCO run lengths."""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.canvas import pixel_index
from scalor.core.tracks import Rle
from scalor.core.types import Layers

SOLID = 0.5
"""Alpha above which a pixel belongs to an object rather than to the background."""


@torch.no_grad()
def owned(layers: Layers, *, batch: int, height: int, width: int) -> Tensor:
    """Pixels in view that an object shows in front of all others: bool [M, P, P] on its patch, disjoint over objects.

    The owner of a pixel is the object with the largest share w_n A_n of its colour (spec A.6); since the sum of the
    importances is common to all, the largest near * (pres * alpha)^2.
    """
    faded = layers.patch[:, -1] * layers.pres[:, None, None]
    claim = (faded.square() * layers.near[:, None, None]).reshape(-1)
    pixels = batch * height * width
    index = pixel_index(layers, batch=batch, height=height, width=width)
    best = claim.new_zeros(pixels + 1).scatter_reduce_(0, index, claim, "amax")
    count = layers.patch.shape[0]
    number = torch.arange(count, device=claim.device).repeat_interleave(faded[:1].numel() if count else 1)
    # Equal claims go to the first in the list, so that no pixel has two owners.
    number = torch.where(claim >= best[index], number, count)
    first = number.new_full((pixels + 1,), count).scatter_reduce_(0, index, number, "amin")
    mine = (number == first[index]) & (index < pixels)
    return mine.view_as(faded) & (faded > SOLID)


@dataclass(frozen=True)
class PatchMasks:
    """Masks of N objects, each a small patch of network pixels; full frames and run lengths are made when asked for.

    patch    bool  [N, P, P]
    corner   int64 [N, 2]     top, left of the patch in network pixels (may lie outside the frame)
    size     (height, width)  of the source in source pixels
    scale    (y, x)           source pixels per network pixel
    """

    patch: np.ndarray
    corner: np.ndarray
    size: tuple[int, int]
    scale: tuple[float, float] = (1.0, 1.0)

    def __len__(self) -> int:
        return len(self.patch)

    @classmethod
    def none(cls, size: tuple[int, int]) -> "PatchMasks":
        """Masks of no objects."""
        return cls(np.zeros((0, 1, 1), dtype=bool), np.zeros((0, 2), dtype=np.int64), size)

    def select(self, keep: np.ndarray) -> "PatchMasks":
        """The masks where the boolean (or index) array ``keep`` says so."""
        return replace(self, patch=self.patch[keep], corner=self.corner[keep])

    def in_source(self) -> "PatchMasks":
        """The same masks on patches of source pixels; masks that did not overlap still do not."""
        if self.scale == (1.0, 1.0) or len(self) == 0:
            return replace(self, scale=(1.0, 1.0))
        scale, side = np.array(self.scale), self.patch.shape[1]
        rows, columns = (int(n) for n in np.ceil(side * scale).astype(int) + 1)
        corner = np.floor(self.corner * scale).astype(np.int64)
        # Where the centres of the source pixels lie on the patch, in grid_sample's units.
        y, x = (
            ((corner[:, k, None] + np.arange(n) + 0.5) / scale[k] - self.corner[:, k, None]) * (2 / side) - 1
            for k, n in enumerate((rows, columns))
        )
        shape = (len(self), rows, columns)
        grid = np.stack([np.broadcast_to(x[:, None], shape), np.broadcast_to(y[:, :, None], shape)], axis=-1)
        soft = torch.from_numpy(self.patch[:, None].astype(np.float32))
        fine = F.grid_sample(soft, torch.from_numpy(grid.astype(np.float32)), align_corners=False)
        return PatchMasks((fine[:, 0] > SOLID).numpy(), corner, self.size)

    def dense(self) -> np.ndarray:
        """Full source frames, bool [N, H, W]: large; for many objects use `rles`."""
        fine = self.in_source()
        full = np.zeros((len(self), *self.size), dtype=bool)
        number, y, x = fine._pixels()
        full[number, y, x] = True
        return full

    def rles(self) -> list[Rle]:
        """Compressed COCO run lengths in source pixels, as pycocotools writes them, made without full frames."""
        from pycocotools import mask as coco

        fine = self.in_source()
        number, y, x = fine._pixels()
        height, width = self.size
        flat = x.astype(np.int64) * height + y
        order = np.lexsort((flat, number))
        ends = np.searchsorted(number[order], np.arange(len(self) + 1))
        encoded: list[Rle] = []
        for first, last in zip(ends[:-1], ends[1:], strict=True):
            counts = _runs(flat[order[first:last]], height * width)
            rle = coco.frPyObjects({"counts": counts, "size": [height, width]}, height, width)
            encoded.append({"size": [height, width], "counts": rle["counts"].decode("ascii")})
        return encoded

    def _pixels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Object number, row and column of every mask pixel inside the frame."""
        number, y, x = self.patch.nonzero()
        y, x = y + self.corner[number, 0], x + self.corner[number, 1]
        inside = (y >= 0) & (y < self.size[0]) & (x >= 0) & (x < self.size[1])
        return number[inside], y[inside], x[inside]


def _runs(pixels: np.ndarray, total: int) -> list[int]:
    """Lengths of the runs of 0, 1, 0, ... of a picture of ``total`` pixels in which the sorted ``pixels`` are 1."""
    if len(pixels) == 0:
        return [total]
    breaks = np.flatnonzero(np.diff(pixels) > 1)
    starts = pixels[np.r_[0, breaks + 1]]
    stops = pixels[np.r_[breaks, len(pixels) - 1]] + 1
    edges = np.stack([starts, stops], axis=1).reshape(-1)
    lengths = np.diff(np.r_[0, edges, total])
    return lengths[: len(edges) + (1 if edges[-1] < total else 0)].tolist()
