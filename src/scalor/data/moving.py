"""Where something moves in frames of a fixed camera, and frames of which something covers too much.

A head or a hand before the camera is no object of the scene, and a cut shows another one. While it is there nothing can
be told of the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalor.data.backdrop import EmptyScene, restless
from scalor.data.objects import RESTLESS, difference, motion_threshold
from scalor.data.steady import Steady

MOTION = 0.15
"""|frame - empty scene| above this is motion, as long as the footage has such strong motion at all."""
CELL = 8
"""Motion is pooled over cells of this many pixels."""
MOST_CELLS = 1_000_000
FULL = 4
"""Times the usual number of moving cells from which on a frame has no more of them: a moment in which much moves is one
moment, and not most of what is learned."""
COMMON, TIMES, LEAST = 0.9, 5.0, 0.25
"""Covered is a frame of which more than the last share differs from the empty scene, and so many times what this share
of the frames stays below."""
DIFFERS, NOISY = 8.0, 3.0
"""Grey levels by which a covered pixel differs at least, and times the usual difference of a pixel."""
ELSEWHERE = 0.2
"""A frame shows something else altogether when its edges and the empty scene's correlate by less, and by less than half
of what all frames but a tenth do, where that is more. Frames of other films, of sixteen, correlate by 0.17 at most."""


@dataclass(frozen=True)
class Cover:
    """Above which share of the view, ``most``, pixels that differ by more than ``level`` grey levels are a cover, and
    below which correlation of its edges with the scene's, ``like``, a frame shows something else."""

    level: float
    most: float
    like: float = -1.0

    def hides(self, frame: np.ndarray, scene: Steady) -> bool:
        """Whether something covers much of a frame uint8 [h, w, 3], in its place, of the empty scene."""
        if scene.alike(frame) < self.like:
            return True
        return _share(difference(frame, scene.reference), self.level) > self.most


@dataclass(frozen=True)
class Motion:
    """What moves in N frames.

    cells    of each frame int32 [M, 2], (y, x) of the centres of cells of which at least a tenth moves
    covered  bool [N], frames of which something covers too much
    cover    how these are known
    """

    cells: list[np.ndarray]
    covered: np.ndarray
    cover: Cover

    def moving(self) -> np.ndarray:
        """int32 [M, 3]: (row of the frames that are not covered, y, x) of the cells, of crowded frames not all."""
        seen = [cells for cells, covered in zip(self.cells, self.covered, strict=True) if not covered]
        rows = [np.column_stack([np.full(len(cells), row), cells]) for row, cells in enumerate(_evened(seen))]
        found = np.concatenate(rows).astype(np.int32)
        return found[:: 1 + len(found) // MOST_CELLS]


def motion_in(frames: np.ndarray, scene: EmptyScene) -> Motion:
    """What moves in frames uint8 [N, h, w, 3] before an empty scene."""
    background, steady = scene.image, Steady(scene.image)
    picks = np.unique(np.linspace(0, len(frames) - 1, min(32, len(frames))).round().astype(int))
    samples = np.stack([difference(frames[i], background) for i in picks])
    strong = MOTION * 255
    # Dim objects (fish in grey water) never differ by 0.15: then the footage's own threshold decides.
    level = strong if float((samples > strong).mean()) > 1e-3 else min(strong, motion_threshold(samples))
    limit, cells, shares, alike = np.maximum(level, restless(scene, RESTLESS)), [], [], []
    apart_by = max(DIFFERS, NOISY * float(np.median(samples)))
    for frame in frames:
        apart = difference(frame, background)
        y, x = np.nonzero(_pooled(apart > limit) >= 0.1)
        cells.append(np.column_stack([y, x]) * CELL + CELL // 2)
        shares.append(_share(apart, apart_by))
        alike.append(steady.alike(frame))
    most = min(1.0, max(LEAST, TIMES * float(np.quantile(shares, COMMON))))
    usual = float(np.quantile(alike, 1 - COMMON))
    like = min(ELSEWHERE, usual / 2) if usual >= ELSEWHERE else -1.0
    covered = (np.array(shares) > most) | (np.array(alike) < like)
    return Motion(cells, covered, Cover(apart_by, most, like))


def _share(apart: np.ndarray, level: float) -> float:
    return float((apart > level).mean())


def _evened(found: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Of each frame's cells at most `FULL` times as many as frames with any usually have, evenly spread."""
    counts = [len(cells) for cells in found if len(cells)]
    most = round(FULL * float(np.median(counts))) if counts else 0
    return [
        cells if len(cells) <= most else cells[np.linspace(0, len(cells) - 1, most).round().astype(int)]
        for cells in found
    ]


def _pooled(lit: np.ndarray) -> np.ndarray:
    """Share of lit pixels per cell; cells at the right and lower edge may be smaller."""
    height, width = lit.shape
    padded = np.zeros((-(-height // CELL) * CELL, -(-width // CELL) * CELL), np.float32)
    padded[:height, :width] = lit
    return padded.reshape(padded.shape[0] // CELL, CELL, -1, CELL).mean(axis=(1, 3))
