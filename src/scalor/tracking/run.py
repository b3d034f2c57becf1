"""Tracking a whole video into a table, in memory that does not grow with its length but by the table itself."""

from collections.abc import Iterable
from os import PathLike
from typing import Any

from scalor.core.arguments import plainly
from scalor.core.tracks import Tracks
from scalor.data.source import Frame, VideoSource
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.pretrained import Loaded
from scalor.tracking.passes import Follower, first_pass, follow, second_pass
from scalor.tracking.report import FrameResult
from scalor.tracking.setup import prepare
from scalor.tracking.table import shelf

Video = str | PathLike[str] | VideoSource


def track_video(
    source: Video,
    tracker: Follower,
    *,
    progress: bool = True,
    allow_truncated: bool = False,
    masks: bool = False,
) -> Tracks:
    """The table of a whole video in one causal pass, with COCO run lengths if ``masks``.

    Frames that fail to decode have no rows and keep their numbers. Raises UserError where frames are missing at the
    end and ``allow_truncated`` is not set.
    """
    opened = opened_video(source)
    refuse_short(opened, allow_truncated)
    table = _tabulated(follow(opened, tracker, progress=progress), masks=masks)
    refuse_truncated(opened, allow_truncated)
    return table


# More arguments than the house allows: each is an option of `scalor track`.
@plainly
def track(
    video: Video,
    weights: str | PathLike[str] | Loaded,
    *,
    device: str = "auto",
    allow_truncated: bool = False,
    masks: bool = False,
    online: bool = False,
    animals: int | None = None,
) -> Tracks:
    """The table of a whole video with weights by name, path or already loaded; without ``masks`` only boxes.

    The video is read to its end before anything is decided (`second_pass`), unless ``online``: then it is followed
    causally, as a `Tracker` follows a camera. ``device`` and ``animals`` as in `track_to_folder`. Raises UserError as
    `track_video` and `load`.
    """
    check_animals(animals, online=online)
    source = opened_video(video)
    tracker = prepare(weights, source, device=device).tracker
    if online:
        return track_video(source, tracker, allow_truncated=allow_truncated, masks=masks)
    refuse_short(source, allow_truncated)
    with shelf((source.height, source.width)) as kept:
        revised = first_pass(source, tracker, kept, individuals=animals)
        refuse_truncated(source, allow_truncated)
        return _tabulated(second_pass(source, revised, kept, pictures=False), masks=masks)


def _tabulated(reports: Iterable[tuple[Frame, FrameResult]], *, masks: bool) -> Tracks:
    rows: list[tuple[Any, ...]] = []
    length = 0
    for frame, result in reports:
        length = frame.index + 1
        found: list[tuple[Any, ...]] = list(result.rows(frame.index))
        if masks:
            found = [(*row, rle) for row, rle in zip(found, result.masks.rles(), strict=True)]
        rows += found
    return Tracks.from_rows(rows, length=length, masks=masks)


def check_animals(animals: int | None, *, online: bool) -> None:
    """Raises UserError for a number of individuals that cannot be, or that a single pass cannot use."""
    if animals is not None and animals < 1:
        raise UserError(f"animals is {animals}; a whole number from 1 is wanted; leave it out where it is not known")
    if animals is not None and online:
        raise UserError(
            "a known number of animals was given for a single pass; who is who is decided at the end of a video, with "
            "the learned model; leave online, mog2-sort or animals out"
        )


def opened_video(video: Video) -> VideoSource:
    """A source as it came, or the one behind a path."""
    if not isinstance(video, VideoSource | str | PathLike):
        raise UserError(
            f"a {type(video).__name__} came as the video; a file or a folder of images is wanted; give frames to a "
            "Tracker, one after the other"
        )
    return video if isinstance(video, VideoSource) else open_video(video)


def refuse_short(source: VideoSource, allow: bool) -> None:
    """Raises UserError at once, not after an hour, where most of the end is missing."""
    if not allow and source.cut_short:
        raise _truncated(source, source.count())


def refuse_truncated(source: VideoSource, allow: bool) -> None:
    """Raises UserError where a pass met the end too early, unless that is allowed."""
    if source.report.truncated and not allow:
        raise _truncated(source, source.report.seen)


def _truncated(source: VideoSource, seen: int) -> UserError:
    report = source.report
    of = f" of about {report.announced}" if report.announced and report.announced > seen else ""
    why = f" ({', '.join(report.notes)})" if report.notes else ""
    return UserError(
        f"{source.name} ends after {seen}{of} frames{why}; a whole video is wanted; repair the file, or accept it "
        "as it is with --allow-truncated (allow_truncated=True)"
    )
