"""The perspective of a fixed camera, estimated from how blobs grow on their way down the view.

A camera sees what stands on level ground larger the farther it is below the horizon, in proportion. How large things
are says little about it, since those far away touch more often and then are one blob; but such a group grows on its way
as one thing does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scalor.core.geometry import FARTHEST, WhereConfig
from scalor.core.jsonable import later
from scalor.training.components import Components, going_on
from scalor.training.object_sizes import largest_step

LEAST_ROWS = 5
"""Frames in which a blob must be seen to tell how it grows."""
LEAST_WAY = 0.02
"""Share of the view's height that it must move up or down meanwhile."""
LEAST_SEEN = 8
"""Blobs from which the perspective is told; of fewer nothing is known."""
MOST = 0.3
"""Difference of log sizes from which a blob was torn or joined rather than misjudged."""
BETTER = 0.75
"""The perspective must leave at most this share of what none at all leaves unexplained."""
QUICK = 0.95
"""Share of the blobs that the pace covers."""
STEEPEST = 3.3
"""Steepest perspective: with a horizon a fifth of the view's height below its upper edge."""
LEAST_GROWTH = 2.5
"""Growth between the places that 5 % and 95 % of the blobs lie above from which perspective matters: boxes of one level
have as wide a range."""


@dataclass(frozen=True)
class Perspective:
    """At row y things are ``1 + tilt * (y - level)`` times as large as at row ``level``, above and below which as many
    are; no tilt: nothing is known, or there is none. ``nearest``: that factor at most; ``growth``: by how much things
    that were seen differ so; ``height`` of the view, in rows; ``far``: the factor of the far ones (all but 5 % are
    nearer); ``pace``: pixels per frame that things at ``level`` move by along an axis, all but 5 % of them; 0: unknown.
    """

    tilt: float = 0.0
    level: float = 0.0
    nearest: float = 1.0
    growth: float = 1.0
    height: float = math.inf
    far: float = later(1.0)
    pace: float = later(0.0)

    @property
    def measured(self) -> bool:
        """Whether it was seen in a video, and not set."""
        return self.growth != 1.0

    def scaled(self, factor: float) -> "Perspective":
        """The same in a view so many times as high."""
        sizes = {name: factor * getattr(self, name) for name in ("level", "height", "pace")}
        return replace(self, tilt=self.tilt / factor, **sizes)

    def of(self, where: WhereConfig) -> WhereConfig:
        """Boxes and steps that know it."""
        known = replace(where, tilt=self.tilt, level=self.level, nearest=self.nearest)
        return replace(known, motion=largest_step(self.pace), ground=True) if self.pace else known

    def words(self) -> str:
        """What a user should know of it; "" where there is none."""
        if not self.tilt:
            return ""
        where = "lower" if self.tilt > 0 else "upper"
        times = max(self.growth, 1 / self.growth)
        return f"followed on their way, things grow {times:.1f} times towards the {where} edge, and so do boxes"


def perspective_of(runs: Sequence[Sequence[Components]], height: int) -> Perspective:
    """The perspective of a view ``height`` rows high, from runs of successive frames of it."""
    ways = [way for run in runs for way in _ways(run, LEAST_WAY * height)]
    rows = np.concatenate([each.box[each.whole, 1] for run in runs for each in run] or [np.zeros(0)])
    if len(ways) < LEAST_SEEN:
        return Perspective()
    before, after, grown = np.array(ways).T
    steep = np.linspace(-STEEPEST, STEEPEST, 67)
    lost = [float(np.minimum(np.abs(grown - _between(t, before / height, after / height)), MOST).mean()) for t in steep]
    best = float(steep[int(np.argmin(lost))])
    if min(lost) > BETTER * lost[len(steep) // 2]:
        return Perspective()
    low, level, high = np.quantile(rows, [0.05, 0.5, 0.95])
    edges = np.exp(_log(best, np.array([0.0, height, low, level, high]) / height))
    top, bottom, far, middle, near = (float(edge) for edge in edges)
    tilt, nearest = best / height / middle, max(top, bottom) / middle
    found = Perspective(tilt, float(level), nearest, near / far, height, min(near, far) / middle)
    found = replace(found, pace=_pace(runs, found))
    return found if max(found.growth, 1 / found.growth) >= LEAST_GROWTH else Perspective()


def _pace(runs: Sequence[Sequence[Components]], seen: Perspective) -> float:
    """Steps of blobs along the axis that they move more on, as they would be at the level: all but 5 % are smaller."""
    where = seen.of(WhereConfig())
    ways = [way for run in runs for way in _followed(run) if len(way) >= LEAST_ROWS]
    steps = [np.abs(way[-1, :2] - way[0, :2]).max() / (len(way) - 1) / where.nearness(way[:, 1]).mean() for way in ways]
    return float(np.quantile(steps, QUICK)) if steps else 0.0


def _log(steep: float, place: np.ndarray) -> np.ndarray:
    """Log size at places in heights of the view, 0 in its middle."""
    return np.log(np.maximum(1.0 + steep * (place - 0.5), FARTHEST))


def _between(steep: float, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return _log(steep, after) - _log(steep, before)


def _ways(run: Sequence[Components], least: float) -> list[tuple[float, float, float]]:
    """Rows at the beginning and end of the ways of blobs that are wholly in view, and the growth of their log size."""
    found = []
    for way in _followed(run):
        part = max(1, len(way) // 3)
        sizes = 0.5 * np.log(way[:, 2] * way[:, 3])
        before, after = float(way[:part, 1].mean()), float(way[-part:, 1].mean())
        if len(way) >= LEAST_ROWS and abs(after - before) > least:
            found.append((before, after, float(np.median(sizes[-part:]) - np.median(sizes[:part]))))
    return found


def _followed(run: Sequence[Components]) -> list[np.ndarray]:
    """The boxes (x, y, w, h) [L, 4] of each blob for as long as it goes on one to one and is wholly in view."""
    ways: list[list[np.ndarray]] = []
    current: dict[int, list[np.ndarray]] = {}
    for t, frame in enumerate(run):
        links = going_on(run[t - 1], frame) if t else np.zeros((0, 2), int)
        going = {int(after): current[int(before)] for before, after in links if int(before) in current}
        current = {}
        for number in np.flatnonzero(frame.whole):
            way = going.get(int(number))
            if way is None:
                way = []
                ways.append(way)
            way.append(frame.box[number])
            current[int(number)] = way
    return [np.array(way) for way in ways]
