"""Crowding: what moves at another moment passes before a clip of the same place.

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


class Layers(NamedTuple):
    """What moves in clips, apart: masks [B, T, H, W] in 0..1 of what passes in front, and of all that is behind it."""

    front: Tensor
    back: Tensor


@torch.no_grad()
def crowded(model: WorldModel, video: Tensor, before: Tensor, scenery: Scenery) -> tuple[Tensor, Layers | None]:
    """Clips [B, T, C, H, W] with what moves in clips ``before`` of the same shape put before them, and both apart.

    Of a model without an empty scene to compare with: the clips as they are, and None.
    """
    if not (isinstance(model, Scalor) and model.config.needs_backdrop):
        return video, None
    front, back = model.what_moves(before, scenery), model.what_moves(video, scenery)
    masks = zip((front > 0).cpu().numpy(), (back > 0.5).cpu().numpy(), strict=True)
    clear = torch.from_numpy(np.stack([_without_hiding(*clip) for clip in masks])).to(front.device)
    layers = Layers(front * clear, back)
    flat = layers.front.flatten(0, 1).unsqueeze(1)
    soft = F.avg_pool2d(flat, 3, stride=1, padding=1, count_include_pad=False).view_as(layers.front).unsqueeze(2)
    return torch.lerp(video, before, soft), layers


def behind(shown: Tensor, clear: Tensor, crowd: Tensor) -> Tensor:
    """What is looked at of clips ``clear`` [B, T, C, H, W], of which something hides parts, once they are ``crowd``:
    what was put before them passes behind what hides them."""
    return torch.where((shown == clear).all(dim=2, keepdim=True), crowd, shown)


def _without_hiding(front: np.ndarray, back: np.ndarray) -> np.ndarray:
    """A mask [T, H, W] without what hides too much of a blob of another one; what goes on in time goes as a whole."""
    import cv2
    from scipy.ndimage import label

    thing, count = label(front, np.ones((3, 3, 3)))
    hides = np.zeros(count + 1, bool)
    for things, mask in zip(thing, back, strict=True):
        blobs, blob, table, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        hidden = np.bincount(blob[things > 0], minlength=blobs)
        lost = (hidden > (1 - VISIBLE) * table[:, 4]) & (table[:, 4] >= LEAST_PX)
        hides[things[lost[blob] & mask]] = True
    hides[0] = False
    return front & ~hides[thing]
