"""Size and speed of the things that move, estimated from footage without labels: the priors of a model, by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from scalor.core.shade import DARKEST, EVEN, shade
from scalor.core.words import counted
from scalor.data.backdrop import EmptyScene, ghostly, restless
from scalor.data.blobs import (
    AREA,
    MEAN,
    H,
    W,
    complete,
    components,
    inside,
    perspective,
    speed_of,
    weighted_median,
)
from scalor.data.candidates import frame_noise, spread
from scalor.data.grain import extents
from scalor.data.shadows import Light, Texture
from scalor.data.slopes import widest
from scalor.data.stirring import Outlines, scaled
from scalor.errors import UserError

MOST_SHADE = 0.6
"""Where more of what moves is only darker than the background, the objects themselves are."""
CLEARLY = 1.05
"""Factor by which sizes must be surer with what may be shadows for it to be parts of the objects, or smoothed."""
LEAST_SHADE = 0.01
"""Less of it is noise."""
SHADE_FRAMES = 16
"""Frames in which it is looked for first."""
LIGHT_FRAMES = 32
"""Frames in which the tint of shadows is looked for."""
RESTLESS = 3.0
"""What moves must stand out from a pixel's own noise (leaves, water, screens) by this factor."""
GHOST_FRAMES = 16
"""Frames in which outlines are looked at."""


@dataclass(frozen=True)
class ObjectStats:
    """What moves in front of the background; lengths in pixels of frames of ``frame_size``.

    height_px, width_px    typical box (median over components that are not specks)
    height_range           10 % and 90 % quantile of the height
    aspect                 typical width / height
    shape_range            10 % and 90 % quantile of height / width
    speed_px               (median, 95 %) displacement of centres per frame
    count                  objects per frame (median)
    contrast               mean difference between objects and background, 0..1
    noise                  standard deviation of the background, 0..1
    confidence             0 (nothing seen, or the camera moves) .. 1
    shade                  share of the moving pixels that are shadows: the background, only darker; 0 where these are
                           parts of the objects
    darkest                the least share of its brightness that a shadow leaves of the background
    tint                   how much of each channel's light it takes, beside the mean of the three
    frame_size             (height, width) of the frames they were measured in
    growth                 how many times larger they are low in the view than high in it, by their sizes alone; whether
                           that is perspective is told by `scalor.training.perspective`
    pans                   the camera moves on, so that there is no one background
    level                  mean grey level of the objects, 0.05..0.95
    smooth                 std of the Gaussian under which they were measured, 0: frames as they are
    stirs                  outlines ((x, y), ...) of places where things never leave but stir (`scalor.data.stirring`)
    """

    height_px: float
    width_px: float
    height_range: tuple[float, float]
    aspect: float
    speed_px: tuple[float, float]
    count: float
    contrast: float
    noise: float
    confidence: float
    frame_size: tuple[int, int]
    shape_range: tuple[float, float] = (1.0, 1.0)
    shade: float = 0.0
    growth: float = 1.0
    pans: bool = False
    level: float = 0.5
    smooth: float = 0.0
    stirs: Outlines = ()
    darkest: float = DARKEST
    tint: tuple[float, float, float] = EVEN

    @property
    def shadows(self) -> bool:
        """Whether darker background is a shadow: not where most of what moves is (grey fish in grey water)."""
        return 0.0 < self.shade < MOST_SHADE

    def resized(self, size: tuple[int, int]) -> "ObjectStats":
        """The same in pixels of frames of ``size`` (height, width)."""
        y, x = size[0] / self.frame_size[0], size[1] / self.frame_size[1]
        both = (y * x) ** 0.5
        return replace(
            self.stretched(y, x),
            speed_px=(self.speed_px[0] * both, self.speed_px[1] * both),
            smooth=self.smooth * both,
            stirs=scaled(self.stirs, x, y),
            frame_size=size,
        )

    def stretched(self, y: float, x: float) -> "ObjectStats":
        """With objects ``y`` times as high and ``x`` times as wide."""
        return replace(
            self,
            height_px=self.height_px * y,
            width_px=self.width_px * x,
            height_range=(self.height_range[0] * y, self.height_range[1] * y),
            aspect=self.aspect * x / y,
            shape_range=(self.shape_range[0] * y / x, self.shape_range[1] * y / x),
        )

    def words(self) -> str:
        """One or two sentences for people."""
        if self.pans:
            return "The camera moves on: there is no one background to compare with."
        if self.confidence == 0:
            return "No moving objects stand out from the background: give their size by hand."
        low_word = "low: check these numbers or set them by hand"
        sure = "good" if self.confidence > 0.6 else "fair" if self.confidence > 0.3 else low_word
        low, high = self.height_range
        return (
            f"About {counted(round(self.count), 'object')} per frame, {self.height_px:.0f} px high "
            f"({low:.0f}-{high:.0f}) and {self.width_px:.0f} px wide in frames of "
            f"{self.frame_size[1]}x{self.frame_size[0]}, moving "
            f"{self.speed_px[0]:.1f} px per frame (95 %: {self.speed_px[1]:.1f}). {self._smooth()}"
            f"Confidence is {sure}."
        )

    def _smooth(self) -> str:
        return f"They are seen best in frames smoothed by {self.smooth:.1f} px. " if self.smooth else ""


