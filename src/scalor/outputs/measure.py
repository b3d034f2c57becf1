"""What biologists and traffic engineers ask of tracks: paths, speeds, turns, areas, zones, lines, neighbours, counts.

Positions are box centres. Lengths are in pixels, or in millimetres where pixels per millimetre are known; times are
those of the frames. All angles are in degrees; seen on the screen, a positive turn is to the right.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scalor.core.polygons import polygon_of, within
from scalor.core.tracks import Tracks
from scalor.errors import UserError
from scalor.outputs.pixels import areas, frames_of, steps_of
from scalor.outputs.tracked import Tracked

LEAST = 1e-12
"""Pixels per millimetre, and millimetres per pixel, at least."""


@dataclass(frozen=True)
class Ground:
    """What the video shows.

    px_per_mm  pixels per millimetre, above 0 and finite; None: lengths stay in pixels
    zones      name -> corners (x, y) of a polygon in pixels, float64 [N >= 3, 2]
    lines      name -> start and end (x, y) in pixels, float64 [2, 2]

    Raises UserError for other pixels per millimetre.
    """

    px_per_mm: float | None = None
    zones: Mapping[str, np.ndarray] = field(default_factory=dict)
    lines: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.px_per_mm is not None and not LEAST < self.px_per_mm < 1 / LEAST:
            raise UserError(
                f"{self.px_per_mm:g} pixels per millimetre came; a number as 4.2 is wanted; measure it anew"
            )

    def outside(self, size: tuple[int, int]) -> list[str]:
        """Zones and lines that lie wholly outside a picture of this height and width; lines may be its edge."""
        edge = np.array(size[::-1])
        zones = [n for n, at in self.zones.items() if (at.max(axis=0) <= 0).any() or (at.min(axis=0) >= edge).any()]
        return zones + [
            n for n, at in self.lines.items() if (at.max(axis=0) < 0).any() or (at.min(axis=0) > edge).any()
        ]

    @property
    def unit(self) -> str:
        """Of lengths: px or mm."""
        return "px" if self.px_per_mm is None else "mm"


@dataclass(frozen=True)
class Rows:
    """Measures of every row of a table, float64 [R] unless said otherwise; NaN where there is none.

    x, y       position
    step       distance from the row before of the same track, rows of repeated frames left out
    speed      that per second
    turn       angle between the step to here and the step before, above -180 to 180; NaN after a step of length 0
    area       of the mask, else of the box
    neighbour  int64, row of the nearest other object in the frame, -1 where it is alone
    distance   to it
    inside     zone -> bool [R]
    """

    x: np.ndarray
    y: np.ndarray
    step: np.ndarray
    speed: np.ndarray
    turn: np.ndarray
    area: np.ndarray
    neighbour: np.ndarray
    distance: np.ndarray
    inside: Mapping[str, np.ndarray]


def measure_rows(tracked: Tracked, ground: Ground) -> Rows:
    """The measures of every row."""
    tracks, scale = tracked.tracks, ground.px_per_mm or 1.0
    center = tracks.center
    before, after = _steps(tracked)
    vector = np.full((len(tracks), 2), np.nan)
    vector[after] = center[after] - center[before]
    seconds = np.full(len(tracks), np.nan)
    seconds[after] = tracked.times[tracks.frame[after]] - tracked.times[tracks.frame[before]]
    step = np.hypot(*vector.T)
    speed = np.divide(step, seconds, out=np.full(len(tracks), np.nan), where=seconds > 0)
    turn = np.full(len(tracks), np.nan)
    turn[after] = _angle(vector[before], vector[after])
    neighbour, distance = nearest(tracks)
    return Rows(
        x=center[:, 0] / scale,
        y=center[:, 1] / scale,
        step=step / scale,
        speed=speed / scale,
        turn=turn,
        area=areas(tracks) / scale**2,
        neighbour=neighbour,
        distance=distance / scale,
        inside={name: within(center, corners) for name, corners in ground.zones.items()},
    )


def _steps(tracked: Tracked) -> tuple[np.ndarray, np.ndarray]:
    """As `steps_of`, past rows that a repeated frame only shows again: things moved on while it stood."""
    tracks = tracked.tracks
    before, after = steps_of(tracks)
    again = np.isin(tracks.frame[after], tracked.repeats) & (tracks.frame[after] == tracks.frame[before] + 1)
    again &= (tracks.box_tlwh[after] == tracks.box_tlwh[before]).all(axis=1)
    new = np.delete(np.arange(len(tracks)), after[again])
    before, after = steps_of(tracks.select(new))
    return new[before], new[after]


def _angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """From the vectors ``first`` to ``second`` in degrees, NaN where one has no direction."""
    cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    angle = np.degrees(np.arctan2(cross, (first * second).sum(axis=1)))
    still = (first == 0).all(axis=1) | (second == 0).all(axis=1)
    return np.where(still, np.nan, angle)


def nearest(tracks: Tracks) -> tuple[np.ndarray, np.ndarray]:
    """Row of the nearest other centre in each row's frame (-1: none), and its distance in pixels (NaN: none)."""
    from scipy.spatial import cKDTree

    neighbour, distance = np.full(len(tracks), -1, np.int64), np.full(len(tracks), np.nan)
    for rows in frames_of(tracks):
        if len(rows) > 1:
            points = tracks.center[rows]
            far, found = cKDTree(points).query(points, k=2)
            # Of two objects on one spot either may come first: the other one is the neighbour.
            other = np.where(found[:, 0] == np.arange(len(rows)), 1, 0)
            pick = np.arange(len(rows)), other
            neighbour[rows], distance[rows] = rows[found[pick]], far[pick]
    return neighbour, distance


