"""A film of the tracks in a style of one's own, with objects or their surroundings made unrecognisable if wanted."""

from pathlib import Path

from scalor.outputs.footage import blurred, footage_of, rows_by_frame
from scalor.outputs.options import Options
from scalor.outputs.overlay import Overlay, crops_of
from scalor.outputs.places import ending
from scalor.outputs.tracked import Tracked
from scalor.viz.export import video_writer


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the mp4; a frame that could not be read repeats the last picture, darkened."""
    source = footage_of(tracked, options.video, "video")
    overlay = Overlay(tracked.size, options.style)
    with video_writer(ending(out, ".mp4", "video"), fps=source.fps) as film:
        for number, image, rows in rows_by_frame(source, tracked.tracks):
            shown = None if image is None else blurred(image, rows, options.blur)
            drawn = overlay.draw(shown, rows, crops_of(rows, tracked.size))
            film.write(drawn, time=float(tracked.times[number]))
