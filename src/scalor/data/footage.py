"""`Footage`: the user's own videos in memory, cut into training crops that look where something moves."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scalor.data.backdrop import bring_to_rest, empty_scene
from scalor.data.candidates import temporal_median
from scalor.data.clip import Clip
from scalor.data.moving import Cover, motion_in
from scalor.data.objects import ObjectStats, estimate_objects, suggest_scale
from scalor.data.region import Region, empty_outside
from scalor.data.repeats import Repeats
from scalor.data.source import VideoSource, smoothed
from scalor.data.steady import steadied
from scalor.data.stirring import Outlines, mask_of, scaled
from scalor.data.survey import survey
from scalor.data.video import DecodeReport, open_video
from scalor.errors import UserError

__all__ = [
    "Crop",
    "Footage",
    "FootageClips",
    "ObjectStats",
    "Reel",
    "estimate_objects",
    "load_reel",
    "suggest_scale",
    "survey",
    "temporal_median",
]

CHUNK = 64
"""Frames per contiguous piece where a video is too long for memory."""
TRIES = 64
"""Moving cells that are drawn to find one within a place."""
PIECES = "evenly spread pieces of a video that is too long for data.memory_gb"


@dataclass(frozen=True)
class Reel:
    """One decoded, scaled-down video.

    frames      uint8 [T, h, w, 3], without those that show once more what the one before showed
    index       int64 [T], the source's frame numbers
    background  uint8 [h, w, 3], the empty scene
    noise       float32 [h, w], standard deviation of its grey levels over time (0..255)
    sways       uint8 [h, w], where things move to and fro, which the frames show at rest (`scalor.data.sway`), or None
    moving      int32 [M, 3], (row of frames, y, x) of the centres of cells where something moves
    cover       how frames are known of which something covers too much; they are left out, as blank ones are
    fingerprint tells the source from others of its name
    runs        (first, end) rows of pieces without a missing frame; repeated ones are not missing
    """

    name: str
    fps: float
    frames: np.ndarray
    index: np.ndarray
    background: np.ndarray
    noise: np.ndarray
    moving: np.ndarray
    runs: tuple[tuple[int, int], ...]
    report: DecodeReport
    fingerprint: str = ""
    sways: np.ndarray | None = None
    cover: Cover | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frames."""
        return self.frames.shape[1], self.frames.shape[2]

    @property
    def longest(self) -> int:
        """Length of the longest piece without a missing frame."""
        return max(end - first for first, end in self.runs)


@dataclass(frozen=True)
class Crop:
    """A training clip.

    video       uint8 [T, C, h, w]
    background  uint8 [C, h, w], the same place of the median image
    top, left   place of the crop in the scaled-down frame; 0 where the frame is smaller than the crop
    reel        number of the video
    frame       source frame number of the first frame
    other       uint8 [T, C, h, w], the same place at another moment; None where it was not asked for
    """

    video: Tensor
    background: Tensor
    top: int
    left: int
    reel: int
    frame: int
    other: Tensor | None = None


