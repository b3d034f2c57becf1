"""Whose pixel is it: from soft overlapping paint to masks that never overlap, and to COCO run lengths."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from scalor.core.canvas import pixel_index
from scalor.core.tracks import Rle
from scalor.core.types import Layers

SOLID = 0.5
"""Alpha above which a pixel belongs to an object rather than to the background."""
TIE = 1e-9
"""Rounding must not give a pixel on the border of two objects to both."""


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
    rest     (y, x)           network pixels, at most a half, by which the patches lie below and right of their corners
    """

    patch: np.ndarray
    corner: np.ndarray
    size: tuple[int, int]
    scale: tuple[float, float] = (1.0, 1.0)
    rest: tuple[float, float] = (0.0, 0.0)

    def __len__(self) -> int:
        return len(self.patch)

    @classmethod
    def none(cls, size: tuple[int, int]) -> "PatchMasks":
        """Masks of no objects."""
        return cls(np.zeros((0, 1, 1), dtype=bool), np.zeros((0, 2), dtype=np.int64), size)

    def select(self, keep: np.ndarray) -> "PatchMasks":
        """The masks where the boolean (or index) array ``keep`` says so."""
        return replace(self, patch=self.patch[keep], corner=self.corner[keep])

    def moved(self, x: float, y: float) -> "PatchMasks":
        """The masks ``x`` network pixels further right and ``y`` further down, to any part of a pixel."""
        down, right = self.rest[0] + y, self.rest[1] + x
        whole = round(down), round(right)
        rest = (down - whole[0], right - whole[1])
        return replace(self, corner=self.corner + np.array(whole), rest=rest)

    def seen(self) -> np.ndarray:
        """Whether each mask has a pixel in the frame: bool [N]."""
        return np.array([patch.any() for patch in self.crops().patches], dtype=bool)

    def merged(self, into: np.ndarray) -> "PatchMasks":
        """The masks with those of parts added to what they are parts of: ``into`` [N] is whose mask each one's pixels
        belong to, mostly its own; outside 0 .. N - 1: nobody's. Parts keep their own as well."""
        added = np.flatnonzero((into != np.arange(len(self))) & (into >= 0) & (into < len(self)))
        if not len(added):
            return self
        both = np.concatenate([self.corner[added], self.corner[into[added]]])
        side = self.patch.shape[1]
        corner = self.corner.copy()
        np.minimum.at(corner, into[added], self.corner[added])
        wide = side + int((both - np.concatenate([corner[into[added]]] * 2)).max())
        patch = np.zeros((len(self), wide, wide), dtype=bool)
        for number, (top, left) in enumerate((self.corner - corner).tolist()):
            patch[number, top : top + side, left : left + side] = self.patch[number]
        for number in added.tolist():
            top, left = (self.corner[number] - corner[into[number]]).tolist()
            patch[into[number], top : top + side, left : left + side] |= self.patch[number]
        return replace(self, patch=patch, corner=corner)

    def crops(self) -> "Crops":
        """The same masks in source pixels, each cut to what is in the frame; what was disjoint still is.

        A source pixel belongs to an object where the mask, interpolated linearly, is above `SOLID` at its centre. Those
        pixels lie inside the rectangle around the mask, so nothing else of the frame is looked at.
        """
        parts = [self._crop(patch, corner) for patch, corner in zip(self.patch, self.corner.tolist(), strict=True)]
        corners = np.array([corner for _, corner in parts], dtype=np.int64).reshape(-1, 2)
        return Crops(tuple(patch for patch, _ in parts), corners, self.size)

    def _crop(self, patch: np.ndarray, corner: list[int]) -> tuple[np.ndarray, tuple[int, int]]:
        spans = [np.flatnonzero(patch.any(axis=1 - axis)) for axis in (0, 1)]
        if len(spans[0]) == 0:
            return np.zeros((0, 0), dtype=bool), (0, 0)
        rows, columns = (slice(int(span[0]), int(span[-1]) + 1) for span in spans)
        (top, tall), (left, wide) = (
            _weights(
                corner[axis] + part.start + self.rest[axis], part.stop - part.start, self.scale[axis], self.size[axis]
            )
            for axis, part in enumerate((rows, columns))
        )
        fine = tall @ patch[rows, columns].astype(np.float64) @ wide.T
        return fine > SOLID + TIE, (top, left)

    def dense(self) -> np.ndarray:
        """Full source frames, bool [N, H, W]: large; for many objects use `rles`."""
        full = np.zeros((len(self), *self.size), dtype=bool)
        fine = self.crops()
        for canvas, patch, (top, left) in zip(full, fine.patches, fine.corners.tolist(), strict=True):
            canvas[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
        return full

    def rles(self) -> list[Rle]:
        """Compressed COCO run lengths in source pixels, as pycocotools writes them, made without full frames."""
        return self.crops().rles()


@dataclass(frozen=True)
class Crops:
    """Masks of N objects in source pixels, each on the rectangle of the frame that holds it.

    patches  N masks bool [h, w], of different sizes
    corners  int64 [N, 2]  top, left of each patch, which lies inside the frame
    size     (height, width) of the frame
    """

    patches: tuple[np.ndarray, ...]
    corners: np.ndarray
    size: tuple[int, int]

    def rles(self) -> list[Rle]:
        """Compressed COCO run lengths of the whole frame."""
        from pycocotools import mask as coco

        height, width = self.size
        encoded: list[Rle] = []
        for patch, corner in zip(self.patches, self.corners.tolist(), strict=True):
            counts = _runs(patch, corner, self.size)
            rle = coco.frPyObjects({"counts": counts, "size": [height, width]}, height, width)
            encoded.append({"size": [height, width], "counts": rle["counts"].decode("ascii")})
        return encoded


def _weights(first: float, count: int, scale: float, size: int) -> tuple[int, np.ndarray]:
    """Along one axis: the first source pixel whose centre lies on ``count`` network pixels from ``first`` on, and the
    share of each of them in every source pixel from there, float64 [pixels, count]; cut to a frame of ``size``.
    """
    begin = min(max(0, math.ceil(first * scale - 0.5)), size)
    end = max(begin, min(size, math.ceil((first + count) * scale - 0.5)))
    centers = (np.arange(begin, end) + 0.5) / scale
    distance = np.abs(centers[:, None] - (first + np.arange(count) + 0.5))
    return begin, np.maximum(0.0, 1.0 - distance)


def _runs(patch: np.ndarray, corner: list[int], size: tuple[int, int]) -> list[int]:
    """Lengths of the runs of 0, 1, 0, ... down the columns of a frame of ``size`` with ``patch`` at ``corner``."""
    (tall, wide), (height, width) = patch.shape, size
    # A zero before everything, and a row of zeros that ends every run at the foot of its column.
    flat = np.zeros(wide * (tall + 1) + 1, dtype=bool)
    flat[1:].reshape(wide, tall + 1)[:, :tall] = patch.T
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    column, row = np.divmod(edges, tall + 1)
    places = (corner[1] + column) * height + corner[0] + row
    # Runs that go on in the next column, where the patch is as tall as the frame, are one.
    inner = places[1:-1].reshape(-1, 2)
    apart = np.repeat(inner[:, 0] != inner[:, 1], 2)
    places = np.concatenate([places[:1], places[1:-1][apart], places[-1:]]) if len(places) else places
    ends = places if len(places) and places[-1] == height * width else np.append(places, height * width)
    return [int(ends[0]), *np.diff(ends).tolist()]
