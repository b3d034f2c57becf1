"""`UsualBox`: size and shape of a video's single objects, by their height in the view.

A fixed camera sees what is near it larger. Across the whole view one object near the camera may be as large as two far
from it; in one place two that touch are larger by a factor of 1.4 in the mean of their sides, single ones differ less,
and two side by side have half the height for their width.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from scalor.core.geometry import WhereConfig
from scalor.core.types import Scenery
from scalor.data.footage import Footage, Reel
from scalor.models.base import WorldModel
from scalor.models.scalor import Scalor
from scalor.training.components import Components, pairs_among
from scalor.training.foreground_blobs import sized
from scalor.training.perspective import Perspective, perspective_of

FRAMES = 200
"""Frames of a video that are looked at, in runs."""
RUN = 25
"""Frames of a run, in which blobs are seen to come apart and together."""
LEAST = 40
"""Blobs from which a rule is made; of fewer nothing is known."""
SPAN = 0.2
"""Share of the view's height that they must spread over to tell how sizes change with it."""
SURE = 2.0
"""Standard deviations from the usual size within which a blob is one object."""
FLOOR = 0.15
"""Least deviation of log sizes that is allowed for."""
SHAPES = 3.0
"""Standard deviations from the usual shape that boxes can have."""
LEAST_SHAPES = 0.4
"""Least deviation of log(height / width) that boxes can have."""
OTHERS = 0.05
"""Share of things of other shapes from which there is no usual shape."""
LEVEL_SIZES = 0.45
"""Least deviation of log sizes that boxes can have where the perspective is known: from one thing to two and a half."""
BAND = 0.35
"""Width in log factors of the bands of distance of which each counts as much."""
IN_BAND = 5
"""Blobs without which a band does not count."""
MANY = 0.2
"""Share of pairs among the blobs of an object's size from which that size is doubtful."""
ODD = 0.03
"""Share of blobs that are odd, at both ends of their sizes."""
ROUNDS = 8
"""Times that the line is fitted, each without what the one before has shown to be no single object."""


@dataclass(frozen=True)
class UsualBox:
    """log sqrt(width x height) of a single object is ``start + slope * y`` at y pixels from the top, give or take
    ``spread`` (inf: nothing is known); its log(height / width) is ``shape``, give or take ``shapes``. Where sizes were
    measured among too many pairs, or together with the ``perspective``, boxes shall have log sizes ``middle``, give or
    take ``reach`` (inf: they were not). All sizes are those at the perspective's level.
    """

    start: float = 0.0
    slope: float = 0.0
    spread: float = math.inf
    shape: float = 0.0
    shapes: float = math.inf
    middle: float = 0.0
    reach: float = math.inf
    perspective: Perspective = Perspective()

    @property
    def far(self) -> float:
        """Mean side of what is far away."""
        return self.perspective.far * math.exp(self.middle)

    def within(self, top: int) -> tuple[float, float, float, float]:
        """The sizes with y counted from row ``top``: start, slope, spread; and that row."""
        return self.start + self.slope * top, self.slope, self.spread, top


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
        return _rule(every, paired, where, height)
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


def _rule(boxes: np.ndarray, pairs: np.ndarray, where: WhereConfig, height: float) -> UsualBox:
    """The rule for blobs of which ``pairs`` bool [K] are known to be two objects."""
    possible = sized(boxes, where)
    if pairs.sum() < LEAST or pairs[possible].mean() < MANY:
        return usual_box(boxes[possible & ~pairs], height)
    # Pairs have passed for objects: of what is known to be none, all but a few odd ones are single.
    single = boxes[~pairs]
    sizes = 0.5 * np.log(single[:, 2] * single[:, 3])
    low, high = np.quantile(sizes, [ODD, 1 - ODD])
    fair = single[(sizes >= low) & (sizes <= high)]
    middle, reach = float(low + high) / 2, float(high - low) / 2 + FLOOR / 2
    rule = usual_box(fair, height)
    return replace(rule, start=middle, slope=0.0, spread=reach, middle=middle, reach=reach)


def usual_box(boxes: np.ndarray, height: float) -> UsualBox:
    """The rule for blobs (x, y, w, h) [K, 4] in a view ``height`` pixels high, most of which are single objects (inf:
    sizes do not change with the place).

    A line goes through the middle of the shortest interval that holds half of the sizes, and half of its width tells
    how much these vary; likewise the shapes. Nothing is known where many that are no larger have other shapes: what
    turns has boxes of all kinds, and so has what sits down.
    """
    if len(boxes) < LEAST:
        return UsualBox()
    shape = every = np.log(boxes[:, 3] / boxes[:, 2])
    sides, heights = 0.5 * np.log(boxes[:, 2] * boxes[:, 3]), boxes[:, 1]
    middle, deviation = _bulk(shape)
    alike = np.abs(shape - middle) <= max(FLOOR, SURE * deviation)
    boxes, shape = boxes[alike], shape[alike]
    sizes, place = 0.5 * np.log(boxes[:, 2] * boxes[:, 3]), boxes[:, 1]
    steep = float(np.subtract(*np.quantile(place, [0.95, 0.05]))) > SPAN * height
    keep = np.ones(len(boxes), bool)
    for _ in range(ROUNDS):
        slope, start = np.polyfit(place[keep], sizes[keep], 1) if steep else (0.0, 0.0)
        rest = sizes - slope * place - start
        middle, deviation = _bulk(rest)
        spread = max(FLOOR, SURE * deviation)
        keep = np.abs(rest - middle) <= spread
    usual, deviation = _bulk(shape[keep])
    fair = sides - slope * heights - start - middle <= spread  # pairs are larger
    if (np.abs(every - usual) > max(LEAST_SHAPES, SHAPES * deviation))[fair].mean() > OTHERS:
        return UsualBox()
    return UsualBox(float(start + middle), float(slope), float(spread), usual, SHAPES * deviation)


def _bulk(values: np.ndarray) -> tuple[float, float]:
    """Middle of the shortest interval that holds half of the values, and the std of normal ones with such a half."""
    ordered = np.sort(values)
    half = (len(ordered) + 1) // 2
    widths = ordered[half - 1 :] - ordered[: len(ordered) - half + 1]
    first = int(widths.argmin())
    return float(ordered[first] + widths[first] / 2), float(widths[first] / 2 / 0.6745)


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
