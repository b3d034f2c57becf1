"""Masks and centres in the forms that other tools want."""

from collections.abc import Iterator

import numpy as np

from scalor.core.tracks import Rle, Tracks
from scalor.data.run_lengths import pixels_of
from scalor.errors import UserError

CENTER = 0.5
"""Here the left edge of the first pixel is 0.0; where a tool calls its *centre* 0, this is taken off."""


def frames_of(tracks: Tracks) -> Iterator[np.ndarray]:
    """The row numbers of every frame 0, 1, ... of a table."""
    edges = np.searchsorted(tracks.frame, np.arange(tracks.length + 1))
    for first, end in zip(edges[:-1], edges[1:], strict=True):
        yield np.arange(first, end)


def decoded(rle: Rle) -> np.ndarray:
    """A mask as bool [H, W]. Raises UserError where the run lengths are not those of a picture of its size."""
    try:
        return pixels_of(rle).astype(bool)
    except ValueError as error:
        raise UserError(
            f"a mask is {str(rle)[:60]} ({error}); run lengths that fit its size are wanted; track the video again"
        ) from error


def area(rle: Rle | None) -> int:
    """Number of pixels of a mask, 0 where there is none."""
    from pycocotools import mask as coco

    return 0 if rle is None else int(coco.area(rle))


def areas(tracks: Tracks) -> np.ndarray:
    """Of every row the pixels of its mask, or the area of its box where there are none: float64 [R]."""
    boxes = tracks.box_tlwh[:, 2:].prod(axis=1)
    masks = tracks.masks or [None] * len(tracks)
    return np.array([area(rle) or box for box, rle in zip(boxes, masks, strict=True)], np.float64)


def without_mask(tracks: Tracks) -> int:
    """How many rows of a table that has masks have none, or one without a pixel."""
    return sum(not area(rle) for rle in tracks.masks or ())


def label_image(masks: list[Rle | None], labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint32 [H, W]: the label whose mask covers a pixel, 0 where none does; of overlapping masks the later wins."""
    picture = np.zeros(size, np.uint32)
    for rle, label in zip(masks, labels.tolist(), strict=True):
        if rle is not None:
            picture[decoded(rle)] = label
    return picture


def refuse_large(tracks: Tracks, most: int, what: str) -> None:
    """Raises UserError where ``what`` has no room for one of the identities."""
    largest = int(tracks.id.max(initial=0))
    if largest > most:
        raise UserError(f"an id is {largest}, and {what} has room up to {most}; give it another with scalor correct")


def steps_of(tracks: Tracks) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows (earlier, later) that follow each other in one track, gaps included: int64 [E] each."""
    order = np.lexsort((tracks.frame, tracks.id))
    same = tracks.id[order[1:]] == tracks.id[order[:-1]]
    return order[:-1][same], order[1:][same]


def outline(mask: np.ndarray) -> np.ndarray:
    """Corners (x, y) of the outline of the largest part of a mask, along the edges of pixels: float64 [N, 2]."""
    import cv2

    # Twice as large, so that the outline of pixel centres lies a quarter of a pixel inside the true edge.
    double = np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1).astype(np.uint8)
    found, _ = cv2.findContours(double, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = max(found, key=cv2.contourArea)
    return (largest.reshape(-1, 2) + 0.5) / 2
