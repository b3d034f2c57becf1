"""Balanced sampling of training crops: every thing counts as much, near or far.

Crops are placed over cells in which something moves. Under perspective a near thing has as many of these as fifty far
ones, which would hardly be learned.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scalor.core.geometry import WhereConfig
from scalor.data.footage import Footage
from scalor.training.perspective import Perspective
from scalor.training.usual_box import UsualBox


def balanced(footage: Footage, usual: Sequence[UsualBox]) -> Footage:
    """The footage with fewer moving cells where things are near; as it is where there is no perspective."""
    if not any(rule.perspective.tilt for rule in usual):
        return footage
    reels = zip(footage.reels, usual, strict=True)
    return replace(
        footage, reels=tuple(replace(reel, moving=thinned(reel.moving, rule.perspective)) for reel, rule in reels)
    )


def thinned(moving: np.ndarray, perspective: Perspective) -> np.ndarray:
    """Of cells (row, y, x) [M, 3] as many as far things of one size would have in each place, evenly spread."""
    near = perspective.of(WhereConfig()).nearness(moving[:, 1].astype(float))
    share = (perspective.far / np.maximum(near, perspective.far)) ** 2
    return moving[np.diff(np.floor(np.cumsum(share)), prepend=0.0) > 0]
