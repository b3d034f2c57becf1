"""MOTSynth: clips of one folder in its published layout, with boxes, identities and masks.

    frames/NNN/rgb/0000.jpg ...       extracted pictures, the first two decoded ones dropped
    annotations/NNN.json              COCO: images, boxes, compressed run-length masks, ped_id
    mot_annotations/NNN/gt/gt.txt     12 columns (optional: where the visibility is taken from)

A clip is a square crop, fixed in time, of every fifth frame, scaled bilinearly: the study's use of the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from scalor.core.tracks import Tracks
from scalor.data.clip import Clip
from scalor.data.motsynth_book import Book, book_of, numbers_checked
from scalor.data.stage import truth_of_boxes
from scalor.errors import UserError

EIGHT = ("028", "033", "042", "059", "060", "068", "073", "086")
"""The sequences of the study's training on several videos: static cameras that look down."""

PER_SECOND = 4.0
"""Frames a second of a clip; the study takes every fifth of 20."""
FPS = 20.0
"""Of a sequence without annotations."""
TEST_SHARE = 0.2
PICTURES = (".jpg", ".jpeg", ".png")


class SequenceFiles(NamedTuple):
    """A sequence by its name: pictures in order, their numbers, and the annotations if there are any."""

    name: str
    pictures: tuple[Path, ...]
    numbers: tuple[int, ...]
    annotations: Path | None


class Cut(NamedTuple):
    """A clip before it is scaled: square crops uint8 [T, S, S, 3] and what the annotations say about them.

    owner int16 [T, S, S] and box [T, N, 4], visibility [T, N] as `stage.truth_of_boxes` wants them; None without
    annotations.
    """

    pictures: np.ndarray
    owner: np.ndarray | None
    box: np.ndarray | None
    visibility: np.ndarray | None
    fps: float
    name: str


