"""Crowding: what moves at another moment passes before a clip of the same place.

On much footage objects meet too seldom for the model to learn that two which touch are two, and what one hides of the
other. A fixed camera sees the same place at many moments, with things of the right size, light and perspective; what
stands out at one of them can be put before another. Where each thing is is known apart for both.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.types import Scenery
from scalor.models.base import WorldModel
from scalor.models.scalor import Scalor


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
    layers = Layers(model.what_moves(before, scenery), model.what_moves(video, scenery))
    front = layers.front.flatten(0, 1).unsqueeze(1)
    soft = F.avg_pool2d(front, 3, stride=1, padding=1, count_include_pad=False).view_as(layers.front).unsqueeze(2)
    return torch.lerp(video, before, soft), layers
