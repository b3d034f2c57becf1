"""A contact sheet: moments of a video side by side, enlarged around what is to be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalor.viz.draw import track_color

TILE = (180, 240)
"""Height and width of one picture."""
MARGIN, LINE = 8, 20
ACROSS = 2
"""Moments in a row."""


@dataclass(frozen=True)
class Exhibit:
    """Pictures uint8 [H, W, 3] of one moment (None: there is none), where to look, whose colour, and words."""

    pictures: Sequence[np.ndarray | None]
    box_tlwh: np.ndarray
    identity: int
    words: str


def contact_sheet(exhibits: Sequence[Exhibit]) -> np.ndarray:
    """uint8 [H, W, 3]: two moments in a row, each of two pictures at most under its words."""
    height, width = TILE[0] + LINE + MARGIN, 2 * TILE[1] + 3 * MARGIN
    rows = -(-len(exhibits) // ACROSS)
    sheet = np.full((rows * height + MARGIN, ACROSS * width + MARGIN, 3), 255, np.uint8)
    for number, exhibit in enumerate(exhibits):
        top, left = number // ACROSS * height + MARGIN, number % ACROSS * width + MARGIN
        _write(sheet, exhibit.words, (top, left))
        for place, picture in enumerate(exhibit.pictures):
            tile = _tile(picture, exhibit)
            x = left + place * (TILE[1] + MARGIN)
            sheet[top + LINE : top + LINE + TILE[0], x : x + TILE[1]] = tile
    return sheet


def _write(sheet: np.ndarray, words: str, place: tuple[int, int]) -> None:
    import cv2

    at = (place[1], place[0] + LINE - 7)
    cv2.putText(sheet, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)


def _tile(picture: np.ndarray | None, exhibit: Exhibit) -> np.ndarray:
    """The surroundings of the box, three times its size, with the box on it."""
    import cv2

    if picture is None:
        return np.full((*TILE, 3), 128, np.uint8)
    near, extent = exhibit.box_tlwh[:2], exhibit.box_tlwh[2:]
    zoom = min(TILE[1] / (3 * extent[0]), TILE[0] / (3 * extent[1]), 8.0)
    zoom = max(zoom, TILE[1] / picture.shape[1], TILE[0] / picture.shape[0])
    # From sheet to picture: the box's middle lies in the middle, unless that shows what is outside the frame.
    window = np.array(TILE[::-1]) / zoom
    corner = (near + extent / 2 - window / 2).clip(0, np.maximum(0, np.array(picture.shape[1::-1]) - window))
    mapping = np.array([[1 / zoom, 0, corner[0] + 0.5 / zoom - 0.5], [0, 1 / zoom, corner[1] + 0.5 / zoom - 0.5]])
    flags = (cv2.INTER_LINEAR if zoom < 2 else cv2.INTER_NEAREST) | cv2.WARP_INVERSE_MAP
    tile = cv2.warpAffine(picture, mapping, TILE[::-1], flags=flags, borderValue=(128, 128, 128))
    first, last = ((near - corner) * zoom).astype(int), ((near + extent - corner) * zoom - 1).astype(int)
    cv2.rectangle(tile, first.tolist(), last.tolist(), track_color(exhibit.identity), 1)
    return tile
