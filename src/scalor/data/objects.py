"""Size and speed of the things that move, estimated from footage without labels: the priors of a model, by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from scalor.core.shade import shade
from scalor.data.source import VideoSource
from scalor.errors import UserError

SURVEY_SIDE = 800
"""Longest side at which footage is surveyed, in pixels."""
MOST_SHADE = 0.6
"""Where more of what moves is only darker than the background, the objects themselves are."""
TINY_PX = 12
"""Components of fewer pixels are noise."""


@dataclass(frozen=True)
class ObjectStats:
    """What moves in front of the background; lengths in pixels of frames of ``frame_size``.

    height_px, width_px    typical box (median over components that are not specks)
    height_range           10 % and 90 % quantile of the height, likewise width_range
    aspect                 typical width / height
    speed_px               (median, 95 %) displacement of centres per frame
    count                  objects per frame (median)
    contrast               mean difference between objects and background, 0..1
    noise                  standard deviation of the background, 0..1
    confidence             0 (nothing seen, or the camera moves) .. 1
    shade                  share of the moving pixels that are the background, only darker
    frame_size             (height, width) of the frames they were measured in
    """

    height_px: float
    width_px: float
    height_range: tuple[float, float]
    width_range: tuple[float, float]
    aspect: float
    speed_px: tuple[float, float]
    count: float
    contrast: float
    noise: float
    confidence: float
    frame_size: tuple[int, int]
    shade: float = 0.0

    @property
    def shadows(self) -> bool:
        """Whether darker background is a shadow: not where most of what moves is (grey fish in grey water)."""
        return 0.0 < self.shade < MOST_SHADE

    def resized(self, size: tuple[int, int]) -> "ObjectStats":
        """The same in pixels of frames of ``size`` (height, width)."""
        y, x = size[0] / self.frame_size[0], size[1] / self.frame_size[1]
        both = (y * x) ** 0.5
        return replace(
            self,
            height_px=self.height_px * y,
            width_px=self.width_px * x,
            height_range=(self.height_range[0] * y, self.height_range[1] * y),
            width_range=(self.width_range[0] * x, self.width_range[1] * x),
            aspect=self.aspect * x / y,
            speed_px=(self.speed_px[0] * both, self.speed_px[1] * both),
            frame_size=size,
        )

    def words(self) -> str:
        """One or two sentences for people."""
        if self.confidence == 0:
            return "No moving objects stand out from the background: give their size by hand."
        low_word = "low: check these numbers or set them by hand"
        sure = "good" if self.confidence > 0.6 else "fair" if self.confidence > 0.3 else low_word
        low, high = self.height_range
        return (
            f"About {self.count:.0f} objects per frame, {self.height_px:.0f} px high ({low:.0f}-{high:.0f}) and "
            f"{self.width_px:.0f} px wide in frames of {self.frame_size[1]}x{self.frame_size[0]}, moving "
            f"{self.speed_px[0]:.1f} px per frame (95 %: {self.speed_px[1]:.1f}). Confidence is {sure}."
        )


def temporal_median(frames: np.ndarray, *, limit: int = 99) -> np.ndarray:
    """Median over at most ``limit`` (< 256) evenly spread frames: uint8 [N, ...] -> [...] (lower of two middles).

    Bisection over the 8 bits: the median is the largest value that at most half of the frames lie below. Eight
    passes of comparisons are several times faster than partitioning millions of short rows.
    """
    picks = np.unique(np.linspace(0, len(frames) - 1, min(limit, len(frames))).round().astype(int))
    middle = (len(picks) - 1) // 2
    out = np.zeros(frames.shape[1:], np.uint8)
    for top in range(0, len(out), 16):  # blocks of rows that stay in the cache
        block = frames[picks, top : top + 16]
        median = out[top : top + 16]
        for bit in (128, 64, 32, 16, 8, 4, 2, 1):
            higher = median + np.uint8(bit)
            below = np.add.reduce(block < higher, axis=0, dtype=np.uint8)
            np.copyto(median, higher, where=below <= middle)
    return out


def difference(frame: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Largest absolute difference over the channels, slightly blurred: uint8 [H, W]."""
    import cv2

    return cv2.GaussianBlur(cv2.absdiff(frame, background).max(axis=2), (0, 0), 1.0)


