"""Copy-paste augmentation of footage: what moves at another moment is put before a clip of the same place.

On much footage objects meet too seldom for the model to learn that two which touch are two, and what one hides of the
other. A fixed camera sees the same place at many moments, with things of the right size, light and perspective; what
stands out at one of them can be put before another; where each thing is is known apart for both. What would hide most
of another thing is left out: of two people in one place it could not be told that they are two.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.types import Scenery
from scalor.models.base import WorldModel
from scalor.models.scalor import Scalor

VISIBLE = 0.5
"""Share of a thing that must not be hidden by what passes before it."""
LEAST_PX = 12
"""Blobs of fewer pixels are noise."""


class ForegroundLayers(NamedTuple):
    """The numbers [K] of the clips before which something may pass, and foreground masks [K, T, H, W] in 0..1 of what
    was put in front of these, and of all that is behind it."""

    clips: Tensor
    front: Tensor
    back: Tensor


@torch.no_grad()
def copy_paste(
    model: WorldModel, video: Tensor, before: Tensor, scenery: Scenery
) -> tuple[Tensor, ForegroundLayers | None]:
    """Clips [B, T, C, H, W] with what moves in clips ``before`` of the same shape pasted over them, and both masks.

    Before the empty scene nothing passes. Of a model without one to compare with: the clips as they are, and None.
    """
    if not (isinstance(model, Scalor) and model.config.needs_backdrop):
        return video, None
    assert scenery.backdrop is not None
    clips = (before != scenery.backdrop.unsqueeze(1)).flatten(1).any(1).nonzero()[:, 0]
    behind, passing, place = video[clips], before[clips], scenery.map(lambda part: part[clips])
    front, back = model.foreground_masks(passing, place), model.foreground_masks(behind, place)
    masks = zip((front > 0).cpu().numpy(), (back > 0.5).cpu().numpy(), strict=True)
    clear = np.array([_without_hiding(*clip) for clip in masks], bool).reshape(front.shape)
    front = front * torch.from_numpy(clear).to(front.device)
    flat = front.flatten(0, 1).unsqueeze(1)
    soft = F.avg_pool2d(flat, 3, stride=1, padding=1, count_include_pad=False).view_as(front).unsqueeze(2)
    return video.index_copy(0, clips, torch.lerp(behind, passing, soft)), ForegroundLayers(clips, front, back)


def under_occluders(shown: Tensor, clear: Tensor, pasted: Tensor) -> Tensor:
    """What is looked at of clips [B, T, C, H, W], ``clear`` before and ``pasted`` after pasting, where occluders hide
    parts of the clear ones in ``shown``: what was pasted passes behind the occluders."""
    return torch.where((shown == clear).all(dim=2, keepdim=True), pasted, shown)


def components_of(mask: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """The number K of connected components of a boolean [H, W], the rest counted as one; whose a pixel is, int [H, W];
    and OpenCV's table of them, int32 [K, 5]."""
    import cv2

    # Labels of 16 bits take a quarter of the time; of a larger mask they might not be enough.
    kind = cv2.CV_16U if mask.size < 1 << 18 else cv2.CV_32S
    count, labels, table, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8, ltype=kind)
    return count, labels, table


def _without_hiding(front: np.ndarray, back: np.ndarray) -> np.ndarray:
    """A mask [T, H, W] without what hides too much of a blob of another one; what goes on in time goes as a whole."""
    from scipy.ndimage import label

    thing, count = label(front, np.ones((3, 3, 3)))
    hides = np.zeros(count + 1, bool)
    for things, mask in zip(thing, back, strict=True):
        if not (things.any() and mask.any()):
            continue
        blobs, blob, table = components_of(mask)
        hidden = np.bincount(blob[things > 0], minlength=blobs)
        lost = (hidden > (1 - VISIBLE) * table[:, 4]) & (table[:, 4] >= LEAST_PX)
        hides[things[lost[blob] & mask]] = True
    hides[0] = False
    return front & ~hides[thing]
