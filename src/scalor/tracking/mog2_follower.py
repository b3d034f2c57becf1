"""The classical baseline behind the same verb as `Tracker`."""

import numpy as np

from scalor.data.source import VideoSource
from scalor.tracking.masks import PatchMasks
from scalor.tracking.mog2_sort import Mog2Sort, Mog2SortConfig
from scalor.tracking.report import FrameResult


class Mog2SortFollower:
    """MOG2 + SORT; learns the background from the first frames of the source."""

    def __init__(self, source: VideoSource) -> None:
        config = Mog2SortConfig(fps=source.fps)
        self._sort = Mog2Sort(config)
        self._size = (source.height, source.width)
        self._frames = 0
        ahead = (frame.image for frame in source.first(config.warm_up))
        self._sort.learn(image for image in ahead if image is not None)

    def observe(self, frame: np.ndarray | None) -> FrameResult:
        """The blobs of one frame; their visibility is 1, since the method knows nothing of what is hidden."""
        number, self._frames = self._frames, self._frames + 1
        blobs = [] if frame is None else self._sort.update(frame)
        if not blobs:
            return FrameResult.empty(number, self._size, decoded=frame is not None)
        return FrameResult(
            index=number,
            ids=np.array([blob.id for blob in blobs], dtype=np.int64),
            box_tlwh=np.array([blob.box_tlwh for blob in blobs], dtype=np.float64),
            score=np.array([blob.score for blob in blobs], dtype=np.float64),
            visibility=np.ones(len(blobs)),
            masks=PatchMasks(
                np.stack([blob.mask for blob in blobs]), np.zeros((len(blobs), 2), dtype=np.int64), self._size
            ),
        )
