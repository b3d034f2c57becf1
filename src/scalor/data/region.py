"""The part of the view that is looked at: elsewhere nothing ever happens, as if the scene were empty there."""

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path

import numpy as np
from PIL import Image

from scalor.data.stirring import Outlines
from scalor.errors import UserError

WANTED = "LEFT,TOP,RIGHT,BOTTOM or x,y,x,y,x,y,... in pixels of the video, or a picture that is bright where to look"

BRIGHT = 127
"""Grey level above which a picture says that there is to be looked."""


def region_of(given: Sequence[str | PathLike[str]], size: tuple[int, int]) -> Outlines:
    """The places that any of ``given`` names, as outlines in shares of the view, of which one within another is a hole.

    Each is ``LEFT,TOP,RIGHT,BOTTOM``, or ``x,y,x,y,x,y,...`` of a polygon, in pixels of a video of ``size`` (height,
    width); or a picture of the whole view that is bright where to look. Raises UserError where one is neither, or
    where nothing of the view is left.
    """
    import cv2

    words = [fspath(each) for each in given]
    inside = np.zeros(size, bool)
    for each in words:
        inside |= _named(each, size)
    if not inside.any():
        raise UserError(
            f"--region {' '.join(words)} leaves nothing of a video of {size[1]}x{size[0]} px; {WANTED} is wanted"
        )
    found, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    # Whole pixels in shares of the view: the middle of the first is half a pixel from the edge.
    share = 1 / np.array(size[::-1])
    return tuple(tuple((float(x), float(y)) for x, y in (outline[:, 0] + 0.5) * share) for outline in found)


def inside_of(region: Outlines, size: tuple[int, int]) -> np.ndarray:
    """Which pixels of a view of ``size`` lie in the region: bool [h, w]; all of them without one."""
    import cv2

    inside = np.zeros(size, np.uint8)
    for outline in region:
        part = np.zeros(size, np.uint8)
        cv2.fillPoly(part, [np.floor(np.array(outline) * size[::-1]).astype(np.int32)], 1)
        inside ^= part
    return inside > 0 if region else np.ones(size, bool)


def empty_outside(frames: np.ndarray, scene: np.ndarray, region: Outlines) -> None:
    """Make frames uint8 [..., h, w, C] the empty ``scene`` [h, w, C] outside the region, in place."""
    if region:
        outside = ~inside_of(region, scene.shape[:2])
        frames[..., outside, :] = scene[outside]


def _named(text: str, size: tuple[int, int]) -> np.ndarray:
    """What one of the user's words names: bool [h, w]."""
    import cv2

    if Path(text).is_file():
        try:
            with Image.open(text) as picture:
                bright = np.array(picture.convert("L")) > BRIGHT
        except (OSError, ValueError):
            raise UserError(f"--region came with {text}, which is no picture; {WANTED} is wanted; check it") from None
        return cv2.resize(bright.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0
    try:
        points = np.array([float(number) for number in text.split(",")])
    except ValueError:
        raise UserError(f"--region came with {text!r}, which is no file; {WANTED} is wanted; correct it") from None
    if len(points) < 4 or len(points) % 2 or not np.isfinite(points).all():
        raise UserError(f"--region came with {text!r}; {WANTED} is wanted; correct it")
    corners = points.reshape(-1, 2)
    if len(corners) == 2:
        (left, top), (right, bottom) = corners
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    # Pixels whose middle lies within, as far as whole numbers tell: the right and lower edge belong to the next ones.
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    return _within(x, y, corners)


def _within(x: np.ndarray, y: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Whether points lie in a polygon [N, 2], by how many of its sides lie right of them: bool, one per point."""
    inside = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside
