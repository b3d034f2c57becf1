"""`Clip`, a piece of video, and `Truth`, what a data set knows about the objects in it."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from scalor.core.tracks import Tracks


@dataclass(frozen=True)
class Truth:
    """Ground truth of a clip, padded over its N objects. In toy clips object n + 1 lies in front of object n.

    id          int64   [T, N]     -1 where the object is not in view; one that leaves the view
                                   completely and returns gets a new id
    box_tlwh    float32 [T, N, 4]  full (amodal) extent clipped to the view, in pixels; zeros where not in view
    center      float32 [T, N, 2]  centre (x, y) of the full object in view pixels (pixel i covers [i, i + 1)),
                                   also where it is outside the view
    visibility  float32 [T, N]     pixels in view and not hidden / pixels of the full object, in [0, 1]
    size        float32 [N]        side of the object's bounding square in pixels
    owner       int16   [T, H, W]  index n of the frontmost object of each pixel, -1 where the background is seen
    """

    id: Tensor
    box_tlwh: Tensor
    center: Tensor
    visibility: Tensor
    size: Tensor
    owner: Tensor

    def tracks(self, min_visibility: float = 0.25) -> Tracks:
        """The objects in view of which at least the share ``min_visibility`` is seen, as a table."""
        keep = (self.id >= 0) & (self.visibility >= min_visibility)
        frame, column = (index.numpy() for index in keep.nonzero(as_tuple=True))
        ids, visibility = self.id.numpy()[frame, column], self.visibility.numpy()[frame, column]
        order = np.lexsort((ids, frame))
        return Tracks(
            frame=frame[order],
            id=ids[order],
            box_tlwh=self.box_tlwh.numpy()[frame, column][order].astype(np.float64),
            score=np.ones(len(order)),
            visibility=visibility[order].astype(np.float64),
            length=len(self.id),
        )


@dataclass(frozen=True)
class Clip:
    """T consecutive frames of one video, uint8 [T, C, H, W], and the truth about them where it is known."""

    video: Tensor
    truth: Truth | None = None
    fps: float = 10.0
    name: str = ""
