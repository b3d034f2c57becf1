"""The paths of all tracks in one picture, over the video's first frame where it is at hand."""

from pathlib import Path
from typing import Any

import numpy as np

from scalor.outputs.footage import absence, footage_of
from scalor.outputs.lettering import lettering
from scalor.outputs.options import Options
from scalor.outputs.places import ending
from scalor.outputs.tracked import Tracked
from scalor.viz.draw import track_color
from scalor.viz.export import atomic_path


def figure(width: float, height: float) -> tuple[Any, Any]:
    """A matplotlib figure of this size in inches and its axes, drawn without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made, made.add_subplot()


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the PNG: a line per track from its dot (start) on; the axes count pixels."""
    with lettering(tracked.name):
        _write(tracked, out, options)


def _write(tracked: Tracked, out: Path, options: Options) -> None:
    height, width = tracked.size
    wide = 8.0
    made, axes = figure(wide, min(12.0, wide * height / width + 0.6))
    missing = None if options.video is not None else absence(tracked)
    if missing is not None:
        options.say(f"{missing}, so the plot has no picture below; give the video with --video")
    else:
        picture = next((f.image for f in footage_of(tracked, options.video, "plot") if f.image is not None), None)
        if picture is not None:
            axes.imshow(picture, extent=(0, width, height, 0), alpha=0.6)
    tracks = tracked.tracks
    for identity in np.unique(tracks.id).tolist():
        x, y = tracks.center[tracks.id == identity].T
        color = np.array(track_color(identity)) / 255 * 0.8
        axes.plot(x, y, color=color, linewidth=1.2)
        axes.plot(x[:1], y[:1], "o", color=color, markersize=3)
        axes.annotate(str(identity), (x[-1], y[-1]), color=color, fontsize=7)
    axes.set(xlim=(0, width), ylim=(height, 0), xlabel="x, px", ylabel="y, px", aspect="equal")
    axes.set_title(f"{tracked.name}: {len(np.unique(tracks.id))} tracks in {tracks.length} frames", fontsize=10)
    with atomic_path(ending(out, ".png", "plot")) as staging:
        made.savefig(staging, format="png", dpi=150)
