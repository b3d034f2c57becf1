"""The report of an evaluation: scores, where in time things were missed or invented, and both sets of boxes."""

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np

from scalor.core.tracks import Tracks
from scalor.data.video import open_video
from scalor.outputs.pixels import frames_of
from scalor.outputs.report import timeline_of
from scalor.outputs.report_film import film_of_tracks
from scalor.outputs.report_page import REPORT, Page, chart, charts, paragraphs, shown, table
from scalor.outputs.tracked import Tracked


def write_evaluation(
    folder: Path,
    truth: Tracks,
    tracks: Tracks,
    scores: Mapping[str, Mapping[str, float | None]],
    *,
    video: str | PathLike[str] | None = None,
) -> Path:
    """Write ``report.html`` into a folder; returns its path.

    Args:
        folder: where.
        truth: the true boxes.
        tracks: the boxes that were scored.
        scores: by name of a method, its scores by name.
        video: what both speak of, to show the scored boxes on.

    Raises:
        UserError: the video cannot be read or the page not written.
    """
    page = Page("Scores of tracks")
    names = list(next(iter(scores.values())))
    rows = [[name, *(shown(each[name]) for each in scores.values())] for name in names]
    page.add("Scores", table(["", *scores], rows))
    if video is not None:
        source = open_video(video)
        length = max(tracks.length, truth.length)
        about = {"width": source.width, "height": source.height, "fps": source.fps, "video": source.name}
        tracked = Tracked(replace(tracks, length=length), np.arange(length) / source.fps, about)
        film, _ = film_of_tracks(tracked, source, [])
        if film["pictures"]:
            page.data["films"] = {"tracks": film}
            page.add("The scored boxes", '<div data-player="tracks"></div>')
    if len(tracks):
        page.data["timeline"] = timeline_of(tracks)
        page.add("When each scored track was seen", '<div class="scroll" data-timeline></div>')
    counts = {name: _counts(table) for name, table in (("truth", truth), ("found", tracks))}
    words = paragraphs(["Blue is the truth, orange what was found."])
    page.add("Objects per frame", words, charts([chart("objects per frame", counts, across="frames")]))
    return page.write(folder / REPORT)


def _counts(tracks: Tracks) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(tracks.length), np.array([float(len(rows)) for rows in frames_of(tracks)])