@dataclass(frozen=True)
class Footage:
    """Decoded videos, and crops of them as a pure function of (seed, index).

    motion_share  probability that a crop is placed over a cell where something moves; the others are uniform
    """

    reels: tuple[Reel, ...]
    motion_share: float = 0.8

    @classmethod
    def load(
        cls,
        paths: Iterable[str | PathLike[str]],
        *,
        scale: float | Sequence[float] = 1.0,
        memory_gb: float = 1.0,
        motion_share: float = 0.8,
        smooth: float = 0.0,
        stirs: Sequence[Outlines] | None = None,
        region: Region = (),
    ) -> "Footage":
        """Decode videos, scaled down, into memory.

        Args:
            paths: anything `open_video` opens.
            scale: factor in (0, 1] for all videos, or one per video.
            memory_gb: bound on the decoded frames of all videos together; of longer ones evenly spread pieces are kept.
            motion_share: see the class.
            smooth: std in scaled pixels of the Gaussian by which frames are smoothed.
            stirs: for each video, in its pixels, where things never leave but stir (`ObjectStats.stirs`); None: that
                is found out.
            region: where to look, in shares of the view (see `scalor.data.region`); everywhere without one.

        Raises:
            UserError: no video, a video that cannot be opened, or one with fewer than two frames.
        """
        places = [Path(path) for path in paths]
        if not places:
            raise UserError("no video was given; at least one is wanted; name a file or a folder of images")
        factors = [float(scale)] * len(places) if isinstance(scale, int | float) else list(scale)
        if len(factors) != len(places):
            raise UserError(f"{len(factors)} scales came for {len(places)} videos; give one for all or one per video")
        budget = int(memory_gb * 1e9 / len(places))
        known: Sequence[Outlines | None] = [None] * len(places) if stirs is None else stirs
        reels = [
            load_reel(open_video(place, scale=factor), most_bytes=budget, smooth=smooth, stirs=stay, region=region)
            for place, factor, stay in zip(places, factors, known, strict=True)
        ]
        return cls(tuple(reels), motion_share=motion_share)

    def longest_run(self) -> int:
        """Length of the longest piece without a missing frame: the longest clip that can be cut."""
        return max(reel.longest for reel in self.reels)

    def crop_clip(
        self,
        seed: int,
        index: int,
        *,
        frames: int,
        crop: int | tuple[int, int],
        hurry: float = 0.0,
        crowded: float = 0.0,
    ) -> Crop:
        """Crop ``index``: ``frames`` frames of ``crop`` (height, width) pixels, a pure function of the arguments.

        A share ``hurry`` of the crops has every second frame only: what moves fast is rare in most videos. A share
        ``crowded`` comes with the same place at another moment at which something moves there.

        Videos are drawn uniformly. Where a frame is smaller than the crop, frame and background are both continued
        to the right and below by the background's last pixels, so there is nothing to explain there.

        Raises:
            UserError: no video has that many frames in a row.
        """
        height, width = (crop, crop) if isinstance(crop, int) else crop
        fitting = [i for i, reel in enumerate(self.reels) if reel.longest >= frames]
        if not fitting:
            raise UserError(
                f"the longest piece of the footage has {self.longest_run()} frames; {frames} are wanted for a clip; "
                "train on fewer frames or give a longer video"
            )
        rng = np.random.default_rng([seed, index])
        number = fitting[int(rng.integers(len(fitting)))]
        reel = self.reels[number]
        stride = 1 + int(hurry > 0 and rng.random() < hurry and reel.longest >= 2 * frames - 1)
        span = stride * (frames - 1) + 1
        place = _moving_place(rng, reel, span, (height, width)) if rng.random() < self.motion_share else None
        start, top, left = place or _any_place(rng, reel, span, (height, width))
        background = _window(reel.background[None], top, left, size=(height, width), fill=reel.background)

        def seen(first: int) -> Tensor:
            rows = reel.frames[first : first + span : stride]
            return _planes(_window(rows, top, left, size=(height, width), fill=reel.background))

        again = None
        if crowded > 0 and rng.random() < crowded:
            again = _moving_moment(rng, reel, span, (top, left, top + height, left + width))
        return Crop(
            video=seen(start),
            background=_planes(background)[0],
            top=top,
            left=left,
            reel=number,
            frame=int(reel.index[start]),
            other=None if again is None else seen(again),
        )


@dataclass(frozen=True)
class FootageClips:
    """Footage as a data set of ``length`` clips of ``frames`` frames of ``crop`` pixels."""

    footage: Footage
    seed: int
    crop: int | tuple[int, int]
    frames: int = 10
    length: int = 1_000_000

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Clip:
        return self.clip(index)

    def clip(self, index: int, frames: int | None = None) -> Clip:
        """Clip ``index``, or another one of ``frames`` frames."""
        crop = self.footage.crop_clip(self.seed, index, frames=frames or self.frames, crop=self.crop)
        reel = self.footage.reels[crop.reel]
        return Clip(crop.video, fps=reel.fps, name=f"{reel.name}@{crop.frame}")


