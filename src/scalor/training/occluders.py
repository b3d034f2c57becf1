"""Occluders as augmentation: something passes before a clip, and the model has to explain the clip behind it."""

import numpy as np
import torch
from torch import Tensor

from scalor.training.batches import Batch

FLASHES = 0.2
"""Share of the covered clips in which it is the whole view that is hidden, for one frame."""
WIDTH = (0.08, 0.35)
"""Range of a bar's width in heights of the view."""
PACE = 0.12
"""Largest displacement per frame of a bar, in heights of the view."""


def cover(batch: Batch, rng: np.random.Generator, share: float) -> Batch:
    """``share`` of the clips are looked at through a bar that passes, or with one frame that shows nothing of them.

    A bar is upright or level, as long as the view, plain or grainy, of any shade, and moves steadily across its length.
    Only the shape of the clips decides what is drawn.
    """
    count, frames = batch.video.shape[:2]
    chosen = np.flatnonzero(rng.random(count) < share)
    if frames < 2 or not len(chosen):
        return batch
    shown = batch.video.clone()
    for clip in chosen:
        paint = _paint(rng, shown[clip, 0])
        if rng.random() < FLASHES:
            shown[clip, int(rng.integers(1, frames))] = paint
        else:
            _pass_by(shown[clip], paint, rng)
    return batch._replace(shown=shown)


def _paint(rng: np.random.Generator, like: Tensor) -> Tensor:
    """A picture [C, H, W] of one shade, half of the time with grain."""
    shade = rng.integers(0, 256, (len(like), 1, 1)) if rng.random() < 0.5 else rng.integers(0, 256, (1, 1, 1))
    grain = rng.normal(0.0, 40.0, tuple(like.shape)) if rng.random() < 0.5 else 0.0
    paint = np.clip(np.broadcast_to(shade + grain, tuple(like.shape)), 0, 255)
    return torch.from_numpy(paint.astype(np.uint8))


def _pass_by(video: Tensor, paint: Tensor, rng: np.random.Generator) -> None:
    """Draw a bar onto a clip [T, C, H, W], in place. Its middle is within the view in the clip's middle frame."""
    if rng.random() < 0.5:
        video, paint = video.transpose(2, 3), paint.transpose(1, 2)
    frames, _, height, width = video.shape
    unit = min(height, width)
    wide, pace = rng.uniform(*WIDTH) * unit, rng.uniform(-PACE, PACE) * unit
    middle = rng.uniform(0.0, height)
    for frame in range(frames):
        start = round(middle + pace * (frame - frames // 2) - wide / 2)
        rows = slice(max(0, start), max(0, round(start + wide)))
        video[frame, :, rows] = paint[:, rows]
