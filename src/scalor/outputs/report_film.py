"""The pictures of a report: a bounded number of frames as JPEG, and what lies over each of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from scalor.core.tracks import FIRST_FRAME, Rle
from scalor.data.source import VideoSource
from scalor.outputs.doubts import Doubt
from scalor.outputs.footage import without_masks
from scalor.outputs.pixels import decoded, frames_of
from scalor.outputs.report_page import jpeg
from scalor.outputs.tracked import Tracked
from scalor.viz.draw import draw_overlay

MOST_PICTURES = 120
MOST_BYTES = 8_000_000
"""Of all pictures of the film together, as base64."""
SIDE = 640
"""The longer side of the film's pictures."""
TRAIL = 30
TOGETHER = 8
"""Frames that are read at a time where single ones can be sought, which bounds the memory."""


def spread(length: int, most: int = MOST_PICTURES) -> list[int]:
    """Up to ``most`` frame numbers, evenly over a video, its first and last among them."""
    return sorted({int(t) for t in np.linspace(0, max(0, length - 1), min(most, max(1, length))).round()})


def pictures_at(source: VideoSource, numbers: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """The frames of these sorted numbers that can be read, a few at a time, with their numbers."""
    if not source.seekable:
        wanted, last = set(numbers), max(numbers, default=-1)
        for frame in source:
            if frame.index in wanted and frame.image is not None:
                yield frame.index, frame.image
            if frame.index >= last:
                return
        return
    for first in range(0, len(numbers), TOGETHER):
        for frame in source.read(numbers[first : first + TOGETHER]):
            if frame.image is not None:
                yield frame.index, frame.image


def film_of_tracks(tracked: Tracked, source: VideoSource, doubtful: Sequence[Doubt]) -> tuple[dict[str, Any], dict]:
    """The film for the page's player, and for each doubt its pictures (before, at) where they can be read."""
    shown = {*spread(tracked.tracks.length), *(doubt.frame for doubt in doubtful)}
    cuts: dict[int, list[tuple[Doubt, int]]] = {}
    for doubt in doubtful:
        for place, frame in enumerate(doubt.frames):
            cuts.setdefault(frame, []).append((doubt, place))
    pictures: dict[int, str] = {}
    pairs: dict[Doubt, dict[int, str]] = {doubt: {} for doubt in doubtful}
    for number, image in pictures_at(source, sorted({*shown, *cuts})):
        if number in shown:
            pictures[number] = jpeg(image, side=SIDE, quality=70)
        if number in cuts:
            drawn = draw_overlay(image, without_masks(tracked.tracks.select(tracked.tracks.frame == number)))
            for doubt, place in cuts[number]:
                pairs[doubt][place] = jpeg(_cut(drawn, tracked.tracks.box_tlwh[doubt.row]), side=240)
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
    return film, {doubt: found for doubt, found in pairs.items() if found}


def film_of_pictures(pictures: Iterable[tuple[int, np.ndarray]], *, counts: str, side: int = 960) -> dict[str, Any]:
    """A film without anything drawn over it: numbered pictures as they are."""
    encoded = {number: jpeg(image, side=side, quality=80) for number, image in pictures}
    names = within_budget(encoded)
    return {"counts": counts, "names": names, "pictures": [encoded[name] for name in names], "pause": 300}


def within_budget(pictures: dict[int, str]) -> list[int]:
    """Sorted numbers of as many pictures, every k-th, as fit together into `MOST_BYTES`."""
    names = sorted(pictures)
    while len(names) > 2 and sum(len(pictures[name]) for name in names) > MOST_BYTES:
        names = names[::2]
    return names


def _cut(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The surroundings of a box, three times as large, square, moved into the picture."""
    height, width = image.shape[:2]
    side = int(min(max(3 * max(box[2:]), 48), height, width))
    left = int(np.clip(box[0] + box[2] / 2 - side / 2, 0, width - side))
    top = int(np.clip(box[1] + box[3] / 2 - side / 2, 0, height - side))
    return np.ascontiguousarray(image[top : top + side, left : left + side])


def _picked(tracked: Tracked, names: Sequence[int]) -> Iterator[np.ndarray]:
    wanted = set(names)
    return (rows for frame, rows in enumerate(frames_of(tracked.tracks)) if frame in wanted)


def _rows(tracked: Tracked, rows: np.ndarray) -> list[list[Any]]:
    """What the player draws of each row: id, box, trail and outlines of the mask, in pixels."""
    tracks = tracked.tracks
    return [
        [
            int(tracks.id[row]),
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
