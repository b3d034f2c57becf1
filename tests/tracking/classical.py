"""The classical competitor over frames in memory, as a table."""

from collections.abc import Iterable
from itertools import chain, islice
from typing import Any

import numpy as np
from pycocotools.mask import encode

from scalor.core.tracks import Tracks
from scalor.tracking.mog2_sort import Mog2Sort, Mog2SortConfig


def mog2_table(frames: Iterable[np.ndarray], config: Mog2SortConfig | None = None, *, masks: bool = True) -> Tracks:
    """Frames are uint8 [H, W, 3] RGB (or [H, W]), of which the first ones are learned before tracking begins."""
    config = config or Mog2SortConfig()
    stream = iter(frames)
    ahead = list(islice(stream, config.warm_up))
    tracker = Mog2Sort(config)
    tracker.learn(ahead)
    rows: list[tuple[Any, ...]] = []
    length = 0
    for number, frame in enumerate(chain(ahead, stream)):
        for blob in tracker.update(frame):
            row = (number, blob.id, *blob.box_tlwh, blob.score, 1.0)
            rows.append((*row, encode(np.asfortranarray(blob.mask.astype(np.uint8)))) if masks else row)
        length = number + 1
    return Tracks.from_rows(rows, length=length, masks=masks)
