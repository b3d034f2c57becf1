"""A folder of tracks after corrections: every file that tracking writes, made anew from the corrected table."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

import scalor
from scalor.core.tracks import FIRST_PIXEL
from scalor.outputs import film
from scalor.outputs.correct import corrected, read_corrections
from scalor.outputs.doubts import Watch
from scalor.outputs.doubts_sheet import DOUBTS, sheet_of
from scalor.outputs.footage import absence, footage_of
from scalor.outputs.options import Options, quiet
from scalor.outputs.overlay import OVERLAY
from scalor.outputs.places import new_folder
from scalor.outputs.report import write_report
from scalor.outputs.sheets import MASKS, write_tables
from scalor.outputs.tracked import Tracked, read_tracked
from scalor.viz.export import SUMMARY, write_png, write_summary_json


def correct_folder(
    folder: str | PathLike[str],
    corrections: str | PathLike[str],
    out: str | PathLike[str],
    *,
    video: Path | None = None,
    say: Callable[[str], None] = quiet,
) -> Tracked:
    """Apply a file of corrections to a folder of tracks and write a new one; the old one stays as it is.

    The overlay and the sheet of doubts are drawn again where the video is given or lies where the summary says; where
    not, ``say`` hears so.

    Raises:
        UserError: as `read_tracked`, `read_corrections` and `corrected`; or ``out`` is no new or empty folder.
    """
    before, rows = read_tracked(folder), read_corrections(corrections)
    tracks = corrected(before.tracks, rows)
    counts: dict[str, Any] = {
        "made_by": f"scalor correct {scalor.__version__}",
        "box_base": before.summary.get("box_base", FIRST_PIXEL),
        "tracks": len(np.unique(tracks.id)),
        "boxes": len(tracks),
        "objects_per_frame": round(len(tracks) / max(tracks.length, 1), 3),
        "most_objects": int(np.bincount(tracks.frame, minlength=1).max()),
        "corrections": [*before.summary.get("corrections", []), *map(str, rows)],
    }
    watch = Watch.over(tracks, before.size, start=(before.summary.get("trust") or {}).get("start", 0))
    doubts = watch.doubts()
    counts["trust"] = watch.summary(doubts)  # what tracking said was said of other tracks
    after = Tracked(tracks, before.times, {**before.summary, **counts})
    with new_folder(Path(out)) as staging:
        write_tables(staging, tracks, times=before.times.tolist(), fps=before.fps, box_base=counts["box_base"])
        if tracks.masks is None:
            (staging / MASKS).unlink()
        missing = None if video is not None else absence(after)
        if missing is None:
            film.write(after, staging / OVERLAY, Options(video=video))
            write_png(staging / DOUBTS, sheet_of(footage_of(after, video, "the sheet of doubts"), doubts))
        else:
            say(f"{missing}, so there is no {OVERLAY}, no {DOUBTS} and no film in the report; give it with --video")
        write_summary_json(staging / SUMMARY, after.summary)
        write_report(staging, video=video)
    return after
