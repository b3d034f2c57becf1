"""Pictures as frames: folders of images and MOTChallenge sequences; stacks and moving pictures come from `stacks`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scalor.data.joined_pictures import refuse_joined
from scalor.data.levels import Levels
from scalor.data.picture_names import in_order, kinds_words, skipped
from scalor.data.pictures import Page, Reader, endings, frame_pages, header_of, is_tiff
from scalor.data.seqinfo import NAME, sequence_info, sequence_length, sequence_rate
from scalor.data.source import Frame, VideoSource
from scalor.data.stack_pages import StackPages, claims_pages, stack_pages
from scalor.errors import UserError

DEFAULT_FPS = 10.0
IMG = "img1"
"""The folder of pictures of a MOTChallenge sequence."""
RESULT = ("tracks.txt", "summary.json")
"""Files by which a folder of tracks is known."""
FILMS = frozenset([".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".mts"])
"""Endings by which a folder of videos is told from an empty one."""
UNREAD = frozenset([".heic", ".heif", ".hif", ".jxl", ".exr", ".hdr", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf"])
"""Endings of pictures that some cameras and programs write, and Pillow does not read by itself."""
SAMPLED = 16
"""Pictures that tell the range of grey levels."""


@dataclass(frozen=True)
class Album:
    """What `ImageFrames` needs to know of its pictures.

    pages      what ``read`` takes, one a frame; None where a picture is missing
    read       the picture as stored, [H, W] or [H, W, 3], uint8 or wider; None if it cannot be read
    size       height and width of all pictures as shown
    fps        frames per second
    announced  number of frames there should be, None: as many as pages
    times      seconds of every frame since the first, None: an even rate
    cut        the file is known to break off
    pauses     {frame number: pictures whose numbers are missing before it}
    remarks    what is to be said of the pictures, in words
    """

    name: str
    pages: Sequence[Any]
    read: Callable[[Any], np.ndarray | None]
    size: tuple[int, int]
    fps: float = DEFAULT_FPS
    announced: int | None = None
    times: Sequence[float] | None = None
    cut: bool = False
    pauses: Mapping[int, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


class ImageFrames(VideoSource):
    """Pictures as frames. Those with more than 8 bits share one range of grey levels (`Levels`), so nothing flickers;
    the report says which."""

    def __init__(self, album: Album) -> None:
        self._album = album
        announced = album.announced or len(album.pages)
        super().__init__(album.name, fps=album.fps, announced=announced, source_size=album.size)
        self._levels: Levels | None = None

    @property
    def seekable(self) -> bool:
        """Every picture stands alone."""
        return True

    def read(self, indices: Sequence[int]) -> list[Frame]:
        """The frames of these numbers in this order; image None where there is none to be had."""
        pages = self._album.pages
        return [self._frame(index, pages[index] if 0 <= index < len(pages) else None) for index in indices]

    def count(self) -> int:
        """Number of frames."""
        return len(self._album.pages)

    def _walk(self) -> Iterator[tuple[int, Any]]:
        yield from enumerate(self._album.pages)

    def _picture(self, token: Any) -> np.ndarray | None:
        stored = self._album.read(token)
        if stored is None:
            return None
        if stored.dtype != np.uint8:
            if self._levels is None:
                self._levels = self._common_levels()
                self._notes = (self._levels.words(),)
            stored = self._levels.applied(stored)
        return np.repeat(stored[:, :, None], 3, axis=2) if stored.ndim == 2 else stored

    def _common_levels(self) -> Levels:
        known = [page for page in self._album.pages if page is not None]
        picks = [known[i] for i in np.unique(np.linspace(0, len(known) - 1, SAMPLED).round().astype(int))]
        pictures = (self._album.read(page) for page in picks)
        return Levels.of(picture for picture in pictures if picture is not None and picture.dtype != np.uint8)

    def time_of(self, index: int) -> float:
        times = self._album.times
        return index / self.fps if times is None or index >= len(times) else times[index]

    def _pauses(self) -> Mapping[int, int]:
        return self._album.pauses

    def _remarks(self) -> tuple[str, ...]:
        return self._album.remarks

    def _ended_early(self, seen: int) -> bool:
        return self._album.cut or super()._ended_early(seen)


def open_images(folder: Path) -> ImageFrames:
    """A folder of images in natural order, or a MOTChallenge sequence (``img1/`` and ``seqinfo.ini``), whether its own
    folder is given or that of its pictures.

    Raises:
        UserError: no images in it, images of differing sizes or too small, unreadable seqinfo.ini.
    """
    if all((folder / name).is_file() for name in RESULT):
        raise UserError(f"{folder} holds tracks and no images; a video is wanted; give the one that was tracked")
    sequence, files, challenge = picture_files(folder)
    info = sequence_info(sequence)
    _refuse_unknown(_picture_folder(sequence, info.get("imdir", IMG)) if challenge else folder, files)
    if not files:
        raise UserError(
            f"{folder} holds no images; png, jpg, tif, webp or other frames are wanted; {_instead_of(folder)}"
        )
    _refuse_twins(folder, files)
    refuse_joined(max(files, key=lambda file: file.stat().st_size))  # joined ones are larger than others
    numbered = challenge and all(re.fullmatch("[0-9]+", file.stem) for file in files)
    stacks = (
        {}
        if numbered
        else {file: stack_pages(file, alone=False) for file in files if is_tiff(file) and claims_pages(file)}
    )
    unnumbered = ((file, stacks[file].numbers if file in stacks else frame_pages(file)) for file in files)
    at_numbers = _numbered(files) if numbered else None
    pages = at_numbers or [(file, page) for file, numbers in unnumbered for page in numbers]
    name = info.get("name", sequence.resolve().name)
    fps = sequence_rate(sequence) or DEFAULT_FPS
    pauses = {} if at_numbers or len(pages) > len(files) else skipped(files)
    album = Album(
        name,
        pages,
        _reader_of(stacks),
        size=common_size(name, pages),
        fps=fps,
        announced=sequence_length(sequence),
        times=_times(len(pages), pauses, fps) if pauses else None,
        pauses=pauses,
        cut=any(stack.cut for stack in stacks.values()),
        remarks=(*kinds_words(files), *_joined_stacks(stacks, files)),
    )
    return ImageFrames(album)


def picture_files(folder: Path) -> tuple[Path, list[Path], bool]:
    """The folder of the sequence, its pictures in order, and whether it is one of MOTChallenge's. Raises UserError."""
    sequence = _sequence_of(folder)
    info = sequence_info(sequence)
    inside = _picture_folder(sequence, info.get("imdir", IMG))
    challenge = bool(info) or inside.is_dir()
    return sequence, _image_files(inside if challenge else folder), challenge


