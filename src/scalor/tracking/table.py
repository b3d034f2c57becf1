"""What a first pass over a video leaves behind: rows in memory, masks on the disk."""

import pickle
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from scalor.tracking.masks import PatchMasks
from scalor.tracking.report import FrameResult

BLOCK = 256
"""Frames whose rows are put together at a time: thousands of tiny arrays would be larger than what they hold."""
COLUMNS = ("ids", "box_tlwh", "score", "visibility")


@dataclass(frozen=True)
class Rows:
    """All R rows of a first pass in the order in which they came; about 100 bytes each.

    frame       int64   [R]
    id          int64   [R]     of the causal tracker
    box_tlwh    float64 [R, 4]  source pixels
    score       float64 [R]
    visibility  float64 [R]
    looks       float16 [R, D]  what the objects look like (D may be 0)
    area        float32 [R]     network pixels of the masks
    seen        bool [length]   frames that were neither blank nor undecodable
    size        (height, width) of the frames
    alike       float64 [R]     as in `FrameResult`; nan, or no rows, where nothing measured it
    pixel       side of a network pixel in source pixels: no box is known better
    shows       int64 [F]       which of these frames each frame of the video shows, as some repeat one; none: its own
    shift       float64 [length, 2]  source pixels (x, y) by which the camera had moved what each frame shows; boxes lie
                in the scene, as it shows them at rest; of no rows: it never moved
    """

    frame: np.ndarray
    id: np.ndarray
    box_tlwh: np.ndarray
    score: np.ndarray
    visibility: np.ndarray
    looks: np.ndarray
    area: np.ndarray
    seen: np.ndarray
    size: tuple[int, int]
    alike: np.ndarray = field(default_factory=lambda: np.zeros(0))
    pixel: float = 1.0
    shows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    shift: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    @property
    def length(self) -> int:
        """Number of frames, repeated ones counted once."""
        return len(self.seen)

    @property
    def shown(self) -> np.ndarray:
        """int64 [F], the frame that each frame of the video shows."""
        return self.shows if len(self.shows) else np.arange(self.length)

    def __len__(self) -> int:
        return len(self.frame)

    def shift_of(self, frame: int) -> np.ndarray:
        """Source pixels (x, y) by which the camera had moved what a frame shows."""
        return self.shift[frame] if len(self.shift) else np.zeros(2)

    @property
    def center(self) -> np.ndarray:
        """Box centres (x, y), float64 [R, 2]."""
        return self.box_tlwh[:, :2] + self.box_tlwh[:, 2:] / 2


class Shelf:
    """Keeps the results of one pass until they are asked for again, frame by frame; made by `shelf`.

    Masks lie in ``file``, packed to bits at the network's resolution. Frames that are repeated are kept once.
    """

    def __init__(self, file: BinaryIO, size: tuple[int, int]) -> None:
        self._size = size
        self._file = file
        self._parts: list[FrameResult] = []
        self._areas: list[np.ndarray] = []
        self._blocks: list[list[np.ndarray]] = []
        self._seen = bytearray()
        self._shows = array("q")
        self._shifts: list[tuple[float, float]] = []
        self._pixel = 1.0

    def put(self, result: FrameResult) -> None:
        """Add the next frame's result, in the scene's coordinates where it has a ``shift``."""
        if result.repeated:
            self._shows.append(len(self._seen) - 1)
            return
        masks = result.masks
        packed = (masks.patch.shape, np.packbits(masks.patch), masks.corner, masks.size, masks.scale, masks.rest)
        pickle.dump(packed, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        self._parts.append(replace(result, masks=PatchMasks.none(self._size)))
        self._areas.append(masks.patch.sum(axis=(1, 2), dtype=np.float32))
        self._shows.append(len(self._seen))
        self._seen.append(result.decoded)
        tall, wide = masks.scale
        self._shifts.append((result.shift[0] * wide, result.shift[1] * tall))
        self._pixel = max(self._pixel, *masks.scale)
        if len(self._parts) >= BLOCK:
            self._pack()

    def rows(self) -> Rows:
        """All rows so far."""
        self._pack()
        none: list[np.ndarray] = [np.zeros(0, np.int64)] * 2 + [
            np.zeros((0, 4)),
            np.zeros(0),
            np.zeros(0),
            np.zeros((0, 0), np.float16),
            np.zeros(0, np.float32),
            np.zeros(0),
        ]
        columns: list[np.ndarray] = [np.concatenate(column) for column in zip(*self._blocks, strict=True)] or none
        frame, name, box, score, visibility, looks, area, alike = columns
        seen = np.frombuffer(bytes(self._seen), dtype=bool)
        shows, shift = np.array(self._shows, np.int64), np.array(self._shifts).reshape(-1, 2)
        return Rows(
            frame, name, box, score, visibility, looks, area, seen, self._size, alike, self._pixel, shows, shift
        )

    def masks(self) -> Iterator[PatchMasks]:
        """The masks of one frame after the other, from the first; of repeated ones once."""
        self._file.seek(0)
        for _ in range(len(self._seen)):
            shape, bits, corner, size, scale, rest = pickle.load(self._file)
            patch = np.unpackbits(bits, count=int(np.prod(shape))).astype(bool).reshape(shape)
            yield PatchMasks(patch, corner, size, scale, rest)

    def _pack(self) -> None:
        first = len(self._seen) - len(self._parts)
        frames = [np.full(len(part), first + number) for number, part in enumerate(self._parts)]
        found, areas = [part for part in self._parts if len(part)], np.concatenate(self._areas or [np.zeros(0)])
        self._parts, self._areas = [], []
        if not found:
            return
        columns = [np.concatenate([getattr(part, name) for part in found]) for name in COLUMNS]
        looks = [part.looks if len(part.looks) else np.zeros((len(part), 0)) for part in found]
        alike = [part.alike if len(part.alike) else np.full(len(part), np.nan) for part in found]
        columns += [np.concatenate(looks).astype(np.float16), areas, np.concatenate(alike)]
        self._blocks.append([np.concatenate(frames), *columns])


@contextmanager
def shelf(size: tuple[int, int], *, folder: Path | None = None) -> Iterator[Shelf]:
    """A shelf for frames of ``size``, whose file has no name and vanishes with the block, or with the process.

    It lies in ``folder``, or among the system's temporary files.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        yield Shelf(file, size)
