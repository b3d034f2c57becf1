"""Drawing tracks onto frames: masks, boxes, ids and trails, one lasting colour per identity."""

import colorsys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from scalor.core.tracks import Tracks

COLORS = 24
TRAIL = 30
"""Frames that a trail looks back."""

Trails = Mapping[int, Sequence[tuple[float, float]]]
"""Past box centres (x, y) in source pixels by identity, oldest first."""


def track_color(identity: int) -> tuple[int, int, int]:
    """RGB colour of an identity; neighbouring numbers get colours far apart."""
    hue = (identity % COLORS) * 0.381966 % 1.0
    r, g, b = colorsys.hsv_to_rgb(hue, 0.75 if identity % 2 else 0.95, 1.0)
    return round(r * 255), round(g * 255), round(b * 255)


def mask_labels(rows: Tracks, size: tuple[int, int]) -> np.ndarray:
    """int64 [H, W]: identity whose mask covers a pixel, -1 where none does; later rows win. Sizes are adapted."""
    import cv2
    from pycocotools import mask as coco

    labels = np.full(size, -1, np.int64)
    for identity, rle in zip(rows.id, rows.masks or [], strict=False):
        if rle is None:
            continue
        mask = coco.decode(rle)
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
    import cv2

    size = (round(frame.shape[0] * zoom), round(frame.shape[1] * zoom))
    way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_NEAREST
    image = frame.copy() if zoom == 1 else cv2.resize(frame, (size[1], size[0]), interpolation=way)
    if rows.masks is not None:
        owner = mask_labels(rows, frame.shape[:2])
        owner = cv2.resize(owner.astype(np.float64), (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
        covered = owner >= 0
        tint = color_labels(owner[covered].astype(np.int64)).astype(np.uint16)
        image[covered] = ((image[covered].astype(np.uint16) * 3 + tint * 2) // 5).astype(np.uint8)
    # Trails are drawn here: supervision's TraceAnnotator keeps its own state, which two overlays must not share.
    for identity, points in (trails or {}).items():
        # OpenCV counts from the centre of pixel 0 (we: from its edge), here in eighths of a pixel.
        line = np.round((np.array(points, np.float64).reshape(-1, 1, 2) * zoom - 0.5) * 8).astype(np.int32)
        cv2.polylines(image, [line], False, track_color(int(identity)), 1 + min(size) // 400, cv2.LINE_AA, 3)
    return _draw_boxes(image, rows, zoom, labels, boxes) if len(rows) else image


def _draw_boxes(image: np.ndarray, rows: Tracks, zoom: float, labels: bool, boxes: bool) -> np.ndarray:
    import supervision as sv

    near, far = rows.box_tlwh[:, :2] * zoom, (rows.box_tlwh[:, :2] + rows.box_tlwh[:, 2:]) * zoom
    corners = np.concatenate([near, np.maximum(near, far - 1)], axis=1)  # the last pixel belongs to the line
    # Annotators pick colours modulo their palette; a row's colour must depend on its identity alone.
    detections = sv.Detections(xyxy=corners, tracker_id=rows.id % COLORS, class_id=np.zeros(len(rows), int))
    box, label = _annotators(1 + min(image.shape[:2]) // 500)
    image = box.annotate(image, detections) if boxes else image
    return label.annotate(image, detections, labels=[str(i) for i in rows.id]) if labels else image


@cache
def _annotators(thickness: int) -> tuple[Any, Any]:
    import supervision as sv

    # Annotators write BGR; these images are RGB, so the palette is handed over the other way round.
    palette = sv.ColorPalette([sv.Color(*track_color(i)[::-1]) for i in range(COLORS)])
    by_track = sv.ColorLookup.TRACK
    box = sv.BoxAnnotator(color=palette, thickness=thickness, color_lookup=by_track)
    label = sv.LabelAnnotator(
        color=palette,
        text_color=sv.Color(0, 0, 0),
        text_scale=0.3 + 0.08 * thickness,
        text_padding=1 + thickness,
        color_lookup=by_track,
    )
    return box, label


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


def overlay_frames(
    frames: Iterable[np.ndarray | None], tracks: Tracks, *, scale: tuple[float, float] = (1.0, 1.0), zoom: float = 1.0
) -> Iterator[np.ndarray]:
    """Overlays of consecutive frames 0, 1, ...; an unreadable one (None) shows the last picture, darkened and marked.

    Args:
        frames: uint8 [H, W, 3] or None.
        tracks: the whole table in source pixels.
        scale: source pixels per pixel of the frames, (x, y).
        zoom: size of the results relative to the frames.
    """
    last: np.ndarray | None = None
    early = 0
    nothing: tuple[Tracks, dict] = (tracks.select(np.arange(0)), {})
    steps = follow(tracks)
    for number, frame in enumerate(frames):
        rows, trails = next(steps, nothing)
        if frame is not None:
            rows = in_pixels_of(rows, scale_x=scale[0], scale_y=scale[1])
            trails = {i: [(x / scale[0], y / scale[1]) for x, y in points] for i, points in trails.items()}
            last = draw_overlay(frame, rows, trails=trails, zoom=zoom)
            yield from (_unreadable(np.zeros_like(last), missed) for missed in range(number - early, number))
            early = 0
            yield last
        elif last is not None:
            yield _unreadable(last, number)
        else:
            early += 1  # how large the pictures are is not known yet


def _unreadable(picture: np.ndarray, number: int) -> np.ndarray:
    import cv2

    dark = picture // 3
    cv2.putText(dark, f"frame {number} is unreadable", (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
    return dark
