"""What single objects of a video are like, from what stands out in some frames of it: the `UsualBox` of each video."""

import math
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from scalor.core.geometry import WhereConfig
from scalor.core.types import Scenery
from scalor.data.footage import Footage, Reel
from scalor.models.base import WorldModel
from scalor.models.scalor import Scalor
from scalor.training.components import Components, pairs_among
from scalor.training.perspective import Perspective, perspective_of
from scalor.training.seen_alone import seen_alone, seen_for_long, with_outline
from scalor.training.usual_box import LEAST, UsualBox, rule_of, usual_box

FRAMES = 200
"""Frames of a video that are looked at, in runs."""
RUN = 25
"""Frames of a run, in which blobs are seen to come apart and together."""
LEVEL_SIZES = 0.45
"""Least deviation of log sizes that boxes can have where the perspective is known: from one thing to two and a half."""
BAND = 0.35
"""Width in log factors of the bands of distance of which each counts as much."""
IN_BAND = 5
"""Blobs without which a band does not count."""


def usual_boxes(
    model: WorldModel, footage: Footage, *, given: Collection[str] = (), known: Perspective | None = None
) -> list[UsualBox]:
    """The rule of each video, from what stands out in some frames of it; the model's weights do not matter.

    Empty for a model without an empty scene to compare with. Where the view does not tell, or the user
    said it in the settings ``given``, the perspective is that of the model's boxes; likewise of several videos, whose
    cameras may differ; and it is the ``known`` one, where there is one.
    """
    if not (isinstance(model, Scalor) and model.config.needs_backdrop):
        return []
    where, rules = model.config.where, []
    measured = len(footage.reels) == 1 and "model.where.tilt" not in given
    for reel in footage.reels:
        runs = _looked_at(model, reel)
        found = known or (perspective_of(runs, reel.size[0]) if measured else Perspective())
        seen = found if found.tilt else Perspective(where.tilt, where.level, where.nearest)
        rules.append(_found(runs, seen, replace(where, tilt=0.0), reel.size[0]))
    return rules


def _found(runs: list[list[Components]], perspective: Perspective, where: WhereConfig, height: int) -> UsualBox:
    """The rule of a video, from the components of runs of its frames."""
    boxes, pairs = [np.zeros((0, 4))], [np.zeros(0, bool)]
    for run in runs:
        for each, paired in zip(run, pairs_among(run), strict=True):
            boxes.append(each.box[each.whole])
            pairs.append(paired[each.whole])
    every, paired = np.concatenate(boxes), np.concatenate(pairs)
    if not perspective.tilt:
        rule = rule_of(every, paired, where, height)
        smaller = seen_alone(runs, rule, where, height)
        if smaller is None and rule.spread == math.inf:
            return seen_for_long(runs)
        return with_outline(runs, rule) if smaller is None else smaller
    near = perspective.of(where).nearness(every[:, 1:2])
    level = np.concatenate([every[:, :2], every[:, 2:] / near], axis=1)[~paired]
    if len(level) < LEAST:
        return UsualBox(perspective=perspective)
    sizes = 0.5 * np.log(level[:, 2] * level[:, 3])
    middle = _everywhere(sizes, np.log(near[~paired, 0]))
    rule = usual_box(level[np.abs(sizes - middle) <= LEVEL_SIZES], math.inf)
    if rule.spread < math.inf:
        return replace(rule, perspective=perspective, middle=rule.start, reach=max(LEVEL_SIZES, rule.spread))
    return replace(rule, perspective=perspective, middle=middle, reach=LEVEL_SIZES)


def _everywhere(sizes: np.ndarray, near: np.ndarray) -> float:
    """The log size at the level, of ``sizes``, that is common at all distances ``near`` (log factors).

    Far away most blobs are groups and near the camera many are parts: of each distance as much counts, and the middle
    is that of the shortest interval that holds a third.
    """
    band = np.floor(near / BAND).astype(int)
    band -= band.min()
    count = np.bincount(band)
    weight = np.where(count[band] >= IN_BAND, 1.0 / count[band], 0.0)
    order = np.argsort(sizes)
    mass, ordered = np.concatenate([[0.0], np.cumsum(weight[order])]), sizes[order]
    last = np.searchsorted(mass, mass[:-1] + mass[-1] / 3)
    first = np.flatnonzero(last <= len(ordered))
    widths = ordered[last[first] - 1] - ordered[first]
    best = first[int(widths.argmin())]
    return float(ordered[best] + widths.min() / 2)


@torch.no_grad()
def _looked_at(model: Scalor, reel: Reel) -> list[list[Components]]:
    """The components of what moves, in up to `FRAMES` frames, in runs."""
    scenery = Scenery(height=reel.size[0], width=reel.size[1], backdrop=_plane(reel.background))
    runs = []
    for rows in _runs(len(reel.frames)):
        masks = [model.foreground_masks(_plane(reel.frames[row]).unsqueeze(0), scenery)[0, 0] > 0.5 for row in rows]
        runs.append([Components.of(mask.cpu().numpy()) for mask in masks])
    return runs


def _runs(count: int) -> list[range]:
    """Runs of rows spread over ``count``, one run of all where they are few."""
    if count <= FRAMES:
        return [range(count)]
    starts = np.linspace(0, count - RUN, FRAMES // RUN).astype(int)
    return [range(start, start + RUN) for start in starts]


def _plane(image: np.ndarray) -> Tensor:
    """uint8 [H, W, 3] as float [1, 3, H, W] in 0..1."""
    return torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0).float().div_(255)
