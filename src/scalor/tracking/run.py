"""Tracking a whole video, into a table or into a folder of files, in memory that does not grow with its length."""

import importlib.metadata
import platform
import sys
import time
from collections.abc import Iterator
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np

import scalor
from scalor.core.tracks import FIRST_PIXEL, Tracks
from scalor.data.source import Frame, VideoSource
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.outputs.report_page import REPORT
from scalor.pretrained import Loaded
from scalor.tracking.masks import PatchMasks
from scalor.tracking.mog2_sort import Mog2Sort, Mog2SortConfig
from scalor.tracking.outputs import opened_folder
from scalor.tracking.overlay import OVERLAY, overlay_in
from scalor.tracking.progress import shown
from scalor.tracking.report import FrameResult
from scalor.tracking.setup import denormals_flushed, described, load, prepare
from scalor.tracking.sheets import MASKS, TRACKS_CSV, TRACKS_TXT, Sheets
from scalor.viz.export import SUMMARY, write_summary_json

FILES = (TRACKS_TXT, TRACKS_CSV, MASKS, OVERLAY, SUMMARY)
Video = str | PathLike[str] | VideoSource


class Follower(Protocol):
    """Anything that reports on one frame after the other; None is a frame that could not be decoded."""

    def observe(self, frame: np.ndarray | None) -> FrameResult: ...


class Mog2SortFollower:
    """The classical baseline behind the same verb as `Tracker`."""

    def __init__(self, source: VideoSource) -> None:
        config = Mog2SortConfig(fps=source.fps)
        self._sort = Mog2Sort(config)
        self._size = (source.height, source.width)
        self._frames = 0
        ahead = (frame.image for frame in islice(source, config.warm_up))
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


def follow(source: VideoSource, follower: Follower, *, progress: bool = True) -> Iterator[tuple[Frame, FrameResult]]:
    """Every frame of a source, in order, with what the follower reports of it; one frame is held at a time."""
    frames = shown(source, total=source.count(), what=f"tracking {source.name}") if progress else source
    for frame in frames:
        yield frame, follower.observe(frame.image)


def track_video(
    source: Video,
    tracker: Follower,
    *,
    progress: bool = True,
    allow_truncated: bool = False,
    masks: bool = False,
) -> Tracks:
    """The table of a whole video, with COCO run lengths if ``masks``.

    Frames that fail to decode have no rows and keep their numbers. Raises UserError where frames are missing at the
    end and ``allow_truncated`` is not set.
    """
    opened = _opened(source)
    _refuse_short(opened, allow_truncated)
    rows: list[tuple[Any, ...]] = []
    length = 0
    for frame, result in follow(opened, tracker, progress=progress):
        length = frame.index + 1
        found: list[tuple[Any, ...]] = list(result.rows(frame.index))
        if masks:
            found = [(*row, rle) for row, rle in zip(found, result.masks.rles(), strict=True)]
        rows += found
    _refuse_truncated(opened, allow_truncated)
    return Tracks.from_rows(rows, length=length, masks=masks)


def track(
    video: Video,
    weights: str | PathLike[str] | Loaded,
    *,
    device: str = "auto",
    allow_truncated: bool = False,
    masks: bool = False,
) -> Tracks:
    """The table of a whole video with weights by name, path or already loaded; without ``masks`` only boxes.

    Raises UserError as `track_video` and `load`.
    """
    source = _opened(video)
    tracker = prepare(weights, source, device=device).tracker
    return track_video(source, tracker, allow_truncated=allow_truncated, masks=masks)


# More arguments than the house allows: they are the options of `scalor track`.
def track_to_folder(
    video: Video,
    weights: str | PathLike[str],
    out: str | PathLike[str],
    *,
    method: str = "scalor",
    device: str = "auto",
    allow_truncated: bool = False,
    min_visibility: float = 0.25,
    overlay: bool = True,
    box_base: int = FIRST_PIXEL,
) -> dict[str, Any]:
    """Track a video at its full size and length and write what was found; returns the summary.

    Writes ``tracks.txt`` (MOTChallenge rows), ``tracks.csv``, ``masks.json`` (COCO run lengths), ``overlay.mp4`` and,
    last, ``summary.json``. All but the summary's ``speed`` is the same each time.

    Args:
        video: file, folder of images, MOTChallenge folder, or an opened source.
        weights: run folder, weights file or packaged name; not looked at by ``mog2-sort``.
        out: a new or empty folder, or one that an earlier tracking wrote, which is replaced.
        method: ``scalor`` or ``mog2-sort``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        allow_truncated: accept a video whose end cannot be read.
        min_visibility: objects of which less than this share is seen are followed but not reported.
        overlay: also write the video with boxes, ids, trails and masks.
        box_base: what the tables call the left and top edge of the picture: 1 as MOTChallenge, or 0.

    Raises:
        UserError: anything of this that cannot be; nothing is left in ``out`` then.
    """
    with denormals_flushed(), opened_folder(out, (*FILES, REPORT)) as folder:
        source = _opened(video)
        _refuse_short(source, allow_truncated)
        follower, about = _follower(source, weights, method=method, device=device, min_visibility=min_visibility)
        start = time.perf_counter()
        counts = _write(folder, source, follower, overlay=overlay, box_base=box_base)
        seconds = time.perf_counter() - start
        _refuse_truncated(source, allow_truncated)
        summary = _summary(source, method, counts) | about | {"min_visibility": min_visibility, "box_base": box_base}
        summary["speed"] = {"seconds": round(seconds, 2), "frames_per_second": round(counts["frames"] / seconds, 2)}
        write_summary_json(folder / SUMMARY, summary)
    return summary


def _follower(
    source: VideoSource, weights: str | PathLike[str], *, method: str, device: str, min_visibility: float
) -> tuple[Follower, dict[str, Any]]:
    """The tracker, and what the summary says about it."""
    if method == "mog2-sort":
        return Mog2SortFollower(source), {}
    if method != "scalor":
        raise UserError(f"method {method} is unknown; scalor or mog2-sort is wanted; choose one")
    loaded = load(weights, device=device)
    ready = prepare(loaded, source, min_visibility=min_visibility)
    if ready.doubt:
        print(f"scalor: {ready.doubt}", file=sys.stderr)
    about = {"scale": ready.tracker.scale, "backdrop": ready.backdrop, "device": str(ready.tracker.device)}
    about["doubt"] = ready.doubt
    return ready.tracker, described(loaded, weights) | about


def _write(folder: Path, source: VideoSource, follower: Follower, *, overlay: bool, box_base: int) -> dict[str, Any]:
    """All files but the summary; returns counts."""
    frames, ids, largest = 0, set[int](), 0
    with Sheets(folder, box_base=box_base) as sheets, overlay_in(folder, source, wanted=overlay) as film:
        for frame, result in follow(source, follower):
            rles = result.masks.rles()
            sheets.add(result, rles, frame=frame.index, time=frame.time)
            if film is not None:
                film.add(frame, result, rles)
            frames = frame.index + 1
            ids.update(result.ids.tolist())
            largest = max(largest, len(result))
        sheets.finish(frames)
    return {
        "frames": frames,
        "tracks": len(ids),
        "boxes": sheets.rows,
        "objects_per_frame": round(sheets.rows / max(frames, 1), 3),
        "most_objects": largest,
    }


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
