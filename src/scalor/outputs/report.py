"""``report.html``: what a command found, in one file for a browser, on a phone or without a network.

`write_report` looks at what a folder holds: tracks, a training, or imagined futures.
"""

import csv
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from scalor.core.tracks import FIRST_FRAME, Tracks
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.outputs.advice import advice_for_run, advice_for_tracks
from scalor.outputs.doubts import Doubt, Watch
from scalor.outputs.footage import at_hand, footage_of
from scalor.outputs.measure import frame_seconds
from scalor.outputs.report_film import film_of_pictures, film_of_tracks, spread
from scalor.outputs.report_page import (
    REPORT,
    Page,
    chart,
    charts,
    details,
    facts,
    named,
    paragraphs,
    picture,
    shown,
    table,
)
from scalor.outputs.tracked import TRACKS_CSV, Tracked, read_summary, read_tracked
from scalor.viz.draw import track_color
from scalor.viz.export import SUMMARY

MOST_ROWS = 500
CURVES = {"loss": "loss", "mse": "squared error of the pictures", "objects": "objects per frame", "mota": "MOTA"}
METRICS, CONFIG, PICTURES = "metrics.csv", "config.json", "pictures"


@dataclass(frozen=True)
class Extras:
    """What a report shows besides what lies in its folder.

    title    the heading
    notes    sentences below it
    scores   heads and rows of a table of scores
    figures  words -> picture file
    run      the folder of the training behind it, for its curves
    """

    title: str | None = None
    notes: Sequence[str] = ()
    scores: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None
    figures: Mapping[str, Path] | None = None
    run: Path | None = None


def write_report(
    folder: str | PathLike[str],
    *,
    video: str | PathLike[str] | None = None,
    extras: Extras | None = None,
    out: str | PathLike[str] | None = None,
) -> Path:
    """Write ``report.html`` into a folder that ``track``, ``fit``, ``train`` or ``imagine`` wrote; returns its path.

    Args:
        folder: what was written.
        video: the video; without it, and where the summary names none, the page shows no frames.
        extras: what else it shows.
        out: another place for the page.

    Raises:
        UserError: the folder holds nothing to report on, or the page cannot be written.
    """
    place, more = Path(folder), extras or Extras()
    if (place / TRACKS_CSV).is_file():
        page = _of_tracks(_read(place), None if video is None else Path(video), more)
    elif (place / METRICS).is_file():
        page = _of_run(place, more)
    elif (place / "futures.json").is_file():
        page = _of_futures(place, more)
    else:
        raise UserError(
            f"{place} holds neither tracks nor a training nor futures; a folder that scalor wrote is wanted"
        )
    return page.write(Path(out) if out is not None else place / REPORT)


def _read(place: Path) -> Tracked:
    """The tracks, with the masks of the frames that the film may show."""
    summary = read_summary(place) if (place / SUMMARY).is_file() else {}
    noted = (summary.get("trust") or {}).get("doubts")
    if noted is None:
        return read_tracked(place)
    return read_tracked(place, masks_of={*spread(int(summary.get("frames", 0))), *(each["frame"] for each in noted)})


def _of_tracks(tracked: Tracked, video: Path | None, more: Extras) -> Page:
    tracks, summary = tracked.tracks, tracked.summary
    page = Page(more.title or f"Tracks of {tracked.name}")
    numbers: dict[str, Any] = {"tracks": len(np.unique(tracks.id)), "frames": tracks.length}
    numbers["seconds"] = float(frame_seconds(tracked).sum())
    numbers["objects per frame"] = round(len(tracks) / max(1, tracks.length), 2)
    page.sections.append(paragraphs(more.notes) + facts(numbers))
    doubtful = doubts_of(tracked)
    pairs: dict[Doubt, list[str]] = {}
    if video is not None or at_hand(tracked):
        film, pairs = film_of_tracks(tracked, footage_of(tracked, video, "the report"), doubtful)
        if film["pictures"]:
            page.data["films"] = {"tracks": film}
            page.sections.append('<div data-player="tracks"></div>')
    if len(tracks):
        page.data["timeline"] = timeline_of(tracks)
        page.add("When each was seen", '<div class="scroll" data-timeline></div>')
        page.add("Moments to look at", _sheet(doubtful, pairs))
    _scores_and_figures(page, more)
    page.add("What to try next", _list(advice_for_tracks(tracked, doubtful)))
    if more.run is not None:
        page.add("Training", charts(_curves(more.run)))
    page.add("Tracks", details(f"all {numbers['tracks']} tracks", _track_table(tracks)))
    page.add("Settings", details("everything in summary.json", _settings(summary)))
    return page


def _of_run(folder: Path, more: Extras) -> Page:
    rows = _metrics(folder)
    page = Page(more.title or f"Training in {folder.name}")
    last = rows[-1] if rows else {}
    known = {
        "step": "last step logged",
        "minutes": "minutes",
        "objects": "objects per frame",
        "mota": "MOTA on validation clips",
    }
    numbers = {words: last[key] for key, words in known.items() if key in last}
    page.sections.append(paragraphs(more.notes) + facts(numbers))
    stages = _stages(folder / PICTURES)
    if stages:
        page.data["films"] = {"training": film_of_pictures(stages, counts="step")}
        words = (
            "Four lines a clip, time to the right: the video, what the model makes of it with its boxes, the empty "
            "scene, and where it sees objects. They change as it learns."
        )
        page.add("What it sees", paragraphs([words]), '<div data-player="training"></div>')
    page.add("Curves", charts(_curves(folder)))
    _scores_and_figures(page, more)
    page.add("What to try next", _list(advice_for_run(folder, rows)))
    if (folder / CONFIG).is_file():
        text = html.escape((folder / CONFIG).read_text(encoding="utf-8"))
        page.add("Settings", details("everything in config.json", f"<pre>{text}</pre>"))
    return page


def _of_futures(folder: Path, more: Extras) -> Page:
    from PIL import Image

    summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    page = Page(more.title or f"Futures of {summary['video']}")
    names = {"observe": "frames looked at", "steps": "frames imagined", "samples": "futures"}
    numbers = {words: summary[key] for key, words in names.items()}
    page.sections.append(paragraphs(more.notes) + facts({**numbers, "objects": summary["objects_observed"]}))
    film = open_video(folder / "futures.mp4")
    frames = ((frame.index, frame.image) for frame in film if frame.image is not None)
    page.data["films"] = {"futures": film_of_pictures(islice(frames, 200), counts="frame")}
    words = "Top left is what happened; the others are imagined from the last frame looked at, without seeing more."
    page.add("As a film", paragraphs([words]), '<div data-player="futures"></div>')
    whole = np.asarray(Image.open(folder / "futures.png").convert("RGB"))
    page.add("As a picture", picture(whole, "time to the right; above what was seen and happened, below the futures"))
    _scores_and_figures(page, more)
    page.add("Settings", details("everything in summary.json", _settings(summary)))
    return page


def _scores_and_figures(page: Page, more: Extras) -> None:
    if more.scores is not None:
        head, rows = more.scores
        page.add("Scores", table(head, [[html.escape(cell) for cell in row] for row in rows]))
    for words, file in (more.figures or {}).items():
        from PIL import Image

        page.add(words, picture(np.asarray(Image.open(file).convert("RGB")), words))


def timeline_of(tracks: Tracks) -> dict[str, Any]:
    """What the page's timeline draws: the length, and for every track, the earliest first, its id and stretches."""
    lines = []
    for identity in np.unique(tracks.id).tolist():
        frames = tracks.frame[tracks.id == identity]
        breaks = np.flatnonzero(np.diff(frames) > 1)
        starts, ends = frames[np.r_[0, breaks + 1]], frames[np.r_[breaks, len(frames) - 1]]
        lines.append([named(identity), np.stack([starts, ends], axis=1).tolist()])
    return {"length": max(1, tracks.length), "tracks": sorted(lines, key=lambda line: line[1][0][0])}


