"""Blobs of the foreground mask of a frame, and which of them, by size and shape, are single objects."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalor.core.geometry import WhereConfig
from scalor.training.copy_paste import LEAST_PX, VISIBLE, components_of
from scalor.training.groups import members

SLACK = 1.15
"""Factor by which a blob may be smaller than the smallest box."""
EXTREME = math.exp(0.25)
"""Factor by which a box may be longer or wider than any blob of a single object; at most half of what boxes may."""
ENOUGH = 0.3
"""Share of a typical box's sides that must be in view of what is cut off by the edge of the view."""
ROOM = 1.15
"""Boxes are larger than what is in them by this factor: masks end softly."""
LARGER = np.array([1.0, 1.0, ROOM, ROOM], np.float32)
ANY_SIZE = (0.0, 0.0, math.inf, 0.0, 0.0)
"""Nothing is known of how large objects are where (see `UsualBox.within`)."""


@dataclass(frozen=True)
class Blobs:
    """What stands out in one frame: centres and sizes (x, y, w, h) in pixels.

    every   float32 [K, 4]
    single  float32 [S, 4], boxes of single objects, of typical size along the axes along which they are cut off
    known   bool [S, 4], which of their edges (left, top, right, bottom) are in view
    hidden  float32 [U, 4], those of ``every`` of which too much is hidden to say where they are
    """

    every: np.ndarray
    single: np.ndarray
    known: np.ndarray
    hidden: np.ndarray


def blobs_of(
    mask: np.ndarray, where: WhereConfig, usual: Sequence[float] = ANY_SIZE, outline: np.ndarray | None = None
) -> Blobs:
    """The connected components of a boolean [H, W]; single objects have a size that boxes can have, and that is
    ``usual`` for their place: log sqrt(width x height) at the top of the mask but for the perspective, its slope per
    pixel, and tolerance; the row of the view that is the mask's first; and log(height / width). Groups are taken apart
    by an ``outline`` float32 [12, 6] (see `training.groups`).
    """
    if not mask.any():
        none = np.zeros((0, 4), np.float32)
        return Blobs(every=none, single=none, known=none > 0, hidden=none)
    low, size, known, pixels = _components(mask)
    every = np.concatenate([low + size / 2, size], axis=1)
    start, slope, spread, top, shape = usual
    near = where.nearness(every[:, 1:2] + top)
    expected = np.log(near) + (start + slope * every[:, 1:2] if spread < math.inf else math.log(where.size / ROOM))
    sides = np.exp(np.float32(expected)) * np.array([where.ratio**-0.5, where.ratio**0.5], np.float32)
    cut = ~(known[:, :2] & known[:, 2:])
    # What is cut off at its left begins so far left of its right edge, and so on.
    whole = np.where(cut, np.maximum(size, sides), size)
    middle = np.where(known[:, :2], low + whole / 2, low + size - whole / 2)
    single = (known[:, :2] | known[:, 2:]).all(1) & (~cut | (size > ENOUGH * sides)).all(1) & _fits(whole / near, where)
    single &= np.abs(0.5 * np.log(whole.prod(1, keepdims=True)) - expected)[:, 0] <= spread
    boxes = np.concatenate([middle, whole], axis=1).astype(np.float32)
    single_boxes, edges = [boxes[single]], [known[single]]
    if outline is not None:
        for row in np.flatnonzero(~single & known.all(1)):
            side, corner = math.exp(start + slope * every[row, 1]), low[row].astype(int)
            width, height = size[row].astype(int)
            part = pixels[corner[1] : corner[1] + height, corner[0] : corner[0] + width] == row + 1
            found = members(part, side * math.exp(-shape / 2), side * math.exp(shape / 2), outline)
            single_boxes.append(found + np.array([*low[row], 0, 0], np.float32))
            edges.append(np.ones((len(found), 4), bool))
    return Blobs(every, np.concatenate(single_boxes), np.concatenate(edges), np.zeros((0, 4), np.float32))


def sized(boxes: np.ndarray, where: WhereConfig) -> np.ndarray:
    """Which boxes (x, y, w, h) [K, 4] have a size that the model's can have in their place: bool [K]."""
    return _sized(boxes[:, 2:] / where.nearness(boxes[:, 1:2]), where)


def _components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Left upper corners and sizes float32 [K, 2] of the connected components of a boolean [H, W]; which of their
    edges (left, top, right, bottom) are in view: bool [K, 4]; and whose a pixel is, one more than the row, int [H, W].
    """
    count, labels, table = components_of(mask)
    kept = np.flatnonzero(table[:, 4] >= LEAST_PX)
    table, number = table[kept := kept[kept > 0]], np.zeros(count, np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    low, size = table[:, :2].astype(np.float32), table[:, 2:4].astype(np.float32)
    return low, size, np.concatenate([low > 0, low + size < np.array(mask.shape[::-1])], axis=1), number[labels]


def layered(
    front: np.ndarray,
    back: np.ndarray,
    where: WhereConfig,
    usual: Sequence[float] = ANY_SIZE,
    outline: np.ndarray | None = None,
) -> Blobs:
    """The blobs of what passes in front and of what is behind it, each told apart by itself; masks boolean [H, W].

    Of what is behind, edges that are hidden are not known, and of what is hidden for the most part nothing is.
    """
    near, far = (blobs_of(mask, where, usual, outline) for mask in (front, back))
    seen = back & ~front
    keep, known, hidden = [], [], []
    for box, edges in zip(far.single, far.known, strict=True):
        left, top, right, bottom = _pixels(box, back.shape)
        whole, rest = back[top:bottom, left:right], seen[top:bottom, left:right]
        enough = rest.sum() > VISIBLE * whole.sum()
        keep.append(bool(enough))
        if enough:
            known.append(edges & _edges_in(rest))
        else:
            hidden.append(box)
    shown = np.array(keep, bool)
    return Blobs(
        every=np.concatenate([near.every, far.every]),
        single=np.concatenate([near.single, far.single[shown]]),
        known=np.concatenate([near.known, np.array(known, bool).reshape(-1, 4)]),
        hidden=np.array(hidden, np.float32).reshape(-1, 4),
    )


def _pixels(box: np.ndarray, size: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of a box (x, y, w, h), in whole pixels of an image (H, W)."""
    low, high = np.round(box[:2] - box[2:] / 2).astype(int), np.round(box[:2] + box[2:] / 2).astype(int)
    (left, top), (right, bottom) = np.maximum(low, 0), np.minimum(high, size[::-1])
    return int(left), int(top), int(right), int(bottom)


def _edges_in(mask: np.ndarray) -> np.ndarray:
    """Whether a mask [h, w] comes within a pixel of its left, top, right and bottom edge: bool [4]."""
    sides = (mask[:, :2], mask[:2], mask[:, -2:], mask[-2:])
    return np.array([side.any() for side in sides])


def _fits(size: np.ndarray, where: WhereConfig) -> np.ndarray:
    """Which sizes (w, h) [K, 2] single objects can have: bool [K].

    Two that touch side by side are hardly larger than one can be anywhere, but of another shape.
    """
    (low, high), ratio = where.ratios, size[:, 1] / size[:, 0]
    extreme = min(EXTREME, (high / low) ** 0.25)
    return _sized(size, where) & (ratio > low * extreme) & (ratio < high / extreme)


def _sized(size: np.ndarray, where: WhereConfig) -> np.ndarray:
    """Which sizes (w, h) [K, 2] boxes can have: bool [K]."""
    small, large = where.sizes
    side = ROOM * np.sqrt(size.prod(1))
    return (side > small / SLACK) & (side < large)