def load_reel(
    source: VideoSource,
    *,
    most_bytes: int,
    smooth: float = 0.0,
    stirs: Outlines | None = None,
    region: Region = (),
) -> Reel:
    """Decode a source into memory, at most ``most_bytes`` of frames; raises UserError if fewer than two decode."""
    fit = max(2, most_bytes // (source.height * source.width * 3))
    # Memory that is never written to is never taken, so room for a few more frames than announced costs nothing.
    announced = source.count()
    room = min(fit, announced + announced // 20 + 16) if announced else fit
    frames = np.empty((room, source.height, source.width, 3), np.uint8)
    index = np.empty(room, np.int64)
    # What is shown once more takes no time, in learning as in tracking.
    clock, rows, repeated, repeats = np.empty(room, np.int64), 0, 0, Repeats()
    for frame in _wanted(source, fit):
        if rows == room:
            break
        image = None if frame.image is None else smoothed(frame.image, smooth)
        if image is None:
            repeats.missed()
        elif repeats.again(image):
            repeated += 1
        else:
            frames[rows], index[rows], clock[rows] = image, frame.index, frame.index - repeated
            rows += 1
    if rows == 1 and repeated:  # nothing ever changes: then time is what the film says
        rows = min(room, 1 + repeated)
        frames[1:rows], index[:rows], clock[:rows] = frames[0], index[0] + np.arange(rows), np.arange(rows)
    if rows < 2:
        raise UserError(f"{source.name} has {rows} readable frames; at least 2 are wanted to see motion")
    frames, index, clock = frames[:rows], index[:rows], clock[:rows]
    seen = steadied(frames, temporal_median(frames))
    if not seen.all():
        frames, index, clock = frames[seen], index[seen], clock[seen]
    if len(frames) < 2:
        raise UserError(f"{source.name} has {len(frames)} frames that are not blank; at least 2 are wanted")
    if stirs is None:
        scene = empty_scene(frames)
    else:
        known = scaled(stirs, 1 / source.scale_x, 1 / source.scale_y)
        scene = empty_scene(frames, mask_of(known, frames.shape[1:3]))
    bring_to_rest(frames, scene)
    empty_outside(frames, scene.image, region)
    motion = motion_in(frames, scene)
    if motion.covered.any():
        frames, index, clock = (each[~motion.covered] for each in (frames, index, clock))
    ends = [int(row) + 1 for row in np.flatnonzero(np.diff(clock) != 1)] + [len(frames)]
    return Reel(
        name=source.name,
        fps=source.fps,
        frames=frames,
        index=index,
        background=scene.image,
        noise=scene.noise,
        moving=motion.moving(),
        runs=tuple(zip([0, *ends[:-1]], ends, strict=True)),
        report=source.report if source.report.seen else replace(source.report, seen=rows, notes=(PIECES,)),
        fingerprint=source.fingerprint,
        sways=scene.sways,
        cover=motion.cover,
    )


def _wanted(source: VideoSource, fit: int) -> Iterator:
    """All frames in order if they fit, else those of evenly spread contiguous pieces."""
    total = source.count()
    if total <= fit:
        yield from source
        return
    pieces = max(1, fit // CHUNK)
    length = min(CHUNK, fit)
    starts = np.linspace(0, total - length, pieces).round().astype(int)
    if source.seekable:
        for start in starts:
            yield from source.read(range(int(start), int(start) + length))
        return
    wanted = {int(start) + step for start in starts for step in range(length)}
    yield from (frame for frame in source if frame.index in wanted)


def _moving_place(
    rng: np.random.Generator, reel: Reel, frames: int, crop: tuple[int, int]
) -> tuple[int, int, int] | None:
    """A random (start, top, left) whose clip contains a random moving cell; None where the footage has none."""
    for _ in range(8 if len(reel.moving) else 0):
        row, y, x = (int(value) for value in reel.moving[rng.integers(len(reel.moving))])
        first, end = next(run for run in reel.runs if run[0] <= row < run[1])
        if end - first < frames:
            continue
        start = int(rng.integers(max(first, row - frames + 1), min(row, end - frames) + 1))
        top, left = (
            int(rng.integers(center - side + 1, center + 1)) for center, side in zip((y, x), crop, strict=True)
        )
        bounds = [max(0, full - side) for full, side in zip(reel.size, crop, strict=True)]
        return start, min(max(top, 0), bounds[0]), min(max(left, 0), bounds[1])
    return None


def _moving_moment(rng: np.random.Generator, reel: Reel, frames: int, view: tuple[int, int, int, int]) -> int | None:
    """A random start of a clip in which something moves within ``view`` (top, left, bottom, right), if one is found."""
    if not len(reel.moving):
        return None
    picks = reel.moving[rng.integers(len(reel.moving), size=TRIES)]
    top, left, bottom, right = view
    inside = (picks[:, 1] >= top) & (picks[:, 1] < bottom) & (picks[:, 2] >= left) & (picks[:, 2] < right)
    for row in picks[inside, 0].tolist():
        first, end = next(run for run in reel.runs if run[0] <= row < run[1])
        if end - first >= frames:
            return int(rng.integers(max(first, row - frames + 1), min(row, end - frames) + 1))
    return None


def _any_place(rng: np.random.Generator, reel: Reel, frames: int, crop: tuple[int, int]) -> tuple[int, int, int]:
    starts = [(first, end - frames + 1 - first) for first, end in reel.runs if end - first >= frames]
    pick = int(rng.integers(sum(number for _, number in starts)))
    ends = np.cumsum([number for _, number in starts])
    run = int(np.searchsorted(ends, pick, side="right"))
    start = starts[run][0] + pick - int(ends[run - 1] if run else 0)
    top, left = (int(rng.integers(max(0, full - side) + 1)) for full, side in zip(reel.size, crop, strict=True))
    return start, top, left


def _window(frames: np.ndarray, top: int, left: int, *, size: tuple[int, int], fill: np.ndarray) -> np.ndarray:
    """[T, h, w, 3] of [T, H, W, 3] from (top, left); what lies outside is the edge of ``fill`` [H, W, 3] continued."""
    part = frames[:, top : top + size[0], left : left + size[1]]
    below, right = size[0] - part.shape[1], size[1] - part.shape[2]
    if not (below or right):
        return part
    ground = np.pad(fill[top : top + size[0], left : left + size[1]], ((0, below), (0, right), (0, 0)), mode="edge")
    out = np.repeat(ground[None], len(part), axis=0)
    out[:, : part.shape[1], : part.shape[2]] = part
    return out


def _planes(images: np.ndarray) -> Tensor:
    """uint8 [T, h, w, 3] -> its own memory as a tensor [T, 3, h, w]."""
    return torch.from_numpy(np.moveaxis(images, -1, 1).copy())
