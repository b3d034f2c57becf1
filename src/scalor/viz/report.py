"""A report as one HTML file that needs no server and no network: a slider through the video, tracks, scores."""

import base64
import html
import io
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from scalor.core.tracks import Tracks
from scalor.viz.draw import track_color
from scalor.viz.export import write_text

MOST_PICTURES = 60
LONGEST_SIDE = 720
MOST_ROWS = 500

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; color: #222 }}
h1 {{ font-size: 1.4em }} h2 {{ font-size: 1.1em; margin-top: 1.6em }}
img {{ width: 100%; image-rendering: auto; border-radius: 4px; background: #eee }}
input {{ width: 100% }} table {{ border-collapse: collapse }}
td, th {{ padding: .15em .8em; text-align: right; border-bottom: 1px solid #e4e4e4 }}
td:first-child, th:first-child {{ text-align: left }}
i {{ display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .5em }}
</style>
<h1>{title}</h1>
{notes}
{slider}
{scores}
<h2>Tracks</h2>
{tracks}
</html>
"""

SLIDER = """<img id="view" alt="overlay">
<input id="time" type="range" min="0" max="{last}" value="0" aria-label="frame">
<div id="name"></div>
<script>
const pictures = {pictures};
const names = {names};
const time = document.getElementById("time");
function show() {{
  document.getElementById("view").src = "data:image/jpeg;base64," + pictures[time.value];
  document.getElementById("name").textContent = "frame " + names[time.value];
}}
time.addEventListener("input", show);
show();
</script>"""


def write_report(
    folder: str | PathLike[str],
    *,
    title: str,
    overlays: Iterable[np.ndarray],
    tracks: Tracks,
    scores: Mapping[str, Any] | None = None,
    notes: Iterable[str] = (),
) -> Path:
    """Write ``report.html`` into a folder.

    Args:
        folder: made if it is not there.
        title: heading.
        overlays: uint8 [H, W, 3] of frame 0, 1, ...; up to 60 evenly spread ones are embedded, so pass all of them
            (a generator of ``tracks.length`` pictures is read once, in constant memory).
        tracks: the table; its length says how many overlays to expect.
        scores: name -> value, shown in a table.
        notes: sentences under the heading.

    Returns:
        The path of the file.
    """
    names, pictures = _embedded(overlays, tracks.length)
    slider = SLIDER.format(last=len(pictures) - 1, pictures=pictures, names=names) if pictures else ""
    page = PAGE.format(
        title=html.escape(title),
        notes="".join(f"<p>{html.escape(note)}</p>" for note in notes),
        slider=slider,
        scores=_score_table(scores or {}),
        tracks=_track_table(tracks),
    )
    path = Path(folder) / "report.html"
    write_text(path, page)
    return path


def _embedded(overlays: Iterable[np.ndarray], length: int) -> tuple[list[int], list[str]]:
    wanted = {int(t) for t in np.linspace(0, max(0, length - 1), min(MOST_PICTURES, max(1, length))).round()}
    names, pictures = [], []
    for number, image in enumerate(overlays):
        if number in wanted:
            names.append(number)
            pictures.append(_jpeg(image))
    return names, pictures


def _jpeg(image: np.ndarray) -> str:
    picture = Image.fromarray(image)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    out = io.BytesIO()
    picture.save(out, format="JPEG", quality=80)
    return base64.b64encode(out.getvalue()).decode("ascii")


def _score_table(scores: Mapping[str, Any]) -> str:
    if not scores:
        return ""
    rows = "".join(f"<tr><td>{html.escape(name)}</td><td>{_shown(value)}</td></tr>" for name, value in scores.items())
    return f"<h2>Scores</h2>\n<table>{rows}</table>"


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else html.escape(str(value))


def _track_table(tracks: Tracks) -> str:
    identities = np.unique(tracks.id)
    if not len(identities):
        return "<p>No objects were found.</p>"
    names = ("id", "first frame", "last frame", "frames", "size, px", "px per frame")
    head = "<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"
    rows = "".join(
        _track_row(int(identity), tracks.select(tracks.id == identity)) for identity in identities[:MOST_ROWS]
    )
    more = len(identities) - MOST_ROWS
    rest = f"<p>{more} more are in the tables beside this file.</p>" if more > 0 else ""
    return f"<p>{len(identities)} identities in {tracks.length} frames.</p>\n<table>{head}{rows}</table>{rest}"


def _track_row(identity: int, rows: Tracks) -> str:
    width, height = np.median(rows.box_tlwh[:, 2:], axis=0)
    steps = np.linalg.norm(np.diff(rows.center, axis=0), axis=1) / np.maximum(np.diff(rows.frame), 1)
    speed = f"{steps.mean():.1f}" if len(steps) else ""
    r, g, b = track_color(identity)
    cells = [rows.frame[0], rows.frame[-1], len(rows), f"{width:.0f} x {height:.0f}", speed]
    swatch = f'<i style="background: rgb({r}, {g}, {b})"></i>{identity}'
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in [swatch, *cells]) + "</tr>"
