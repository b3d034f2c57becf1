"""Rows of made tracks for tests of the second pass."""

import numpy as np

from scalor.tracking.second_pass import Revised
from scalor.tracking.table import Rows

SIZE = (240, 320)
LENGTH = 80


def path(start: tuple[float, float], step: tuple[float, float], frames: range, *, side: float = 20.0) -> np.ndarray:
    """Boxes [len(frames), 5] as (frame, left, top, width, height) of an object that moves straight on."""
    time = np.array(frames, dtype=float)
    return np.stack([time, start[0] + step[0] * time, start[1] + step[1] * time, 0 * time + side, 0 * time + side], 1)


def table(
    paths: dict[int, np.ndarray], looks: dict[int, float] | None = None, *, seen: np.ndarray | None = None
) -> Rows:
    """Rows of several tracks; ``looks`` are a number per identity, seen with a little noise."""
    rng = np.random.default_rng(0)
    parts = sorted((float(row[0]), name, *row[1:]) for name, rows in paths.items() for row in rows)
    values = np.array(parts).reshape(-1, 6)
    ids = values[:, 1].astype(np.int64)
    codes = np.array([(looks or {}).get(int(i), 0.0) for i in ids])[:, None] * np.ones(4)
    return Rows(
        frame=values[:, 0].astype(np.int64),
        id=ids,
        box_tlwh=values[:, 2:],
        score=np.ones(len(ids)),
        visibility=np.ones(len(ids)),
        looks=(codes + rng.normal(0, 0.1, codes.shape)).astype(np.float16),
        area=values[:, 4:].prod(axis=1).astype(np.float32),
        seen=np.ones(LENGTH, dtype=bool) if seen is None else seen,
        size=SIZE,
    )


def others(count: int = 4) -> dict[int, np.ndarray]:
    """Objects that are there all the time and show how things move here."""
    return {90 + k: path((60.0, 10.0 + 50 * k), (1.0 + 0.2 * k, 0.0), range(LENGTH)) for k in range(count)}


COLORS = {90: 3.0, 91: -3.0, 92: 5.0, 93: -5.0}


def name_at(revised: Revised, frame: int, left: float, top: float) -> int:
    """The identity of the box at a place."""
    rows = revised.rows
    (hit,) = np.flatnonzero((rows.frame == frame) & (np.abs(rows.box_tlwh[:, :2] - [left, top]).max(axis=1) < 4))
    return int(rows.id[hit])
