"""Silhouettes: what stands out beside an object, and belongs to nobody else, is a part of it.

A painted mask is as sharp as a glimpse of some 24 x 24 numbers, and learned from many: a leg that swings, a tail, or a
wing is often left out. Where a fixed camera's empty scene says what stands out, the object's mask grows into it.
"""

from dataclasses import replace

import numpy as np

from scalor.tracking.report import FrameResult

REACH = 0.3
"""How far an object grows, in square roots of its box's area."""


def with_silhouettes(result: FrameResult, standing_out: np.ndarray) -> FrameResult:
    """The objects with masks grown into what stands out, and boxes that hold them.

    Each pixel goes to the nearest mask, if that is near enough and the pixels between stand out too. Masks stay
    disjoint; boxes only grow.

    Args:
        result: the objects of one frame.
        standing_out: bool [h, w], network pixels in view that are not the empty scene.
    """
    if not len(result):
        return result
    labels = _labels(result, standing_out.shape)
    grown = _grown(labels, standing_out, _reach(result))
    if (grown == labels).all():
        return result
    return _cut(result, grown)


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


def _reach(result: FrameResult) -> np.ndarray:
    """Network pixels by which each object may grow, float32 [N + 1]; the first is of no object."""
    (tall, wide), box = result.masks.scale, result.box_tlwh
    reach = REACH * np.sqrt(box[:, 2] / wide * box[:, 3] / tall)
    return np.concatenate([[0.0], reach]).astype(np.float32)


def _grown(labels: np.ndarray, standing_out: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Labels of the grown masks, int32 [h, w]."""
    import cv2

    free = (labels == 0).astype(np.uint8)
    distance, zone = cv2.distanceTransformWithLabels(free, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    owner = np.zeros(int(zone.max()) + 1, np.int32)
    owner[zone[labels > 0]] = labels[labels > 0]
    nearest = owner[zone]
    claimed = np.where((labels > 0) | (standing_out & (distance <= reach[nearest])), nearest, 0)
    grown = labels.copy()
    for number in np.unique(claimed[claimed != labels]):
        region = (claimed == number).astype(np.uint8)
        _, parts = cv2.connectedComponents(region, connectivity=8)
        own = np.unique(parts[labels == number])
        grown[np.isin(parts, own[own > 0])] = number
    return grown


def _cut(result: FrameResult, labels: np.ndarray) -> FrameResult:
    """The objects with the masks that ``labels`` show; boxes hold them."""
    spots = [np.argwhere(labels == number + 1) for number in range(len(result))]
    bounds = np.array([[*spot.min(0), *(spot.max(0) + 1)] if len(spot) else [0, 0, 0, 0] for spot in spots])
    side = int((bounds[:, 2:] - bounds[:, :2]).max())
    patch = np.zeros((len(result), side, side), bool)
    for number, (spot, bound) in enumerate(zip(spots, bounds, strict=True)):
        patch[number][tuple((spot - bound[:2]).T)] = True
    tall, wide = result.masks.scale
    seen = bounds[:, [1, 0, 3, 2]] * np.array([wide, tall, wide, tall])
    box = result.box_xyxy
    larger = np.concatenate([np.minimum(box[:, :2], seen[:, :2]), np.maximum(box[:, 2:], seen[:, 2:])], axis=1)
    box = np.where((bounds[:, 2:] > bounds[:, :2]).all(axis=1, keepdims=True), larger, box)
    tlwh = np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], axis=1)
    return replace(result, box_tlwh=tlwh, masks=replace(result.masks, patch=patch, corner=bounds[:, :2].copy()))