def crossings(tracks: Tracks, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows at which a track has just crossed a line from start to end [2, 2], and the direction, in order of frames.

    Direction 1: from left to right for somebody who walks from the start to the end of the line, as seen on the
    screen; -1: from right to left. A step that ends on the line has reached its right side.
    """
    before, after = steps_of(tracks)
    start, along = line[0], line[1] - line[0]
    first, second = tracks.center[before] - start, tracks.center[after] - start
    left = along[0] * first[:, 1] - along[1] * first[:, 0]
    right = along[0] * second[:, 1] - along[1] * second[:, 0]
    changed = (left >= 0) != (right >= 0)
    share = np.divide(left, left - right, out=np.zeros(len(left)), where=changed)
    place = (first + share[:, None] * (second - first)) @ along / (along @ along)
    hit = changed & (place >= 0) & (place <= 1)
    rows, direction = after[hit], np.where(right[hit] >= 0, 1, -1)
    order = np.lexsort((tracks.id[rows], tracks.frame[rows]))
    return rows[order], direction[order]


def frame_seconds(tracked: Tracked) -> np.ndarray:
    """How long each frame stands: until the next one, the last as long as frames do on average. float64 [length]."""
    return np.diff(tracked.times, append=tracked.times[-1:] + 1 / tracked.fps)


def zone_of(text: str) -> tuple[str, np.ndarray]:
    """``NAME=x,y,x,y,...``: two corners of a rectangle, or three and more of a polygon. Raises UserError."""
    name, numbers = _named(text, "--zone", "NAME=LEFT,TOP,RIGHT,BOTTOM, or NAME=x,y,x,y,x,y,...")
    if len(numbers) < 2:
        raise UserError(f"--zone came with {text!r}; two corners of a rectangle, or more of a polygon, are wanted")
    numbers = polygon_of(numbers)
    if np.linalg.matrix_rank(numbers[1:] - numbers[0]) < 2:
        raise UserError(f"--zone came with {text!r}, which has no area; corners that are apart are wanted; correct it")
    return name, numbers


def line_of(text: str) -> tuple[str, np.ndarray]:
    """``NAME=x,y,x,y``. Raises UserError where these are not two different points."""
    name, points = _named(text, "--line", "NAME=x,y,x,y")
    if len(points) != 2 or (points[0] == points[1]).all():
        raise UserError(f"--line came with {text!r}; two different points are wanted, for example door=0,240,640,240")
    return name, points


def _named(text: str, option: str, wanted: str) -> tuple[str, np.ndarray]:
    name, _, numbers = text.partition("=")
    try:
        values = np.array([float(number) for number in numbers.split(",")])
    except ValueError:
        values = np.zeros(1)
    if not name or len(values) % 2 or not np.isfinite(values).all():
        raise UserError(f"{option} came with {text!r}; {wanted} in pixels is wanted; correct it")
    return name, values.reshape(-1, 2)
