"""Balls with exact truth that bounce off each other, or pass over each other, between the walls of the view."""

from dataclasses import dataclass

import numpy as np

from scalor.data.clip import Clip
from scalor.data.collide import Box, collide
from scalor.data.scenes import backdrop
from scalor.data.stage import Cast, bounce, patch_corner, perform
from scalor.errors import UserError

Color = tuple[float, float, float]

BLUE, RED, YELLOW, FUCHSIA, AQUA, LIME = (
    (0.0, 0.0, 1.0),
    (1.0, 0.0, 0.0),
    (1.0, 1.0, 0.0),
    (1.0, 0.0, 1.0),
    (0.0, 1.0, 1.0),
    (0.0, 1.0, 0.0),
)
DENSEST = 0.3
"""Share of the view that balls may cover: above it no free places are found by trying."""
TRIES, AT_ONCE = 60, 256


@dataclass(frozen=True)
class BallsConfig:
    """What a clip of balls looks like. Lengths in pixels, speeds in pixels per frame.

    size     side of the square view, whose edges are walls
    count    (least, most) balls, drawn uniformly per clip
    radius   of a ball: it covers half of a pixel there, and bounces there
    speed    root of the mean squared speed of a clip's balls, which never changes
    collide  they bounce off each other, and share the energy at random; else all are equally fast and pass
    edge     width over which a ball fades out
    colors   what balls are coloured with; each once if there are as many balls as colours, else at random
    """

    size: int = 64
    count: tuple[int, int] = (3, 3)
    radius: float = 8.0
    speed: float = 3.0
    frames: int = 100
    collide: bool = True
    edge: float = 1.5
    colors: tuple[Color, ...] = (BLUE, RED, YELLOW, FUCHSIA, AQUA)
    name: str = "balls"

    def __post_init__(self) -> None:
        if not 0 <= self.count[0] <= self.count[1]:
            raise UserError(f"count is {self.count}; wanted (least, most) with 0 <= least <= most; correct it")
        if not self.colors:
            raise UserError("colors are empty; at least one is wanted; give (red, green, blue) from 0 to 1")
        covered = self.count[1] * np.pi * self.radius**2 if self.collide else 0.0
        if 2 * self.radius >= self.size or covered > DENSEST * self.size**2:
            raise UserError(
                f"a view of {self.size} px cannot hold {self.count[1]} balls with a radius of {self.radius} px that "
                "move; give fewer or smaller balls, or a larger view"
            )


PRESETS: dict[str, BallsConfig] = {
    config.name: config
    for config in (
        BallsConfig(name="bounce"),
        BallsConfig(name="pass", collide=False),
        BallsConfig(name="many", count=(5, 10), radius=5.0, speed=2.0),
        BallsConfig(name="billiards", radius=7.68, speed=1.85, frames=200, edge=5.0, colors=(RED, LIME, BLUE)),
    )
}


def balls(name: str) -> BallsConfig:
    """The named setting: bounce, pass, many or billiards. Raises UserError with the known ones for another."""
    if name not in PRESETS:
        raise UserError(f"there is no balls setting {name!r}; known are {', '.join(PRESETS)}; choose one of these")
    return PRESETS[name]


@dataclass(frozen=True)
class Balls:
    """A data set of ``length`` clips of balls; clip ``index`` is a pure function of (config, seed, index)."""

    config: BallsConfig
    seed: int = 0
    length: int = 1_000_000

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Clip:
        return self.clip(index)

    def clip(self, index: int, frames: int | None = None) -> Clip:
        """Clip ``index`` with ``frames`` frames (None: the config's); shorter clips are beginnings of longer ones.

        Raises IndexError outside 0 .. length - 1.
        """
        if not 0 <= index < self.length:
            raise IndexError(f"clip {index} of {self.length}")
        config, frames = self.config, self.config.frames if frames is None else frames
        rng = np.random.default_rng([self.seed, index])
        count = int(rng.integers(config.count[0], config.count[1], endpoint=True))
        color = _colors(config, rng, count)
        center = _motion(config, rng, count, frames)
        scene = backdrop("black", rng, frames=frames, size=(config.size, config.size))
        return perform(_drawn(config, center, color), scene, name=f"balls-{config.name}-{self.seed}-{index:06d}")


def _colors(config: BallsConfig, rng: np.random.Generator, count: int) -> np.ndarray:
    known = np.array(config.colors, np.float32)
    return known[rng.permutation(count) if count == len(known) else rng.integers(0, len(known), count)]


def _motion(config: BallsConfig, rng: np.random.Generator, count: int, frames: int) -> np.ndarray:
    """Centres [frames, count, 2]. Places and velocities are drawn as they are after any long time, so that no frame of
    a clip differs from another: evenly over all that is free, and over all velocities of that energy."""
    start, velocity = _places(config, rng, count), rng.standard_normal((count, 2))
    axis = None if config.collide else -1
    pace = np.sqrt((velocity**2).sum(axis, keepdims=True) / (max(count, 1) if config.collide else 1))
    velocity *= config.speed / np.maximum(pace, 1e-9)
    if config.collide:
        return collide(start, velocity, Box(config.size, config.radius), frames)
    low = np.full((count, 2), config.radius)
    return bounce(start, velocity, low, config.size - low, frames)


def _places(config: BallsConfig, rng: np.random.Generator, count: int) -> np.ndarray:
    """Centres inside the walls; of balls that collide no two overlap."""
    room = config.radius, config.size - config.radius
    if not config.collide:
        return rng.uniform(*room, (count, 2))
    one, other = np.triu_indices(count, 1)
    for _ in range(TRIES):
        # All are drawn anew until none overlaps: placing one after the other would favour some places.
        tried = rng.uniform(*room, (AT_ONCE, count, 2))
        apart = np.linalg.norm(tried[:, one] - tried[:, other], axis=-1)
        free = (apart > 2 * config.radius).all(-1)
        if free.any():
            return tried[free.argmax()]
    raise UserError(
        f"no free place was found for {count} balls with a radius of {config.radius} px in a view of {config.size} px; "
        "give fewer or smaller balls, or a larger view"
    )


def _drawn(config: BallsConfig, center: np.ndarray, color: np.ndarray) -> Cast:
    side = int(np.ceil(2 * config.radius + config.edge)) + 2
    corner = patch_corner(center, side)
    place = np.arange(side) + 0.5
    x, y = ((corner - center)[..., axis, None] + place for axis in (0, 1))
    beyond = np.hypot(x[..., None, :], y[..., :, None]) - config.radius
    cover = np.clip(0.5 - beyond / config.edge, 0.0, 1.0)
    alpha = (cover * cover * (3.0 - 2.0 * cover)).astype(np.float32)
    extent = np.full((len(color), 2), 2 * config.radius)
    return Cast(alpha=alpha, corner=corner, color=color, center=center, extent=extent)
