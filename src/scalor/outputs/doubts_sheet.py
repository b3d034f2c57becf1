"""The doubtful moments with their pictures: read once more from the video, cut out around what is to be looked at."""

from collections.abc import Mapping, Sequence

import numpy as np

from scalor.data.source import VideoSource
from scalor.outputs.doubts import Doubt, in_words
from scalor.viz.contact import Exhibit, contact_sheet, tile

DOUBTS = "doubts.png"
SHOWN = 10
"""Moments on the sheet."""


def exhibits(source: VideoSource, doubts: Sequence[Doubt]) -> list[Exhibit]:
    """What the sheet shows of each moment; a frame that is not there has no picture."""
    wanted = sorted({frame for each in doubts for frame in each.frames})
    pictures = dict(zip(wanted, (frame.image for frame in source.read(wanted)), strict=True))
    return [Exhibit(tiles_of(each, pictures), in_words(each)) for each in doubts]


def tiles_of(doubt: Doubt, pictures: Mapping[int, np.ndarray | None]) -> list[np.ndarray]:
    """The surroundings of a moment in its one or two frames, uint8 [H, W, 3] each."""
    box = np.array(doubt.box_tlwh)
    return [tile(pictures.get(frame), box, doubt.id) for frame in doubt.frames]


def sheet_of(source: VideoSource, doubts: Sequence[Doubt]) -> np.ndarray:
    """The most doubtful moments as one picture, uint8 [H, W, 3]."""
    return contact_sheet(exhibits(source, doubts[:SHOWN]))
