"""Measures in one picture: paths with zones and lines, counts and speeds over time, sizes."""

from pathlib import Path
from typing import Any

import numpy as np

from scalor.outputs.lettering import lettering
from scalor.outputs.measure import Ground, Rows
from scalor.outputs.tracked import Tracked
from scalor.viz.draw import track_color
from scalor.viz.export import atomic_path

INK = "#334"


def draw(tracked: Tracked, rows: Rows, ground: Ground, out: Path) -> None:
    """Write the PNG."""
    with lettering(tracked.name, *ground.zones, *ground.lines):
        _draw(tracked, rows, ground, out)


def _draw(tracked: Tracked, rows: Rows, ground: Ground, out: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(11, 7.5), layout="constrained")
    FigureCanvasAgg(made)
    (paths, counts), (speeds, turns) = made.subplots(2, 2)
    _paths(paths, tracked, rows, ground)
    _counts(counts, tracked, rows)
    _speeds(speeds, tracked, rows, ground)
    known = rows.turn[~np.isnan(rows.turn)]
    turns.hist(known, bins=np.arange(-185, 186, 10), color=INK)
    turns.set(title="turns between steps", xlabel="degrees, to the right positive", ylabel="steps", xlim=(-185, 185))
    turns.set_xticks(range(-180, 181, 90))
    made.suptitle(f"{tracked.name}: {len(np.unique(tracked.tracks.id))} tracks, {tracked.tracks.length} frames")
    with atomic_path(out) as staging:
        made.savefig(staging, format="png", dpi=120)


def _paths(axes: Any, tracked: Tracked, rows: Rows, ground: Ground) -> None:
    scale = ground.px_per_mm or 1.0
    height, width = (side / scale for side in tracked.size)
    for identity in np.unique(tracked.tracks.id).tolist():
        mine = tracked.tracks.id == identity
        axes.plot(rows.x[mine], rows.y[mine], color=np.array(track_color(identity)) / 255 * 0.8, linewidth=1)
    for name, corners in ground.zones.items():
        axes.fill(*(corners / scale).T, facecolor=INK, alpha=0.12)
        axes.text(*(corners.min(axis=0) / scale), name, ha="left", va="bottom", fontsize=9, in_layout=False)
    for name, line in ground.lines.items():
        (x0, y0), (x1, y1) = line / scale
        axes.annotate("", (x1, y1), (x0, y0), arrowprops={"arrowstyle": "->", "color": INK, "linestyle": "--"})
        axes.text(x0, y0, f"{name} ", fontsize=9, ha="right", va="center", in_layout=False)
    unit = ground.unit
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal", title="paths", xlabel=f"x, {unit}", ylabel=f"y, {unit}")


def _counts(axes: Any, tracked: Tracked, rows: Rows) -> None:
    tracks = tracked.tracks
    count = np.bincount(tracks.frame, minlength=tracks.length)
    axes.step(tracked.times, count, where="post", color=INK, label="all")
    for name, inside in rows.inside.items():
        there = np.bincount(tracks.frame[inside], minlength=tracks.length)
        axes.step(tracked.times, there, where="post", label=f"in {name}", linewidth=1)
    axes.set(title="objects over time", xlabel="seconds", ylabel="objects", ylim=(0, None))
    if rows.inside:
        axes.legend(frameon=False, fontsize=8)


def _speeds(axes: Any, tracked: Tracked, rows: Rows, ground: Ground) -> None:
    frame, known = tracked.tracks.frame, ~np.isnan(rows.speed)
    at = np.unique(frame[known])
    parts = [rows.speed[known & (frame == number)] for number in at]
    quarters = np.array([np.percentile(part, [25, 50, 75]) for part in parts]).reshape(-1, 3)
    axes.fill_between(tracked.times[at], quarters[:, 0], quarters[:, 2], color=INK, alpha=0.2, label="middle half")
    axes.plot(tracked.times[at], quarters[:, 1], color=INK, linewidth=1, label="median")
    axes.set(title="speed over time", xlabel="seconds", ylabel=f"{ground.unit} per second", ylim=(0, None))
    if len(at):
        axes.legend(frameon=False, fontsize=8)
