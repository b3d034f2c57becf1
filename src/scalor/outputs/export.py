"""The formats by name."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from scalor.errors import UserError
from scalor.outputs import (
    coco,
    crops,
    ctc,
    cvat,
    film,
    geff,
    movement,
    napari,
    plot,
    sleap,
    supervision,
    trackmate,
    trackpy,
)
from scalor.outputs.footage import place_of
from scalor.outputs.options import Options
from scalor.outputs.places import refuse_over
from scalor.outputs.sheets import MASKS, TIMES, TRACKS_CSV, TRACKS_TXT
from scalor.outputs.tracked import Tracked, read_tracked
from scalor.viz.export import SUMMARY

FORMATS: dict[str, Callable[[Tracked, Path, Options], None]] = {
    "cvat": cvat.write,
    "coco": coco.write,
    "ctc": ctc.write,
    "geff": geff.write,
    "napari": napari.write,
    "movement": movement.write,
    "trackmate": trackmate.write,
    "sleap": sleap.write,
    "supervision": supervision.write,
    "trackpy": trackpy.write,
    "video": film.write,
    "crops": crops.write,
    "plot": plot.write,
}


def export(
    tracks: str | PathLike[str] | Tracked, to: str, out: str | PathLike[str], *, options: Options | None = None
) -> Path:
    """Write tracks in another tool's format; returns where.

    Args:
        tracks: a folder written by ``scalor track``, or one already read.
        to: a key of `FORMATS`.
        out: the file or new folder to write.
        options: choices of the formats that have some.

    Raises:
        UserError: the format is unknown or its library not installed, it makes nothing unrecognisable or draws nothing
            and should, the label is no name, the folder holds no tracks, ``out`` cannot be, or is the video or a table
            of the folder.
    """
    if to not in FORMATS:
        raise UserError(f"the format {to} is unknown; one of {', '.join(FORMATS)} is wanted; choose one")
    if options is not None and options.blur != "none" and to != "video":
        raise UserError(f"blur is for video, and {to} makes nothing unrecognisable; leave blur out, or export a video")
    if options is not None and set(options.style) != set(Options().style) and to != "video":
        raise UserError(f"a style is for video, and {to} draws no overlay; leave it out, or export a video")
    if options is not None and (not options.label.strip() or len(options.label.splitlines()) > 1):
        raise UserError(f"the label is {options.label!r}; a name in one line is wanted; correct it")
    tracked = tracks if isinstance(tracks, Tracked) else read_tracked(tracks)
    options = options or Options()
    videos = [options.video, place_of(tracked)]
    tables = (
        []
        if isinstance(tracks, Tracked)
        else [Path(tracks) / name for name in (TRACKS_TXT, TRACKS_CSV, TIMES, MASKS, SUMMARY)]
    )
    refuse_over(Path(out), *tables, *(video for video in videos if video is not None))
    FORMATS[to](tracked, Path(out), options)
    return Path(out)