def _times(count: int, pauses: Mapping[int, int], fps: float) -> list[float]:
    """Seconds of every frame where those whose numbers are missing took their time, too."""
    steps = np.ones(count)
    steps[0] = 0.0
    for index, missing in pauses.items():
        steps[index] += missing
    return (np.cumsum(steps) / fps).tolist()


def _reader_of(stacks: Mapping[Path, StackPages]) -> Callable[[Page], np.ndarray | None]:
    """What reads pages of these stacks and of all other files."""
    reader = Reader()

    def stored(page: Page) -> np.ndarray | None:
        read = stacks[page[0]].read if page[0] in stacks else None
        return reader.stored(page) if read is None else read(page[1])

    return stored


def _joined_stacks(stacks: Mapping[Path, StackPages], files: Sequence[Path]) -> tuple[str, ...]:
    """Whether several files hold what they call slices or channels, one set a time perhaps."""
    loose = sum(stack.loose for stack in stacks.values())
    if not loose or len(files) < 2:
        return ()
    return (f"pages of {loose} files are called slices or channels, and all are taken for times",)


def _sequence_of(folder: Path) -> Path:
    """The folder above where its pictures are in this one, as its ``seqinfo.ini`` or the name says, else this one."""
    above = folder.absolute().parent
    with suppress(UserError, OSError):
        known = (above / NAME).is_file() or folder.name.casefold() == IMG
        if known and not (folder / NAME).is_file():
            said = sequence_info(above).get("imdir", IMG)
            return above if _picture_folder(above, said).samefile(folder) else folder
    return folder


