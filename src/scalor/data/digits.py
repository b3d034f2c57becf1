"""Moving digits with exact truth: MNIST's digits on a canvas larger than the view.

Digits are strokes that cover each other by depth (alpha = ink). In white that equals a soft maximum, so the picture of
two crossing digits is the same whichever is in front; the truth gives a shared pixel to the front one.
"""

import gzip
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from scalor.data.clip import Clip
from scalor.data.scenes import backdrop, check_backdrop
from scalor.data.sprites import bright
from scalor.data.stage import Cast, bounce, launch, patch_corner, perform
from scalor.errors import UserError

INK = 0.25
"""A pixel belongs to a digit where its ink reaches this: strokes of small digits are thinner than a pixel."""

_IDX_NAMES = {"train": "train", "test": "t10k"}


@dataclass(frozen=True)
class DigitsConfig:
    """What a digits clip looks like. Lengths in pixels, speeds in pixels per frame.

    size         side of the square view, which is the centre of the canvas
    canvas       side of the square canvas; whole digits are reflected at its borders
    count        (least, most) digits, drawn uniformly per clip
    object_size  mean side of the square round a digit's ink; each varies by the share ``size_spread`` up and down
    labels       which digits may appear
    split        "train" or "test" pictures
    channels     1 or 3; with 3, ``colored`` draws each digit in a bright colour
    colliding    digits come in pairs that move towards each other and meet in the middle of the clip
    source       folder with MNIST's idx files (gzipped or not); None takes the small packaged subset
    """

    size: int = 64
    canvas: int = 97
    count: tuple[int, int] = (8, 11)
    object_size: float = 13.0
    size_spread: float = 0.1
    speed: tuple[float, float] = (1.0, 3.0)
    frames: int = 10
    labels: tuple[int, ...] = tuple(range(10))
    split: str = "train"
    channels: int = 1
    colored: bool = False
    colliding: bool = False
    background: str = "black"
    source: str | None = None
    name: str = "digits"

    def __post_init__(self) -> None:
        check_backdrop(self.background)
        if self.split not in _IDX_NAMES:
            raise UserError(f"split is {self.split!r}; wanted 'train' or 'test'; choose one of them")
        if self.channels not in (1, 3) or (self.colored and self.channels == 1):
            raise UserError(f"channels is {self.channels}; wanted 1 or 3, and 3 for colours; set channels=3")
        if not self.labels or not set(self.labels) <= set(range(10)):
            raise UserError(f"labels are {self.labels}; wanted one or more of 0 to 9; correct them")
        if not 0 <= self.count[0] <= self.count[1]:
            raise UserError(f"count is {self.count}; wanted (least, most) with 0 <= least <= most; correct it")
        if self.canvas < self.size or self.object_size * (1 + self.size_spread) > self.canvas:
            raise UserError(
                f"the canvas of {self.canvas} px cannot hold a view of {self.size} px and digits of "
                f"{self.object_size} px; wanted a canvas larger than both; raise canvas"
            )


_VLD = DigitsConfig(canvas=101, count=(2, 4), object_size=18, name="vld")
_LD = DigitsConfig(name="ld")
PRESETS: dict[str, DigitsConfig] = {
    "vld": _VLD,
    "ld": _LD,
    "md": DigitsConfig(canvas=86, count=(18, 24), object_size=10, name="md"),
    "colliding": replace(_VLD, canvas=80, count=(4, 6), object_size=14, colliding=True, name="colliding"),
    "few": DigitsConfig(size=50, canvas=50, count=(0, 2), object_size=22, name="few"),
    "six": DigitsConfig(size=48, canvas=48, count=(1, 6), object_size=14, name="six"),
    "seen": replace(_LD, labels=tuple(range(6)), name="seen"),
    "unseen": replace(_LD, labels=tuple(range(6, 10)), name="unseen"),
}

PRESETS |= {
    f"{name}-color": replace(PRESETS[name], channels=3, colored=True, name=f"{name}-color")
    for name in ("vld", "ld", "md")
}


def digits(name: str) -> DigitsConfig:
    """The named setting: a density of the paper (vld ld md), also in colour, or a special clip (`PRESETS`)."""
    if name not in PRESETS:
        raise UserError(f"there is no digits setting {name!r}; known are {', '.join(PRESETS)}; choose one of these")
    return PRESETS[name]


@dataclass(frozen=True)
class Digits:
    """A data set of ``length`` clips of moving digits; clip ``index`` is a pure function of (config, seed, index)."""

    config: DigitsConfig
    seed: int = 0
    length: int = 1_000_000

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Clip:
        return self.clip(index)

    def clip(self, index: int, frames: int | None = None) -> Clip:
        """Clip ``index`` with ``frames`` frames (None: the config's); shorter clips are beginnings of longer ones.

        Raises IndexError outside 0 .. length - 1, UserError where the pictures cannot be read.
        """
        if not 0 <= index < self.length:
            raise IndexError(f"clip {index} of {self.length}")
        frames = self.config.frames if frames is None else frames
        cast = _cast(self.config, np.random.default_rng([self.seed, index]), frames)
        behind = np.random.default_rng([self.seed, index, 1])
        scene = backdrop(self.config.background, behind, frames=frames, size=(self.config.size, self.config.size))
        name = f"digits-{self.config.name}-{self.seed}-{index:06d}"
        return perform(cast, scene[..., : self.config.channels], name=name)


