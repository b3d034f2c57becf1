"""Moving sprites with exact truth: coloured squares, ellipses and hearts on a canvas larger than the view."""

from dataclasses import dataclass, replace

import numpy as np

from scalor.data.clip import Clip
from scalor.data.scenes import BACKDROPS, backdrop, check_backdrop
from scalor.data.shapes import SHAPES, distance, reach
from scalor.data.stage import Cast, bounce, launch, patch_corner, perform
from scalor.errors import UserError


@dataclass(frozen=True)
class SpritesConfig:
    """What a sprites clip looks like. Lengths in pixels, speeds in pixels per frame.

    size         side of the square view, which is the centre of the canvas
    canvas       side of the square canvas; whole objects are reflected at its borders
    count        (least, most) new objects per entry of ``births``, drawn uniformly per clip
    object_size  mean side of an object's bounding square; each object varies by the share ``size_spread`` up and down
    speed        (least, most); direction uniform
    births       frames (0-based) in which objects come into being; (0,) keeps the number constant
    background   a family of `scenes.BACKDROPS`
    """

    size: int = 64
    canvas: int = 86
    count: tuple[int, int] = (18, 24)
    object_size: float = 10.0
    size_spread: float = 0.15
    speed: tuple[float, float] = (1.0, 3.0)
    frames: int = 10
    shapes: tuple[str, ...] = SHAPES
    births: tuple[int, ...] = (0,)
    background: str = "black"
    name: str = "sprites"

    def __post_init__(self) -> None:
        check_backdrop(self.background)
        unknown = sorted(set(self.shapes) - set(SHAPES))
        if unknown or not self.shapes:
            raise UserError(f"shapes are {self.shapes}; sprites can draw {', '.join(SHAPES)}; choose among these")
        if not 0 <= self.count[0] <= self.count[1]:
            raise UserError(f"count is {self.count}; wanted (least, most) with 0 <= least <= most; correct it")
        if self.canvas < self.size or self.object_size * (1 + self.size_spread) > self.canvas:
            raise UserError(
                f"the canvas of {self.canvas} px cannot hold a view of {self.size} px and objects of "
                f"{self.object_size} px; wanted a canvas larger than both; raise canvas"
            )


_VLD = SpritesConfig(canvas=101, count=(2, 4), object_size=18, name="vld")
_HD = SpritesConfig(canvas=79, count=(50, 64), object_size=7, name="hd")
PRESETS: dict[str, SpritesConfig] = {
    "vld": _VLD,
    "ld": SpritesConfig(canvas=97, count=(8, 11), object_size=13, name="ld"),
    "md": SpritesConfig(canvas=86, count=(18, 24), object_size=10, name="md"),
    "hd": _HD,
    "vhd": SpritesConfig(canvas=80, count=(90, 110), object_size=6, name="vhd"),
    "bg": replace(_HD, background="moving", name="bg"),
    "lg": replace(_HD, frames=20, name="lg"),
    "ablation": SpritesConfig(count=(6, 36), name="ablation"),
    "dense": SpritesConfig(canvas=79, count=(15, 25), object_size=7, name="dense"),
    "crowd": SpritesConfig(canvas=79, count=(50, 60), object_size=7, name="crowd"),
    "tiny": SpritesConfig(size=32, canvas=44, count=(2, 4), object_size=9, frames=4, name="tiny"),
    "frequent": SpritesConfig(canvas=79, count=(10, 15), object_size=7, births=(0, 4, 8), name="frequent"),
}

PRESETS |= {
    f"{name}-{scene}": replace(PRESETS[name], background=scene, name=f"{name}-{scene}")
    for name in ("vld", "ld", "md", "hd", "vhd")
    for scene in BACKDROPS
    if scene != "black"
}


def sprites(name: str) -> SpritesConfig:
    """The named setting: a density of the paper (vld ld md hd vhd), also with a background, or a special clip."""
    if name not in PRESETS:
        raise UserError(f"there is no sprites setting {name!r}; known are {', '.join(PRESETS)}; choose one of these")
    return PRESETS[name]


@dataclass(frozen=True)
class _Actors:
    """What is drawn once per clip, for N objects: everything but time."""

    shape: np.ndarray
    angle: np.ndarray
    extent: np.ndarray
    middle: np.ndarray
    scale: np.ndarray
    color: np.ndarray
    start: np.ndarray
    velocity: np.ndarray
    birth: np.ndarray