@dataclass(frozen=True)
class MOTSynth:
    """The clips of one split. Clip ``index`` is a pure function of ``seed`` and the index.

    folder     holds ``frames`` and, for truth, ``annotations``
    sequences  by name, as "028"; None: all that are there
    split      "train", or "test": the last fifth of each sequence's clips, and every fifth of the sequences of one clip
    frames     frames per clip
    skip       one of how many frames is taken; None: as many as make four a second (5 of MOTSynth's)
    size       side of a clip's picture in pixels; None: that of the crop, which is the frame's shorter side
    crop       "random": placed anew for each clip; "left": at the left (the study's evaluation)
    """

    folder: str | Path
    sequences: tuple[str, ...] | None = None
    split: str = "train"
    frames: int = 10
    skip: int | None = None
    size: int | None = 128
    crop: str = "random"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("split", ("train", "test")), ("crop", ("random", "left"))):
            if getattr(self, name) not in known:
                raise UserError(f"{name} is {getattr(self, name)!r}; wanted {' or '.join(known)}; choose one of them")
        if not self._windows():
            longest = max(len(files.pictures) for files in self.files)
            raise UserError(
                f"{self.folder} has sequences of at most {longest} frames; too few for one {self.split} clip of "
                f"{self.frames} frames at every {self.step}th; give longer ones or lower frames or skip"
            )

    @property
    def files(self) -> tuple[SequenceFiles, ...]:
        """The sequences that are used."""
        return _chosen(str(self.folder), self.sequences)

    @property
    def step(self) -> int:
        """``skip``, worked out from the first sequence's frames per second where it is None."""
        if self.skip is not None:
            return self.skip
        return max(1, round(_fps(self.files[0]) / PER_SECOND))

    def missing(self) -> list[str]:
        """What the folder lacks, in sentences: sequences without frames or without annotations."""
        return missing(self.folder, self.sequences)

    def __len__(self) -> int:
        return len(self._windows())

    def __getitem__(self, index: int) -> Clip:
        return self.clip(index)

    def clip(self, index: int, frames: int | None = None) -> Clip:
        """Clip ``index``, or its first ``frames`` frames.

        Raises IndexError outside 0 .. len - 1 and UserError for bad files.
        """
        return scaled(self.cut(index, frames), self.size)

    def video(self, index: int, frames: int | None = None) -> torch.Tensor:
        """The pictures of `clip` alone: masks of full size take longer than they."""
        return scaled(self.cut(index, frames, truth=False), self.size).video

    def cut(self, index: int, frames: int | None = None, *, truth: bool = True) -> Cut:
        """The same before it is scaled; without ``truth`` the masks are not decoded."""
        frames = self.frames if frames is None else frames
        windows = self._windows()
        if not 0 <= index < len(windows):
            raise IndexError(f"clip {index} of {len(windows)}")
        if frames > self.frames:
            raise UserError(f"{frames} frames of clips of {self.frames} were asked for; raise the data set's frames")
        number, window = windows[index]
        rng = np.random.default_rng([self.seed, index])
        late, shift = (rng.random(2) if self.crop == "random" else np.zeros(2)).tolist()
        first = (window * self.frames) * self.step + int(late * self.step)
        span = range(first, first + (frames - 1) * self.step + 1, self.step)
        return _cut(self.files[number], span, shift=shift, truth=truth)

    def _windows(self) -> list[tuple[int, int]]:
        """(sequence, window) of every clip."""
        counts = [len(files.pictures) // (self.frames * self.step) for files in self.files]
        return _split(counts, self.split)


@dataclass(frozen=True)
class MOTSynthReplacedBG:
    """The study's "BlackBG": people cut out by the union of their masks, before another ground.

    source      the clips; they need annotations
    background  "gradient", "hard", "blurred", "heavily-blurred" (`scalor.data.grounds`), or the path of a picture
    """

    source: MOTSynth
    background: str = "gradient"

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Clip:
        return self.clip(index)

    def clip(self, index: int, frames: int | None = None) -> Clip:
        """As `MOTSynth.clip`. Raises UserError too where the clip's sequence has no annotations."""
        from scalor.data.grounds import replacement

        cut = self.source.cut(index, frames)
        if cut.owner is None:
            raise UserError(
                f"sequence {cut.name} of {self.source.folder} has no annotations; its masks are wanted to replace "
                "the background; add annotations/NNN.json or choose other sequences"
            )
        ground = replacement(self.background, cut.pictures.shape[1])
        return scaled(
            cut._replace(pictures=np.where(cut.owner[..., None] >= 0, cut.pictures, ground)), self.source.size
        )


def scaled(cut: Cut, size: int | None) -> Clip:
    """A cut as clip of ``size`` x ``size`` pixels: pictures bilinearly, masks by the nearest pixel."""
    from PIL import Image

    side = cut.pictures.shape[1]
    size = size or side
    pictures = cut.pictures
    if size != side:
        shape, how = (size, size), Image.Resampling.BILINEAR
        pictures = np.stack([np.asarray(Image.fromarray(picture).resize(shape, how)) for picture in pictures])
    video = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
    if cut.owner is None or cut.box is None or cut.visibility is None:
        return Clip(video=video, fps=cut.fps, name=cut.name)
    nearest = ((np.arange(size) + 0.5) * side / size).astype(int)
    owner = cut.owner[:, nearest[:, None], nearest]
    return Clip(video, truth_of_boxes(cut.box * (size / side), cut.visibility, owner), fps=cut.fps, name=cut.name)


def missing(folder: str | Path, sequences: Sequence[str] | None = None) -> list[str]:
    """What a MOTSynth folder lacks, in sentences; only of ``sequences`` if they are given."""
    there, _ = _survey(str(folder))
    books = {path.stem for path in (Path(folder) / "annotations").glob("*.json")}
    wanted = sorted(set(there) | books) if sequences is None else list(sequences)
    blind = [name for name in wanted if name not in there]
    untold = [name for name in wanted if name in there and name not in books]
    found = []
    if blind:
        found.append(f"no frames of {', '.join(blind)} in {folder}: not used")
    if untold:
        found.append(f"no annotations of {', '.join(untold)} in {folder}: clips without truth")
    return found


def true_tracks(folder: str | Path, sequence: str) -> Tracks:
    """The people of a whole sequence in the pixels of its pictures, by their ``ped_id``; frame 0 is the first picture.

    Raises UserError where the sequence, its pictures or its annotations are not there.
    """
    (files,) = _chosen(str(folder), (sequence,))
    book = _read(files)
    if book is None:
        raise UserError(
            f"sequence {sequence} of {folder} has no annotations; they are wanted as truth; add "
            f"annotations/{sequence}.json"
        )
    pages = [(frame, book.pages[number]) for frame, number in enumerate(files.numbers)]
    rows = [
        (frame, int(page.ped[row]), *page.box[row].tolist(), 1.0, float(page.visibility[row]))
        for frame, page in pages
        for row in range(len(page.ped))
    ]
    return Tracks.from_rows(rows, length=len(files.pictures))


@lru_cache(maxsize=8)
def _survey(folder: str) -> tuple[dict[str, SequenceFiles], Path]:
    root = Path(folder)
    frames = root / "frames"
    if not frames.is_dir():
        raise UserError(
            f"{folder} has no folder frames; wanted MOTSynth's frames/NNN/rgb/0000.jpg and annotations/NNN.json; "
            "extract the videos there, without their first two pictures"
        )
    there = {}
    for path in sorted(frames.iterdir()):
        pictures = sorted(
            (int(file.stem), file)
            for file in (path / "rgb").glob("*")
            if file.suffix.lower() in PICTURES and file.stem.isdecimal()
        )
        if not pictures:
            continue
        numbers = tuple(number for number, _ in pictures)
        gap = next((now for before, now in zip(numbers, numbers[1:], strict=False) if now != before + 1), None)
        if gap is not None:
            raise UserError(f"{path / 'rgb'} lacks picture {gap - 1}; wanted all of them in a row; extract it again")
        book = root / "annotations" / f"{path.name}.json"
        there[path.name] = SequenceFiles(
            path.name, tuple(file for _, file in pictures), numbers, book if book.is_file() else None
        )
    if not there:
        raise UserError(f"{frames} has no NNN/rgb/0000.jpg; wanted extracted pictures; extract the videos there")
    return there, root


@lru_cache(maxsize=64)
def _chosen(folder: str, sequences: tuple[str, ...] | None) -> tuple[SequenceFiles, ...]:
    there, _ = _survey(folder)
    if sequences is None:
        return tuple(there.values())
    chosen = tuple(there[name] for name in sequences if name in there)
    if not chosen:
        raise UserError(
            f"{folder} has none of the sequences {', '.join(sequences)}; it has {', '.join(there)}; choose among these"
        )
    return chosen


def _split(counts: Sequence[int], split: str) -> list[tuple[int, int]]:
    """The windows of a split, of sequences with so many windows; no window is in both."""
    chosen, single = [], 0
    for number, count in enumerate(counts):
        held = max(1, int(TEST_SHARE * count)) if count > 1 else int(single % 5 == 4)
        single += count == 1
        windows = range(count - held, count) if split == "test" else range(count - held)
        chosen += [(number, window) for window in windows if window >= 0]
    return chosen


@lru_cache(maxsize=64)
def _read(files: SequenceFiles) -> Book | None:
    """A sequence's annotations, checked against its pictures."""
    if files.annotations is None:
        return None
    book = book_of(files.annotations)
    numbers_checked(book, files.numbers, files.pictures[0].parent)
    return book


def _fps(files: SequenceFiles) -> float:
    book = _read(files)
    return FPS if book is None else book.fps


def _cut(files: SequenceFiles, frames: range, *, shift: float, truth: bool) -> Cut:
    """The square crop at share ``shift`` of the room along the longer side, of every ``frames.step``-th picture."""
    pictures = [_look(files.pictures[index]) for index in frames]
    height, width = pictures[0].shape[:2]
    side = min(height, width)
    left, top = int(shift * (width - side + 1)), int(shift * (height - side + 1))
    crops = np.stack([picture[top : top + side, left : left + side] for picture in pictures])
    book, name = _read(files), f"motsynth-{files.name}-{frames.start:04d}"
    fps = _fps(files) / frames.step
    if book is None or not truth:
        return Cut(crops, None, None, None, fps, name)
    if book.size != (height, width):
        raise UserError(
            f"{files.pictures[0].parent} has pictures of {width} x {height} pixels, {files.annotations} speaks of "
            f"{book.size[1]} x {book.size[0]}; wanted the same; extract them in full size"
        )
    box, visibility, owner = book.people([files.numbers[index] for index in frames], (top, left, side))
    return Cut(crops, owner, box, visibility, fps, name)


def _look(path: Path) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as opened:
            return np.asarray(opened.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise UserError(f"{path} cannot be read ({error}); wanted a picture; extract it again") from error
