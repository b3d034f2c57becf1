"""Groups taken apart: a blob of several objects that never part is what copies of a single one's outline cover.

Two who walk together touch in every frame in which they are seen, so motion does not say that they are two. The outline
of those who walk alone does: two copies of it cover the pair, and one copy, however stretched, does not.
"""

from collections.abc import Sequence

import numpy as np

ROWS, COLUMNS = 12, 6
"""Cells of an outline: the box of an object, whatever its size."""
MOST = 3
"""Copies that are tried: of larger groups nothing is known."""
COVERED = 0.7
"""Intersection over union with the copies from which a group is taken apart."""
CLEARLY = 0.05
"""By so much the copies cover it better than one thing would, or one copy less."""
APART = 0.5
"""Share of a copy that another one may lie on: what hides more of each other cannot be told apart."""
ON_IT = 0.7
"""Share of a copy that lies on the group."""
PLACES = 80
"""Places of copies that are tried together."""

Outline = tuple[tuple[float, ...], ...]
"""Which cells [12][6] of the box of a single object are seen: 0 or 1. Empty: not known."""


def outline_of(masks: Sequence[np.ndarray]) -> Outline:
    """The outline that most of the single objects have, of their tight masks, bool [h, w] each; empty of none."""
    if not masks:
        return ()
    mean = np.mean([_resized(mask, ROWS, COLUMNS) for mask in masks], axis=0)
    return tuple(tuple(float(cell > 0.5) for cell in row) for row in mean)


def members(mask: np.ndarray, width: float, height: float, outline: np.ndarray) -> np.ndarray:
    """Boxes (x, y, w, h) of the objects of a group, in pixels of its tight mask: float32 [K, 4], K of 2 or 3.

    Empty where the mask [h, w] is no such group: a single object, or something else.

    Args:
        mask: bool, the pixels of one connected component.
        width, height: sides of a single object there, in pixels.
        outline: float32 [12, 6], which cells of its box are seen.
    """
    none = np.zeros((0, 4), np.float32)
    rows, columns = round(mask.shape[0] * ROWS / height), round(mask.shape[1] * COLUMNS / width)
    amount = _resized(mask, max(1, rows), max(1, columns))
    if not 1.0 < amount.sum() / outline.sum() < MOST + 1 or amount.size > 4 * MOST * MOST * outline.size:
        return none
    found = none
    best = max(COVERED - CLEARLY, *(float(_alike(one, amount)) for one in _single(outline, amount.shape)))
    places, drawn, target = _placed(amount, outline)
    for copies, covered in _covers(drawn, target):
        if covered >= best + CLEARLY:
            best = covered
            middle = (places[copies][:, ::-1] + (COLUMNS / 2, ROWS / 2)) * (width / COLUMNS, height / ROWS)
            found = np.concatenate([middle, np.tile((width, height), (len(copies), 1))], axis=1).astype(np.float32)
    return found


def _single(outline: np.ndarray, size: tuple[int, ...]) -> list[np.ndarray]:
    """What one thing could look like that fills a box of ``size`` cells: the outline, stretched, a rectangle, and an
    ellipse."""
    rows, columns = (2 * np.arange(side) + 1 - side for side in size)
    ellipse = (rows[:, None] / size[0]) ** 2 + (columns / size[1]) ** 2 <= 1
    return [_resized(outline, *size), np.ones(size, np.float32), ellipse.astype(np.float32)]


def _placed(amount: np.ndarray, outline: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places (row, column) [N, 2] where a copy lies on the group, may be over its edges; the copies there, and the
    group itself, as rows of the same plane: float32 [N, M] and [M]."""
    plane = np.pad(amount, ((ROWS // 2,) * 2, (COLUMNS // 2,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(plane, outline.shape)
    share = np.minimum(windows, outline).sum((2, 3)) / outline.sum()
    there = np.argwhere(share > ON_IT)
    there = there[np.argsort(-share[tuple(there.T)], kind="stable")[:PLACES]]
    drawn = np.zeros((len(there), *plane.shape), np.float32)
    for copy, (row, column) in zip(drawn, there, strict=True):
        copy[row : row + ROWS, column : column + COLUMNS] = outline
    return there - (ROWS // 2, COLUMNS // 2), drawn.reshape(len(there), plane.size), plane.ravel()


def _covers(drawn: np.ndarray, target: np.ndarray) -> list[tuple[list[int], float]]:
    """The two copies that together are most like the target, and three, and how much; fewer where none are apart."""
    # Copies are 0 or 1, so that products tell what two of them cover together.
    on_target, shared = drawn * target, drawn @ drawn.T
    alone, twice, size = on_target.sum(1), on_target @ drawn.T, drawn.sum(1)
    apart = shared <= APART * size.max(initial=0.0)
    covered = alone[:, None] + alone - twice
    union = size[:, None] + size - shared
    score = np.where(apart, covered / (union + target.sum() - covered), 0.0)
    if not apart.any():
        return []
    first, second = np.unravel_index(int(score.argmax()), score.shape)
    pair = [int(first), int(second)]
    third = np.maximum(np.maximum(drawn[first], drawn[second]), drawn)
    more = np.where(apart[first] & apart[second], _alike(third, target), 0.0)
    return [(pair, float(score[first, second])), ([*pair, int(more.argmax())], float(more.max()))]


def _alike(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Intersection over union of amounts in 0..1, over the last axis, or over all of a plane."""
    axes = tuple(range(one.ndim - two.ndim, one.ndim))
    return np.minimum(one, two).sum(axes) / np.maximum(one, two).sum(axes)


def _resized(mask: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """How much of each cell of a grid a mask covers: float32 [rows, columns]."""
    import cv2

    return cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
