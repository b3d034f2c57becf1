"""Painting capsules: thick lines with round ends, shaded as if round, each group of them on a patch of its own.

Patches differ in size, so all of them lie one behind the other in one flat buffer, and the k-th capsule of every group
is painted at once on the pixels of its own bounding box only.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Capsules:
    """M groups of K capsules in pixels; radius 0: not there.

    ends [M, K, 2, 2] (x, y), radii [M, K, 2], depth [M, K] (larger is further), color [M, K, 3] in linear light,
    stripes [M, K, 2] (waves along the capsule, contrast)
    """

    ends: np.ndarray
    radii: np.ndarray
    depth: np.ndarray
    color: np.ndarray
    stripes: np.ndarray

    def extent(self) -> np.ndarray:
        """left, top, right, bottom of each group [M, 4] in pixels."""
        there = (self.radii.max(-1) > 0)[..., None, None]
        near = np.where(there, self.ends - self.radii[..., None], np.inf).min((1, 2))
        far = np.where(there, self.ends + self.radii[..., None], -np.inf).max((1, 2))
        return np.concatenate([near, far], -1)


@dataclass(frozen=True)
class Light:
    """What falls on each group: direction to the sun in the picture [3] (right, down, toward the camera), its colour
    [M, 3] (0 in the shade), colour of the sky [3] and light from the ground [3], and where up is [3]; all float32."""

    sun: np.ndarray
    sunlight: np.ndarray
    sky: np.ndarray
    bounce: np.ndarray
    up: np.ndarray


@dataclass(frozen=True)
class Patches:
    """M painted patches in one buffer: corner [M, 2] (column, row), size [M, 2] (width, height), start [M];
    alpha [P] and premultiplied color [P, 3] (or empty), float32."""

    corner: np.ndarray
    size: np.ndarray
    start: np.ndarray
    alpha: np.ndarray
    color: np.ndarray

    def span(self, number: int) -> slice:
        """Where the pixels of patch ``number`` lie in the buffer."""
        return slice(int(self.start[number]), int(self.start[number] + self.size[number].prod()))

    def cover(self, number: int) -> np.ndarray:
        """alpha [h, w] of patch ``number``."""
        return self.alpha[self.span(number)].reshape(self.size[number, ::-1])

    def patch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """alpha [h, w] and color [h, w, 3] of patch ``number``."""
        return self.cover(number), self.color[self.span(number)].reshape(*self.size[number, ::-1], 3)


def paint(shapes: Capsules, light: Light | None) -> Patches:
    """Paint each group back to front on a patch that just holds it; without ``light`` only ``alpha`` is painted."""
    extent = shapes.extent()
    corner = np.floor(extent[:, :2]).astype(np.int64) - 1
    size = np.ceil(extent[:, 2:]).astype(np.int64) + 1 - corner
    area = size.prod(-1)
    start = np.concatenate([[0], np.cumsum(area)[:-1]]) if len(area) else np.zeros(0, np.int64)
    alpha = np.zeros(int(area.sum()), np.float32)
    color = np.zeros((len(alpha) if light is not None else 0, 3), np.float32)
    order = np.argsort(-shapes.depth, axis=1)
    every = np.arange(len(order))
    ends = (shapes.ends - corner[:, None, None]).astype(np.float32)
    for rank in range(order.shape[1]):
        part = order[:, rank]
        row = every[shapes.radii[every, part].max(-1) > 0]
        part = part[row]
        brush = _brush(ends[row, part], shapes.radii[row, part].astype(np.float32), size[row])
        cover = np.clip(0.5 - brush.distance, 0, 1)
        drawn = np.flatnonzero(cover)
        cover, index = cover[drawn], brush.index[drawn]
        pixel = (start[row][index] + brush.x[drawn] + brush.y[drawn] * size[row, 0][index]).astype(np.int64)
        alpha[pixel] += cover * (1 - alpha[pixel])
        if light is not None:
            shade = _shaded(brush, drawn, light, row)
            paint = shapes.color[row, part]
            waves, contrast = shapes.stripes[row, part].T
            if contrast.any():
                band = np.sin(2 * np.pi * waves[index] * brush.along[drawn]) > 0
                shade = shade * (1 - contrast[index] * band)[:, None]
            below = color[pixel]
            color[pixel] = below + cover[:, None] * (shade * paint[index] - below)
    return Patches(corner, size, start, alpha, color)


@dataclass(frozen=True)
class _Brush:
    """One capsule of each of R groups on the P pixels of their bounding boxes: index [P] of the group, pixel (x, y) in
    its patch, signed distance to the outline, place along the capsule and normal (right, down), all [P]."""

    index: np.ndarray
    x: np.ndarray
    y: np.ndarray
    distance: np.ndarray
    along: np.ndarray
    right: np.ndarray
    down: np.ndarray


def _brush(ends: np.ndarray, radii: np.ndarray, size: np.ndarray) -> _Brush:
    near = np.floor((ends - radii[..., None]).min(1) - 1).astype(np.int64).clip(0, size - 1)
    far = np.ceil((ends + radii[..., None]).max(1) + 1).astype(np.int64).clip(0, size)
    wide = far - near
    count = wide.prod(-1)
    index = np.repeat(np.arange(len(ends)), count)
    place = np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
    y = place // wide[index, 0]
    x = place - y * wide[index, 0] + near[index, 0]
    y = y + near[index, 1]
    axis = ends[:, 1] - ends[:, 0]
    axis_unit = axis / np.maximum(np.square(axis).sum(-1, keepdims=True), 1e-6)
    # One gather of all that is constant per capsule.
    constant = np.concatenate([ends[:, 0], axis, axis_unit, radii[:, :1], radii[:, 1:] - radii[:, :1]], -1)[index]
    ax, ay, bx, by, ux, uy, radius, grows = constant.T
    dx, dy = x.astype(np.float32) + np.float32(0.5) - ax, y.astype(np.float32) + np.float32(0.5) - ay
    along = np.clip(dx * ux + dy * uy, 0, 1)
    dx, dy = dx - along * bx, dy - along * by
    radius = radius + along * grows
    slim = 1 / np.maximum(radius, 0.3)
    return _Brush(index, x, y, np.sqrt(dx * dx + dy * dy) - radius, along, dx * slim, dy * slim)


def _shaded(brush: _Brush, drawn: np.ndarray, light: Light, row: np.ndarray) -> np.ndarray:
    """Light that the pixels ``drawn`` give back, [P, 3]: sun on a round surface, sky from above, ground from below."""
    right, down = brush.right[drawn], brush.down[drawn]
    toward = np.sqrt(np.maximum(0.0, 1 - right * right - down * down))
    lit = np.maximum(0.0, right * light.sun[0] + down * light.sun[1] + toward * light.sun[2])
    up = 0.5 + 0.5 * (right * light.up[0] + down * light.up[1] + toward * light.up[2])
    soft = up * (0.55 + 0.45 * toward)
    around = soft[:, None] * light.sky + (1 - up)[:, None] * light.bounce
    return lit[:, None] * light.sunlight[row][brush.index[drawn]] + around