def _cast(config: DigitsConfig, rng: np.random.Generator, frames: int) -> Cast:
    bank = digit_bank(config.source, config.split)
    count = int(rng.integers(config.count[0], config.count[1], endpoint=True))
    chosen = rng.choice(np.flatnonzero(np.isin(bank.labels, config.labels)), count)
    pictures = bank.pictures[chosen].astype(np.float32) / 255
    side = config.object_size * rng.uniform(1 - config.size_spread, 1 + config.size_spread, count)
    near, far = ink_extent(pictures)
    scale = side / (far - near).max(-1, initial=1)
    extent = (far - near) * scale[:, None]
    color = bright(rng, count) if config.colored else np.ones((count, config.channels), np.float32)
    start, velocity = launch(rng, extent, config.canvas, config.speed)
    if config.colliding:
        start, velocity = _meet(rng, config, extent, velocity)
    center = bounce(start, velocity, extent / 2, config.canvas - extent / 2, frames)
    center -= (config.canvas - config.size) / 2
    patch = int(np.ceil(config.object_size * (1 + config.size_spread))) + 2
    corner = patch_corner(center, patch)
    origin = (corner - center) / scale[:, None] + (near + far) / 2
    alpha = _shrink(pictures, origin, 1 / scale, patch)
    return Cast(alpha=alpha, corner=corner, color=color, center=center, extent=extent, solid=INK)


def _meet(
    rng: np.random.Generator, config: DigitsConfig, extent: np.ndarray, velocity: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Starts and velocities with which digits 0 and 1, 2 and 3, ... meet in the view in the middle of the clip."""
    half = config.frames / 2
    velocity = velocity.copy()
    velocity[1::2] = -velocity[: len(velocity) - 1 : 2]
    room = config.canvas - config.size + config.object_size
    place = rng.uniform(room / 2, config.canvas - room / 2, ((len(extent) + 1) // 2, 2)).repeat(2, 0)[: len(extent)]
    start = np.clip(place - velocity * half, extent / 2, config.canvas - extent / 2)
    return start, (place - start) / half


def ink_extent(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last-plus-one (x, y) of the ink in [n, S, S] pictures in [0, 1]: two arrays [n, 2]."""
    inked = pictures >= INK
    near, far = np.zeros((2, len(pictures), 2))
    for axis in (0, 1):
        line = np.any(inked, axis=1 + axis)
        near[:, axis] = line.argmax(1)
        # A picture without ink counts as full.
        far[:, axis] = line.shape[1] - line[:, ::-1].argmax(1)
    return near, far


def _shrink(pictures: np.ndarray, origin: np.ndarray, step: np.ndarray, side: int) -> np.ndarray:
    """Area averages of [n, S, S] pictures on grids: ``side`` pixels of width ``step`` [n] from ``origin`` [T, n, 2].

    Origin and step are in picture pixels. Averages over rectangles are two small matrix products.
    """
    edges = origin[..., None] + np.arange(side + 1) * step[:, None, None]
    source = np.arange(pictures.shape[-1])
    lower, upper = edges[..., :-1, None], edges[..., 1:, None]
    overlap = np.minimum(upper, source + 1) - np.maximum(lower, source)
    weight = (np.clip(overlap, 0, None) / step[:, None, None, None]).astype(np.float32)
    shrunk = weight[:, :, 1] @ pictures @ weight[:, :, 0].swapaxes(-1, -2)
    return np.clip(shrunk, 0, 1)


@dataclass(frozen=True)
class DigitBank:
    """Digit pictures uint8 [n, 28, 28] and their labels int64 [n]."""

    pictures: np.ndarray
    labels: np.ndarray


@lru_cache(maxsize=8)
def digit_bank(source: str | None = None, split: str = "train") -> DigitBank:
    """The pictures of MNIST's folder ``source``, or the packaged subset (1000 train, 300 test) if None.

    Raises UserError where files are missing, cut short or not idx files.
    """
    if source is None:
        with (files("scalor.data") / "assets" / "digits.npz").open("rb") as stream, np.load(stream) as stored:
            pictures, labels = stored[f"{split}_images"], stored[f"{split}_labels"]
    else:
        pictures = read_idx(_idx_file(Path(source), f"{_IDX_NAMES[split]}-images-idx3-ubyte"))
        labels = read_idx(_idx_file(Path(source), f"{_IDX_NAMES[split]}-labels-idx1-ubyte"))
    if pictures.ndim != 3 or labels.shape != pictures.shape[:1]:
        raise UserError(
            f"the digits of {source} have shapes {pictures.shape} and labels {labels.shape}; wanted [n, S, S] and [n]; "
            "give MNIST's image and label files"
        )
    return DigitBank(pictures, labels.astype(np.int64))


def _idx_file(folder: Path, name: str) -> Path:
    dotted = name.replace("-idx", ".idx")
    for path in (folder / (variant + ending) for variant in (name, dotted) for ending in ("", ".gz")):
        if path.is_file():
            return path
    raise UserError(f"{folder} has no {name}[.gz]; wanted a folder with MNIST's idx files; correct the path")


def read_idx(path: Path) -> np.ndarray:
    """The uint8 array of an idx file, gzipped or not. Raises UserError where it is not one or is cut short."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read ({error}); wanted an idx file of bytes; fetch it again") from error
    axes = raw[3] if len(raw) >= 4 else 0
    if raw[:3] != b"\x00\x00\x08" or len(raw) < 4 + 4 * axes:
        raise UserError(f"{path} does not begin like an idx file of bytes; wanted MNIST's format; fetch it again")
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", axes, offset=4))
    if len(raw) != 4 + 4 * axes + int(np.prod(shape, dtype=np.int64)):
        raise UserError(f"{path} announces the shape {shape} and has {len(raw)} bytes in all; fetch it again")
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)
