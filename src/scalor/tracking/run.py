"""Tracking a whole video, into a table or into a folder of files, in memory that does not grow with its length."""

import importlib.metadata
import platform
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import scalor
from scalor.core.tracks import FIRST_PIXEL, Tracks
from scalor.data.source import Frame, VideoSource
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.outputs.report_page import REPORT
from scalor.pretrained import Loaded
from scalor.tracking.doubts import Trust, exhibits
from scalor.tracking.outputs import opened_folder
from scalor.tracking.overlay import OVERLAY, overlay_in
from scalor.tracking.passes import Follower, Reports, first_pass, follow, second_pass
from scalor.tracking.pipeline import beside
from scalor.tracking.report import FrameResult
from scalor.tracking.second_pass import Revised
from scalor.tracking.setup import denormals_flushed, described, load, prepare
from scalor.tracking.sheets import MASKS, TRACKS_CSV, TRACKS_TXT, Sheets
from scalor.tracking.table import shelf
from scalor.tracking.tracker import Tracker
from scalor.viz.contact import contact_sheet
from scalor.viz.export import SUMMARY, write_png, write_summary_json

DOUBTS = "doubts.png"
FILES = (TRACKS_TXT, TRACKS_CSV, MASKS, OVERLAY, DOUBTS, SUMMARY)
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
    opened = _opened(source)
    _refuse_short(opened, allow_truncated)
    table = _tabulated(follow(opened, tracker, progress=progress), masks=masks)
    _refuse_truncated(opened, allow_truncated)
    return table


