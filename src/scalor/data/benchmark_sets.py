"""Clips like those of the Object-Centric Representation Benchmark (Weis et al. 2021), with exact truth.

Its clips are files to be fetched; these are made. What is published of theirs is kept: 64 x 64 pixels, ten frames, how
many sprites, that sizes change, paths wind and sprites hide each other (VMDS), and, from its generator, sizes, speeds,
colours and births of Sprites-MOT at half its scale. What is not published (sizes and speeds of VMDS, the pictures that
texVMDS takes its textures from) is chosen here. Scores of others on theirs are no scores on these.
"""

from dataclasses import dataclass

import numpy as np

from scalor.data.benchmark_paths import Crossing, Paths, Winding
from scalor.data.clip import Clip
from scalor.data.shapes import SHAPES, distance, reach
from scalor.data.stage import Cast, patch_corner, perform
from scalor.data.textures import texture
from scalor.errors import UserError

FINE = 4
"""Points per pixel along each axis that a mask is counted on."""
PRIMARY = np.array([[0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1], [1, 1, 0]], np.float32)
CONTRAST = 0.3
"""Least distance of a sprite's colour from the background's, in the colour cube."""
TEXTURE = 48
"""Side of the texture that is stretched over a sprite and its surroundings."""


@dataclass(frozen=True)
class SetConfig:
    """What the clips of a set look like.

    paths    how sprites move, in pixels of the ``size`` x ``size`` view
    shapes   of `shapes.SHAPES` at any angle, or upright circle, rectangle, triangle, diamond
    paint    "primary": six saturated colours on black; "any": any colour on any other; "textures" on a texture
    """

    name: str
    paths: Crossing | Winding
    shapes: tuple[str, ...]
    paint: str
    size: int = 64
    frames: int = 10


SETS: dict[str, SetConfig] = {
    config.name: config
    for config in (
        SetConfig("spmot-like", Crossing(), ("circle", "rectangle", "triangle", "diamond"), "primary"),
        SetConfig("vmds-like", Winding(), SHAPES, "any"),
        SetConfig("texvmds-like", Winding(), SHAPES, "textures"),
    )
}


def benchmark_set(name: str) -> SetConfig:
    """The named set. Raises UserError with the known ones for another."""
    if name not in SETS:
        raise UserError(f"there is no benchmark set {name!r}; known are {', '.join(SETS)}; choose one of these")
    return SETS[name]


@dataclass(frozen=True)
class BenchmarkClips:
    """A data set of ``length`` clips; clip ``index`` is a pure function of (config, seed, index)."""

    config: SetConfig
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
        moving, drawing = (np.random.default_rng([self.seed, index, part]) for part in (0, 1))
        paths = config.paths(moving, frames, config.size)
        ground = _ground(config, drawing)
        scene = np.broadcast_to(ground, (frames, config.size, config.size, 3))
        return perform(_cast(config, paths, ground, drawing), scene, name=f"{config.name}-{self.seed}-{index:06d}")


def _ground(config: SetConfig, rng: np.random.Generator) -> np.ndarray:
    """The still background, float32 broadcastable to [H, W, 3]."""
    if config.paint == "textures":
        return texture(rng, (config.size, config.size))
    return rng.uniform(0, 1, 3).astype(np.float32) if config.paint == "any" else np.zeros(3, np.float32)


def _cast(config: SetConfig, paths: Paths, ground: np.ndarray, rng: np.random.Generator) -> Cast:
    """Every sprite draws from a generator of its own, so that those who come later change nothing."""
    frames, count = paths.there.shape
    side = int(np.ceil(config.paths.largest)) + 2
    corner = patch_corner(paths.center, side)
    alpha, extent = np.zeros((frames, count, side, side), np.float32), paths.extent.copy()
    colors = []
    for n, own in enumerate(rng.spawn(count)):
        shape, angle = config.shapes[own.integers(len(config.shapes))], own.uniform(0, 2 * np.pi)
        extent[:, n] *= _proportions(shape, angle)
        # Points of the patch relative to the sprite's box, whose sides are at -1 and 1.
        place = (np.arange(side * FINE) + 0.5) / FINE + (corner - paths.center)[:, n, :, None]
        across, down = np.moveaxis(place / (extent[:, n, :, None] / 2), 1, 0)
        inside = _inside(shape, angle, across[:, None, :], down[:, :, None])
        alpha[:, n] = inside.reshape(frames, side, FINE, side, FINE).mean((2, 4))
        colors.append(_color(config.paint, ground, own, (across[:, FINE // 2 :: FINE], down[:, FINE // 2 :: FINE])))
    alpha *= paths.there[..., None, None]
    color = np.stack(colors, axis=1 if config.paint == "textures" else 0) if colors else np.zeros((0, 3), np.float32)
    return Cast(alpha=alpha, corner=corner, color=color, center=paths.center, extent=extent)


def _proportions(shape: str, angle: float) -> np.ndarray:
    """Width and height of a shape whose longer side is 1; upright ones fill their boxes."""
    if shape not in SHAPES:
        return np.ones(2)
    near, far = reach(shape, np.array([angle]))
    return (far - near)[0] / (far - near).max()


def _inside(shape: str, angle: float, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Whether points of a box with sides at -1 and 1 (v downwards) lie in the shape that fills it."""
    if shape in SHAPES:
        near, far = (side[0] for side in reach(shape, np.array([angle])))
        x, y = near[0] + (u + 1) / 2 * (far - near)[0], near[1] + (v + 1) / 2 * (far - near)[1]
        cos, sin = np.cos(angle), np.sin(angle)
        return distance(shape, x * cos + y * sin, y * cos - x * sin) <= 0
    if shape == "circle":
        return u**2 + v**2 <= 1
    if shape == "diamond":
        return np.abs(u) + np.abs(v) <= 1
    if shape == "triangle":
        return (np.abs(u) <= (v + 1) / 2) & (v <= 1)
    return np.maximum(np.abs(u), np.abs(v)) <= 1


def _color(
    paint: str, ground: np.ndarray, rng: np.random.Generator, place: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """One colour [3], or one per pixel [T, P, P, 3] of patches whose columns and rows lie at ``place`` in the box."""
    if paint == "primary":
        return PRIMARY[rng.integers(len(PRIMARY))]
    if paint == "any":
        tried = rng.uniform(0, 1, (64, 3)).astype(np.float32)
        return tried[(np.linalg.norm(tried - ground, axis=1) > CONTRAST).argmax()]
    cloth = texture(rng, (TEXTURE, TEXTURE))
    columns, rows = (np.clip((0.5 + along / 3) * TEXTURE, 0, TEXTURE - 1).astype(np.int64) for along in place)
    return cloth[rows[:, :, None], columns[:, None, :]]
