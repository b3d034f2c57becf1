"""`Ages`: for how many frames each object has been known."""

import numpy as np

from scalor.core.types import Slots


class Ages:
    """Of the objects of the last frame alone: who is gone does not come back under its identity."""

    def __init__(self) -> None:
        self._ids, self._frames = np.zeros((2, 0), dtype=np.int64)

    def grow(self, slots: Slots) -> None:
        """One frame further, to objects of one batch element."""
        ids = np.sort(slots.id[0, slots.alive[0]].cpu().numpy())
        self._ids, self._frames = ids, self.of(ids) + 1

    def of(self, ids: np.ndarray) -> np.ndarray:
        """Frames, int64 [N], 0 for who is not known."""
        if len(self._ids) == 0:
            return np.zeros_like(ids)
        at = np.searchsorted(self._ids, ids).clip(max=len(self._ids) - 1)
        return np.where(self._ids[at] == ids, self._frames[at], 0)

    def by_id(self) -> dict[int, int]:
        """All of them by their identity."""
        return dict(zip(self._ids.tolist(), self._frames.tolist(), strict=True))