@dataclass(frozen=True)
class Sprites:
    """A data set of ``length`` sprites clips; clip ``index`` is a pure function of (config, seed, index)."""

    config: SpritesConfig
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
        frames = self.config.frames if frames is None else frames
        actors = _audition(self.config, np.random.default_rng([self.seed, index]))
        cast = _rehearse(self.config, actors, frames)
        behind = np.random.default_rng([self.seed, index, 1])
        scene = backdrop(self.config.background, behind, frames=frames, size=(self.config.size, self.config.size))
        return perform(cast, scene, name=f"sprites-{self.config.name}-{self.seed}-{index:06d}")


def bright(rng: np.random.Generator, count: int) -> np.ndarray:
    """Random saturated colours, float32 [count, 3] in [0, 1]."""
    hue, saturation = rng.uniform(0, 6, (count, 1)), rng.uniform(0.5, 1.0, (count, 1))
    value = rng.uniform(0.8, 1.0, (count, 1))
    wheel = np.clip(np.abs((hue + [0.0, 4.0, 2.0]) % 6 - 3) - 1, 0, 1)
    return (value * (1 - saturation * (1 - wheel))).astype(np.float32)


def _audition(config: SpritesConfig, rng: np.random.Generator) -> _Actors:
    births = np.repeat(config.births, rng.integers(config.count[0], config.count[1], len(config.births), endpoint=True))
    count = len(births)
    shape = rng.integers(0, len(config.shapes), count)
    angle = rng.uniform(0, 2 * np.pi, count)
    side = config.object_size * rng.uniform(1 - config.size_spread, 1 + config.size_spread, count)
    near, far = np.zeros((2, count, 2))
    for index, name in enumerate(config.shapes):
        near[shape == index], far[shape == index] = reach(name, angle[shape == index])
    scale = side / (far - near).max(-1)
    extent, middle = (far - near) * scale[:, None], (near + far) / 2 * scale[:, None]
    start, velocity = launch(rng, extent, config.canvas, config.speed)
    return _Actors(
        shape=shape,
        angle=angle,
        extent=extent,
        middle=middle,
        scale=scale,
        color=bright(rng, count),
        start=start,
        velocity=velocity,
        birth=rng.permutation(births),
    )


def _rehearse(config: SpritesConfig, actors: _Actors, frames: int) -> Cast:
    low, high = actors.extent / 2, config.canvas - actors.extent / 2
    center = bounce(actors.start, actors.velocity, low, high, frames) - (config.canvas - config.size) / 2
    side = int(np.ceil(config.object_size * (1 + config.size_spread))) + 2
    corner = patch_corner(center, side)
    place = np.arange(side, dtype=np.float32) + np.float32(0.5)
    # Pixel centres as seen from each object's own origin, which need not be the middle of its box.
    offset = (corner - center + actors.middle).astype(np.float32)
    x, y = offset[..., 0, None] + place, offset[..., 1, None] + place
    alpha = np.zeros((frames, len(actors.shape), side, side), np.float32)
    for index, name in enumerate(config.shapes):
        mine = np.flatnonzero(actors.shape == index)
        alpha[:, mine] = _coverage(name, x[:, mine], y[:, mine], actors.angle[mine], actors.scale[mine])
    alpha *= (np.arange(frames)[:, None] >= actors.birth)[..., None, None]
    return Cast(alpha=alpha, corner=corner, color=actors.color, center=center, extent=actors.extent)


def _coverage(shape: str, x: np.ndarray, y: np.ndarray, angle: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Anti-aliased masks [T, n, P, P] from pixel coordinates [T, n, P] relative to the shapes' origins."""
    cos, sin = ((f(angle) / scale).astype(np.float32)[:, None] for f in (np.cos, np.sin))
    local_x = (x * cos)[..., None, :] + (y * sin)[..., :, None]
    local_y = (y * cos)[..., :, None] - (x * sin)[..., None, :]
    pixels = distance(shape, local_x, local_y) * scale.astype(np.float32)[:, None, None]
    return np.clip(0.5 - pixels, 0, 1)
