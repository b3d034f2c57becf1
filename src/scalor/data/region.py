"""The part of the view that is looked at: elsewhere nothing ever happens, as if the scene were empty there."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from scalor.core.polygons import polygon_of, within
from scalor.errors import UserError

Region = tuple[tuple[float, float, float, float], ...]
"""Rectangles (left, top, right, bottom) in shares of the view that lie beside each other; none: all of the view."""
WANTED = (
    "LEFT,TOP,RIGHT,BOTTOM or x,y,x,y,x,y,... in pixels of the video, or a picture of the view that is bright where to "
    "look"
)
STRETCHED = 0.02
"""By so much the shape of a picture may differ from the video's: sides are whole pixels."""


def region_of(given: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], size: tuple[int, int]) -> Region:
    """The places that any of ``given`` names.

    Each is ``LEFT,TOP,RIGHT,BOTTOM``, or ``x,y,x,y,x,y,...`` of a polygon, in pixels of a video of ``size`` (height,
    width); or a picture of the whole view whose pixels above half of its brightest are where to look. Raises UserError
    where one is neither, or where nothing of the view is left.
    """
    words = [given] if isinstance(given, str | os.PathLike) else list(given)
    inside = np.zeros(size, bool)
    for word in words:
        if not isinstance(word, str | os.PathLike):
            raise UserError(f"--region came with {word!r}; {WANTED} is wanted, as one text; put it into quotes")
        inside |= _named(os.fspath(word), size)
    if not inside.any():
        raise UserError(
            f"--region {' '.join(map(str, words))} leaves nothing of a video of {size[1]}x{size[0]} px; {WANTED} is "
            "wanted"
        )
    return _rectangles(inside)


def inside_of(region: Region, size: tuple[int, int]) -> np.ndarray:
    """Which pixels of a view of ``size`` have their middles in the region: bool [h, w]; all of them without one."""
    inside = np.zeros(size, bool)
    for left, top, right, bottom in region:
        rows, columns = (
            slice(*np.ceil(np.array(ends) * side - 0.5).astype(int))
            for ends, side in (((top, bottom), size[0]), ((left, right), size[1]))
        )
        inside[rows, columns] = True
    return inside if region else ~inside


def empty_outside(frames: np.ndarray, scene: np.ndarray, region: Region) -> None:
    """Make frames uint8 [..., h, w, C] the empty ``scene`` [h, w, C] outside the region, in place."""
    if region:
        outside = ~inside_of(region, scene.shape[:2])
        frames[..., outside, :] = scene[outside]


def region_looked_at(card: Mapping[str, Any]) -> Region:
    """Where weights with this card look; (): everywhere. Raises UserError where the card says something else."""
    try:
        return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in card.get("region") or ())
    except (TypeError, ValueError):
        raise UserError("the card of the weights says where to look in no rectangles; fetch it again") from None


def _rectangles(inside: np.ndarray) -> Region:
    """A mask bool [h, w] as rectangles: runs of its rows, those that go on below as one."""
    height, width = inside.shape
    steps = np.diff(inside.astype(np.int8), axis=1, prepend=0, append=0)
    going: dict[tuple[int, int], int] = {}
    found: list[tuple[int, int, int, int]] = []
    for row in range(height + 1):
        line = steps[row] if row < height else np.zeros(width + 1)
        runs = set(zip(np.flatnonzero(line > 0).tolist(), np.flatnonzero(line < 0).tolist(), strict=True))
        found += [(run[0], top, run[1], row) for run, top in going.items() if run not in runs]
        going = {run: going.get(run, row) for run in sorted(runs)}
    return tuple((left / width, top / height, right / width, bottom / height) for left, top, right, bottom in found)


def _named(text: str, size: tuple[int, int]) -> np.ndarray:
    """What one of the user's words names: bool [h, w]."""
    try:
        points = np.array([float(number) for number in text.split(",")])
    except ValueError:
        return _bright(text, size)
    if len(points) < 4 or len(points) % 2 or not np.isfinite(points).all():
        raise UserError(f"--region came with {text!r}; {WANTED} is wanted; correct it")
    middles = np.indices(size)[::-1].reshape(2, -1).T + 0.5
    return within(middles, polygon_of(points.reshape(-1, 2))).reshape(size)


def _bright(text: str, size: tuple[int, int]) -> np.ndarray:
    """Where a picture is bright, at the size of the video."""
    import cv2

    if not os.path.isfile(text):
        raise UserError(f"--region came with {text!r}, which is no file; {WANTED} is wanted; correct it")
    try:
        with Image.open(text) as picture:
            plain = picture.mode in ("1", "L", "F") or picture.mode.startswith("I")
            levels = np.array(picture if plain else picture.convert("L"), np.float32)
    except (OSError, ValueError):
        raise UserError(f"--region came with {text}, which is no picture; {WANTED} is wanted; check it") from None
    if abs(levels.shape[1] * size[0] / (levels.shape[0] * size[1]) - 1) > STRETCHED:
        raise UserError(
            f"--region came with {text} of {levels.shape[1]}x{levels.shape[0]} px for a video of {size[1]}x{size[0]} "
            "px; a picture of the whole view is wanted; cut or fill it"
        )
    bright = (levels > levels.max() / 2).astype(np.uint8)
    return cv2.resize(bright, size[::-1], interpolation=cv2.INTER_NEAREST) > 0
