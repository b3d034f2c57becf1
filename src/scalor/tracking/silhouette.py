"""Silhouettes: what stands out beside an object, and belongs to nobody else, is a part of it.

A painted mask is as sharp as a glimpse of some 24 x 24 numbers, and learned from many: a leg that swings, a tail, or a
wing is often left out. Where a fixed camera's empty scene says what stands out, the object's mask grows into it.
"""

from dataclasses import replace

import numpy as np

from scalor.tracking.limbs import with_limbs
from scalor.tracking.report import FrameResult

Window = tuple[slice, slice]
"""Rows and columns."""
REACH, LIMB = 0.3, 2.0
"""How far an object grows, and how long its limbs may be, in square roots of its box's area."""


def with_silhouettes(
    result: FrameResult, solid: np.ndarray, faint: np.ndarray | None = None, bare: np.ndarray | None = None
) -> FrameResult:
    """The objects with masks grown into what stands out, and boxes that hold them.

    Each pixel goes to the nearest mask, if that is near enough and the pixels between stand out too; then come the
    limbs (`with_limbs`). Masks stay disjoint; boxes only grow (`trimmed` makes them smaller).

    Args:
        result: the objects of one frame.
        solid: bool [h, w], network pixels in view that are not the empty scene.
        faint: bool [h, w], those that differ from the empty scene beyond the noise, shadows left out; None: no limbs.
        bare: bool [h, w], the same with shadows.
    """
    if not len(result):
        return result
    labels, reach = _labels(result, solid.shape), _reach(result, REACH)
    if not labels.any():
        return result
    distance, nearest = _nearest(labels)
    near = (labels == 0) & solid & (distance <= reach[nearest])
    grown = _grown(labels, np.where(near, nearest, 0), _windows(result, reach[1:], solid.shape))
    if faint is not None and bare is not None:
        reach = _reach(result, LIMB)
        grown = with_limbs(grown, (distance, nearest), faint=faint, bare=bare, reach=reach)
    return result if (grown == labels).all() else _cut(result, grown, _windows(result, reach[1:], solid.shape))


def _labels(result: FrameResult, size: tuple[int, ...]) -> np.ndarray:
    """Number of the object from 1, 0 for none: int32 [h, w]."""
    labels = np.zeros(size, np.int32)
    for number, (patch, (top, left)) in enumerate(zip(result.masks.patch, result.masks.corner.tolist(), strict=True)):
        rows, columns = _inside(top, patch.shape[0], size[0]), _inside(left, patch.shape[1], size[1])
        part = patch[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        labels[rows, columns][part] = number + 1
    return labels


def _inside(first: int, length: int, size: int) -> slice:
    begin = min(max(0, first), size)
    return slice(begin, max(begin, min(size, first + length)))


def _reach(result: FrameResult, share: float) -> np.ndarray:
    """Network pixels by which each object may grow, float32 [N + 1]; the first is of no object."""
    (tall, wide), box = result.masks.scale, result.box_tlwh
    reach = share * np.sqrt(box[:, 2] / wide * box[:, 3] / tall)
    return np.concatenate([[0.0], reach]).astype(np.float32)


def _nearest(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each pixel is from the nearest mask, and the label of that: [h, w] both."""
    import cv2

    free = labels == 0
    distance, zone = cv2.distanceTransformWithLabels(
        free.view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(zone.max()) + 1, np.int32)
    owner[zone[~free]] = labels[~free]
    return distance, owner[zone]


def _windows(result: FrameResult, reach: np.ndarray, size: tuple[int, ...]) -> list[Window]:
    """The rows and columns of the frame in which the mask of each object lies, however far it grows."""
    side = np.array(result.masks.patch.shape[1:]) + 2 * np.ceil(reach).astype(int)[:, None]
    first = result.masks.corner - np.ceil(reach).astype(int)[:, None]
    return [
        (_inside(top, tall, size[0]), _inside(left, wide, size[1]))
        for (top, left), (tall, wide) in zip(first.tolist(), side.tolist(), strict=True)
    ]


def _grown(labels: np.ndarray, near: np.ndarray, windows: list[Window]) -> np.ndarray:
    """Labels of the masks grown into pixels that are ``near`` one (its label, else 0), int32 [h, w]."""
    import cv2

    claimed = labels + near
    grown = labels.copy()
    for number in np.unique(near[near > 0]).tolist():
        window = windows[number - 1]
        here = claimed[window] == number
        _, parts = cv2.connectedComponents(here.view(np.uint8), connectivity=8)
        # Of what is claimed, that which hangs together with the mask.
        joined = np.zeros(int(parts.max()) + 1, bool)
        joined[parts[labels[window] == number]] = True
        grown[window][here & joined[parts]] = number
    return grown


def _cut(result: FrameResult, labels: np.ndarray, windows: list[Window]) -> FrameResult:
    """The objects with the masks that ``labels`` show; boxes hold them."""
    parts = [labels[window] == number + 1 for number, window in enumerate(windows)]
    spans = [[np.flatnonzero(part.any(axis=1 - axis)) for axis in (0, 1)] for part in parts]
    ends = [[(span[0], span[-1] + 1) if len(span) else (0, 0) for span in each] for each in spans]
    side = max(int(last - first) for each in ends for first, last in each)
    patch = np.zeros((len(result), side, side), bool)
    for canvas, part, ((top, bottom), (left, right)) in zip(patch, parts, ends, strict=True):
        canvas[: bottom - top, : right - left] = part[top:bottom, left:right]
    start = np.array([[rows.start, columns.start] for rows, columns in windows])
    bounds = np.array(ends).transpose(0, 2, 1) + start[:, None]
    tall, wide = result.masks.scale
    seen = bounds[..., ::-1].reshape(-1, 4) * np.array([wide, tall, wide, tall])
    box = result.box_xyxy
    larger = np.concatenate([np.minimum(box[:, :2], seen[:, :2]), np.maximum(box[:, 2:], seen[:, 2:])], axis=1)
    box = np.where((bounds[:, 1] > bounds[:, 0]).all(axis=1, keepdims=True), larger, box)
    tlwh = np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], axis=1)
    return replace(result, box_tlwh=tlwh, masks=replace(result.masks, patch=patch, corner=bounds[:, 0]))