def difference(frame: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Largest absolute difference over the channels, slightly blurred: uint8 [H, W]."""
    import cv2

    return cv2.GaussianBlur(widest(cv2.absdiff(frame, background)), (0, 0), 1.0)


def motion_threshold(differences: np.ndarray) -> float:
    """The grey level of uint8 [N, H, W] differences above which something moves.

    Half of Otsu's threshold reaches the dim parts of objects; three times the median stays above the noise.
    """
    import cv2

    otsu, _ = cv2.threshold(differences.reshape(-1, 1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return max(3.0 * float(np.median(differences)), 0.5 * otsu, 3.0)


def estimate_objects(
    frames: np.ndarray,
    background: np.ndarray,
    *,
    index: Sequence[int] | np.ndarray | None = None,
    noise: np.ndarray | None = None,
    grainy: bool = False,
) -> ObjectStats:
    """Measure what stands out from the background.

    Args:
        frames: uint8 [N, H, W, 3].
        background: uint8 [H, W, 3], e.g. `scalor.data.backdrop.empty_scene`.
        index: frame numbers [N]; displacement is measured between rows whose numbers differ by one (default 0..N-1).
        noise: standard deviation of the background [H, W]; default: estimated from neighbouring rows.
        grainy: things stand out of the noise with their brightest parts alone: they are as large as the mean of all of
            them says (see `scalor.data.grain.extents`).
    """
    numbers = np.arange(len(frames)) if index is None else np.asarray(index)
    own = frame_noise(frames) if noise is None else noise
    differences = np.stack([difference(frame, background) for frame in frames])
    threshold = motion_threshold(differences)
    lit = _lit(frames, background, differences, np.maximum(threshold, restless(EmptyScene(background, own), RESTLESS)))

    def measured(lit: list[np.ndarray]) -> ObjectStats:
        return _measured(
            frames, background, lit, differences, numbers=numbers, noise=own, threshold=threshold, grainy=grainy
        )

    whole, light = measured(lit), Light()
    for i in spread(len(frames), LIGHT_FRAMES):
        light.add(frames[i], background, lit[i])
    tint = light.tint()
    dark = [_in_shade(frame, background, tint) for frame in frames]
    level = darkest_shadow(frames, background, [one & two for one, two in zip(lit, dark, strict=True)])
    if level == 1.0:
        return whole
    darkest = DARKEST if level is None else level
    if darkest != DARKEST:
        dark = [_in_shade(frame, background, tint, darkest) for frame in frames]
    # The median over frames: one person who walks by must not decide what dark spiders are.
    shares = [float(dark[i][lit[i]].mean()) for i in spread(len(frames), SHADE_FRAMES) if lit[i].any()]
    shaded = float(np.median(shares)) if shares else 0.0
    if not LEAST_SHADE < shaded < MOST_SHADE:
        return replace(whole, shade=shaded, darkest=darkest, tint=tint)
    bare = measured([mask & ~shadow for mask, shadow in zip(lit, dark, strict=True)])
    # Without their shadows objects are more alike; without their dark parts they are torn.
    parts = level is None and whole.confidence > CLEARLY * bare.confidence
    return whole if parts else replace(bare, shade=shaded, darkest=darkest, tint=tint)


def darkest_shadow(frames: np.ndarray, background: np.ndarray, shaded: Sequence[np.ndarray]) -> float | None:
    """How dark the darkest shadows are among what stands out and may be in shade (see `Texture.darkest`)."""
    texture = Texture()
    for frame, mask in zip(frames, shaded, strict=True):
        texture.add(frame, background, mask)
    return texture.darkest()


def _measured(
    frames: np.ndarray,
    background: np.ndarray,
    lit: list[np.ndarray],
    differences: np.ndarray,
    *,
    numbers: np.ndarray,
    noise: np.ndarray,
    threshold: float,
    grainy: bool,
) -> ObjectStats:
    """What is lit (boolean [H, W] of every frame), measured."""
    size = (frames.shape[1], frames.shape[2])
    blobs, smallest = _blobs(lit, differences, size)
    everything = np.concatenate(blobs)
    # Whatever touches the view's edge is cut off: it counts as an object but not as a size.
    whole = everything[inside(everything, size)]
    whole = whole[whole[:, AREA] >= smallest]
    if not len(whole):
        return replace(nothing(size), noise=float(np.median(noise)) / 255)
    kept = [blob[blob[:, AREA] >= smallest] for blob in blobs]
    speed, followed = speed_of(kept, numbers)
    contrast = float(np.median(whole[:, MEAN])) / 255
    growth, even = perspective(whole, size)
    trust = _trust(len(whole), contrast=contrast, limit=threshold / 255, lit=float(np.mean(lit)))
    trust *= (0.5 + 0.5 * followed) * complete(np.concatenate(kept), size) * _alike(even)
    stats = ObjectStats(
        height_px=float(np.median(whole[:, H])),
        width_px=float(np.median(whole[:, W])),
        height_range=_range(whole[:, H]),
        aspect=float(np.median(whole[:, W] / whole[:, H])),
        shape_range=_range(whole[:, H] / whole[:, W]),
        speed_px=speed,
        count=float(np.median([len(blob) for blob in kept])),
        contrast=contrast,
        noise=float(np.median(noise)) / 255,
        confidence=trust * _real(frames, background, lit),
        frame_size=size,
        growth=growth,
        level=_level(frames, lit),
    )
    return _in_full(stats, frames, background, kept) if grainy else stats


def _in_full(
    stats: ObjectStats, frames: np.ndarray, background: np.ndarray, tables: Sequence[np.ndarray]
) -> ObjectStats:
    """With the sizes of what is found, and not of what stands out of the noise of it."""
    height, width = extents(frames, background, tables, (stats.height_px, stats.width_px))
    return stats.stretched(max(1.0, height / stats.height_px), max(1.0, width / stats.width_px))


def _level(frames: np.ndarray, lit: Sequence[np.ndarray]) -> float:
    """Mean grey level of the pixels of objects, in 0.05 .. 0.95."""
    total = sum(float(frame[mask].mean(axis=1).sum()) for frame, mask in zip(frames, lit, strict=True))
    return float(np.clip(total / max(1, sum(int(mask.sum()) for mask in lit)) / 255, 0.05, 0.95))


def _lit(frames: np.ndarray, background: np.ndarray, differences: np.ndarray, limit: np.ndarray) -> list[np.ndarray]:
    """Boolean [H, W] of every frame, where something stands out."""
    # The blur that quietens noise also widens objects by a pixel a side: the sharp difference takes that back.
    sharp = (widest(np.abs(frame.astype(np.int16) - background)) for frame in frames)
    return [(d > limit) & (s > 0.5 * limit) for d, s in zip(differences, sharp, strict=True)]


def _blobs(lit: list[np.ndarray], differences: np.ndarray, size: tuple[int, int]) -> tuple[list[np.ndarray], float]:
    """Components of every frame, and the area from which one is no speck.

    Gaps are closed that are small beside the objects, so that parts join and small neighbours do not.
    """
    side, smallest = 3, 0.0
    blobs: list[np.ndarray] = []
    for _ in range(2):
        blobs = [components(mask, d, side) for mask, d in zip(lit, differences, strict=True)]
        everything = np.concatenate(blobs)
        whole = everything[inside(everything, size)]
        if not len(whole):
            break
        # Specks are many and objects that touch make few huge components: the area-weighted median is robust to the
        # former and decides what a speck is, the plain median of the rest is robust to the latter.
        typical = weighted_median(whole[:, AREA], whole[:, AREA])
        smallest = 0.1 * typical
        side = 1 + 2 * round(min(typical**0.5 / 8, min(size) / 200))
    return blobs, smallest


def suggest_scale(stats: ObjectStats, *, target_px: float = 20.0, smallest_side: int = 64) -> float:
    """Factor in (0, 1] by which footage should be scaled so that the longer side of an object has ``target_px`` pixels.

    Frames are never enlarged, nor made smaller than ``smallest_side``; with no confidence the factor only brings the
    longer side of the frame to 320 px.
    """
    if target_px <= 0:
        raise UserError(f"target_px is {target_px}; a positive number of pixels is wanted; try 20")
    height, width = stats.frame_size
    wanted = target_px / max(stats.height_px, stats.width_px) if stats.confidence > 0 else 320 / max(height, width)
    return float(min(1.0, max(wanted, smallest_side / min(height, width))))


def _in_shade(
    frame: np.ndarray, background: np.ndarray, tint: tuple[float, float, float], darkest: float = DARKEST
) -> np.ndarray:
    """Boolean [H, W]: where uint8 [H, W, 3] is the background, only darker."""
    seen, empty = (
        torch.from_numpy(np.moveaxis(image, -1, 0).copy()).float()[None] / 255 for image in (frame, background)
    )
    return (shade(seen, empty, darkest, tint)[0].mean(0) < 0.98).numpy()


def _trust(number: int, *, contrast: float, limit: float, lit: float) -> float:
    """More objects and more contrast than the threshold asks for raise it; a view that is lit all over (moving camera,
    changing light) takes it away."""
    separation = min(1.0, max(0.0, contrast / max(limit, 1e-6) - 1.0))
    return float(number / (number + 20) * separation * np.clip((0.5 - lit) / 0.3, 0.0, 1.0))


def _real(frames: np.ndarray, background: np.ndarray, lit: Sequence[np.ndarray]) -> float:
    """1 where the outlines of what stands out are those of objects, 0 where they are ghosts in the background."""
    ghosts = np.mean([ghostly(frames[i], background, lit[i]) for i in spread(len(frames), GHOST_FRAMES)])
    return float(np.clip((0.5 - ghosts) / 0.25, 0.0, 1.0))


def _alike(spread: float) -> float:
    """Sizes that agree are to be trusted: half where 1 in 3 is more than 2 times larger or smaller than usual."""
    return float(1.0 / (1.0 + (spread / np.log(2)) ** 2))


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.1, 0.9])
    return float(low), float(high)


def nothing(size: tuple[int, int]) -> ObjectStats:
    """What is known of a video in which nothing was found."""
    side = min(size) / 10
    return ObjectStats(
        height_px=side,
        width_px=side,
        height_range=(side / 2, side * 2),
        aspect=1.0,
        speed_px=(0.0, 0.0),
        count=0.0,
        contrast=0.0,
        noise=0.0,
        confidence=0.0,
        frame_size=size,
    )
