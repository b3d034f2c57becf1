"""Tracking a video or a stream into a folder of files, in memory that does not grow with its length."""

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

import numpy as np

import scalor
from scalor.core.devices import denormals_flushed
from scalor.core.tracks import FIRST_PIXEL, Tracks
from scalor.data.live import finished_by_signal, open_live
from scalor.data.places import kind_of_stream
from scalor.data.source import Frame, VideoSource
from scalor.errors import UserError
from scalor.outputs.doubts import Watch
from scalor.outputs.doubts_sheet import DOUBTS, sheet_of
from scalor.outputs.overlay import OVERLAY, overlay_in
from scalor.outputs.places import opened_folder, refuse_over
from scalor.outputs.report import write_report
from scalor.outputs.report_page import REPORT
from scalor.outputs.sheets import MASKS, TIMES, TRACKS_CSV, TRACKS_TXT, Sheets
from scalor.pretrained import Loaded
from scalor.tracking.passes import Follower, Reports, first_pass, follow, second_pass
from scalor.tracking.pipeline import beside
from scalor.tracking.report import FrameResult
from scalor.tracking.run import Video, check_animals, opened_video, refuse_short, refuse_truncated
from scalor.tracking.second_pass import Revised
from scalor.tracking.setup import described, load, prepare
from scalor.tracking.table import shelf
from scalor.tracking.tracker import Tracker
from scalor.viz.export import SUMMARY, write_png, write_summary_json

FILES = (TRACKS_TXT, TRACKS_CSV, MASKS, OVERLAY, DOUBTS, REPORT, SUMMARY)
REPLACED = (*FILES, TIMES)


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
    pictures: bool = True,
    box_base: int = FIRST_PIXEL,
    online: bool = False,
    animals: int | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """Track a video at its full size and length and write what was found; returns the summary.

    Writes ``tracks.txt`` (MOTChallenge rows), ``tracks.csv``, ``masks.json`` (COCO run lengths), ``overlay.mp4``,
    ``doubts.png`` (the most doubtful moments; not of a stream, which cannot be read again), ``report.html`` and, last,
    ``summary.json``; where the rate varies also ``times.csv``. But for the ``speed`` that it tells, all is the same
    each time. Ctrl-C ends a stream, and what was found is written.

    Args:
        video: file, folder of images, MOTChallenge folder, or an opened source; with ``online`` also a stream as
            `open_live` takes it.
        weights: run folder, weights file or packaged name, or loaded ones; not looked at by ``mog2-sort``.
        out: a new or empty folder, or one that an earlier tracking wrote, which is replaced.
        method: ``scalor`` or ``mog2-sort``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``; with ``auto`` loaded weights stay where they are.
        allow_truncated: accept a video whose end cannot be read.
        min_visibility: objects of which less than this share is seen are followed but not reported; in two passes two
            fifths of it suffice where a track begins or ends at the edge of the view.
        pictures: also write what people look at: film, sheet and report.
        box_base: what the tables call the left and top edge of the picture: 1 as MOTChallenge, or 0.
        online: report each frame from what came before it alone, as if it came from a camera; otherwise the video is
            read twice. ``mog2-sort`` is always online.
        animals: so many individuals are there all the time, and each keeps one identity, 0, 1, ...; needs two passes.
        seconds: end a stream after so long; files are tracked to their end.

    Raises:
        UserError: anything of this that cannot be; nothing is left in ``out`` then.
    """
    check_animals(animals, online=online or method == "mog2-sort")
    with denormals_flushed(), opened_folder(out, REPLACED, command="scalor track") as folder:
        source = _opened(video, online=online, seconds=seconds)
        if source.path is not None:
            refuse_over(source.path, *(Path(out) / name for name in REPLACED))
        refuse_short(source, allow_truncated)
        follower, about = _follower(source, weights, method=method, device=device, min_visibility=min_visibility)
        start = time.perf_counter()
        way = _Way(online or not isinstance(follower, Tracker), pictures=pictures, animals=animals)
        with finished_by_signal(source), _reports(source, follower, folder, way) as (reports, revised):
            refuse_truncated(source, allow_truncated)
            # A second pass reports from the beginning what a single one holds back until it is sure of it.
            watch = Watch((source.height, source.width), start=getattr(follower, "confirm", 1) - 1 if way.online else 0)
            counts = _write(folder, source, reports, watch, pictures=pictures, box_base=box_base)
        counts["covered_frames"] = getattr(follower, "covered", 0)
        counts["repeated_frames"] = getattr(follower, "repeated", 0)
        spent = time.perf_counter() - start
        refuse_truncated(source, allow_truncated)
        about |= {"passes": 1 if revised is None else 2} | ({} if revised is None else revised.words())
        if animals is not None and counts["tracks"] < animals:
            many = f"{animals} animals were said to be there all the time, and {counts['tracks']} were found"
            print(f"scalor: {many}; learn longer, or give the number that is there", file=sys.stderr)
        summary = _summary(source, method, counts) | about | {"min_visibility": min_visibility, "box_base": box_base}
        summary["speed"] = {"seconds": round(spent, 2), "frames_per_second": round(counts["frames"] / spent, 2)}
        doubts = watch.doubts(() if revised is None else revised.joints)
        summary["trust"] = watch.summary(doubts)
        if pictures and not source.live:
            write_png(folder / DOUBTS, sheet_of(source, doubts))
        write_summary_json(folder / SUMMARY, summary)
        if pictures:
            write_report(folder)
    return summary


