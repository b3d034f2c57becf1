"""Batches as a pure function of (seed, step): resuming is exact."""

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from scalor.data.clip import Clip
from scalor.errors import UserError


class ClipData(Protocol):
    """Any data set of clips: picklable, clip ``index`` a pure function of its seed and the index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Clip: ...


@runtime_checkable
class CutToLength(Protocol):
    """A data set that can make the first ``frames`` frames of a clip without making the rest."""

    def clip(self, index: int, frames: int | None = None) -> Clip:
        """Clip ``index``, or its first ``frames`` frames."""


@runtime_checkable
class Pictures(Protocol):
    """A data set that can make the pictures of a clip, uint8 [T, C, H, W], without its costly truth."""

    def video(self, index: int, frames: int | None = None) -> Tensor:
        """The pictures of clip ``index``, or of its first ``frames`` frames."""


def batch_at(dataset: ClipData, seed: int, *, step: int, batch: int, frames: int) -> Tensor:
    """The batch of training step ``step``: uint8 [batch, frames, C, H, W], a pure function of its arguments.

    Clips are drawn with replacement; of a clip longer than ``frames`` a random window is taken, unless the data set can
    make shorter clips itself. Raises UserError where the data set is empty or a clip is too short.
    """
    if len(dataset) == 0:
        raise UserError(
            "the data set has no clips; at least one is wanted to train on; give a longer video or more clips"
        )
    rng = np.random.default_rng([seed, step])
    indices = rng.integers(0, len(dataset), batch)
    starts = rng.random(batch)
    return torch.stack([_window(dataset, int(i), frames, start) for i, start in zip(indices, starts, strict=True)])


def _window(dataset: ClipData, index: int, frames: int, start: float) -> Tensor:
    if isinstance(dataset, Pictures):
        return dataset.video(index, frames=frames)
    if isinstance(dataset, CutToLength):
        return dataset.clip(index, frames=frames).video
    video = dataset[index].video
    if len(video) < frames:
        raise UserError(
            f"clip {index} has {len(video)} frames; {frames} are wanted; use longer clips or train on fewer frames"
        )
    first = int(start * (len(video) - frames + 1))
    return video[first : first + frames]
