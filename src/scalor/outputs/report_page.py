"""The page of a report: parts of HTML, and one file that needs no server and no network."""

import base64
import html
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from scalor.viz.draw import COLORS, track_color
from scalor.viz.export import write_text

REPORT = "report.html"
MARK = '<script id="data" type="application/json">'
"""Stands in every page."""
MOST_WHOLE = 2**53
MANY = 1e4
"""From here on four digits would be fewer than a number has before its point."""


@dataclass
class Page:
    """Sections of HTML, and the data that the page's script shows."""

    title: str
    sections: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def add(self, heading: str, *bodies: str) -> None:
        """One more section; nothing where all its parts are empty."""
        if any(bodies):
            self.sections.append(f"<h2>{html.escape(heading)}</h2>\n" + "\n".join(bodies))

    def write(self, path: Path) -> Path:
        """The file, whole or not at all."""
        palette = ["rgb({}, {}, {})".format(*track_color(number)) for number in range(COLORS)]
        data = in_script({"palette": palette, **self.data})
        page = files("scalor.outputs").joinpath("report_page.html").read_text(encoding="utf-8")
        body = f"<h1>{html.escape(self.title)}</h1>\n" + "\n".join(self.sections)
        filled = {"TITLE": html.escape(self.title), "BODY": body, "DATA": data}
        # One pass, so that nothing in a title or table is taken for a place to fill.
        write_text(path, re.sub("@(TITLE|BODY|DATA)@", lambda match: filled[match[1]], page))
        return path


def in_script(value: Any) -> str:
    """JSON to stand in a script: neither its end nor a comment, which would hide the end, can be in it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def named(identity: int) -> int | str:
    """An id as the page's script takes it; its numbers are whole up to 2^53."""
    return identity if identity <= MOST_WHOLE else str(identity)


def is_page(path: Path) -> bool:
    """Whether a file is a page that a `Page` wrote."""
    try:
        return MARK in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def paragraphs(sentences: Iterable[str]) -> str:
    """Plain sentences."""
    return "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)


def facts(values: Mapping[str, Any]) -> str:
    """Numbers that are read first."""
    cells = "".join(f"<div><b>{shown(value)}</b>{html.escape(name)}</div>" for name, value in values.items())
    return f'<div class="facts">{cells}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are HTML already."""
    top = "<tr>" + "".join(f"<th>{html.escape(name)}</th>" for name in head) + "</tr>" if head else ""
    lines = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return f'<div class="wide"><table>{top}{"".join(lines)}</table></div>' if lines else ""


def details(words: str, body: str) -> str:
    """What is folded away at first."""
    return f"<details><summary>{html.escape(words)}</summary>{body}</details>" if body else ""


def shown(value: Any) -> str:
    """A value for people, as HTML."""
    if value is None:
        return "-"
    if isinstance(value, float | np.floating):
        return f"{value:.0f}" if MANY <= abs(float(value)) < MOST_WHOLE else f"{value:.4g}"
    return html.escape(str(value))


def jpeg(image: np.ndarray, *, side: int, quality: int = 75) -> str:
    """A picture uint8 [H, W, 3], its longer side at most ``side``, as base64."""
    from PIL import Image

    picture = Image.fromarray(image)
    picture.thumbnail((side, side))
    out = io.BytesIO()
    picture.save(out, format="JPEG", quality=quality)
    return base64.b64encode(out.getvalue()).decode("ascii")


def picture(image: np.ndarray, words: str, *, side: int = 1600) -> str:
    """A picture with what it shows."""
    name = html.escape(words)
    source = f"data:image/jpeg;base64,{jpeg(image, side=side, quality=85)}"
    return f'<figure><img alt="{name}" src="{source}"><figcaption class="soft">{name}</figcaption></figure>'


def chart(heading: str, lines: Mapping[str, tuple[np.ndarray, np.ndarray]], *, across: str) -> str:
    """Up to two curves (x, y) by name as a small drawing; NaN is left out, and of many points every k-th is shown."""
    known = {name: _thinned(*xy) for name, xy in lines.items()}
    known = {name: xy for name, xy in known.items() if len(xy[0]) > 1}
    if not known:
        return ""
    xs, ys = (np.concatenate([xy[axis] for xy in known.values()]) for axis in (0, 1))
    (left, right), (low, high) = (xs.min(), xs.max()), (ys.min(), ys.max())
    wide, high_px = 320, 150
    parts = []
    for number, (name, (x, y)) in enumerate(known.items()):
        px = 44 + (x - left) / max(right - left, 1e-12) * (wide - 54)
        py = 10 + (high - y) / max(high - low, 1e-12) * (high_px - 36)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px, py, strict=True))
        kind, title = ("one", "two")[number % 2], f"<title>{html.escape(name)}</title>"
        parts.append(f'<polyline class="{kind}" points="{points}">{title}</polyline>')
    labels = [
        f'<text x="40" y="14" text-anchor="end">{shown(high)}</text>',
        f'<text x="40" y="{high_px - 26}" text-anchor="end">{shown(low)}</text>',
        f'<text x="44" y="{high_px - 8}">{shown(left)}</text>',
        f'<text x="{wide - 10}" y="{high_px - 8}" text-anchor="end">{shown(right)} {html.escape(across)}</text>',
    ]
    frame = f'<path class="axis" fill="none" d="M44 10 V{high_px - 26} H{wide - 10}"/>'
    drawing = f'<svg viewBox="0 0 {wide} {high_px}" role="img">{frame}{"".join(parts)}{"".join(labels)}</svg>'
    return f"<figure><figcaption>{html.escape(heading)}</figcaption>{drawing}</figure>"


def _thinned(x: np.ndarray, y: np.ndarray, most: int = 400) -> tuple[np.ndarray, np.ndarray]:
    keep = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    keep = keep[:: max(1, -(-len(keep) // most))]
    return x[keep], y[keep]


def charts(drawings: Iterable[str]) -> str:
    """Drawings beside each other."""
    some = "".join(drawings)
    return f'<div class="charts">{some}</div>' if some else ""
