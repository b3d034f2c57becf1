"""The pictures of a report: a bounded number of frames as JPEG, and what lies over each of them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from scalor.core.tracks import FIRST_FRAME, Rle
from scalor.data.source import Frame, VideoSource
from scalor.outputs.doubts import Doubt
from scalor.outputs.pixels import decoded, frames_of
from scalor.outputs.report_page import jpeg, named
from scalor.outputs.tracked import Tracked
from scalor.viz.contact import tile
from scalor.viz.draw import TRAIL

MOST_PICTURES = 120
MOST_BYTES = 8_000_000
"""Of all pictures of the film together, as base64."""
SIDE = 640
"""The longer side of the film's pictures."""
DENSE = 16
"""Where one of so many frames is wanted, or more, all are decoded: each search begins at a key frame far before."""
TOGETHER = 8
"""Frames that are read at a time where single ones can be sought, which bounds the memory."""


def spread(length: int, most: int = MOST_PICTURES) -> list[int]:
    """Up to ``most`` frame numbers, evenly over a video, its first and last among them."""
    return sorted({int(t) for t in np.linspace(0, max(0, length - 1), min(most, max(1, length))).round()})


def pictures_at(source: VideoSource, numbers: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """The frames of these sorted numbers that can be read, a few at a time, with their numbers."""
    dense = bool(numbers) and numbers[-1] < DENSE * len(numbers)
    if dense or not source.seekable:
        groups: Iterable[Iterable[Frame]] = [source.passing(numbers)]
    else:
        groups = (source.read(numbers[first : first + TOGETHER]) for first in range(0, len(numbers), TOGETHER))
    for frame in chain.from_iterable(groups):
        if frame.image is not None:
            yield frame.index, frame.image


def film_of_tracks(
    tracked: Tracked, source: VideoSource, doubtful: Sequence[Doubt]
) -> tuple[dict[str, Any], dict[Doubt, list[str]]]:
    """The film for the page's player, and for each doubt a picture of each of its frames."""
    shown = {*spread(tracked.tracks.length), *(doubt.frame for doubt in doubtful)}
    wanted = {(doubt, frame) for doubt in doubtful for frame in doubt.frames}
    pictures: dict[int, str] = {}
    tiles: dict[tuple[Doubt, int], str] = {}
    for number, image in pictures_at(source, sorted({*shown, *(frame for _, frame in wanted)})):
        if number in shown:
            pictures[number] = jpeg(image, side=SIDE, quality=70)
        for doubt in (each for each, frame in wanted if frame == number):
            tiles[doubt, number] = jpeg(tile(image, np.array(doubt.box_tlwh), doubt.id), side=240)
    missing = jpeg(tile(None, np.ones(4), 0), side=240) if wanted else ""
    pairs = {doubt: [tiles.get((doubt, frame), missing) for frame in doubt.frames] for doubt in doubtful}
    names = within_budget(pictures)
    film = {
        "counts": "frame",
        "first": FIRST_FRAME,
        "width": tracked.size[1],
        "names": names,
        "pictures": [pictures[name] for name in names],
        "seconds": [round(float(tracked.times[name]), 3) for name in names],
        "rows": [_rows(tracked, rows) for rows in _picked(tracked, names)],
        "pause": 100,
    }
    return film, pairs


def film_of_pictures(pictures: Iterable[tuple[int, np.ndarray]], *, counts: str, side: int = 960) -> dict[str, Any]:
    """A film without anything drawn over it: pictures as they are, with numbers of steps, or of frames from 0."""
    encoded = {number: jpeg(image, side=side, quality=80) for number, image in pictures}
    names = within_budget(encoded)
    film = {"counts": counts, "names": names, "pictures": [encoded[name] for name in names], "pause": 300}
    return film | ({"first": FIRST_FRAME} if counts == "frame" else {})


def within_budget(pictures: dict[int, str]) -> list[int]:
    """Sorted numbers of as many pictures, every k-th, as fit together into `MOST_BYTES`."""
    names = sorted(pictures)
    while len(names) > 2 and sum(len(pictures[name]) for name in names) > MOST_BYTES:
        names = names[::2]
    return names


def _picked(tracked: Tracked, names: Sequence[int]) -> Iterator[np.ndarray]:
    wanted = set(names)
    return (rows for frame, rows in enumerate(frames_of(tracked.tracks)) if frame in wanted)


def _rows(tracked: Tracked, rows: np.ndarray) -> list[list[Any]]:
    """What the player draws of each row: id, box, trail and outlines of the mask, in pixels."""
    tracks = tracked.tracks
    return [
        [
            named(int(tracks.id[row])),
            *(round(value, 1) for value in tracks.box_tlwh[row].tolist()),
            _trail(tracked, row),
            _outlines(tracks.masks[row]) if tracks.masks is not None else [],
        ]
        for row in rows.tolist()
    ]


def _trail(tracked: Tracked, row: int) -> list[float]:
    """Every third centre of the last `TRAIL` frames up to this row, x and y in turn."""
    tracks = tracked.tracks
    now = int(tracks.frame[row])
    first, end = np.searchsorted(tracks.frame, [now - TRAIL, now + 1])
    mine = first + np.flatnonzero(tracks.id[first:end] == tracks.id[row])
    return [round(value, 1) for value in tracks.center[mine[::-1][::3][::-1]].reshape(-1).tolist()]


def _outlines(rle: Rle | None) -> list[list[float]]:
    """The outlines of a mask, simplified to about a pixel, x and y in turn."""
    import cv2

    if rle is None:
        return []
    found, _ = cv2.findContours(decoded(rle).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    simple = [cv2.approxPolyDP(shape, 1.0, True).reshape(-1, 2) for shape in found]
    return [shape.reshape(-1).tolist() for shape in simple if len(shape) > 2]
