"""What is followed as one object and is two: what one would find in the frame now, knowing nothing, says so."""

import torch
from torch import Tensor

from scalor.core.geometry import box_iou, corners, intersection
from scalor.core.types import Slots

EVERY = 8
"""Frames from one such look to the next; two of them in a row must say the same."""
INSIDE = 0.6
"""Share of each of the two that lies in the box of the one."""
SAME = 0.7
"""IoU from which one of the two is what is followed already."""
APART = 0.3
"""IoU of the two below which they are two."""
FILLED = 0.7
"""Share of the box of the one that the two fill."""
SURE = 0.8
"""Confidence of each of the two."""


def followed_as_one(known: Slots, anew: Slots) -> Tensor:
    """Which of the ``known`` objects of one clip [1, N] are two in what was found ``anew`` [1, M]: bool [N].

    Things found anew belong to the known object in whose box most of them lies. Of an object to which two belong, they
    must be apart, fill its box together, and neither must be it.
    """
    old, new = corners(known.box[0]), corners(anew.box[0])
    there = anew.shown[0] & anew.alive[0] & (anew.confidence[0] >= SURE)
    out = torch.zeros_like(known.alive[0])
    if not len(old) or int(there.sum()) < 2:
        return out
    shared, size, _ = intersection(new, old)
    inside = shared / size.clamp(min=1e-6)
    inside = inside * there[:, None] * known.alive[0]
    owner, share = inside.argmax(1), inside.amax(1)
    apart, alike = box_iou(new, new), box_iou(old, new)
    parts = torch.bincount(owner[share >= INSIDE], minlength=len(old))
    for number in torch.nonzero(known.alive[0] & known.shown[0] & (parts == 2))[:, 0].tolist():
        first, second = torch.nonzero((owner == number) & (share >= INSIDE))[:, 0].tolist()
        if float(torch.maximum(alike[number, first], alike[number, second])) >= SAME:
            continue
        within = torch.stack([_clipped(new[each], old[number]) for each in (first, second)])
        shared, size, _ = intersection(within, within)
        whole = (old[number, 2:] - old[number, :2]).prod()
        filled = size.sum() - shared[0, 1] >= FILLED * whole
        out[number] = bool(filled & (apart[first, second] < APART))
    return out


def inherit(slots: Slots, parted: Slots | None) -> None:
    """Gives, in place, the names of what was ``parted`` (its living objects) to the nearest of the new ones."""
    if parted is None:
        return
    for number in torch.nonzero(parted.alive[0])[:, 0].tolist():
        alike = box_iou(corners(parted.box[0, number : number + 1]), corners(slots.box[0]))[0]
        young = slots.alive[0] & (slots.id[0] > parted.id[0].max())
        if bool(young.any()):
            slots.id[0, int(torch.where(young, alike, -1.0).argmax())] = parted.id[0, number]


def _clipped(box: Tensor, to: Tensor) -> Tensor:
    return torch.cat([torch.maximum(box[:2], to[:2]), torch.minimum(box[2:], to[2:])])
