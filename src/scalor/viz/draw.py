"""Drawing tracks onto frames: masks, boxes, ids and trails, one lasting colour per identity."""

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from scalor.core.tracks import Tracks
from scalor.data.run_lengths import pixels_of

COLORS = 24
TRAIL = 30
"""Frames that a trail looks back."""

Trails = Mapping[int, Sequence[tuple[float, float]]]
"""Past box centres (x, y) in source pixels by identity, oldest first."""


def track_color(identity: int) -> tuple[int, int, int]:
    """RGB colour of an identity; neighbouring numbers get colours far apart."""
    return _color(identity % COLORS)


@cache
def _color(number: int) -> tuple[int, int, int]:
    r, g, b = colorsys.hsv_to_rgb(number * 0.381966 % 1.0, 0.75 if number % 2 else 0.95, 1.0)
    return round(r * 255), round(g * 255), round(b * 255)


def mask_labels(rows: Tracks, size: tuple[int, int]) -> np.ndarray:
    """int64 [H, W]: identity whose mask covers a pixel, -1 where none does; later rows win. Sizes are adapted."""
    import cv2

    labels = np.full(size, -1, np.int64)
    for identity, rle in zip(rows.id, rows.masks or [], strict=False):
        if rle is None:
            continue
        mask = pixels_of(rle)
        if mask.shape != size:
            mask = cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
        labels[mask.astype(bool)] = identity
    return labels


def color_labels(labels: np.ndarray) -> np.ndarray:
    """uint8 [..., 3]: identities in their colours, black where the label is negative."""
    table = np.array([track_color(i) for i in range(COLORS)], np.uint8)
    return np.where((labels >= 0)[..., None], table[labels % COLORS], 0).astype(np.uint8)


def draw_overlay(
    frame: np.ndarray,
    rows: Tracks,
    *,
    trails: Trails | None = None,
    zoom: float = 1.0,
    labels: bool = True,
    boxes: bool = True,
) -> np.ndarray:
    """A frame with its tracks drawn on it.

    Args:
        frame: uint8 [H, W, 3], left untouched.
        rows: the rows of this one frame, in pixels of this frame.
        trails: past centres by identity, in the same pixels.
        zoom: size of the result relative to the frame; lines and letters keep their thickness.
        labels: write the identities.
        boxes: draw the boxes.

    Returns:
        uint8 [H * zoom, W * zoom, 3].
    """
    image = enlarged(frame, zoom)
    if rows.masks is not None:
        import cv2

        labels_there = mask_labels(rows, frame.shape[:2]).astype(np.float64)
        owner = cv2.resize(labels_there, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        covered = owner >= 0
        image[covered] = _mixed(image[covered], color_labels(owner[covered].astype(np.int64)))
    draw_trails(image, trails or {}, zoom=zoom)
    draw_boxes(image, rows, zoom=zoom, labels=labels, boxes=boxes)
    return image


def enlarged(frame: np.ndarray, zoom: float) -> np.ndarray:
    """A copy of a frame uint8 [H, W, 3] to draw on, uint8 [H * zoom, W * zoom, 3]."""
    import cv2

    if zoom == 1:
        return frame.copy()
    size = (round(frame.shape[1] * zoom), round(frame.shape[0] * zoom))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_NEAREST)


def draw_masks(
    image: np.ndarray, identities: np.ndarray, patches: Sequence[np.ndarray], corners: np.ndarray, size: tuple[int, int]
) -> None:
    """Tint an enlarged frame where objects are, touching only their patches.

    Args:
        image: uint8 [H * zoom, W * zoom, 3], drawn on.
        identities: int64 [N].
        patches: N masks bool [h, w] in pixels of the frame, disjoint.
        corners: int64 [N, 2], top and left of each patch, which lies inside the frame.
        size: (height, width) of the frame before it was enlarged.
    """
    import cv2

    # The pixel of the frame under each row and column of the image, as OpenCV finds the nearest one.
    under = [
        np.minimum((np.arange(n) * (m / n)).astype(np.int64), m - 1) for n, m in zip(image.shape[:2], size, strict=True)
    ]
    for identity, patch, corner in zip(identities.tolist(), patches, corners.tolist(), strict=True):
        (top, bottom), (left, right) = (
            np.searchsorted(under[axis], [corner[axis], corner[axis] + patch.shape[axis]]) for axis in (0, 1)
        )
        part = image[top:bottom, left:right]
        rows, columns = under[0][top:bottom] - corner[0], under[1][left:right] - corner[1]
        covered = patch[rows[:, None], columns]
        if covered.size:
            cv2.copyTo(cv2.LUT(part, _tinted(identity % COLORS)), covered.view(np.uint8), part)


