"""The core from before evidence (ADR 8), which some rows learn better with."""

import math
from dataclasses import replace

from scalor.core.schedule import Recipe
from scalor.core.sites import LOGIT_BOUND
from scalor.models.config import ModelConfig


def gated(model: ModelConfig, *, context: bool) -> ModelConfig:
    """Looks pass the paper's gates, presence its bound; ``context``: with what others explain there (ADR 8), or not."""
    return replace(
        model,
        presence_slope=LOGIT_BOUND,
        glimpse=replace(model.glimpse, context=context),
        propagate=replace(model.propagate, update="gated", slow=math.inf, presence_bias=2.0),
        discover=replace(model.discover, ring=0, presence_bias=-0.25),
    )


def uncut(recipe: Recipe) -> Recipe:
    """The recipe without cuts to other clips, as these rows are learned."""
    return replace(recipe, cuts=0.0)
