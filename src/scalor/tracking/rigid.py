"""Pieces of one thing: boxes that touch and, while they travel, keep their places on each other and one silhouette."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from scalor.tracking.entrances import EDGE_PX
from scalor.tracking.masks import PatchMasks
from scalor.tracking.parts import BESIDE, handed_over, touching
from scalor.tracking.table import Rows

Masks = Callable[[], Iterable[PatchMasks]]
"""Begins to give the masks of one frame after the other, in the order of the rows, from the first on."""
TOGETHER = 0.8
"""Pieces are there together in this share of the frames of the one that is seen less long."""
LEAST = 8
"""Frames in which they must be seen whole, and together, for anything to be said."""
LOOSE = 0.08
"""Robust std of the place of one piece on the other, in sides of the box around both: of vans and lorries it is up to
0.07; of people who walk side by side from 0.05 on, but these have no silhouette that stays."""
FAR = 1.0
"""How far they must travel together, in sizes of the box around both."""
MOST = 0.5
"""Of what else is there for this share of their frames more than this share must move on them."""
LOOKED_AT = 25
"""Frames whose masks are looked at, spread over those that they share."""
SIDE = 24
"""Pixels of a side of a silhouette, whatever its size and shape."""
FEWEST = 9
"""Mask pixels of which a silhouette is made."""
SAME = 0.88
"""IoU of the silhouettes of both with the usual one: that of vehicles is 0.9 and more, of who walks 0.75 to 0.87."""
CONVEX = 0.97
"""Of their own share of their convex hulls pieces fill so much of the hull of both: beside each other two things leave
notches."""


@dataclass(frozen=True)
class _Pair:
    """Two tracks, by number, their rows [n] in frames that show both, neither cut off by the edge of the view, and the
    sizes [n, 2] of the boxes around both."""

    one: int
    other: int
    rows: np.ndarray
    others: np.ndarray
    size: np.ndarray

    @property
    def names(self) -> tuple[int, int]:
        return self.one, self.other


def united(rows: Rows, ids: np.ndarray, keep: np.ndarray, masks: Masks) -> tuple[np.ndarray, np.ndarray]:
    """Whom each row belongs to and the identities, as of `parts.owners`, where two or more tracks are one thing.

    What a model paints with two boxes, a lorry or a van among cars, has two tracks side by side that may live equally
    long and be equally large, as two who walk together do. But a thing keeps its shape: its pieces touch, do not move
    on each other while they travel, make one silhouette that stays, and are together as convex as they are alone.
    """
    picked = np.flatnonzero(keep)
    names, number, lives = np.unique(ids[picked], return_inverse=True, return_counts=True)
    home = np.arange(len(names))
    pairs = _unlike_others(rows, picked, number, list(_moving_as_one(rows, picked, number, lives)))
    for pair in _in_one_shape(rows, pairs, masks):
        # All that hangs together goes to the one that lives longest.
        low, high = sorted((home[pair.one], home[pair.other]), key=lambda each: (lives[each], -each))
        home[home == low] = high
    home[home == np.arange(len(names))] = -1
    return handed_over(rows, ids, picked, number, names, home)


def _moving_as_one(rows: Rows, picked: np.ndarray, number: np.ndarray, lives: np.ndarray) -> Iterator[_Pair]:
    """Pairs that touch and do not move on each other on their way; ``number`` [N] and ``lives`` [K] of the rows
    ``picked`` [N]."""
    box = rows.box_tlwh[picked]
    low, high = box[:, :2], box[:, :2] + box[:, 2:]
    order = np.argsort(number, kind="stable")
    of_each = np.split(order, np.cumsum(lives)[:-1]) if len(lives) else []
    travel = np.array([_travels((low + high)[part] / 2, box[part, 2:]) for part in of_each], dtype=bool)
    some = np.flatnonzero(travel[number]) if len(lives) else np.zeros(0, np.int64)
    found = [some[pair] for pair in touching(rows, picked[some], np.ones(len(some), dtype=bool))]
    if not found:
        return
    first, second = np.concatenate(found, axis=1)
    whole = ((low > EDGE_PX) & (high < np.array(rows.size[::-1]) - EDGE_PX)).all(axis=1)
    one, other = number[first], number[second]
    shorter = (lives[one] < lives[other]) | ((lives[one] == lives[other]) & (one < other))
    code, count = np.unique((one * len(lives) + other)[shorter], return_counts=True)
    often = count >= np.maximum(LEAST, BESIDE * TOGETHER * lives[code // len(lives)])
    for key, touched in zip(code[often].tolist(), count[often].tolist(), strict=True):
        lesser, longer = divmod(key, len(lives))
        mine, others = of_each[lesser], of_each[longer]
        frames, at, where = np.intersect1d(rows.frame[picked[mine]], rows.frame[picked[others]], return_indices=True)
        mine, others = mine[at], others[where]
        entire = whole[mine] & whole[others]
        if touched < BESIDE * len(frames) or len(frames) < TOGETHER * lives[lesser] or np.count_nonzero(entire) < LEAST:
            continue
        mine, others = mine[entire], others[entire]
        begin, end = np.minimum(low[mine], low[others]), np.maximum(high[mine], high[others])
        size, middle = end - begin, (begin + end) / 2
        way = np.linalg.norm(middle[-1] - middle[0]) / np.median(np.sqrt(size.prod(axis=1)))
        if way >= FAR and _loose((low[mine] + high[mine] - low[others] - high[others]) / 2, size) <= LOOSE:
            yield _Pair(lesser, longer, picked[mine], picked[others], size)


def _loose(place: np.ndarray, size: np.ndarray) -> float:
    """Robust std of places [n, 2] in sizes [n, 2], that of x or y that is larger."""
    place = place / size
    return float(1.4826 * np.median(np.abs(place - np.median(place, axis=0)), axis=0).max())


def _unlike_others(rows: Rows, picked: np.ndarray, number: np.ndarray, pairs: list[_Pair]) -> list[_Pair]:
    """The pairs on which most others move: on a belt all things keep their places, and that they do says nothing.

    Asked are the tracks that are there in half of the pair's frames and belong to no pair with either of the two.
    """
    center, out = rows.center, []
    for pair in pairs:
        linked = {each for other in pairs for each in other.names if set(other.names) & set(pair.names)}
        when = rows.frame[pair.others]
        there = np.isin(rows.frame[picked], when)
        moves = []
        for name in np.flatnonzero(np.bincount(number[there], minlength=1) >= max(LEAST, MOST * len(when))):
            if int(name) in linked:
                continue
            theirs = picked[there & (number == name)]
            at = np.searchsorted(when, rows.frame[theirs])
            moves.append(_loose(center[theirs] - center[pair.others[at]], pair.size[at]) > LOOSE)
        if not moves or np.mean(moves) > MOST:
            out.append(pair)
    return out


def _travels(center: np.ndarray, size: np.ndarray) -> bool:
    """Whether a track, centres and sizes [n, 2], goes far enough to be a piece of something that does."""
    return len(center) >= LEAST and bool(
        np.hypot(*np.ptp(center, axis=0)) >= FAR * np.median(np.sqrt(size.prod(axis=1)))
    )


def _in_one_shape(rows: Rows, pairs: list[_Pair], masks: Masks) -> Iterator[_Pair]:
    """Those of the pairs that have one silhouette, which stays, and are together as convex as they are alone."""
    wanted: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        some = np.unique(np.linspace(0, len(pair.rows) - 1, LOOKED_AT).astype(int))
        for row, other in zip(pair.rows[some].tolist(), pair.others[some].tolist(), strict=True):
            wanted[int(rows.frame[row])].append((number, row, other))
    if not wanted:
        return
    outlines: list[list[np.ndarray]] = [[] for _ in pairs]
    filled: list[list[float]] = [[] for _ in pairs]
    last = max(wanted)
    for frame, of_frame in enumerate(masks()):
        start = int(np.searchsorted(rows.frame, frame))
        for number, row, other in wanted.get(frame, ()):
            one, two = _on_one_sheet(of_frame, row - start, other - start)
            if min(one.sum(), two.sum()) >= FEWEST:
                outlines[number].append(_outline(one | two))
                filled[number].append(2 * _filled(one | two) / (_filled(one) + _filled(two)))
        if frame == last:
            break
    for pair, shapes, shares in zip(pairs, outlines, filled, strict=True):
        if len(shapes) < LEAST or np.median(shares) < CONVEX:
            continue
        all_of_them = np.array(shapes)
        usual = all_of_them.mean(axis=0) > 0.5
        same = (all_of_them & usual).sum(axis=(1, 2)) / (all_of_them | usual).sum(axis=(1, 2))
        if np.median(same) >= SAME:
            yield pair


def _on_one_sheet(masks: PatchMasks, one: int, other: int) -> tuple[np.ndarray, np.ndarray]:
    """Two masks of a frame on the smallest sheet that holds their patches: bool [h, w] each."""
    corner, side = masks.corner[[one, other]], masks.patch.shape[1]
    place = corner - corner.min(axis=0)
    height, width = (place.max(axis=0) + side).tolist()
    sheets = np.zeros((2, height, width), dtype=bool)
    for sheet, patch, (top, left) in zip(sheets, masks.patch[[one, other]], place.tolist(), strict=True):
        sheet[top : top + side, left : left + side] = patch
    return sheets[0], sheets[1]


def _outline(mask: np.ndarray) -> np.ndarray:
    """A mask bool [h, w] that is not empty, cut to what it holds, at `SIDE` x `SIDE` pixels."""
    import cv2

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    held = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    return cv2.resize(held, (SIDE, SIDE), interpolation=cv2.INTER_AREA) > 0.5


def _filled(mask: np.ndarray) -> float:
    """Share of its convex hull that a mask bool [h, w] fills, which is not empty."""
    import cv2

    y, x = np.nonzero(mask)
    corners = np.concatenate([np.stack([x + right, y + down], axis=1) for right in (0, 1) for down in (0, 1)])
    return float(len(x) / cv2.contourArea(cv2.convexHull(corners.astype(np.int32))))
