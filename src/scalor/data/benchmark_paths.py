"""How the sprites of benchmark-like clips move: straight across the view, or on winding paths with changing size."""

from dataclasses import dataclass

import numpy as np

from scalor.data.stage import bounce


@dataclass(frozen=True)
class Paths:
    """N sprites in T frames.

    center  float64 [T, N, 2]  pixels, (x, y)
    extent  float64 [T, N, 2]  width and height in pixels
    there   bool    [T, N]     whether it exists
    """

    center: np.ndarray
    extent: np.ndarray
    there: np.ndarray


@dataclass(frozen=True)
class Crossing:
    """Sprites appear at a side of the view, cross it to the opposite one in a straight line, and are gone at any side.

    most     sprites at a time; each place is free for ``pause`` frames after a sprite has gone, and is then taken again
             with probability ``chance`` per frame
    side     mean side of a sprite in pixels; scale and ratio vary by the shares ``scale`` and ``ratio`` up and down
    speed    pixels per frame
    margin   of the centres from the sides where sprites appear and vanish: nearly the whole sprite is in view
    """

    most: int = 3
    side: float = 10.5
    scale: float = 0.1
    ratio: float = 0.2
    speed: float = 2.65
    margin: float = 5.0
    pause: int = 5
    chance: float = 0.5

    @property
    def largest(self) -> float:
        """The longest side that a sprite can have."""
        return self.side * (1 + self.scale) * (1 + self.ratio) ** 0.5

    def __call__(self, rng: np.random.Generator, frames: int, size: int) -> Paths:
        """Paths of the sprites of a clip that begins somewhere in an endless film of a square view."""
        before = self.pause + int(np.ceil(2 * size / self.speed))
        lives = [life for place in rng.spawn(self.most) for life in self._lives(place, before + frames, size)]
        # In the order of their births, so that who comes after the end of a shorter clip changes nothing in it.
        lives.sort(key=lambda life: life[0])
        seen = [part for life in lives if (part := self._cut(life, before, frames)) is not None]
        if not seen:
            return Paths(np.zeros((frames, 0, 2)), np.zeros((frames, 0, 2)), np.zeros((frames, 0), bool))
        center, extent, there = (np.stack(column, axis=1) for column in zip(*seen, strict=True))
        return Paths(center, extent, there)

    def _lives(self, rng: np.random.Generator, end: int, size: int) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """The sprites of one place: first frame, centres while they are in view [t, 2] and extent [2]."""
        found = []
        frame = -int(rng.integers(0, 4 * size))  # the film has run for long, and nothing tells when it began
        while (frame := frame + int(rng.geometric(self.chance)) - 1) < end:
            path = self._path(rng, size)
            scale, ratio = 1 + self.scale * rng.uniform(-1, 1), (1 + self.ratio * rng.uniform(-1, 1)) ** 0.5
            found.append((frame, path, self.side * scale * np.array([1 / ratio, ratio])))
            frame += len(path) + self.pause
        return found

    def _path(self, rng: np.random.Generator, size: int) -> np.ndarray:
        low, high = self.margin, size - self.margin
        first, last = rng.uniform(low, high, 2)
        ends = np.array([[first, low], [last, high]])
        if rng.random() < 0.5:
            ends = ends[::-1]
        if rng.random() < 0.5:
            ends = ends[:, ::-1]
        way = ends[1] - ends[0]
        steps = int(np.linalg.norm(way) / self.speed) + 1
        return ends[0] + way / np.linalg.norm(way) * self.speed * np.arange(steps)[:, None]

    def _cut(self, life: tuple, before: int, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """What of a life lies in the frames of the clip, on all of them; None: nothing."""
        born, path, extent = life
        time = np.arange(before, before + frames) - born
        there = (time >= 0) & (time < len(path))
        if not there.any():
            return None
        return path[time.clip(0, len(path) - 1)], np.broadcast_to(extent, (frames, 2)), there


@dataclass(frozen=True)
class Winding:
    """Sprites that are there in all frames, on paths that turn, while their size swells and shrinks.

    count   (least, most) sprites, drawn uniformly per clip
    side    (least, most) mean longer side in pixels; it changes by up to the share ``swell``
    speed   (least, most) in pixels per frame
    turn    largest change of direction per frame, radians
    """

    count: tuple[int, int] = (1, 4)
    side: tuple[float, float] = (13.0, 20.0)
    swell: float = 0.25
    speed: tuple[float, float] = (1.0, 3.5)
    turn: float = 0.35

    @property
    def largest(self) -> float:
        """The longest side that a sprite can have."""
        return self.side[1] * (1 + self.swell)

    def __call__(self, rng: np.random.Generator, frames: int, size: int) -> Paths:
        """Paths whose centres turn round at the sides of a square view; extents are squares."""
        count = int(rng.integers(self.count[0], self.count[1], endpoint=True))
        start, pace = rng.uniform(0, size, (count, 2)), rng.uniform(*self.speed, count)
        heading, turn = rng.uniform(0, 2 * np.pi, count), rng.uniform(-self.turn, self.turn, count)
        phase, rate = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.2, 0.6, count)
        side = rng.uniform(*self.side, count)
        time = np.arange(frames)[:, None]
        facing = heading + turn * time
        step = pace[..., None] * np.stack([np.cos(facing), np.sin(facing)], -1)
        moved = start + np.concatenate([np.zeros((1, count, 2)), np.cumsum(step, axis=0)[:-1]])
        low = np.zeros((frames, count, 2))
        center = bounce(moved, np.zeros_like(moved), low, low + size, 1)
        extent = side * (1 + self.swell * np.sin(phase + rate * time))
        return Paths(center, np.repeat(extent[..., None], 2, axis=-1), np.ones((frames, count), bool))
