"""Going over a video once, as it comes, or twice, so that the end is known when the beginning is reported."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from scalor.data.source import Frame, VideoSource
from scalor.tracking.pipeline import ahead
from scalor.tracking.progress import shown
from scalor.tracking.report import FrameResult
from scalor.tracking.second_pass import Revised, revise
from scalor.tracking.table import Shelf
from scalor.tracking.tracker import Tracker


class Follower(Protocol):
    """Anything that reports on one frame after the other; None is a frame that could not be decoded."""

    def observe(self, frame: np.ndarray | None) -> FrameResult: ...


def follow(source: VideoSource, follower: Follower, *, progress: bool = True) -> Iterator[tuple[Frame, FrameResult]]:
    """Every frame of a source, in order, with what the follower reports of it; few frames are held at a time."""
    for frame in frames_of(source, what="tracking", progress=progress):
        yield frame, follower.observe(frame.image)


def frames_of(source: VideoSource, *, what: str, progress: bool = True) -> Iterator[Frame]:
    """The frames of a source, decoded beside what is done with them."""
    with ahead(source) as frames:
        yield from shown(frames, total=source.count(), what=f"{what} {source.name}") if progress else frames


def first_pass(source: VideoSource, tracker: Tracker, shelf: Shelf, *, progress: bool = True) -> Revised:
    """Track a source with nothing held back, put all of it on the shelf, and decide what is to be reported.

    What the tracker would hold back (`min_visibility`, `confirm`) is held back at the end.
    """
    limits = {"min_visibility": tracker.min_visibility, "confirm": tracker.confirm}
    tracker.min_visibility, tracker.confirm = 0.0, 1
    try:
        for _, result in follow(source, tracker, progress=progress):
            shelf.put(result)
    finally:
        tracker.min_visibility, tracker.confirm = limits["min_visibility"], int(limits["confirm"])
    return revise(shelf.rows(), min_visibility=tracker.min_visibility, confirm=tracker.confirm)


def second_pass(
    source: VideoSource, revised: Revised, shelf: Shelf, *, pictures: bool, progress: bool = True
) -> Iterator[tuple[Frame, FrameResult]]:
    """Every frame again with what is reported of it; without ``pictures`` nothing is decoded, and frames have none."""
    results = revised.results(shelf.masks())
    if not pictures:
        yield from ((Frame(result.index, None), result) for result in results)
        return
    frames = frames_of(source, what="writing", progress=progress)
    yield from zip(frames, results, strict=True)