def motion_threshold(differences: np.ndarray) -> float:
    """The grey level of uint8 [N, H, W] differences above which something moves.

    Half of Otsu's threshold reaches the dim parts of objects; three times the median stays above the noise.
    """
    import cv2

    otsu, _ = cv2.threshold(differences.reshape(-1, 1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return max(3.0 * float(np.median(differences)), 0.5 * otsu, 3.0)


def estimate_objects(
    frames: np.ndarray, background: np.ndarray, *, index: Sequence[int] | np.ndarray | None = None
) -> ObjectStats:
    """Measure what stands out from the background.

    Args:
        frames: uint8 [N, H, W, 3].
        background: uint8 [H, W, 3], e.g. their `temporal_median`.
        index: frame numbers [N]; displacement is measured between rows whose numbers differ by one (default 0..N-1).
    """
    numbers = np.arange(len(frames)) if index is None else np.asarray(index)
    differences = np.stack([difference(frame, background) for frame in frames])
    threshold = motion_threshold(differences)
    lit = _lit(frames, background, differences, threshold)
    dark = [_in_shade(frame, background) for frame in frames]
    shaded = float(np.sum([(m & s).sum() for m, s in zip(lit, dark, strict=True)]) / max(1, np.sum(lit)))
    if shaded < MOST_SHADE:
        lit = [m & ~s for m, s in zip(lit, dark, strict=True)]
    blobs = [_components(mask, d) for mask, d in zip(lit, differences, strict=True)]
    everything = np.concatenate(blobs)
    size = (frames.shape[1], frames.shape[2])
    # Whatever touches the view's edge is cut off: it counts as an object but not as a size.
    whole = everything[_inside(everything, size)]
    if not len(whole):
        return _nothing(size)
    # Specks are many and objects that touch make few huge components: the area-weighted median is robust to the former
    # and decides what a speck is, the plain median of the rest is robust to the latter.
    smallest = 0.1 * _weighted_median(whole[:, AREA], whole[:, AREA])
    whole = whole[whole[:, AREA] >= smallest]
    kept = [blob[blob[:, AREA] >= smallest] for blob in blobs]
    speed, followed = _speed(kept, numbers)
    contrast = float(np.median(whole[:, MEAN])) / 255
    trust = _trust(len(whole), contrast=contrast, limit=threshold / 255, lit=float(np.mean(lit)))
    return ObjectStats(
        height_px=float(np.median(whole[:, H])),
        width_px=float(np.median(whole[:, W])),
        height_range=_range(whole[:, H]),
        width_range=_range(whole[:, W]),
        aspect=float(np.median(whole[:, W] / whole[:, H])),
        speed_px=speed,
        count=float(np.median([len(blob) for blob in kept])),
        contrast=contrast,
        noise=1.4826 * float(np.median(differences)) / 255,
        confidence=trust * (0.5 + 0.5 * followed),
        frame_size=size,
        shade=shaded,
    )


def survey(source: VideoSource, *, count: int = 100) -> ObjectStats:
    """`estimate_objects` on pairs of frames spread over a source; lengths in the *source's* stored pixels."""
    factor = min(1.0, SURVEY_SIDE / max(source.height, source.width))
    size = (max(1, round(source.height * factor)), max(1, round(source.width * factor)))
    stored = (source.source_height, source.source_width)
    before = (source.height, source.width)
    try:  # a hundred frames of a large video would not fit into memory at full size
        sampled = source.resized(size=size).sample(count, consecutive=2)
    finally:
        source.resized(size=before)
    if len(sampled) < 3:
        return _nothing(stored)
    frames = np.stack([frame.image for frame in sampled if frame.image is not None])
    stats = estimate_objects(frames, temporal_median(frames), index=[frame.index for frame in sampled])
    return stats.resized(stored)


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


X, Y, W, H, AREA, CX, CY, MEAN = range(8)
"""Columns of a table of components: left, top, width, height, area, centre, mean difference."""


def _components(lit: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Connected components of a boolean [H, W] after closing gaps: float64 [K, 8]."""
    import cv2

    side = 3 + 2 * round(min(lit.shape) / 300)  # 5 px at 300, 7 px at 600
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(lit.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    number, labels, stats, centers = cv2.connectedComponentsWithStats(closed, connectivity=8)
    total = np.bincount(labels.ravel(), weights=strength.ravel(), minlength=number)
    table = np.column_stack([stats, centers, total / np.maximum(stats[:, 4], 1)]).astype(np.float64)[1:]
    large = table[:, AREA] <= 0.25 * lit.size  # a component that fills the view is a change of light or of camera
    return table[(table[:, AREA] >= TINY_PX) & large]


def _inside(table: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    right, bottom = table[:, X] + table[:, W], table[:, Y] + table[:, H]
    return (table[:, X] > 0) & (table[:, Y] > 0) & (right < size[1]) & (bottom < size[0])


def _lit(frames: np.ndarray, background: np.ndarray, differences: np.ndarray, threshold: float) -> list[np.ndarray]:
    """Boolean [H, W] of every frame: where something stands out."""
    # A pixel that flickers all the time (leaves, tape in the wind) must stand out from its own restlessness.
    limit = np.maximum(threshold, 4.0 * temporal_median(differences))
    # The blur that quietens noise also widens objects by a pixel a side: the sharp difference takes that back.
    sharp = (np.abs(frame.astype(np.int16) - background).max(axis=2) for frame in frames)
    return [(d > limit) & (s > 0.5 * limit) for d, s in zip(differences, sharp, strict=True)]


def _in_shade(frame: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Boolean [H, W]: where uint8 [H, W, 3] is the background, only darker."""
    seen, empty = (
        torch.from_numpy(np.moveaxis(image, -1, 0).copy()).float()[None] / 255 for image in (frame, background)
    )
    return (shade(seen, empty)[0, 0] < 0.98).numpy()


def _speed(tables: Sequence[np.ndarray], numbers: np.ndarray) -> tuple[tuple[float, float], float]:
    """Median and 95 % of the displacement between consecutive frames, and the share of objects that could be followed.

    Objects are matched as mutual nearest neighbours of like size.
    """
    steps: list[float] = []
    tried = 0
    for before, after, gap in zip(tables[:-1], tables[1:], np.diff(numbers), strict=True):
        if gap != 1:
            continue
        tried += min(len(before), len(after))
        steps.extend(_matched_steps(before, after))
    speed = (float(np.median(steps)), float(np.quantile(steps, 0.95))) if steps else (0.0, 0.0)
    return speed, len(steps) / tried if tried else 1.0


def _matched_steps(before: np.ndarray, after: np.ndarray) -> Iterator[float]:
    if not (len(before) and len(after)):
        return
    distance = np.linalg.norm(before[:, None, [CX, CY]] - after[None, :, [CX, CY]], axis=2)
    forward, backward = distance.argmin(axis=1), distance.argmin(axis=0)
    for i, j in enumerate(forward):
        alike = 0.5 <= before[i, AREA] / after[j, AREA] <= 2.0
        near = distance[i, j] <= 2 * max(before[i, W], before[i, H])
        if backward[j] == i and alike and near:
            yield float(distance[i, j])


def _trust(number: int, *, contrast: float, limit: float, lit: float) -> float:
    """More objects and more contrast than the threshold asks for raise it; a view that is lit all over (moving camera,
    changing light) takes it away."""
    separation = min(1.0, max(0.0, contrast / max(limit, 1e-6) - 1.0))
    return float(number / (number + 20) * separation * np.clip((0.5 - lit) / 0.3, 0.0, 1.0))


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(mass, 0.5 * mass[-1])])


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.1, 0.9])
    return float(low), float(high)


def _nothing(size: tuple[int, int]) -> ObjectStats:
    side = min(size) / 10
    return ObjectStats(
        height_px=side,
        width_px=side,
        height_range=(side / 2, side * 2),
        width_range=(side / 2, side * 2),
        aspect=1.0,
        speed_px=(0.0, 0.0),
        count=0.0,
        contrast=0.0,
        noise=0.0,
        confidence=0.0,
        frame_size=size,
    )
