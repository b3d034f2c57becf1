"""A contact sheet: moments of a video side by side, enlarged around what is to be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalor.core.tracks import Tracks
from scalor.viz.draw import draw_boxes

TILE = (180, 240)
"""Height and width of one picture."""
MARGIN, LINE = 8, 20
ACROSS = 2
"""Moments in a row."""


@dataclass(frozen=True)
class Exhibit:
    """One or two tiles of one moment, as `tile` makes them, and words."""

    tiles: Sequence[np.ndarray]
    words: str


def contact_sheet(exhibits: Sequence[Exhibit]) -> np.ndarray:
    """uint8 [H, W, 3]: two moments in a row, each of two pictures at most under its words."""
    height, width = TILE[0] + LINE + MARGIN, 2 * TILE[1] + 3 * MARGIN
    rows = -(-len(exhibits) // ACROSS)
    sheet = np.full((rows * height + MARGIN, ACROSS * width + MARGIN, 3), 255, np.uint8)
    for number, exhibit in enumerate(exhibits):
        top, left = number // ACROSS * height + MARGIN, number % ACROSS * width + MARGIN
        _write(sheet, exhibit.words, (top, left))
        for place, picture in enumerate(exhibit.tiles):
            x = left + place * (TILE[1] + MARGIN)
            sheet[top + LINE : top + LINE + TILE[0], x : x + TILE[1]] = picture
    return sheet


def _write(sheet: np.ndarray, words: str, place: tuple[int, int]) -> None:
    import cv2

    at = (place[1], place[0] + LINE - 7)
    cv2.putText(sheet, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)


def tile(picture: np.ndarray | None, box_tlwh: np.ndarray, identity: int) -> np.ndarray:
    """The surroundings of a box, three times its size, with the box on it: uint8 [*TILE, 3], grey without a picture.

    Args:
        picture: uint8 [H, W, 3] or None.
        box_tlwh: float [4] in pixels of the picture.
        identity: whose colour the box has.
    """
    import cv2

    if picture is None:
        return np.full((*TILE, 3), 128, np.uint8)
    near, extent = box_tlwh[:2], np.maximum(box_tlwh[2:], 1.0)
    zoom = min(TILE[1] / (3 * extent[0]), TILE[0] / (3 * extent[1]), 8.0)
    zoom = max(zoom, TILE[1] / picture.shape[1], TILE[0] / picture.shape[0])
    # From tile to picture: the box's middle lies in the middle, unless that shows what is outside the frame.
    window = np.array(TILE[::-1]) / zoom
    corner = (near + extent / 2 - window / 2).clip(0, np.maximum(0, np.array(picture.shape[1::-1]) - window))
    mapping = np.array([[1 / zoom, 0, corner[0] + 0.5 / zoom - 0.5], [0, 1 / zoom, corner[1] + 0.5 / zoom - 0.5]])
    flags = (cv2.INTER_LINEAR if zoom < 2 else cv2.INTER_NEAREST) | cv2.WARP_INVERSE_MAP
    drawn = cv2.warpAffine(picture, mapping, TILE[::-1], flags=flags, borderValue=(128, 128, 128))
    row = (0, identity, *(near - corner), *extent, 1.0, 1.0)
    draw_boxes(drawn, Tracks.from_rows([row], length=1), zoom=zoom, labels=False)
    return drawn
