"""`AugmentedBatches`: batches with cuts and occluders.

Worker processes that make batches import this module: it imports no more than they need.
"""

from dataclasses import dataclass

import numpy as np

from scalor.core.schedule import Recipe
from scalor.training.batches import Batch, Batches
from scalor.training.occluders import cover

CUTS, COVERS = 1, 2
"""Tell the draws of `cut_away` and `cover` from those of the clips themselves."""


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


@dataclass(frozen=True)
class AugmentedBatches:
    """The batch of a step, with cuts and covers: a pure function of (seed, step, frames), in whatever process."""

    batches: Batches
    recipe: Recipe
    seed: int

    def __call__(self, step: int, frames: int) -> Batch:
        batch = self.batches.batch(step, size=self.recipe.batch, frames=frames)
        batch = cut_away(batch, np.random.default_rng([self.seed, step, CUTS]), self.recipe.cuts)
        return cover(batch, np.random.default_rng([self.seed, step, COVERS]), self.recipe.covers)
