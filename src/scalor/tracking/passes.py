"""Going over a video once, as it comes, or twice, so that the end is known when the beginning is reported."""

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Protocol

import numpy as np

from scalor.data.source import Frame, VideoSource
from scalor.tracking.pipeline import prefetched
from scalor.tracking.progress import shown
from scalor.tracking.report import FrameResult
from scalor.tracking.second_pass import Revised, revise
from scalor.tracking.table import Shelf
from scalor.tracking.tracker import Tracker


class Follower(Protocol):
    """Anything that reports on one frame after the other; None is a frame that could not be decoded."""

    def observe(self, frame: np.ndarray | None) -> FrameResult:
        """The report of the next frame, uint8 [H, W, 3]."""


Reports = Generator[tuple[Frame, FrameResult], None, None]
"""Frame by frame what is reported. Closed, it lets go of the video and ends its threads."""


def follow(source: VideoSource, follower: Follower, *, progress: bool = True, in_scene: bool = False) -> Reports:
    """Every frame of a source, in order, with what the follower reports of it; few frames are held at a time.

    ``in_scene``: a `Tracker` reports on recorded video in the coordinates of the scene (`Tracker.observe_all`).
    """
    with frames_of(source, what="tracking", progress=progress) as frames:
        if source.live or not isinstance(follower, Tracker):
            yield from ((frame, follower.observe(frame.image)) for frame in frames)
            return
        yield from _together(frames, follower, in_scene=in_scene)


def _together(frames: Iterator[Frame], tracker: Tracker, *, in_scene: bool) -> Iterator[tuple[Frame, FrameResult]]:
    """Frames with their reports; those that are looked at and not yet reported wait."""
    waiting: deque[Frame] = deque()

    def pictures() -> Iterator[np.ndarray | None]:
        for frame in frames:
            waiting.append(frame)
            yield frame.image

    for result in tracker.observe_all(pictures(), in_scene=in_scene):
        yield waiting.popleft(), result


@contextmanager
def frames_of(source: VideoSource, *, what: str, progress: bool = True) -> Iterator[Iterator[Frame]]:
    """The frames of a source, decoded beside what is done with them."""
    with prefetched(source) as frames:
        yield shown(frames, total=source.count(), what=f"{what} {source.name}") if progress else frames


def first_pass(
    source: VideoSource, tracker: Tracker, shelf: Shelf, *, individuals: int | None = None, progress: bool = True
) -> Revised:
    """Track a source with nothing held back, put all of it on the shelf, and decide what is to be reported.

    What the tracker would hold back (`min_visibility`, `confirm`) is held back at the end. ``individuals`` as in
    `revise`.
    """
    limits = {"min_visibility": tracker.min_visibility, "confirm": tracker.confirm}
    tracker.min_visibility, tracker.confirm = 0.0, 1
    try:
        with closing(follow(source, tracker, progress=progress, in_scene=True)) as reports:
            for _, result in reports:
                shelf.put(result)
    finally:
        tracker.min_visibility, tracker.confirm = limits["min_visibility"], int(limits["confirm"])
    return revise(
        shelf.rows(),
        min_visibility=tracker.min_visibility,
        confirm=tracker.confirm,
        individuals=individuals,
        masks=shelf.masks,
    )


def second_pass(
    source: VideoSource, revised: Revised, shelf: Shelf, *, pictures: bool, progress: bool = True
) -> Reports:
    """Every frame again with what is reported of it; without ``pictures`` nothing is decoded, and frames have none."""
    results = revised.results(shelf.masks())
    if not pictures:
        yield from ((Frame(result.index, None, time=source.time_of(result.index)), result) for result in results)
        return
    with frames_of(source, what="writing", progress=progress) as frames:
        yield from zip(frames, results, strict=True)
