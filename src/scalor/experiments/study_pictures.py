"""The study's kinds of figure: a clip taken apart, and the glimpses of all that was found."""

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from scalor.core.types import Step
from scalor.rollout import Rollout
from scalor.viz.figures import grid

MOMENTS = 5
SIDE = 256
"""Pixels of a picture's side in a figure."""
BORN, KEPT = (255, 70, 60), (70, 220, 90)
"""Colours of the boxes of objects just discovered, and carried from the frame before."""
MOST = 40
"""Glimpses drawn at most."""


def study_figure(video: Tensor, rollout: Rollout) -> np.ndarray:
    """Input, reconstruction, background, masks, discovered (red) and propagated (green) boxes; time to the right.

    ``video`` is one clip [1, T, C, H, W] in [0, 1].
    """
    length = video.shape[1]
    times = sorted({round(index * (length - 1) / max(1, MOMENTS - 1)) for index in range(MOMENTS)})
    steps = [rollout.steps[time] for time in times]
    rows = [
        [_pixels(video[0, time]) for time in times],
        [_pixels(step.image[0]) for step in steps],
        [_pixels(step.background[0].expand_as(step.image[0])) for step in steps],
        [_pixels(step.alpha[0]) for step in steps],
        [_boxed(video[0, time], step) for time, step in zip(times, steps, strict=True)],
    ]
    labels = ["input", "reconstruction", "background", "masks", "discovered, propagated"]
    return grid(rows, labels=labels, columns=[f"t = {time}" for time in times])


def glimpse_figure(video: Tensor, rollout: Rollout) -> np.ndarray:
    """The first frame with the boxes of all that was found in it, and the glimpse that each of them paints."""
    step = rollout.steps[0]
    layers = step.layers
    patches = layers.patch[layers.batch == 0][:MOST]
    tiles: list[np.ndarray | None] = [_glimpse(patch) for patch in patches]
    wide = 8
    rows = [tiles[first : first + wide] for first in range(0, len(tiles), wide)] or [[_glimpse(video[0, 0])]]
    glimpses = grid(rows)
    frame = _boxed(video[0, 0], step)
    height = max(len(frame), len(glimpses))
    sheet = np.full((height, frame.shape[1] + 8 + glimpses.shape[1], 3), 255, np.uint8)
    sheet[: len(frame), : frame.shape[1]] = frame
    sheet[: len(glimpses), frame.shape[1] + 8 :] = glimpses
    return sheet


def _pixels(planes: Tensor, side: int = SIDE) -> np.ndarray:
    """[C, H, W] in [0, 1] as picture of ``side`` pixels, without smoothing."""
    shown = (planes.detach().clamp(0, 1) * 255).round().to(torch.uint8).expand(3, -1, -1).permute(1, 2, 0)
    return np.asarray(Image.fromarray(shown.contiguous().numpy()).resize((side, side), Image.Resampling.NEAREST))


def _glimpse(patch: Tensor) -> np.ndarray:
    """A patch [C + 1, P, P] of alpha * colour and alpha on grey; [C, H, W] as it is."""
    shown = patch if len(patch) == 3 else patch[:-1] + 0.5 * (1 - patch[-1:])
    return _pixels(shown, 64)


def _boxed(frame: Tensor, step: Step) -> np.ndarray:
    picture = Image.fromarray(_pixels(frame))
    draw = ImageDraw.Draw(picture)
    factor = SIDE / frame.shape[-1]
    for slot in step.slots.shown[0].nonzero()[:, 0].tolist():
        left, top, right, bottom = (factor * value for value in step.tight[0, slot].tolist())
        color = BORN if bool(step.born[0, slot]) else KEPT
        draw.rectangle([left, top, max(left, right), max(top, bottom)], outline=color)
    return np.asarray(picture)