def _opened(video: Video, *, online: bool, seconds: float | None) -> VideoSource:
    """A file, or a stream where one is followed online."""
    stream = kind_of_stream(str(video)) is not None if isinstance(video, str | PathLike) else False
    if stream and online:
        return open_live(str(video), seconds=seconds)
    if seconds is not None and not stream:
        raise UserError("a number of seconds bounds a stream only; files are tracked to their end; leave --seconds out")
    return opened_video(video)


def _follower(
    source: VideoSource, weights: str | PathLike[str] | Loaded, *, method: str, device: str, min_visibility: float
) -> tuple[Follower, dict[str, Any]]:
    """The tracker, and what the summary says about it."""
    if method == "mog2-sort":
        from scalor.tracking.mog2_follower import Mog2SortFollower

        return Mog2SortFollower(source), {}
    if method != "scalor":
        raise UserError(f"method {method} is unknown; scalor or mog2-sort is wanted; choose one")
    loaded = load(weights, device=device)
    name = loaded.card.get("name", "") if isinstance(weights, Loaded) else weights
    ready = prepare(loaded, source, min_visibility=min_visibility)
    if ready.doubt:
        print(f"scalor: {ready.doubt}", file=sys.stderr)
    about = {"scale": ready.tracker.scale, "backdrop": ready.backdrop, "device": str(ready.tracker.device)}
    about["doubt"] = ready.doubt
    return ready.tracker, described(loaded, name) | about


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
    folder: Path,
    source: VideoSource,
    reports: Iterable[tuple[Frame, FrameResult]],
    watch: Watch,
    *,
    pictures: bool,
    box_base: int,
) -> dict[str, Any]:
    """Tables, masks and film; returns counts. ``watch`` sees what is written.

    Masks, drawing and encoding run beside what makes the reports.
    """
    frames, ids, largest, repeats = 0, set[int](), 0, list[int]()
    with (
        Sheets(folder, fps=source.fps, box_base=box_base) as sheets,
        overlay_in(folder, source, wanted=pictures) as film,
    ):

        def written(report: tuple[Frame, FrameResult]) -> None:
            frame, result = report
            crops, rows = result.masks.crops(), _table(result)
            if film is not None:
                film(frame, rows, crops)
            sheets.add(rows, crops.rles(), frame=frame.index, time=frame.time)

        with beside(written) as writer:
            for frame, result in reports:
                writer.put((frame, result))
                watch.add(result.ids, result.box_tlwh, result.score, decoded=result.decoded)
                frames = frame.index + 1
                ids.update(result.ids.tolist())
                largest = max(largest, len(result))
                repeats += [frame.index] if result.repeated else []
        sheets.finish(frames)
    return {
        "frames": frames,
        "tracks": len(ids),
        "boxes": sheets.rows,
        "objects_per_frame": round(sheets.rows / max(frames, 1), 3),
        "most_objects": largest,
        "repeats": repeats,
    }


def _table(result: FrameResult) -> Tracks:
    """One frame as a table, its rows in the report's order."""
    number = np.zeros(len(result), dtype=np.int64)
    return Tracks(number, result.ids, result.box_tlwh, result.score, result.visibility, length=1)


def _summary(source: VideoSource, method: str, counts: dict[str, Any]) -> dict[str, Any]:
    report = source.report
    packages = ("torch", "numpy", "av", "supervision")
    return {
        "made_by": f"scalor track {scalor.__version__}",
        "method": method,
        "video": source.name,
        "path": None if source.path is None else str(source.path),
        "fingerprint": source.fingerprint,
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
