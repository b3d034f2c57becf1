"""Connected components of masks, and which of them are two objects: those that part in two, or that two became."""

from dataclasses import dataclass

import numpy as np

from scalor.training.copy_paste import LEAST_PX

LINKED = 0.3
"""Share of the smaller of two blobs of successive frames that must lie on the other for one to become the other."""
PART = 0.2
"""Share of a blob that each of its parts has at least: less is a shadow, or an arm."""
SUM = (0.75, 1.3)
"""Range of the parts' area together, in areas of the blob."""
SAME = (0.7, 1.4)
"""Range of the area of a blob in the next frame, in areas of before."""


@dataclass(frozen=True)
class Components:
    """The connected components of one frame.

    labels  int32 [H, W], 0: none, 1 ..: one more than the row of
    area    float64 [K], in pixels
    box     float64 [K, 4], (x, y, w, h)
    whole   bool [K], none of its edges is that of the view
    """

    labels: np.ndarray
    area: np.ndarray
    box: np.ndarray
    whole: np.ndarray

    @classmethod
    def of(cls, mask: np.ndarray) -> "Components":
        """Of a boolean [H, W]; specks are left out."""
        import cv2

        count, labels, table, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        kept = np.flatnonzero(table[:, 4] >= LEAST_PX)
        kept = kept[kept > 0]
        number = np.zeros(count, np.int32)
        number[kept] = np.arange(1, len(kept) + 1)
        low, size = table[kept, :2].astype(float), table[kept, 2:4].astype(float)
        whole = (low > 0).all(1) & (low + size < np.array(mask.shape[::-1])).all(1)
        return cls(number[labels], table[kept, 4].astype(float), np.concatenate([low + size / 2, size], 1), whole)

    def mask(self, row: int) -> np.ndarray:
        """The pixels of one of them within its box: bool [h, w]."""
        low = np.round(self.box[row, :2] - self.box[row, 2:] / 2).astype(int)
        width, height = np.round(self.box[row, 2:]).astype(int)
        return self.labels[low[1] : low[1] + height, low[0] : low[0] + width] == row + 1


def pairs_among(frames: list[Components]) -> list[np.ndarray]:
    """Which components of successive frames are known to be two objects: bool [K] each.

    A blob of which two parts go on is a pair, and so is what it was one to one before; likewise a blob that two became.
    """
    pair = [np.zeros(len(each.area), bool) for each in frames]
    links = [_links(one, two) for one, two in zip(frames[:-1], frames[1:], strict=True)]
    for t, linked in enumerate(links):
        pair[t] |= _parted(linked, frames[t].area, frames[t + 1].area)
        pair[t + 1] |= _parted(linked.T, frames[t + 1].area, frames[t].area)
    same = [_same(linked, frames[t].area, frames[t + 1].area) for t, linked in enumerate(links)]
    for t, kept in enumerate(same):
        pair[t + 1][kept[:, 1]] |= pair[t][kept[:, 0]]
    for t, kept in reversed(list(enumerate(same))):
        pair[t][kept[:, 0]] |= pair[t + 1][kept[:, 1]]
    return pair


def going_on(one: Components, two: Components) -> np.ndarray:
    """(row, column) [M, 2] of the components of one frame that go on in the next one to one, about as large."""
    return _same(_links(one, two), one.area, two.area)


def _links(one: Components, two: Components) -> np.ndarray:
    """Which components lie on which: bool [K, L]."""
    count, others = len(one.area) + 1, len(two.area) + 1
    both = np.bincount((one.labels.astype(np.int64) * others + two.labels).ravel(), minlength=count * others)
    shared = both.reshape(count, others)[1:, 1:]
    return shared >= LINKED * np.minimum(one.area[:, None], two.area[None])


def _parted(linked: np.ndarray, area: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Of which components exactly two parts go on, each from it alone: bool [K]."""
    out = np.zeros(len(area), bool)
    for number in np.flatnonzero(linked.sum(1) == 2):
        mine = np.flatnonzero(linked[number])
        whole = SUM[0] <= parts[mine].sum() / area[number] <= SUM[1]
        out[number] = whole and (parts[mine] >= PART * area[number]).all() and (linked[:, mine].sum(0) == 1).all()
    return out


def _same(linked: np.ndarray, area: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(row, column) [M, 2] of those that go on one to one, about as large as before."""
    only = linked & (linked.sum(1, keepdims=True) == 1) & (linked.sum(0, keepdims=True) == 1)
    found = np.argwhere(only)
    ratio = after[found[:, 1]] / area[found[:, 0]]
    return found[(ratio >= SAME[0]) & (ratio <= SAME[1])]
