"""The boxes that single objects have: how large at each height of a view, and of which shape.

A fixed camera sees what is near it larger. Across the whole view one object near the camera may be as large as two far
from it; in one place two that touch are larger by a factor of 1.4 in the mean of their sides, single ones differ less,
and two side by side have half the height for their width.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from scalor.core.geometry import WhereConfig
from scalor.core.types import Scenery
from scalor.data.footage import Footage, Reel
from scalor.models.base import WorldModel
from scalor.models.config import ModelConfig
from scalor.models.scalor import Scalor
from scalor.training.checkpoint import Plan
from scalor.training.lone_blobs import whole_blobs

FRAMES = 200
"""Frames of a video that are looked at."""
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
ROUNDS = 8
"""Times that the line is fitted, each without what the one before has shown to be no single object."""


@dataclass(frozen=True)
class UsualBox:
    """log sqrt(width x height) of a single object is ``start + slope * y`` at y pixels from the top, give or take
    ``spread`` (inf: nothing is known); its log(height / width) is ``shape``, give or take ``shapes``."""

    start: float = 0.0
    slope: float = 0.0
    spread: float = math.inf
    shape: float = 0.0
    shapes: float = math.inf

    def within(self, top: int) -> tuple[float, float, float]:
        """The sizes with y counted from row ``top``: start, slope, spread."""
        return self.start + self.slope * top, self.slope, self.spread


def usual_boxes(model: WorldModel, footage: Footage) -> list[UsualBox]:
    """The rule of each video, from what stands out in some frames of it; the model's weights do not matter.

    Empty for a model without an empty scene to compare with.
    """
    if not (isinstance(model, Scalor) and model.config.needs_backdrop):
        return []
    return [usual_box(_blobs(model, reel), reel.size[0]) for reel in footage.reels]


def usual_box(boxes: np.ndarray, height: int) -> UsualBox:
    """The rule for blobs (x, y, w, h) [K, 4] in a view ``height`` pixels high, most of which are single objects.

    A line goes through the middle of the shortest interval that holds half of the sizes, and half of its width tells
    how much these vary; likewise the shapes.
    """
    if len(boxes) < LEAST:
        return UsualBox()
    shape = np.log(boxes[:, 3] / boxes[:, 2])
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
    return UsualBox(float(start + middle), float(slope), float(spread), usual, SHAPES * deviation)


def shaped(where: WhereConfig, rules: Sequence[UsualBox]) -> WhereConfig:
    """Boxes of the shapes that the videos' objects have, if that is known and narrower than what was allowed."""
    if where.scale != "log" or not rules or any(rule.shapes == math.inf for rule in rules):
        return where
    low, high = min(rule.shape - rule.shapes for rule in rules), max(rule.shape + rule.shapes for rule in rules)
    middle, reach = (low + high) / 2, max(LEAST_SHAPES, (high - low) / 2)
    if reach >= where.ratio_range:
        return where
    return replace(where, ratio=math.exp(middle), ratio_range=reach)


def shaped_plan(plan: Plan, rules: Sequence[UsualBox], given: Mapping[str, str]) -> Plan:
    """The plan with boxes `shaped` by the rules, unless the user said in the settings ``given`` what boxes are like."""
    model = plan.preset.model
    if not isinstance(model, ModelConfig) or any(key.startswith("model.where.") for key in given):
        return plan
    return replace(plan, preset=replace(plan.preset, model=replace(model, where=shaped(model.where, rules))))


def _bulk(values: np.ndarray) -> tuple[float, float]:
    """Middle of the shortest interval that holds half of the values, and the std of normal ones with such a half."""
    ordered = np.sort(values)
    half = (len(ordered) + 1) // 2
    widths = ordered[half - 1 :] - ordered[: len(ordered) - half + 1]
    first = int(widths.argmin())
    return float(ordered[first] + widths[first] / 2), float(widths[first] / 2 / 0.6745)


@torch.no_grad()
def _blobs(model: Scalor, reel: Reel) -> np.ndarray:
    """Blobs (x, y, w, h) float64 [K, 4] of an object's size and any shape, wholly in view, in up to `FRAMES` frames."""
    rows = np.unique(np.linspace(0, len(reel.frames) - 1, FRAMES).astype(int))
    scenery = Scenery(height=reel.size[0], width=reel.size[1], backdrop=_plane(reel.background))
    found = [np.zeros((0, 4))]
    for row in rows:
        mask = model.what_moves(_plane(reel.frames[row]).unsqueeze(0), scenery)[0, 0] > 0.5
        found.append(whole_blobs(mask.cpu().numpy(), model.config.where))
    return np.concatenate(found).astype(np.float64)


def _plane(image: np.ndarray) -> Tensor:
    """uint8 [H, W, 3] as float [1, 3, H, W] in 0..1."""
    return torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0).float().div_(255)
