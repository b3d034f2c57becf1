"""How large single objects are at each height of a view: two that touch are larger than one can be at their place.

A fixed camera sees what is near it larger. Across the whole view one object near the camera may be as large as two far
from it; in one place they differ by a factor of 1.4 in the mean of their sides, and single ones hardly.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scalor.core.types import Scenery
from scalor.data.footage import Footage, Reel
from scalor.models.base import WorldModel
from scalor.models.scalor import Scalor
from scalor.training.lone_blobs import blobs_of

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
ROUNDS = 8
"""Times that the line is fitted, each without what the one before has shown to be no single object."""


@dataclass(frozen=True)
class UsualSize:
    """log sqrt(width x height) of a single object is ``start + slope * y`` at y pixels from the top, give or take
    ``spread`` (inf: nothing is known)."""

    start: float = 0.0
    slope: float = 0.0
    spread: float = math.inf

    def within(self, top: int) -> tuple[float, float, float]:
        """The same with y counted from row ``top``: start, slope, spread."""
        return self.start + self.slope * top, self.slope, self.spread


def usual_sizes(model: WorldModel, footage: Footage) -> list[UsualSize]:
    """The rule of each video, from what stands out in some frames of it; the model's weights do not matter.

    Empty for a model without an empty scene to compare with.
    """
    if not (isinstance(model, Scalor) and model.config.needs_backdrop):
        return []
    return [usual_size(_lone_blobs(model, reel), reel.size[0]) for reel in footage.reels]


def usual_size(boxes: np.ndarray, height: int) -> UsualSize:
    """The rule for lone blobs (x, y, w, h) [K, 4] in a view ``height`` pixels high.

    Most of them are single objects: the line goes through the middle of the shortest interval that holds half of the
    sizes, and half of its width tells how much these vary.
    """
    if len(boxes) < LEAST:
        return UsualSize()
    sizes, place = 0.5 * np.log(boxes[:, 2] * boxes[:, 3]), boxes[:, 1]
    steep = float(np.subtract(*np.quantile(place, [0.95, 0.05]))) > SPAN * height
    keep = np.ones(len(boxes), bool)
    for _ in range(ROUNDS):
        slope, start = np.polyfit(place[keep], sizes[keep], 1) if steep else (0.0, 0.0)
        rest = sizes - slope * place - start
        middle, deviation = _bulk(rest)
        spread = max(FLOOR, SURE * deviation)
        keep = np.abs(rest - middle) <= spread
    return UsualSize(start=float(start + middle), slope=float(slope), spread=float(spread))


def _bulk(values: np.ndarray) -> tuple[float, float]:
    """Middle of the shortest interval that holds half of the values, and the std of normal ones with such a half."""
    ordered = np.sort(values)
    half = (len(ordered) + 1) // 2
    widths = ordered[half - 1 :] - ordered[: len(ordered) - half + 1]
    first = int(widths.argmin())
    return float(ordered[first] + widths[first] / 2), float(widths[first] / 2 / 0.6745)


@torch.no_grad()
def _lone_blobs(model: Scalor, reel: Reel) -> np.ndarray:
    """Whole lone blobs (x, y, w, h) float64 [K, 4] in up to `FRAMES` frames of a video."""
    rows = np.unique(np.linspace(0, len(reel.frames) - 1, FRAMES).astype(int))
    scenery = Scenery(height=reel.size[0], width=reel.size[1], backdrop=_plane(reel.background))
    found = [np.zeros((0, 4))]
    for row in rows:
        mask = model.what_moves(_plane(reel.frames[row]).unsqueeze(0), scenery)[0, 0] > 0.5
        blobs = blobs_of(mask.cpu().numpy(), model.config.where)
        found.append(blobs.single[blobs.known.all(1)])
    return np.concatenate(found).astype(np.float64)


def _plane(image: np.ndarray) -> Tensor:
    """uint8 [H, W, 3] as float [1, 3, H, W] in 0..1."""
    return torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0).float().div_(255)
