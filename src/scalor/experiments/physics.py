"""Predictions of balls by physics: what a world model of them is measured against."""

import numpy as np

from scalor.core.tracks import Tracks
from scalor.data.collide import Box, advance
from scalor.metrics.boxes import frames_of

TRUSTED = (2, 3, 4, 5)
"""Frames before the last that a velocity is taken from, to be held against what was seen since."""


def elastic(tracks: Tracks, box: Box, *, observed: int, steps: int) -> Tracks:
    """Every ball of frame observed - 1 goes on by physics: straight on, off the walls and off the others.

    Velocities are those between two frames, of which physics explains best what was seen since; a ball not yet seen
    there rests. Rows of the observed frames are kept, so that the result can be matched at the last of them.
    """
    past = tracks.select(tracks.frame < observed)
    last = past.select(past.frame == observed - 1)
    if len(last) == 0:
        return Tracks.from_rows(_rows(past), length=observed + steps)
    place, speed = _state(_history(past, last, observed), box)
    rows = _rows(past)
    side = last.box_tlwh[:, 2:]
    for step in range(steps):
        place, speed = advance(place, speed, box)
        edge = place - side / 2
        for ball, (left, top) in enumerate(edge.tolist()):
            rows.append((observed + step, int(last.id[ball]), left, top, *side[ball].tolist(), 1.0, 1.0))
    return Tracks.from_rows(rows, length=observed + steps)


def middle(tracks: Tracks, box: Box, *, observed: int, steps: int) -> Tracks:
    """Every ball of frame observed - 1 is said to be in the middle from then on: what no knowledge at all is worth."""
    past = tracks.select(tracks.frame < observed)
    rows = _rows(past)
    last = past.select(past.frame == observed - 1)
    for step in range(steps):
        for ball, (width, height) in zip(last.id.tolist(), last.box_tlwh[:, 2:].tolist(), strict=True):
            edge = (box.side - width) / 2, (box.side - height) / 2
            rows.append((observed + step, ball, *edge, width, height, 1.0, 1.0))
    return Tracks.from_rows(rows, length=observed + steps)


def _rows(tracks: Tracks) -> list[tuple]:
    columns = (tracks.frame.tolist(), tracks.id.tolist(), tracks.box_tlwh.tolist(), tracks.visibility.tolist())
    return [(frame, name, *box, 1.0, seen) for frame, name, box, seen in zip(*columns, strict=True)]


def _history(past: Tracks, last: Tracks, observed: int) -> np.ndarray:
    """Centres [T, N, 2] of the balls of the last observed frame; before a ball was seen, where it first was."""
    first = max(0, observed - 1 - max(TRUSTED))
    centers = np.empty((observed - first, len(last), 2))
    centers[-1] = last.center
    frames = list(frames_of(past, first, observed))
    for time in range(len(frames) - 2, -1, -1):
        known = dict(zip(frames[time].id.tolist(), frames[time].center, strict=True))
        for ball, name in enumerate(last.id.tolist()):
            centers[time, ball] = known.get(name, centers[time + 1, ball])
    return centers


def _state(centers: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Places and velocities [N, 2] in the last of the frames [T, N, 2].

    Between two frames with a contact in between, the difference of places is nobody's velocity: of some beginnings,
    each carried on to the last frame by physics, the one is taken that comes nearest to what was seen.
    """
    best, found = np.inf, (centers[-1], np.zeros_like(centers[-1]))
    for back in TRUSTED:
        start = len(centers) - 1 - back
        if start < 0:
            continue
        place, speed = centers[start], centers[start + 1] - centers[start]
        error = 0.0
        for time in range(start + 1, len(centers)):
            place, speed = advance(place, speed, box)
            error = max(error, float(np.abs(place - centers[time]).max()))
        if error < best:
            best, found = error, (centers[-1], speed)
    return found
