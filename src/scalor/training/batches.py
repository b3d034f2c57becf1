"""`Batch`, and `Batches`: sources of batches, each a pure function of (seed, step)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from scalor.data.footage import Footage
from scalor.data.loader import ClipData, CutToLength, batch_at
from scalor.training.groups import COLUMNS, ROWS
from scalor.training.usual_box import UsualBox

ENDLESS = 1_000_000
"""Frames of a clip that can be made as long as one likes."""


class Batch(NamedTuple):
    """Clips uint8 [B, T, C, H, W]; where known their median images uint8 [B, C, H, W] and the videos' numbers [B].

    ``shown``: what is looked at, of the clips' shape, where something hides parts of them; None: they themselves.
    ``before``: clips of the same shape and places, of which what moves passes before what the clips show (see
    `training.copy_paste`); None: nothing does. ``usual`` float32 [B, 5]: how large single objects are in them (see
    `UsualBox.within`); None: nothing is known. ``outline`` float32 [B, 12, 6]: what they fill of their boxes, where
    groups are taken apart by it (see `training.groups`), else 0. ``top`` float32 [B]: the row of the
    whole view that is their first.
    """

    video: Tensor
    backdrop: Tensor | None = None
    which: Tensor | None = None
    shown: Tensor | None = None
    before: Tensor | None = None
    usual: Tensor | None = None
    outline: Tensor | None = None
    top: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        return self._replace(**{name: part.to(device) for name, part in self._asdict().items() if part is not None})

    def part(self, which: slice) -> "Batch":
        """Some of the clips."""
        return self._replace(**{name: part[which] for name, part in self._asdict().items() if part is not None})


class Batches(Protocol):
    """A source of batches, each a function of its step.

    longest   the largest number of frames a clip can have
    portable  whether worker processes can make the batches: what they are made from is small
    """

    @property
    def longest(self) -> int: ...

    @property
    def portable(self) -> bool: ...

    def batch(self, step: int, *, size: int, frames: int) -> Batch: ...

    def clips(self, step: int, *, size: int) -> list[int]:
        """The numbers of the clips of a batch."""
        ...


@dataclass(frozen=True)
class ClipBatches:
    """Batches of a data set of clips."""

    dataset: ClipData
    seed: int

    @property
    def longest(self) -> int:
        """Made clips are as long as anyone likes; of others the first one tells."""
        if isinstance(self.dataset, CutToLength) or len(self.dataset) == 0:
            return ENDLESS
        return len(self.dataset[0].video)

    @property
    def portable(self) -> bool:
        return True

    def batch(self, step: int, *, size: int, frames: int) -> Batch:
        return Batch(batch_at(self.dataset, self.seed, step=step, batch=size, frames=frames))

    def clips(self, step: int, *, size: int) -> list[int]:
        # The draw that `batch_at` begins with; a test holds the two together.
        return np.random.default_rng([self.seed, step]).integers(0, len(self.dataset), size).tolist()


@dataclass(frozen=True)
class FootageBatches:
    """Batches of crops of the user's own videos, with the same place of the median images.

    hurry    share of the clips that are seen at twice the speed
    crowded  share of the clips before which things of another moment pass
    usual    how large single objects are in each video; empty: nothing is known
    """

    footage: Footage
    seed: int
    crop: int | tuple[int, int]
    hurry: float = 0.0
    crowded: float = 0.0
    usual: Sequence[UsualBox] = ()

    @property
    def longest(self) -> int:
        return self.footage.longest_run()

    @property
    def portable(self) -> bool:
        """The frames of whole videos are too much to copy."""
        return False

    def batch(self, step: int, *, size: int, frames: int) -> Batch:
        crops = [
            self.footage.crop_clip(
                self.seed, index, frames=frames, crop=self.crop, hurry=self.hurry, crowded=self.crowded
            )
            for index in self.clips(step, size=size)
        ]
        batch = Batch(
            video=torch.stack([crop.video for crop in crops]),
            backdrop=torch.stack([crop.background for crop in crops]),
            which=torch.tensor([crop.reel for crop in crops]),
            top=torch.tensor([float(crop.top) for crop in crops]),
        )
        if self.usual:
            rules = [self.usual[crop.reel] for crop in crops]
            within = [rule.within(crop.top) for rule, crop in zip(rules, crops, strict=True)]
            batch = batch._replace(usual=torch.tensor(within))
            if any(rule.outline for rule in rules):
                outlines = [rule.outline or ((0.0,) * COLUMNS,) * ROWS for rule in rules]
                batch = batch._replace(outline=torch.tensor(outlines))
        if all(crop.other is None for crop in crops):
            return batch
        # Before the empty scene nothing passes.
        others = [crop.background.expand_as(crop.video) if crop.other is None else crop.other for crop in crops]
        return batch._replace(before=torch.stack(others))

    def clips(self, step: int, *, size: int) -> list[int]:
        return list(range(step * size, (step + 1) * size))
