"""Data by name, and batches as a pure function of the step."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from scalor.core.jsonable import nearest
from scalor.data import balls, benchmark_sets, crowd, digits, sprites
from scalor.data.footage import Footage
from scalor.data.grand_central import GrandCentral
from scalor.data.grounds import REPLACEMENTS
from scalor.data.loader import ClipData, CutToLength, batch_at
from scalor.data.motsynth import EIGHT, MOTSynth, MOTSynthReplacedBG
from scalor.errors import UserError
from scalor.training.usual_box import UsualBox

TRAINING_SEEDS = 1_000_000_000
"""Training with seed s sees clips of data seed s + this: the clips of small seeds are never seen in training."""

ENDLESS = 1_000_000
"""Frames of a clip that can be made as long as one likes."""

TINY = sprites.SpritesConfig(size=32, canvas=44, count=(2, 4), object_size=9, frames=6, name="tiny")

MOTSYNTH_PARTS = {"8": EIGHT, "one": ("060",)}
"""Sequences of the study's experiments on several videos, and on one."""


class Batch(NamedTuple):
    """Clips uint8 [B, T, C, H, W]; where known their median images uint8 [B, C, H, W] and the videos' numbers [B].

    ``shown``: what is looked at, of the clips' shape, where something hides parts of them; None: they themselves.
    ``before``: clips of the same shape and places, of which what moves passes before what the clips show (see
    `scalor.training.crowding`); None: nothing does. ``usual`` float32 [B, 4]: how large single objects are in them (see
    `UsualBox.within`); None: nothing is known. ``top`` float32 [B]: the row of the whole view that is their first.
    """

    video: Tensor
    backdrop: Tensor | None = None
    which: Tensor | None = None
    shown: Tensor | None = None
    before: Tensor | None = None
    usual: Tensor | None = None
    top: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        return self._replace(**{name: part.to(device) for name, part in self._asdict().items() if part is not None})

    def part(self, which: slice) -> "Batch":
        """Some of the clips."""
        return self._replace(**{name: part[which] for name, part in self._asdict().items() if part is not None})


def cut_away(batch: Batch, rng: np.random.Generator, share: float) -> Batch:
    """``share`` of the clips go on as another one from some frame on: the next clip of the batch, or the empty scene.

    A clip with a median image goes on as that image; of the others half go on as the next clip and half in black. Only
    the number of clips and frames decides what is drawn.
    """
    count, frames = batch.video.shape[:2]
    chosen = rng.random(count) < share
    first = rng.integers(1, max(2, frames), count)
    dark = rng.random(count) < 0.5
    if frames < 2 or not chosen.any():
        return batch
    video, before = batch.video.clone(), None if batch.before is None else batch.before.clone()
    for clip in np.flatnonzero(chosen):
        start = int(first[clip])
        if batch.backdrop is not None:
            video[clip, start:] = batch.backdrop[clip]
            if before is not None:
                before[clip, start:] = batch.backdrop[clip]
        elif dark[clip] or count == 1:
            video[clip, start:] = 0
        else:
            video[clip, start:] = batch.video[(clip + 1) % count, start:]
    return batch._replace(video=video, before=before)


class Lessons(Protocol):
    """Where batches come from.

    longest   the largest number of frames a clip can have
    portable  whether other processes can make the batches: what they are made from is small
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
class ClipLessons:
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
class FootageLessons:
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
            batch = batch._replace(usual=torch.tensor([self.usual[crop.reel].within(crop.top) for crop in crops]))
        if all(crop.other is None for crop in crops):
            return batch
        # Before the empty scene nothing passes.
        others = [crop.background.expand_as(crop.video) if crop.other is None else crop.other for crop in crops]
        return batch._replace(before=torch.stack(others))

    def clips(self, step: int, *, size: int) -> list[int]:
        return list(range(step * size, (step + 1) * size))


def data_names() -> list[str]:
    """The names that `data_named` knows.

    ``digits-md:FOLDER`` draws with the MNIST files of a folder; ``grand-central:FOLDER`` and ``motsynth:FOLDER`` need
    theirs, ``motsynth-8:FOLDER`` takes the study's eight sequences of it and ``motsynth-one:FOLDER`` one.
    ``motsynth-blurred:FOLDER`` and so on put people before another ground.
    """
    made = [f"sprites-{name}" for name in (*sprites.PRESETS, TINY.name)] + [f"digits-{name}" for name in digits.PRESETS]
    made += [f"crowd-{name}" for name in crowd.PRESETS] + [f"balls-{name}" for name in balls.PRESETS]
    made += list(benchmark_sets.SETS)
    return [
        *made,
        "grand-central",
        *(
            f"motsynth{end}"
            for end in ("", *(f"-{part}" for part in MOTSYNTH_PARTS), *(f"-{name}" for name in REPLACEMENTS))
        ),
    ]


def data_named(name: str, seed: int, *, split: str = "train") -> ClipData:
    """The data set of that name, as ``sprites-md``.

    ``split`` "test" takes digits that no training draws with, or the end of Grand Central's video.
    Raises UserError naming the nearest where there is none, and where the folder of ``NAME:FOLDER`` is not what it
    should be.
    """
    head, _, folder = name.partition(":")
    family, _, kind = head.partition("-")
    if family == "sprites" and kind in (*sprites.PRESETS, TINY.name) and not folder:
        return sprites.Sprites(TINY if kind == TINY.name else sprites.sprites(kind), seed=seed)
    if family == "digits" and kind in digits.PRESETS:
        config = replace(digits.digits(kind), split=split, source=folder or None)
        digits.digit_bank(config.source, split)
        return digits.Digits(config, seed=seed)
    if family == "balls" and kind in balls.PRESETS and not folder:
        return balls.Balls(balls.balls(kind), seed=seed)
    if head in benchmark_sets.SETS and not folder:
        return benchmark_sets.BenchmarkClips(benchmark_sets.SETS[head], seed=seed)
    if family == "crowd" and kind in crowd.PRESETS and not folder:
        return crowd.Crowd(crowd.crowd(kind), seed=seed)
    if family == "motsynth" and kind in ("", *MOTSYNTH_PARTS, *REPLACEMENTS):
        return _motsynth(kind, folder, seed, split)
    if head == "grand-central":
        if not folder:
            raise UserError("data grand-central came without its folder; set data=grand-central:FOLDER with the frames")
        return GrandCentral(Path(folder), split=split)
    if name == "footage":
        raise UserError("data footage came without videos; fit learns from your own videos: scalor fit VIDEO -o RUN")
    raise UserError(f"data {name} are unknown; {nearest(name, data_names())}")


def _motsynth(kind: str, folder: str, seed: int, split: str) -> ClipData:
    """A MOTSynth folder; what it lacks is said once, on the log."""
    if not folder:
        raise UserError(
            f"data motsynth{kind and '-'}{kind} came without its folder; set data=motsynth:FOLDER with frames "
            "and annotations"
        )
    source = MOTSynth(folder, sequences=MOTSYNTH_PARTS.get(kind), split=split, seed=seed)
    for sentence in source.missing():
        logging.getLogger(__name__).warning(sentence)
    return MOTSynthReplacedBG(source, kind) if kind in REPLACEMENTS else source