@cache
def _tinted(number: int) -> np.ndarray:
    """What becomes of each brightness under a mask of one of the colours, uint8 [256, 1, 3]."""
    levels = np.arange(256, dtype=np.uint8)[:, None, None].repeat(3, axis=2)
    return _mixed(levels, np.array(_color(number)))


def _mixed(pixels: np.ndarray, tint: np.ndarray) -> np.ndarray:
    return ((pixels.astype(np.uint16) * 3 + tint.astype(np.uint16) * 2) // 5).astype(np.uint8)


def draw_trails(image: np.ndarray, trails: Trails, *, zoom: float = 1.0) -> None:
    """Past centres, given in pixels of the frame before it was enlarged, as lines."""
    import cv2

    for identity, points in trails.items():
        # OpenCV counts from the centre of pixel 0 (we: from its edge), here in eighths of a pixel.
        line = np.round((np.array(points, np.float64).reshape(-1, 1, 2) * zoom - 0.5) * 8).astype(np.int32)
        thickness = 1 + min(image.shape[:2]) // 400
        cv2.polylines(image, [line], False, track_color(int(identity)), thickness, cv2.LINE_AA, 3)


def draw_boxes(image: np.ndarray, rows: Tracks, *, zoom: float = 1.0, labels: bool = True, boxes: bool = True) -> None:
    """Boxes, given in pixels of the frame before it was enlarged, and above each its identity on its colour.

    The pictures are those of supervision's box and label annotators, whose import takes a second.
    """
    import cv2

    near, far = rows.box_tlwh[:, :2] * zoom, (rows.box_tlwh[:, :2] + rows.box_tlwh[:, 2:]) * zoom
    far = np.maximum(near, far - 1).astype(int)  # the last pixel belongs to the line
    thickness = 1 + min(image.shape[:2]) // 500
    corners = near.astype(int).tolist()
    colors = [track_color(identity) for identity in rows.id.tolist()]
    if boxes:
        for start, end, color in zip(corners, far.tolist(), colors, strict=True):
            cv2.rectangle(image, start, end, color, thickness)
    if not labels:
        return
    font, size, padding = cv2.FONT_HERSHEY_SIMPLEX, 0.3 + 0.08 * thickness, 1 + thickness
    for identity, (left, top), color in zip(rows.id.tolist(), corners, colors, strict=True):
        (wide, tall), _ = cv2.getTextSize(str(identity), font, size, 1)
        above = top - tall - 2 * padding
        cv2.rectangle(image, (left, above), (left + wide + 2 * padding, top), color, -1)
        place = (left + padding, above + padding + tall)
        cv2.putText(image, str(identity), place, font, size, (0, 0, 0), 1, cv2.LINE_AA)


def follow(tracks: Tracks, *, length: int = TRAIL) -> Iterator[tuple[Tracks, dict[int, list[tuple[float, float]]]]]:
    """For every frame 0, 1, ... of the table its rows and the trails of the identities in it.

    A trail ends where its identity is missing; memory is bounded by the objects of one frame.
    """
    trails: dict[int, list[tuple[float, float]]] = {}
    edges = np.searchsorted(tracks.frame, np.arange(tracks.length + 1))
    for first, end in zip(edges[:-1], edges[1:], strict=True):
        rows = tracks.select(np.arange(first, end))
        here = zip(rows.id.tolist(), rows.center.tolist(), strict=True)
        trails = {i: [*trails.get(i, []), (center[0], center[1])][-length:] for i, center in here}
        yield rows, trails


def in_pixels_of(rows: Tracks, *, scale_x: float, scale_y: float) -> Tracks:
    """Rows in source pixels -> rows in pixels that are ``scale_x`` by ``scale_y`` source pixels large; masks stay."""
    return replace(rows, box_tlwh=rows.box_tlwh / np.array([scale_x, scale_y, scale_x, scale_y]))