def _picture_folder(folder: Path, said: str) -> Path:
    """Where a sequence has its pictures: where it says, be it in other letters or after it was renamed to ``img1``."""
    inside = folder / said.replace("\\", "/")
    if inside.is_dir():
        return inside
    others = {place.name.casefold(): place for place in folder.iterdir() if place.is_dir()}
    return others.get(inside.name.casefold(), folder / IMG)


def _instead_of(folder: Path) -> str:
    """What somebody who named a folder without images may have meant."""
    films = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in FILMS and file.is_file())
    if films:
        return f"it holds videos: give one of them, as {folder / films[0]}"
    inside = [place for place in sorted(folder.iterdir()) if place.is_dir() and _image_files(place)]
    return f"its folders hold images: give one of them, as {inside[0]}" if inside else "give another folder or a file"


def _refuse_twins(folder: Path, files: Sequence[Path]) -> None:
    """Raises UserError where pictures have one name and two endings, or one number written in two ways: one moment
    saved twice is no two frames."""
    seen: dict[str, Path] = {}
    for file in files:
        other = seen.setdefault(re.sub("(?<![0-9.,])0+(?=[0-9])", "", file.stem), file)
        if other is not file:
            raise UserError(
                f"{folder} holds {other.name} and {file.name}, two pictures of one name; one picture per frame is "
                "wanted; keep one kind in the folder"
            )


def _refuse_unknown(folder: Path, files: Sequence[Path]) -> None:
    """Raises UserError where pictures are of a kind that nothing here reads, but for those saved readably beside."""
    stems, known = {file.stem for file in files}, endings()
    others = sorted(folder.iterdir()) if folder.is_dir() else []
    others = [f for f in others if f.suffix.lower() in UNREAD - known and f.stem not in stems and f.is_file()]
    if others:
        raise UserError(
            f"{folder} holds {len(others)} pictures that cannot be read here, as {others[0].name}; png, jpg, tif or "
            "webp are wanted; save them as one of these"
        )


def _image_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    known = endings()
    files = [f for f in folder.iterdir() if f.suffix.lower() in known and f.is_file() and not f.name.startswith(".")]
    if all(re.fullmatch("-?[0-9]+", file.stem, re.ASCII) for file in files):
        return sorted(files, key=lambda file: (int(file.stem), file.name))
    key = in_order([file.stem for file in files])
    return sorted(files, key=lambda file: (key(file.stem), file.name))


def _numbered(files: Sequence[Path]) -> list[Page | None] | None:
    """MOTChallenge names are frame numbers, from 1 or, where there is a 0, from 0: a missing file leaves a hole, it
    does not shift the rest. None where they are numbers of something else."""
    numbers = [int(file.stem) for file in files]
    by_index = {number - min(1, *numbers): file for number, file in zip(numbers, files, strict=True)}
    if max(by_index) >= 10 * len(files) or len(by_index) < len(files):
        return None
    return [(by_index[i], 0) if i in by_index else None for i in range(max(by_index) + 1)]


def common_size(name: str, pages: Sequence[Page | None]) -> tuple[int, int]:
    """Height and width of all frames, from the file headers; unreadable files are left to be reported later.

    Raises UserError where they differ in size, or in having 8 bits or more.
    """
    first: tuple[Path, tuple[int, int]] | None = None
    depths: dict[bool, Path] = {}
    for file in dict.fromkeys(page[0] for page in pages if page is not None):
        size, deep = header_of(file) or (None, False)
        if size is not None and first is not None and size != first[1]:
            raise UserError(
                f"{file.name} is {size[1]}x{size[0]} px but {first[0].name} is {first[1][1]}x{first[1][0]} px; "
                f"frames of one size are wanted; resize the images of {name} or sort them into folders"
            )
        if size is not None and first is None:
            first = (file, size)
        if size is not None and len(depths) < 2:
            depths.setdefault(deep, file)
    if first is None:
        raise UserError(f"none of the {len(pages)} images of {name} can be read; png, jpg, tif or bmp are wanted")
    if len(depths) > 1:
        raise UserError(
            f"{depths[True].name} has more than 8 bits and {depths[False].name} has 8, so that they would differ in "
            f"brightness; frames of one kind are wanted; save the images of {name} alike or sort them into folders"
        )
    return first[1]
