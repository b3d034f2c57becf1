"""`measure_to_folder`: the measures of tracks as tables and one picture.

``per_frame.csv`` a row per object and frame · ``per_track.csv`` a row per track · ``counts.csv`` a row per frame ·
``crossings.csv`` a row per crossing of a line · ``measures.png``
"""

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import count
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from scalor.core.tracks import FIRST_FRAME
from scalor.outputs.measure import Ground, Rows, crossings, frame_seconds, measure_rows
from scalor.outputs.measure_plot import draw
from scalor.outputs.pixels import without_mask
from scalor.outputs.places import new_folder
from scalor.outputs.tracked import Tracked, read_tracked
from scalor.viz.export import write_text

Crossings = dict[str, tuple[np.ndarray, np.ndarray]]


def measure_to_folder(folder: str | PathLike[str], out: str | PathLike[str], *, ground: Ground) -> dict[str, Any]:
    """Measure the tracks of a folder and write tables and plots into a new one; returns what a closing line says.

    Raises:
        UserError: ``folder`` holds no tracks, or ``out`` is no new or empty folder.
    """
    tracked = read_tracked(folder)
    rows = measure_rows(tracked, ground)
    crossed = {name: crossings(tracked.tracks, line) for name, line in ground.lines.items()}
    with new_folder(Path(out)) as staging:
        write_text(staging / "per_frame.csv", _per_frame(tracked, rows, ground))
        write_text(staging / "per_track.csv", _per_track(tracked, rows, ground, crossed))
        write_text(staging / "counts.csv", _counts(tracked, rows))
        write_text(staging / "crossings.csv", _crossings(tracked, crossed))
        draw(tracked, rows, ground, staging / "measures.png")
    return {
        "tracks": len(np.unique(tracked.tracks.id)),
        "seconds": float(frame_seconds(tracked).sum()),
        "size": tracked.size,
        "outside": ground.outside(tracked.size),
        "without_mask": without_mask(tracked.tracks),
        "crossings": {name: len(found[0]) for name, found in crossed.items()},
    }


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(names)
    table.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.10g}"
    return int(value) if isinstance(value, bool | np.bool_) else value


def _per_frame(tracked: Tracked, rows: Rows, ground: Ground) -> str:
    tracks, unit = tracked.tracks, ground.unit
    names = ["frame", "time_s", "id", f"x_{unit}", f"y_{unit}", f"step_{unit}", f"speed_{unit}_per_s", "turn_deg"]
    names += [f"area_{unit}2", "neighbour_id", f"neighbour_distance_{unit}", *(f"in_{zone}" for zone in rows.inside)]
    neighbour = ["" if other < 0 else int(tracks.id[other]) for other in rows.neighbour]
    columns: list[Iterable[object]] = [
        tracks.frame + FIRST_FRAME,
        tracked.times[tracks.frame],
        tracks.id,
        rows.x,
        rows.y,
        rows.step,
    ]
    columns += [rows.speed, rows.turn, rows.area, neighbour, rows.distance, *rows.inside.values()]
    return _table(names, zip(*columns, strict=True))


def _per_track(tracked: Tracked, rows: Rows, ground: Ground, crossed: Crossings) -> str:
    unit = ground.unit
    names = ["id", "first_frame", "last_frame", "frames", "duration_s", f"path_{unit}", f"net_{unit}", "straightness"]
    names += [f"mean_speed_{unit}_per_s", f"max_speed_{unit}_per_s", "mean_abs_turn_deg", f"mean_area_{unit}2"]
    names += [f"mean_neighbour_distance_{unit}", *(f"seconds_in_{zone}" for zone in rows.inside)]
    names += [f"crossings_{line}_{way}" for line in crossed for way in ("right", "left")]
    shown = frame_seconds(tracked)
    ids = tracked.tracks.id
    return _table(
        names, (_track(tracked, rows, np.flatnonzero(ids == name), shown, crossed) for name in np.unique(ids))
    )


def _track(tracked: Tracked, rows: Rows, mine: np.ndarray, shown: np.ndarray, crossed: Crossings) -> list[object]:
    """One line of the table: the rows ``mine`` of one identity; ``shown`` are the seconds that frames stand."""
    tracks = tracked.tracks
    first, last = mine[0], mine[-1]
    begin, end = tracked.times[tracks.frame[[first, last]]]
    path = float(np.nansum(rows.step[mine]))
    net = float(np.hypot(rows.x[last] - rows.x[first], rows.y[last] - rows.y[first]))
    cells: list[object] = [int(tracks.id[first]), *(tracks.frame[[first, last]] + FIRST_FRAME), len(mine)]
    cells += [end - begin, path, net, net / path if path else np.nan]
    cells += [path / (end - begin) if end > begin else np.nan, _largest(rows.speed[mine])]
    cells += [_mean(np.abs(rows.turn[mine])), _mean(rows.area[mine]), _mean(rows.distance[mine])]
    cells += [float(shown[tracks.frame[mine[inside[mine]]]].sum()) for inside in rows.inside.values()]
    for at, direction in crossed.values():
        ours = direction[tracks.id[at] == tracks.id[first]]
        cells += [int((ours > 0).sum()), int((ours < 0).sum())]
    return cells


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _largest(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.max()) if len(known) else np.nan


def _counts(tracked: Tracked, rows: Rows) -> str:
    tracks = tracked.tracks
    columns = [np.bincount(tracks.frame, minlength=tracks.length)]
    columns += [np.bincount(tracks.frame[inside], minlength=tracks.length) for inside in rows.inside.values()]
    names = ["frame", "time_s", "objects", *(f"in_{zone}" for zone in rows.inside)]
    return _table(names, zip(count(FIRST_FRAME), tracked.times, *columns, strict=False))


def _crossings(tracked: Tracked, crossed: Crossings) -> str:
    tracks = tracked.tracks
    lines = [
        (
            line,
            int(tracks.frame[row]) + FIRST_FRAME,
            tracked.times[tracks.frame[row]],
            int(tracks.id[row]),
            "right" if way > 0 else "left",
        )
        for line, (at, direction) in crossed.items()
        for row, way in zip(at, direction, strict=True)
    ]
    return _table(["line", "frame", "time_s", "id", "to_side"], lines)