def doubts_of(tracked: Tracked) -> list[Doubt]:
    """The doubtful moments that tracking noted; where it noted none, those that the table shows."""
    noted = (tracked.summary.get("trust") or {}).get("doubts")
    if noted is not None:
        return [Doubt.from_dict(each) for each in noted]
    return Watch.over(tracked.tracks, tracked.size).doubts()


def _sheet(doubtful: Sequence[Doubt], pairs: Mapping[Doubt, Sequence[str]]) -> str:
    if not doubtful:
        return paragraphs(["Nothing stands out: no track begins, ends, jumps or meets another in a doubtful way."])
    cards = []
    for doubt in doubtful:
        images = "".join(
            f'<img alt="frame {frame + FIRST_FRAME}" src="data:image/jpeg;base64,{image}">'
            for frame, image in zip(doubt.frames, pairs.get(doubt, ()), strict=False)
        )
        words = f"<span>frame {doubt.frame + FIRST_FRAME}: {doubt.id} {html.escape(doubt.words)}</span>"
        cards.append(
            f'<button type="button" data-frame="{doubt.frame}"><div class="pair">{images}</div>{words}</button>'
        )
    intro = "Before and after something happens, the most doubtful first. Choose one to see it above."
    return f'<p class="soft">{intro}</p><div class="sheet">{"".join(cards)}</div>'


def _track_table(tracks: Tracks) -> str:
    identities = np.unique(tracks.id)
    rows = [_track_row(int(name), tracks.select(tracks.id == name)) for name in identities[:MOST_ROWS]]
    rest = len(identities) - MOST_ROWS
    more = paragraphs([f"{rest} more are in the tables beside this file."]) if rest > 0 else ""
    return table(["id", "first frame", "last frame", "frames", "size, px", "px per frame"], rows) + more


def _track_row(identity: int, rows: Tracks) -> list[str]:
    width, height = np.median(rows.box_tlwh[:, 2:], axis=0)
    steps = np.linalg.norm(np.diff(rows.center, axis=0), axis=1) / np.maximum(np.diff(rows.frame), 1)
    r, g, b = track_color(identity)
    swatch = f'<i style="background: rgb({r}, {g}, {b})"></i>{identity}'
    speed = f"{steps.mean():.1f}" if len(steps) else ""
    first, last = rows.frame[[0, -1]] + FIRST_FRAME
    return [swatch, str(first), str(last), str(len(rows)), f"{width:.0f} x {height:.0f}", speed]


def _settings(summary: Mapping[str, Any]) -> str:
    flat = [
        (f"{key}.{name}", inner) if name else (key, inner)
        for key, value in summary.items()
        for name, inner in (value.items() if isinstance(value, dict) else [("", value)])
    ]
    return table([], [[html.escape(name), shown(value)] for name, value in flat])


def _list(sentences: Sequence[str]) -> str:
    """Advice; what stands between back ticks is a command."""
    items = []
    for sentence in sentences:
        parts = html.escape(sentence).split("`")
        items.append("<li>" + "".join(f"<code>{p}</code>" if k % 2 else p for k, p in enumerate(parts)) + "</li>")
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _metrics(folder: Path) -> list[dict[str, float]]:
    """The rows of a training's log; a line that a kill cut short is left out."""
    file = folder / METRICS
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        raw = [row for row in csv.DictReader(lines) if None not in row and None not in row.values()]
    return [{key: float(value) for key, value in row.items() if value} for row in raw]


def _curves(folder: Path) -> list[str]:
    rows = _metrics(folder)
    drawings = []
    for key, words in CURVES.items():
        there = [row for row in rows if key in row and "step" in row]
        xy = tuple(np.array([row[name] for row in there]) for name in ("step", key))
        drawings.append(chart(words, {words: (xy[0], xy[1])}, across="steps"))
    return drawings


def _stages(folder: Path) -> list[tuple[int, np.ndarray]]:
    """Pictures of a training by step, up to 20 of them."""
    from PIL import Image

    files = sorted(folder.glob("step-*.png"))
    chosen = [files[number] for number in spread(len(files), 20)] if files else []
    return [(int(file.stem.split("-")[1]), np.asarray(Image.open(file).convert("RGB"))) for file in chosen]
