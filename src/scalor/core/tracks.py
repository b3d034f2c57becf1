"""`Tracks`, the table that leaves the house, and `Truth`, what a data set knows about its objects."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

Rle = dict[str, Any]
"""A compressed COCO run-length mask: ``{"size": [H, W], "counts": str}``."""


FIRST_FRAME = 1
"""What tables in files (``tracks.txt``, ``tracks.csv``, ``gt.txt``) call the first frame."""
FIRST_PIXEL = 1
"""What they call the left and the top edge of the picture; both as MOTChallenge has it (docs/adr/0007)."""


@dataclass(frozen=True)
class Tracks:
    """A table of boxes with identities; one row per object and frame, sorted by (frame, id).

    frame       int64   [R]     0-based frame number in the source
    id          int64   [R]     identity, unique for ever within one table
    box_tlwh    float64 [R, 4]  left, top, width, height in source pixels (left edge of pixel 0 is 0.0)
    score       float64 [R]     confidence in [0, 1]
    visibility  float64 [R]     share of the object that is in view and in front, in [0, 1]
    masks       optional list of R COCO RLE dicts (None where a row has no mask)
    length      number of frames of the video the table speaks about (frames without objects count too)
    """

    frame: np.ndarray
    id: np.ndarray
    box_tlwh: np.ndarray
    score: np.ndarray
    visibility: np.ndarray
    length: int
    masks: list[Rle | None] | None = field(default=None)

    def __post_init__(self) -> None:
        rows = len(self.frame)
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray | list) and len(value) != rows:
                raise ValueError(f"column {item.name} has {len(value)} rows, frame has {rows}: give equal lengths")

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[Any, ...]], *, length: int, masks: bool = False) -> "Tracks":
        """Rows are (frame, id, left, top, width, height, score, visibility[, rle]); sorted here."""
        ordered = sorted(rows, key=lambda row: (row[0], row[1]))
        table = np.array([row[:8] for row in ordered], dtype=np.float64).reshape(-1, 8)
        return cls(
            frame=np.array([row[0] for row in ordered], dtype=np.int64),
            id=np.array([row[1] for row in ordered], dtype=np.int64),
            box_tlwh=table[:, 2:6],
            score=table[:, 6],
            visibility=table[:, 7],
            length=length,
            masks=[row[8] for row in ordered] if masks else None,
        )

    def select(self, keep: np.ndarray) -> "Tracks":
        """The rows where the boolean (or index) array ``keep`` says so."""
        picked = np.flatnonzero(keep) if keep.dtype == bool else keep
        return replace(
            self,
            frame=self.frame[picked],
            id=self.id[picked],
            box_tlwh=self.box_tlwh[picked],
            score=self.score[picked],
            visibility=self.visibility[picked],
            masks=None if self.masks is None else [self.masks[i] for i in picked],
        )

    @property
    def center(self) -> np.ndarray:
        """Box centres (x, y) in source pixels, float64 [R, 2]."""
        return self.box_tlwh[:, :2] + self.box_tlwh[:, 2:] / 2
