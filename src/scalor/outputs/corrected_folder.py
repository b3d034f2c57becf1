"""A folder of tracks after corrections: every file that tracking writes, made anew from the corrected table."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

import scalor
from scalor.core.tracks import FIRST_PIXEL
from scalor.errors import UserError
from scalor.outputs import film
from scalor.outputs.correct import corrected, read_corrections
from scalor.outputs.footage import footage_of
from scalor.outputs.options import Options
from scalor.outputs.places import new_folder
from scalor.outputs.tracked import MASKS, TRACKS_CSV, Tracked, read_tracked
from scalor.viz.export import SUMMARY, write_masks_json, write_summary_json, write_tracks_csv, write_tracks_txt

TRACKS_TXT, OVERLAY = "tracks.txt", "overlay.mp4"


def correct_folder(
    folder: str | PathLike[str],
    corrections: str | PathLike[str],
    out: str | PathLike[str],
    *,
    video: Path | None = None,
) -> Tracked:
    """Apply a file of corrections to a folder of tracks and write a new one; the old one stays as it is.

    The overlay is drawn again where the video is given or lies where the summary says.

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
    # What tracking said of trust was said of other tracks.
    kept = {name: value for name, value in before.summary.items() if name != "trust"}
    after = Tracked(tracks, before.times, {**kept, **counts})
    with new_folder(Path(out)) as staging:
        base = counts["box_base"]
        write_tracks_txt(staging / TRACKS_TXT, tracks, box_base=base)
        write_tracks_csv(staging / TRACKS_CSV, tracks, times=before.times.tolist(), box_base=base)
        if tracks.masks is not None:
            write_masks_json(staging / MASKS, tracks)
        if _at_hand(after, video):
            film.write(after, staging / OVERLAY, Options(video=video))
        write_summary_json(staging / SUMMARY, after.summary)
    return after


def _at_hand(tracked: Tracked, video: Path | None) -> bool:
    """Whether the overlay can be drawn; a video that was asked for and cannot be used is a mistake to tell."""
    try:
        footage_of(tracked, video, "the overlay")
    except UserError:
        if video is not None:
            raise
        return False
    return True
