"""The report of an evaluation: scores, where in time things were missed or invented, and both sets of boxes."""

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np

from scalor.core.tracks import FIRST_FRAME, Tracks
from scalor.data.video import open_video
from scalor.outputs.report import timeline_of
from scalor.outputs.report_film import film_of_tracks
from scalor.outputs.report_page import REPORT, Page, chart, charts, paragraphs, shown, table
from scalor.outputs.tracked import Tracked

MOST_FRAMES = 10**6
"""Of more frames, numbered by the clock, say, those with boxes are counted."""


def write_evaluation(
    folder: Path,
    truth: Tracks,
    tracks: Tracks,
    scores: Mapping[str, Mapping[str, float | None]],
    *,
    video: str | PathLike[str] | None = None,
    frames: tuple[int, int] | None = None,
    gate: str = "",
) -> Path:
    """Write ``report.html`` into a folder; returns its path.

    Args:
        folder: where.
        truth: the true boxes.
        tracks: the boxes that were scored.
        scores: by name of a method, its scores by name.
        video: what both speak of, to show the scored boxes on.
        frames: (first, past the last) frame that was scored; None: all. Nothing is shown of the others.
        gate: in words, what matched.

    Raises:
        UserError: the video cannot be read or the page not written.
    """
    length = max(tracks.length, truth.length)
    first, end = (0, length) if frames is None else frames
    truth, tracks = (
        replace(each.select((each.frame >= first) & (each.frame < end)), length=length) for each in (truth, tracks)
    )
    page = Page("Scores of tracks")
    span = f"Frames {first + FIRST_FRAME} to {end}" if frames else "All frames"
    page.sections.append(paragraphs([f"{span}{gate and f'; what matches: {gate}'}."]))
    names = list(next(iter(scores.values())))
    rows = [[name, *(shown(each[name]) for each in scores.values())] for name in names]
    page.add("Scores", table(["", *scores], rows))
    if video is not None:
        source = open_video(video)
        about = {"width": source.width, "height": source.height, "fps": source.fps, "video": source.name}
        there = min(length, source.count())
        seen = replace(tracks.select(tracks.frame < there), length=there)
        tracked = Tracked(seen, np.arange(there) / source.fps, about)
        film, _ = film_of_tracks(tracked, source, [])
        if film["pictures"]:
            page.data["films"] = {"tracks": film}
            page.add("The scored boxes", '<div data-player="tracks"></div>')
    if len(tracks):
        page.data["timeline"] = timeline_of(tracks)
        page.add("When each scored track was seen", '<div class="scroll" data-timeline></div>')
    end = min(end, length)
    shown_frames = np.arange(first, end) if end - first <= MOST_FRAMES else np.union1d(truth.frame, tracks.frame)
    counts = {name: _counts(table, shown_frames) for name, table in (("truth", truth), ("found", tracks))}
    words = paragraphs(["Blue is the truth, orange what was found."])
    page.add("Objects per frame", words, charts([chart("objects per frame", counts, across="frames")]))
    return page.write(folder / REPORT)


def _counts(tracks: Tracks, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of ``frames`` as the tables count them, and how many boxes each has."""
    first, end = (np.searchsorted(tracks.frame, frames, side=side) for side in ("left", "right"))
    return frames + FIRST_FRAME, (end - first).astype(float)