# More arguments than the house allows: each is an option of `scalor track`.
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
    causally, as a `Tracker` follows a camera. ``animals`` as in `track_to_folder`. Raises UserError as `track_video`
    and `load`.
    """
    _check_animals(animals, online=online)
    source = _opened(video)
    tracker = prepare(weights, source, device=device).tracker
    if online:
        return track_video(source, tracker, allow_truncated=allow_truncated, masks=masks)
    _refuse_short(source, allow_truncated)
    with shelf((source.height, source.width)) as kept:
        revised = first_pass(source, tracker, kept, individuals=animals)
        _refuse_truncated(source, allow_truncated)
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


# More arguments than the house allows: they are the options of `scalor track`.
def track_to_folder(
    video: Video,
    weights: str | PathLike[str] | Loaded,
    out: str | PathLike[str],
    *,
    method: str = "scalor",
    device: str = "auto",
    allow_truncated: bool = False,
    min_visibility: float = 0.25,
    overlay: bool = True,
    box_base: int = FIRST_PIXEL,
    online: bool = False,
    animals: int | None = None,
) -> dict[str, Any]:
    """Track a video at its full size and length and write what was found; returns the summary.

    Writes ``tracks.txt`` (MOTChallenge rows), ``tracks.csv``, ``masks.json`` (COCO run lengths), ``overlay.mp4``,
    ``doubts.png`` (the least certain moments) and, last, ``summary.json``. All but the summary's ``speed`` is the same
    each time.

    Args:
        video: file, folder of images, MOTChallenge folder, or an opened source.
        weights: run folder, weights file or packaged name, or loaded ones; not looked at by ``mog2-sort``.
        out: a new or empty folder, or one that an earlier tracking wrote, which is replaced.
        method: ``scalor`` or ``mog2-sort``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        allow_truncated: accept a video whose end cannot be read.
        min_visibility: objects of which less than this share is seen are followed but not reported.
        overlay: also write the video with boxes, ids, trails and masks.
        box_base: what the tables call the left and top edge of the picture: 1 as MOTChallenge, or 0.
        online: report each frame from what came before it alone, as if it came from a camera; otherwise the video is
            read twice. ``mog2-sort`` is always online.
        animals: so many individuals are there all the time, and each keeps one identity, 0, 1, ...; needs two passes.

    Raises:
        UserError: anything of this that cannot be; nothing is left in ``out`` then.
    """
    _check_animals(animals, online=online or method == "mog2-sort")
    with denormals_flushed(), opened_folder(out, (*FILES, REPORT)) as folder:
        source = _opened(video)
        _refuse_short(source, allow_truncated)
        follower, about = _follower(source, weights, method=method, device=device, min_visibility=min_visibility)
        start = time.perf_counter()
        way = _Way(online or not isinstance(follower, Tracker), pictures=overlay, animals=animals)
        with _reports(source, follower, folder, way) as (reports, revised):
            _refuse_truncated(source, allow_truncated)
            counts, trust = _write(folder, source, reports, overlay=overlay, box_base=box_base)
        seconds = time.perf_counter() - start
        _refuse_truncated(source, allow_truncated)
        about |= {"passes": 1 if revised is None else 2} | ({} if revised is None else revised.words())
        summary = _summary(source, method, counts) | about | {"min_visibility": min_visibility, "box_base": box_base}
        summary["speed"] = {"seconds": round(seconds, 2), "frames_per_second": round(counts["frames"] / seconds, 2)}
        moments = trust.moments(() if revised is None else revised.joints)
        summary["trust"] = trust.summary(moments)
        write_png(folder / DOUBTS, contact_sheet(exhibits(source, moments)))
        write_summary_json(folder / SUMMARY, summary)
    return summary


def _follower(
    source: VideoSource, weights: str | PathLike[str] | Loaded, *, method: str, device: str, min_visibility: float
) -> tuple[Follower, dict[str, Any]]:
    """The tracker, and what the summary says about it."""
    if method == "mog2-sort":
        from scalor.tracking.mog2_follower import Mog2SortFollower

        return Mog2SortFollower(source), {}
    if method != "scalor":
        raise UserError(f"method {method} is unknown; scalor or mog2-sort is wanted; choose one")
    loaded = weights if isinstance(weights, Loaded) else load(weights, device=device)
    name = loaded.card.get("name", "") if isinstance(weights, Loaded) else weights
    ready = prepare(loaded, source, min_visibility=min_visibility)
    if ready.doubt:
        print(f"scalor: {ready.doubt}", file=sys.stderr)
    about = {"scale": ready.tracker.scale, "backdrop": ready.backdrop, "device": str(ready.tracker.device)}
    about["doubt"] = ready.doubt
    return ready.tracker, described(loaded, name) | about


def _check_animals(animals: int | None, *, online: bool) -> None:
    if animals is not None and animals < 1:
        raise UserError(f"animals is {animals}; a whole number from 1 is wanted; leave it out where it is not known")
    if animals is not None and online:
        raise UserError(
            "a known number of animals was given for a single pass; who is who is decided at the end of a video, with "
            "the learned model; leave online, mog2-sort or animals out"
        )


@dataclass(frozen=True)
class _Way:
    """How a video is gone over."""

    online: bool
    pictures: bool
    animals: int | None


@contextmanager
def _reports(
    source: VideoSource, follower: Follower, folder: Path, way: _Way
) -> Iterator[tuple[Reports, Revised | None]]:
    """What is to be written, frame by frame; not online, the first pass is over when the block begins."""
    if way.online or not isinstance(follower, Tracker):
        with closing(follow(source, follower)) as reports:
            yield reports, None
        return
    with shelf((source.height, source.width), folder=folder) as kept:
        revised = first_pass(source, follower, kept, individuals=way.animals)
        with closing(second_pass(source, revised, kept, pictures=way.pictures)) as reports:
            yield reports, revised


def _write(
    folder: Path, source: VideoSource, reports: Iterable[tuple[Frame, FrameResult]], *, overlay: bool, box_base: int
) -> tuple[dict[str, Any], Trust]:
    """Tables, masks and film; returns counts, and what is to be said of trust.

    Masks, drawing and encoding run beside what makes the reports.
    """
    frames, ids, largest = 0, set[int](), 0
    trust = Trust((source.height, source.width))
    with Sheets(folder, box_base=box_base) as sheets, overlay_in(folder, source, wanted=overlay) as film:

        def written(report: tuple[Frame, FrameResult]) -> None:
            frame, result = report
            crops = result.masks.crops()
            if film is not None:
                film(frame, result, crops)
            sheets.add(result, crops.rles(), frame=frame.index, time=frame.time)

        with beside(written) as writer:
            for frame, result in reports:
                writer.put((frame, result))
                trust.add(result)
                frames = frame.index + 1
                ids.update(result.ids.tolist())
                largest = max(largest, len(result))
        sheets.finish(frames)
    counts = {
        "frames": frames,
        "tracks": len(ids),
        "boxes": sheets.rows,
        "objects_per_frame": round(sheets.rows / max(frames, 1), 3),
        "most_objects": largest,
    }
    return counts, trust


def _summary(source: VideoSource, method: str, counts: dict[str, Any]) -> dict[str, Any]:
    report = source.report
    packages = ("torch", "numpy", "av", "supervision")
    return {
        "made_by": f"scalor track {scalor.__version__}",
        "method": method,
        "video": source.name,
        "width": source.width,
        "height": source.height,
        "fps": source.fps,
        **counts,
        "announced_frames": report.announced,
        "failed_frames": list(report.failed),
        "damaged_frames": list(report.damaged),
        "truncated": report.truncated,
        "pauses": {str(frame): count for frame, count in report.pauses.items()},
        "reading": report.words(),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in packages},
        },
    }


def _opened(video: Video) -> VideoSource:
    return video if isinstance(video, VideoSource) else open_video(video)


def _refuse_short(source: VideoSource, allow: bool) -> None:
    """Say at once, not after an hour, that most of the end is missing."""
    if not allow and source.cut_short:
        raise _truncated(source.name, source.count(), source.announced)


def _refuse_truncated(source: VideoSource, allow: bool) -> None:
    if source.report.truncated and not allow:
        raise _truncated(source.name, source.report.seen, source.report.announced)


def _truncated(name: str, seen: int, announced: int | None) -> UserError:
    of = f" of about {announced}" if announced and announced > seen else ""
    return UserError(
        f"{name} ends after {seen}{of} frames; a whole video is wanted; repair the file, or accept it "
        "as it is with --allow-truncated (allow_truncated=True)"
    )
