"""`JoinedFilms`: films that were joined byte by byte into one file, one after the other as if they were one."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from scalor.data.source import Frame, VideoSource
from scalor.errors import UserError

UNREADABLE = "another film is joined on that cannot be read before the file is split"


@dataclass(frozen=True)
class _Picture:
    """A picture of one of the films, and whether it is damaged."""

    image: np.ndarray
    is_corrupt: bool


class JoinedFilms(VideoSource):
    """All frames of some films in order; each film starts a frame after the last one of the film before.

    Args:
        films: as they follow each other, open and of their own sizes.
        whole: nothing else is joined on that could not be opened.

    Raises:
        UserError: films of differing sizes.
    """

    def __init__(self, films: Sequence[VideoSource], *, whole: bool) -> None:
        first = films[0]
        self._films, self._whole = tuple(films), whole
        announced = [film.announced for film in films if film.announced is not None]
        total = sum(announced) if len(announced) == len(films) else None
        size = (first.source_height, first.source_width)
        for number, film in enumerate(films, 1):
            if (film.source_height, film.source_width) != size:
                raise UserError(
                    f"film {number} of {film.name} is {film.source_width}x{film.source_height} px after "
                    f"joined ones of {size[1]}x{size[0]} px; films of one size are wanted; split the file"
                )
        super().__init__(first.name, fps=first.fps, announced=total, source_size=size)
        self._notes = (f"{len(films)} films joined into one file",)

    @property
    def seekable(self) -> bool:
        """Whether each of the films is."""
        return all(film.seekable for film in self._films)

    def count(self) -> int:
        """Number of frames, found by reading the file without decoding it."""
        return self._starts[-1]

    def read(self, indices: Sequence[int]) -> list[Frame]:
        """The frames of these numbers in this order; image None where there is none to be had."""
        if not self.seekable:
            return super().read(indices)
        found = {}
        for film, start, wanted in self._shared_out(indices):
            for frame in film.read(wanted):
                found[start + frame.index] = self._frame(start + frame.index, _token(frame))
        return [found.get(index, Frame(index, None, time=self.time_of(index))) for index in indices]

    def passing(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Those of the frames of these numbers that there are, one at a time, on one way through the films."""
        if not self.seekable:  # then lengths are known for sure only behind each film
            yield from super().passing(indices)
            return
        for film, start, wanted in self._shared_out(indices):
            for frame in film.passing(wanted):
                yield self._frame(start + frame.index, _token(frame))

    def _shared_out(self, indices: Sequence[int]) -> Iterator[tuple[VideoSource, int, list[int]]]:
        """The films, the number of the first frame of each, and which of its own frames are wanted."""
        for film, start, end in zip(self._films, self._starts, self._starts[1:], strict=False):
            yield film, start, sorted({index - start for index in indices if start <= index < end})

    def _walk(self) -> Iterator[tuple[int, _Picture | None]]:
        start = 0
        for number, film in enumerate(self._films):
            length = 0
            for frame in film:
                length = frame.index + 1
                yield start + frame.index, _token(frame)
            if length != self._lengths[number]:  # the decoder knows better than the packets
                self._lengths[number] = length
                self.__dict__.pop("_begins", None)
            start += length

    def _picture(self, token: _Picture) -> np.ndarray:
        return token.image

    @cached_property
    def _lengths(self) -> list[int]:
        """Frames of each film."""
        return [film.count() for film in self._films]

    @property
    def _starts(self) -> list[int]:
        """The number of each film's first frame, and of all frames."""
        return self._begins[0]

    @cached_property
    def _begins(self) -> tuple[list[int], list[float]]:
        """The first frame of each film as a number and in seconds, and where all end."""
        both = list(zip(self._films, self._lengths, strict=True))
        seconds = (film.time_of(max(length - 1, 0)) + 1 / film.fps for film, length in both)
        return list(accumulate(self._lengths, initial=0)), list(accumulate(seconds, initial=0.0))

    def time_of(self, index: int) -> float:
        starts, seconds = self._begins
        number = min(max(bisect_right(starts, index) - 1, 0), len(self._films) - 1)
        return seconds[number] + self._films[number].time_of(index - starts[number])

    def _pauses(self) -> Mapping[int, int]:
        films = zip(self._films, self._starts, strict=False)
        return {start + index: count for film, start in films for index, count in film.report.pauses.items()}

    def _ended_early(self, seen: int) -> bool:
        return not self._whole or any(film.cut_short for film in self._films)

    def _remarks(self) -> tuple[str, ...]:
        notes = [note for film in self._films for note in film.report.notes]
        return tuple(dict.fromkeys([*notes, *([] if self._whole else [UNREADABLE])]))


def _token(frame: Frame) -> _Picture | None:
    return None if frame.image is None else _Picture(frame.image, frame.damaged)
