"""Losses on masks: neither half transparent (the study's wish) nor cut off at the edge of their box (SPACE)."""

from collections.abc import Callable

import torch
from torch import Tensor

from scalor.core.types import Step
from scalor.objectives.plug import Objective
from scalor.rollout import Rollout

BORDER = 6 / 32
"""Share of a box along each of its sides that is its border."""


class HalfTransparency(Objective):
    """4 alpha (1 - alpha), summed over the painted pixels of a frame: a pixel of alpha 0.5 counts 1 (spec C.6).

    Presence only weighs it: hiding an object must not be a way to lessen it.
    """

    names = ("alpha",)

    def forward(self, video: Tensor, rollout: Rollout, step: int) -> dict[str, Tensor]:
        return {"alpha": _mean(rollout, half_transparent)}


class BoundaryLoss(Objective):
    """Mask within the border of the own box, summed over pixels, of carried objects (spec C.7)."""

    names = ("boundary",)

    def forward(self, video: Tensor, rollout: Rollout, step: int) -> dict[str, Tensor]:
        return {"boundary": _mean(rollout, on_border)}


def half_transparent(step: Step) -> Tensor:
    """Sum over all objects of a batch of frames."""
    alpha, pres = step.layers.patch[:, -1], step.layers.pres.detach()
    return ((4 * alpha * (1 - alpha)).sum((1, 2)) * pres).sum()


def on_border(step: Step) -> Tensor:
    """Mask mass on the borders of the boxes of carried objects, summed over a batch of frames."""
    layers, box = step.layers, step.slots.box
    if not len(layers.batch):
        return layers.patch.sum()
    place_of = (torch.arange(len(box), device=box.device).unsqueeze(1), step.origin)
    most = 1 + max(int(layers.slot.max()), int(step.origin.max()) if step.origin.numel() else 0)
    boxes = box.new_ones(len(box), most, 5)
    boxes[..., 4] = 0.0
    boxes[place_of] = torch.cat([box.detach(), step.slots.shown.unsqueeze(-1).to(box.dtype)], dim=-1)
    mine = boxes[layers.batch, layers.slot]
    row = mine[:, 4] > 0
    box = mine[row, :4]
    alpha = layers.patch[row, -1] * layers.pres[row, None, None]
    place = torch.arange(alpha.shape[-1], device=alpha.device) + 0.5
    top = (layers.corner[row, :1] + place - box[:, 1:2]).abs() / box[:, 3:4]
    side = (layers.corner[row, 1:] + place - box[:, :1]).abs() / box[:, 2:3]
    inner = 0.5 - BORDER
    border = (top > inner).unsqueeze(2) | (side > inner).unsqueeze(1)
    return (alpha * border).sum()


def _mean(rollout: Rollout, measure: Callable[[Step], Tensor]) -> Tensor:
    """Mean over frames and clips."""
    frames = len(rollout.steps) * rollout.steps[0].slots.alive.shape[0]
    return torch.stack([measure(step) for step in rollout.steps]).sum() / frames
