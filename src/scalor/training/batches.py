"""`Batches`: what a training is shown at a step. Worker processes begin here: no more is imported than that needs."""

from dataclasses import dataclass

import numpy as np

from scalor.core.schedule import Recipe
from scalor.training.datasets import Batch, Lessons, cut_away
from scalor.training.occluders import cover

CUTS, COVERS = 1, 2
"""Tell the draws of `cut_away` and `cover` from those of the clips themselves."""


@dataclass(frozen=True)
class Batches:
    """The batch of a step, with cuts and covers: a pure function of (seed, step, frames), in whatever process."""

    lessons: Lessons
    recipe: Recipe
    seed: int

    def __call__(self, step: int, frames: int) -> Batch:
        batch = self.lessons.batch(step, size=self.recipe.batch, frames=frames)
        batch = cut_away(batch, np.random.default_rng([self.seed, step, CUTS]), self.recipe.cuts)
        return cover(batch, np.random.default_rng([self.seed, step, COVERS]), self.recipe.covers)
