"""What every source of frames promises, whether it is a file, a folder of images or a MOTChallenge sequence."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from scalor.core.tracks import FIRST_FRAME
from scalor.core.words import counted
from scalor.errors import UserError

MIN_SIDE = 16
"""Frames with a shorter side than this hold nothing to track."""


@dataclass(frozen=True)
class Frame:
    """One frame of a source.

    index    0-based position in the source; a frame that could not be decoded keeps its number
    image    uint8 [H, W, 3] RGB, or None if the frame could not be decoded
    damaged  the decoder delivered a picture but flagged it as corrupt
    time     seconds since the first frame: the file's own time stamp where it has one, else index / fps
    """

    index: int
    image: np.ndarray | None
    damaged: bool = False
    time: float = field(kw_only=True)


@dataclass(frozen=True)
class DecodeReport:
    """What the last pass over a source met.

    announced  number of frames the container speaks of (None: it says nothing)
    seen       frames met, decoded or not
    failed     indices of frames that could not be decoded
    damaged    indices of frames that were decoded with visible damage
    truncated  the file breaks off: bytes or frames that it speaks of are not there (never judged by its duration)
    pauses     frames that come later than an even rate has them, by numbers of frames: {index: frames that would fit}
    notes      what else was done to the pictures, in words
    """

    announced: int | None
    seen: int = 0
    failed: tuple[int, ...] = ()
    damaged: tuple[int, ...] = ()
    truncated: bool = False
    pauses: Mapping[int, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def decoded(self) -> int:
        """Number of frames with a picture."""
        return self.seen - len(self.failed)

    @property
    def clean(self) -> bool:
        """Every frame was there and decoded without damage."""
        return not (self.failed or self.damaged or self.truncated)

    def words(self) -> str:
        """One sentence for people; frames are counted from 1, as in the tables."""
        parts = [f"{counted(self.decoded, 'frame')} decoded"]
        if self.failed:
            parts.append(f"{len(self.failed)} could not be decoded ({_spans(self.failed)})")
        if self.damaged:
            parts.append(f"{len(self.damaged)} damaged ({_spans(self.damaged)})")
        if self.truncated:
            more = f" where about {self.announced} were announced" if (self.announced or 0) > self.seen else ""
            parts.append(f"frames are missing at the end: {self.seen} were found{more}")
        if self.pauses:
            shown = ", ".join(
                f"{count} before frame {index + FIRST_FRAME}" for index, count in list(self.pauses.items())[:5]
            )
            dots = ", ..." * (len(self.pauses) > 5)
            parts.append(f"the film pauses, or frames were lost unseen ({shown}{dots})")
        return ", ".join([*parts, *self.notes])


class VideoSource(ABC):
    """A re-iterable source of RGB frames with fixed numbers.

    Pictures are scaled down by area averaging to [height, width]. A point (x, y) of a delivered picture lies at
    (x * scale_x, y * scale_y) in the source: pixel edges are aligned, so boxes need these two factors and no offset.
    Grey pictures become three equal channels, alpha is dropped, more than 8 bits are reduced to 8.

    name                         file or folder name without ending
    fps                          frames per second
    announced                    number of frames the container speaks of, or None
    height, width                size of the delivered pictures
    source_height, source_width  size of the pictures as a player shows them (rotation and pixel aspect applied)
    fingerprint                  tells contents apart whatever their names (`fingerprints`); "" where nothing is known
    path                         where it lies, None where it lies nowhere
    live                         frames come once, in their own time
    """

    fingerprint: str = ""
    path: Path | None = None
    live = False

    def __init__(self, name: str, *, fps: float, announced: int | None, source_size: tuple[int, int]) -> None:
        # Names of other encodings must not break the files that tell of them.
        self.name = name.encode("utf-8", "replace").decode("utf-8")
        self.fps = fps
        self.announced = announced
        self.source_height, self.source_width = source_size
        self.height, self.width = source_size
        self._seen, self._finished = 0, False
        self._failed: list[int] = []
        self._damaged: list[int] = []
        self._notes: tuple[str, ...] = ()
        if min(source_size) < MIN_SIDE:
            raise UserError(
                f"{name} has frames of {self.source_width}x{self.source_height} px; "
                f"at least {MIN_SIDE}x{MIN_SIDE} px are wanted; give a larger video"
            )

    @property
    def seekable(self) -> bool:
        """Whether `read` costs as much as the frames asked for, not as all frames before them."""
        return False

    @property
    def scale_x(self) -> float:
        """Source pixels per delivered pixel, horizontally."""
        return self.source_width / self.width

    @property
    def scale_y(self) -> float:
        """Source pixels per delivered pixel, vertically."""
        return self.source_height / self.height

    @property
    def report(self) -> DecodeReport:
        """What the last pass met; complete once that pass has reached its end."""
        return DecodeReport(
            announced=self.announced,
            seen=self._seen,
            failed=tuple(self._failed),
            damaged=tuple(self._damaged),
            truncated=self._finished and self._ended_early(self._seen),
            pauses=self._pauses() if self._finished else {},
            notes=(*self._notes, *self._remarks()),
        )

    @property
    def cut_short(self) -> bool:
        """Whether it is plain before any decoding that the end is missing."""
        return self._ended_early(self.count())

    def resized(self, *, size: tuple[int, int] | None = None, scale: float | None = None) -> "VideoSource":
        """Deliver pictures of ``size`` (height, width) or of ``scale`` times the source size; returns self."""
        if size is not None and scale is not None:
            raise UserError("size and scale were both given; one is wanted; leave one out")
        if scale is not None:
            if not 0 < scale <= 1:
                raise UserError(
                    f"scale is {scale}; a number above 0 and at most 1 is wanted; frames are only made smaller"
                )
            size = (max(1, round(self.source_height * scale)), max(1, round(self.source_width * scale)))
        if size is not None:
            if not (0 < size[0] <= self.source_height and 0 < size[1] <= self.source_width):
                raise UserError(
                    f"size {size[0]}x{size[1]} was asked of {self.name}; at most its height x width "
                    f"{self.source_height}x{self.source_width} is wanted; frames are only made smaller"
                )
            self.height, self.width = size
        return self

    def __iter__(self) -> Iterator[Frame]:
        """Every frame in order; the report is renewed on the way."""
        self._seen, self._finished = 0, False
        self._failed, self._damaged = [], []
        for index, token in self._walk():
            frame = self._frame(index, token)
            self._seen = index + 1
            if frame.image is None:
                self._failed.append(index)
            elif frame.damaged:
                self._damaged.append(index)
            yield frame
        self._finished = True

    def read(self, indices: Sequence[int]) -> list[Frame]:
        """The frames of these numbers in this order; image None where there is none to be had."""
        found = {frame.index: frame for frame in self.passing(indices)}
        return [found.get(index, Frame(index, None, time=self.time_of(index))) for index in indices]

    def passing(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Those of the frames of these numbers that there are, one at a time, on one way through the source."""
        wanted, last = set(indices), max(indices, default=-1)
        if not wanted:
            return
        for index, token in self._walk():
            if index in wanted:
                yield self._frame(index, token)
            if index >= last:
                return

    def count(self) -> int:
        """Number of frames without decoding them: exact where the container carries display times."""
        return self.announced or 0

    def first(self, count: int) -> list[Frame]:
        """The first ``count`` frames, undecodable ones left out; they come again when the source is gone over."""
        return [frame for frame in islice(self, count) if frame.image is not None]

    def sample(self, count: int, *, consecutive: int = 1, before: int | None = None) -> list[Frame]:
        """About ``count`` decoded frames spread evenly, in runs of ``consecutive``; unreadable ones are left out.

        ``before``: of those only that have lower numbers.
        """
        total = max(self.count() if before is None else min(self.count(), before), 1)
        runs = max(1, min(count // consecutive, total // consecutive))
        starts = np.linspace(0, max(0, total - consecutive), runs).round().astype(int)
        indices = sorted({int(start) + step for start in starts for step in range(consecutive)})
        return [frame for frame in self.read(indices) if frame.image is not None]

    def _frame(self, index: int, token: Any) -> Frame:
        image = None if token is None else self._picture(token)
        if image is None:
            return Frame(index, None, time=self.time_of(index))
        if image.shape[:2] != (self.source_height, self.source_width):
            raise UserError(
                f"frame {index + FIRST_FRAME} of {self.name} is {image.shape[1]}x{image.shape[0]} px after frames of "
                f"{self.source_width}x{self.source_height} px; frames of one size are wanted; split or resize the video"
            )
        small = shrink(image, (self.height, self.width))
        return Frame(index, small, bool(getattr(token, "is_corrupt", False)), time=self.time_of(index))

    def time_of(self, index: int) -> float:
        """Seconds of a frame since the first: its own time stamp where the source has one, else index / fps."""
        return index / self.fps

    def _pauses(self) -> Mapping[int, int]:
        return {}

    def _remarks(self) -> tuple[str, ...]:
        """What has been found out about the source so far, in words."""
        return ()

    def _ended_early(self, seen: int) -> bool:
        return self.announced is not None and seen < self.announced

    @abstractmethod
    def _walk(self) -> Iterator[tuple[int, Any]]:
        """All frames in order as (index, token); token None if there is no picture."""

    @abstractmethod
    def _picture(self, token: Any) -> np.ndarray | None:
        """The full-size uint8 [H, W, 3] picture behind a token, None if it cannot be decoded."""


def shrink(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Area-averaged uint8 [h, w, 3] of an image uint8 [H, W, 3]; outer edges stay where they are."""
    if image.shape[:2] == tuple(size):
        return image
    import cv2

    return cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def smoothed(image: np.ndarray, std: float) -> np.ndarray:
    """uint8 [h, w, 3] under a Gaussian of ``std`` pixels, against noise; as it is where that is 0."""
    if std <= 0:
        return image
    import cv2

    return cv2.GaussianBlur(image, (0, 0), std)


def _spans(indices: Sequence[int], limit: int = 5) -> str:
    """Numbers from 0 in words that count from 1: [2, 6, 7, 8] as '3, 7-9'."""
    spans: list[list[int]] = []
    for index in (number + FIRST_FRAME for number in indices):
        if spans and index == spans[-1][1] + 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    words = [str(a) if a == b else f"{a}-{b}" for a, b in spans[:limit]]
    return ", ".join(words + ["..."] * (len(spans) > limit))
