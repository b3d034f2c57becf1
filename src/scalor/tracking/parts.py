"""Short tracks that are parts of another object: a leg, a head, a hand that had a box of its own for some frames."""

from collections.abc import Iterator

import numpy as np

from scalor.tracking.table import Rows

LESS = 0.5
"""Of the object that it belongs to, a part has less than this share of the pixels, and of the life."""
BESIDE = 0.9
"""A part lies at its object in this share of its frames."""
NEAR = 0.05
"""Boxes with a gap of less than this share of the longer side of the object touch."""
ABSORBED = 0.8
"""A part over whose place its object grows may have up to this share of the object's pixels and life."""
TOGETHER = 0.6
"""It is there together with its object in this share of its frames: what enters the view does so part by part."""
SOON = 3
"""Frames within which the object grows over the place of a part that is gone."""
HELD = 0.7
"""Share of the part's last box that the object's box then holds."""


def owners(rows: Rows, ids: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whom each row belongs to: int64 [R], the row of the same frame whose object its own is a part of, else itself (-1
    where it belongs to nobody); and the identities int64 [R] with those of objects for parts that are seen alone.

    A part is never seen but at its object, is smaller than half of it, and is gone before half of the object's life:
    two who stay together come and go together, or are of like size. What an object grows over at once when it ends
    inside the view may be larger and live longer, and may have been there before: a car's roof that entered first.

    Args:
        rows: of a first pass.
        ids: int64 [R], identities after links.
        keep: bool [R], rows that count.
    """
    picked = np.flatnonzero(keep)
    names, number, lives = np.unique(ids[picked], return_inverse=True, return_counts=True)
    if not len(names):
        return np.arange(len(rows)), ids
    pairs = list(touching(rows, picked, lives[number] < ABSORBED * lives.max()))
    part, whole = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), np.int64)
    # By identity, parts first: in how many frames each pair touches, how much smaller the one is in the middle, and by
    # how much the box of the other would grow.
    code = number[part] * len(names) + number[whole]
    area = np.maximum(rows.area[picked], 1e-6)
    order = np.argsort(code, kind="stable")
    code, start, count = np.unique(code[order], return_index=True, return_counts=True)

    def usual(values: np.ndarray) -> np.ndarray:
        return np.array([float(np.median(each)) for each in np.split(values[order], start[1:])] if len(code) else [])

    smaller, grown = usual(area[part] / area[whole]), usual(_growth(rows.box_tlwh[picked], part, whole))
    one, other = code // len(names), code % len(names)
    shorter = lives[one] / lives[other]
    fits = (count >= BESIDE * lives[one]) & (smaller < LESS) & (shorter < LESS)
    for at in np.flatnonzero(
        ~fits & (smaller < ABSORBED) & (shorter < ABSORBED) & (count >= TOGETHER * BESIDE * lives[one])
    ):
        mine, others = picked[number == one[at]], picked[number == other[at]]
        fits[at] = _absorbed(rows, mine, others, int(count[at]))
    home = np.full(len(names), -1)
    # The least growth last: of several objects a part is that of the one whose box holds most of it.
    for at in np.flatnonzero(fits)[np.argsort(-grown[fits], kind="stable")]:
        home[one[at]] = other[at]
    for at in np.flatnonzero(home >= 0)[np.argsort(-lives[home >= 0], kind="stable")]:
        if home[home[at]] >= 0:  # a part of a part; the longer lives are settled already
            home[at] = home[home[at]]
    return handed_over(rows, ids, picked, number, names, home)


def handed_over(
    rows: Rows, ids: np.ndarray, picked: np.ndarray, number: np.ndarray, names: np.ndarray, home: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whom each row belongs to and the identities, as of `owners`.

    Args:
        rows: of a first pass.
        ids: int64 [R], identities.
        picked: int64 [N], the rows that count.
        number: int64 [N], whose they are, as places in ``names``.
        names: int64 [K], identities.
        home: int64 [K], the place of the object that each is a part of, which is no part itself; -1: none.
    """
    into, ids = np.arange(len(rows)), ids.copy()
    area = rows.area[picked]
    parts = np.flatnonzero(home[number] >= 0)
    place = rows.frame[picked] * len(names) + number
    order = np.argsort(place)
    wanted = rows.frame[picked[parts]] * len(names) + home[number[parts]]
    at = order[np.searchsorted(place, wanted, sorter=order).clip(max=len(place) - 1)]
    seen = place[at] == wanted
    into[picked[parts]] = np.where(seen, picked[at], -1)
    # Where the object is not seen, its largest part is the object.
    alone = parts[~seen][np.argsort(-area[parts[~seen]], kind="stable")]
    _, first = np.unique(wanted[np.searchsorted(parts, alone)], return_index=True)
    largest = alone[first]
    into[picked[largest]], ids[picked[largest]] = picked[largest], names[home[number[largest]]]
    return into, ids


def _absorbed(rows: Rows, mine: np.ndarray, others: np.ndarray, touching: int) -> bool:
    """Whether a track with the rows ``mine`` ends inside the view and ``others`` at once grow over its place, having
    touched it in ``touching`` frames."""
    common = np.intersect1d(rows.frame[mine], rows.frame[others])
    if len(common) < TOGETHER * len(mine) or touching < BESIDE * len(common):
        return False
    end, last = rows.frame[mine].max(), rows.box_tlwh[mine[rows.frame[mine].argmax()]]
    height, width = rows.size
    if min(last[0], last[1]) < 1 or last[0] + last[2] > width - 1 or last[1] + last[3] > height - 1:
        return False
    after = rows.box_tlwh[others[(rows.frame[others] > end) & (rows.frame[others] <= end + SOON)]]
    low = np.maximum(after[:, :2], last[:2])
    high = np.minimum(after[:, :2] + after[:, 2:], last[:2] + last[2:])
    held = np.clip(high - low, 0, None).prod(axis=1).max(initial=0.0)
    return bool(held >= HELD * last[2] * last[3])


def _growth(box: np.ndarray, part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Area of the box around both by that of the whole's, float64 [n], for boxes [N, 4] and places in them [n]."""
    low = np.minimum(box[part, :2], box[whole, :2])
    high = np.maximum(box[part, :2] + box[part, 2:], box[whole, :2] + box[whole, 2:])
    return (high - low).prod(axis=1) / np.maximum(box[whole, 2:].prod(axis=1), 1e-6)


def touching(rows: Rows, picked: np.ndarray, short: np.ndarray) -> Iterator[np.ndarray]:
    """Frame by frame pairs of places in ``picked`` whose boxes touch, the first of a ``short`` track: int64 [2, n]."""
    box = rows.box_tlwh[picked]
    low, high = box[:, :2], box[:, :2] + box[:, 2:]
    slack = NEAR * box[:, 2:].max(axis=1)
    order = np.argsort(rows.frame[picked], kind="stable")
    edges = np.flatnonzero(np.diff(rows.frame[picked][order])) + 1
    for here in np.split(order, edges):
        some = here[short[here]]
        if not len(some) or len(here) < 2:
            continue
        gap = np.maximum(low[some, None], low[None, here]) - np.minimum(high[some, None], high[None, here])
        touch = (gap.max(axis=2) <= slack[None, here]) & (some[:, None] != here[None])
        first, second = np.nonzero(touch)
        yield np.stack([some[first], here[second]])
