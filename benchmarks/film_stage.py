"""What made films are drawn with: things that move, a sheet that knows who owns each of its pixels, grounds."""

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

FINER, VISIBLE = 2, 0.25
"""A sheet has so many pixels per pixel and side; what is seen by this share is in the truth."""
Color = tuple[float, float, float]
Span = tuple[float, float]


@dataclass
class Thing:
    """Its centre and size in pixels, heading in radians, pixels per frame; ``own`` are numbers of its kind."""

    name: int
    x: float
    y: float
    long: float
    wide: float
    heading: float
    speed: float
    color: Color
    phase: float = 0.0
    rest: int = 0
    own: dict[str, float] = field(default_factory=dict)


def scattered(
    rng: np.random.Generator, count: int, area: tuple[Span, Span], *, long: Span, wide: Span, speed: Span, color: Color
) -> list[Thing]:
    """Things at random places of an area, columns and rows, with random headings."""
    (left, right), (top, low) = area

    def thing(name: int) -> Thing:
        place, size = rng.uniform((left, top), (right, low)), (rng.uniform(*long), rng.uniform(*wide))
        return Thing(name, *place, *size, rng.uniform(0, 2 * np.pi), rng.uniform(*speed), color)

    return [thing(name) for name in range(count)]


class Sheet:
    """A picture ``FINER`` times as fine, float32 RGB, and who owns each of its pixels (-1: nobody)."""

    def __init__(self, ground: np.ndarray) -> None:
        self.image, self.owner = ground.copy(), np.full(ground.shape[:2], -1, np.int32)
        self.whole: dict[int, int] = {}

    def veil(self, one: Thing, points: np.ndarray, color: Color, alpha: float = 1.0) -> None:
        """A polygon that is no part of the thing: shadow, light, leg. Corners [n, 2] in pixels from the centre,
        along and across the heading."""
        veiled = self.image.copy() if alpha < 1 else self.image
        cv2.fillPoly(veiled, [self._corners(one, points)], color)
        if alpha < 1:
            self.image += alpha * (veiled - self.image)

    def polygon(self, one: Thing, points: np.ndarray, color: Color) -> None:
        """A polygon of the thing. Corners as for `veil`."""
        corners = self._corners(one, points)
        cv2.fillPoly(self.image, [corners], color)
        cv2.fillPoly(self.owner, [corners], one.name)
        alone = np.zeros((np.ptp(corners, axis=0) + 1)[::-1], np.uint8)
        cv2.fillPoly(alone, [corners - corners.min(0)], 1)
        self.whole[one.name] = self.whole.get(one.name, 0) + int(alone.sum())

    def rows(self, frame: int) -> list[tuple[float, ...]]:
        """Truth of what is seen by enough: frame, name, box of the parts in view, and 1, 1, 1."""
        found = []
        for name, pixels in self.whole.items():
            ys, xs = np.nonzero(self.owner == name)
            if name >= 0 and len(xs) > VISIBLE * pixels:
                box = np.array([xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]) / FINER
                found.append((frame, name, *box, 1, 1, 1))
        return found

    @staticmethod
    def _corners(one: Thing, points: np.ndarray) -> np.ndarray:
        cos, sin = np.cos(one.heading), np.sin(one.heading)
        placed = points @ np.array([[cos, sin], [-sin, cos]]) + (one.x, one.y)
        return np.round(placed * FINER).astype(np.int32)


def ellipse(long: float, wide: float, *, at: Span = (0, 0), bend: float = 0.0) -> np.ndarray:
    """24 corners of an ellipse, its ends bent sideways by ``bend`` pixels."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    across = wide / 2 * np.sin(angle) + bend * np.cos(angle) ** 2
    return np.stack([at[0] + long / 2 * np.cos(angle), at[1] + across], 1)


def rectangle(left: float, top: float, right: float, low: float) -> np.ndarray:
    """Its four corners."""
    return np.array([(left, top), (right, top), (right, low), (left, low)], float)


def ground(rng: np.random.Generator, shape: tuple[int, int], color: Color, grain: dict[float, float]) -> np.ndarray:
    """One colour with grain of several widths (pixels) and strengths (grey levels): float32 RGB, ``FINER``."""
    rows, columns = (side * FINER for side in shape)
    image = np.full((rows, columns, 3), color, np.float32)
    for width, strength in grain.items():
        wide = width * FINER
        small = rng.normal(0, 1, (int(rows / wide) + 3, int(columns / wide) + 3)).astype(np.float32)
        large = cv2.resize(small, None, fx=wide, fy=wide, interpolation=cv2.INTER_CUBIC)
        image += strength * large[:rows, :columns, None]
    return image


@dataclass
class Kind:
    """A film: rows and columns, ground, the things of the first frame, how they move, how one is drawn, what is drawn
    over all of them, what happens to a whole picture, and the std of its grain in grey levels."""

    shape: tuple[int, int]
    ground: np.ndarray
    things: list[Thing]
    move: Callable[[int, list[Thing]], list[Thing]]
    draw: Callable[[Sheet, Thing], None]
    over: Callable[[int, Sheet], None] = lambda frame, sheet: None
    finish: Callable[[int, np.ndarray], np.ndarray] = lambda frame, image: image
    noise: float = 3.0


def wander(
    rng: np.random.Generator, shape: tuple[int, int], *, turn: float, stop: float, margin: float
) -> Callable[[int, list[Thing]], list[Thing]]:
    """Random walks that turn (std in radians per frame), stop for a while and turn back before the edge of the view."""

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        for one in things:
            if one.rest > 0:
                one.rest -= 1
                continue
            if rng.random() < stop:
                one.rest = int(rng.integers(10, 60))
            one.heading += rng.normal(0, turn)
            if not (margin < one.x < shape[1] - margin and margin < one.y < shape[0] - margin):
                home = np.arctan2(shape[0] / 2 - one.y, shape[1] / 2 - one.x)
                one.heading += 0.15 * np.arctan2(np.sin(home - one.heading), np.cos(home - one.heading))
            one.x += one.speed * np.cos(one.heading)
            one.y += one.speed * np.sin(one.heading)
            one.phase += one.speed
        return things

    return move


def pushes(things: list[Thing], near: float) -> np.ndarray:
    """Away from all others that are nearer than ``near`` pixels, in pixels: float64 [n, 2]."""
    places = np.array([(one.x, one.y) for one in things])
    apart = places[:, None] - places[None]
    far = np.maximum(np.hypot(apart[..., 0], apart[..., 1]), 1)[..., None]
    return (apart / far * np.clip(near - far, 0, None)).sum(1)
