"""The frames under the tracks, for outputs that show them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scalor.core.tracks import Tracks
from scalor.data.fingerprints import fingerprints
from scalor.data.source import VideoSource
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.outputs.tracked import Tracked


def footage_of(tracked: Tracked, video: Path | None, what: str) -> VideoSource:
    """The video of the tracks: ``video``, else the one that was tracked, where it still lies.

    Raises:
        UserError: it was a stream, is not there any more, or is another video than the tracks speak of.
    """
    place = video or place_of(tracked)
    if place is None:
        raise UserError(f"{what} shows the video, and these tracks do not say where it is; give it with --video")
    if not place.exists():
        raise UserError(f"{what} shows the video, which is not at {place} any more; say with --video where it is now")
    source = open_video(place)
    height, width = tracked.size
    stored = tracked.summary.get("fingerprint")
    if (source.height, source.width) != (height, width):
        raise UserError(
            f"{place} has {source.width}x{source.height} px, the tracks speak of {width}x{height} px; "
            "the video that was tracked is wanted; give it with --video"
        )
    if video is None and stored and stored not in fingerprints(place):
        raise UserError(
            f"{place} was changed after it was tracked; the video as it was is wanted; give it with --video"
        )
    return source


def at_hand(tracked: Tracked) -> bool:
    """Whether the video that was tracked lies where it lay, unchanged."""
    return absence(tracked) is None


def absence(tracked: Tracked) -> str | None:
    """Why the video that was tracked is not at hand, in words; None where it is."""
    place = place_of(tracked)
    if place is None:
        return "these tracks do not say where their video is"
    if not place.exists():
        return f"the video is not at {place} any more"
    stored = tracked.summary.get("fingerprint")
    return f"{place} was changed after it was tracked" if stored and stored not in fingerprints(place) else None


def place_of(tracked: Tracked) -> Path | None:
    """Where the video lay when it was tracked; None of a stream."""
    path = tracked.summary.get("path")
    return Path(path) if path else None


def rows_by_frame(source: VideoSource, tracks: Tracks) -> Iterator[tuple[int, np.ndarray | None, Tracks]]:
    """Every frame of the video with its number, its picture (None: unreadable) and its rows, numbered as in the table.

    Raises:
        UserError: the video ends before the last frame that has a row.
    """
    edges = np.searchsorted(tracks.frame, np.arange(tracks.length + 1))
    seen = 0
    for frame in source:
        if frame.index >= tracks.length:
            return
        seen = frame.index + 1
        yield frame.index, frame.image, tracks.select(np.arange(edges[frame.index], edges[frame.index + 1]))
    if len(tracks) and seen <= int(tracks.frame.max()):
        raise UserError(
            f"{source.name} has {seen} frames, the tracks speak of {tracks.length}; "
            "the video that was tracked is wanted"
        )


def blurred(image: np.ndarray, rows: Tracks, blur: str) -> np.ndarray:
    """A picture whose objects (their whole boxes), or all but them, are mosaics too coarse to recognise anything.

    Args:
        image: uint8 [H, W, 3], left untouched.
        rows: the rows of this frame.
        blur: ``none``, ``objects`` or ``background``.
    """
    if blur == "none":
        return image
    result = image.copy() if blur == "objects" else _mosaic(image, max(8, min(image.shape[:2]) // 12))
    for left, top, right, bottom in inner_boxes(rows, image.shape[:2]).tolist():
        part = image[top:bottom, left:right]
        covered = _mosaic(part, -(-max(part.shape[:2]) // 4)) if blur == "objects" else part
        result[top:bottom, left:right] = covered
    return result


def inner_boxes(rows: Tracks, size: tuple[int, int]) -> np.ndarray:
    """Left, top, right, bottom of whole pixels round the boxes, cut to the picture, no empty ones: int64 [N, 4]."""
    low = np.floor(rows.box_tlwh[:, :2])
    high = np.ceil(rows.box_tlwh[:, :2] + rows.box_tlwh[:, 2:])
    edge = np.array([size[1], size[0]])
    boxes = np.concatenate([np.clip(low, 0, edge), np.clip(high, 0, edge)], axis=1).astype(np.int64)
    return boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]


def _mosaic(image: np.ndarray, side: int) -> np.ndarray:
    import cv2

    height, width = image.shape[:2]
    small = cv2.resize(image, (max(1, width // side), max(1, height // side)), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
