"""Still pictures for papers and reports, with PIL and numpy only. Images are uint8 [H, W, 3]."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scalor.core.tracks import Tracks
from scalor.errors import UserError
from scalor.viz.draw import color_labels, draw_overlay, follow, mask_labels

INK = (30, 30, 30)
SERIES = [(31, 119, 180), (214, 39, 40), (44, 160, 44), (148, 103, 189), (255, 127, 14), (23, 190, 207), (90, 90, 90)]
TILE = 160
"""Height in pixels that tiles are brought to."""
Series = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""Name -> (x values, y values)."""


def grid(
    rows: Sequence[Sequence[np.ndarray | None]],
    *,
    pad: int = 4,
    labels: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> np.ndarray:
    """Images in rows and columns on white.

    Args:
        rows: images uint8 [H, W, 3] or [H, W], all of one size; None leaves a hole, rows may differ in length.
        pad: white pixels between images.
        labels: text to the left of each row.
        columns: text above each column.
    """
    tiles = [image for row in rows for image in row if image is not None]
    if not tiles:
        raise UserError(
            "a grid of no images was asked for; at least one image is wanted; check the length of the video"
        )
    height, width = tiles[0].shape[:2]
    left = pad + (_text_width(max(labels, key=_text_width)) + 2 * pad if labels else 0)
    top = pad + (16 if columns else 0)
    across = max(len(row) for row in rows)
    canvas = np.full((top + len(rows) * (height + pad), left + across * (width + pad), 3), 255, np.uint8)
    for r, row in enumerate(rows):
        for c, image in enumerate(row):
            if image is not None:
                y, x = top + r * (height + pad), left + c * (width + pad)
                canvas[y : y + height, x : x + width] = image if image.ndim == 3 else image[:, :, None]
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    for r, text in enumerate(labels or []):
        draw.text((pad, top + r * (height + pad) + height // 2), text, INK, _font(), anchor="lm")
    for c, text in enumerate(columns or []):
        draw.text((left + c * (width + pad) + width // 2, top - pad - 1), text, INK, _font(), anchor="ms")
    return np.asarray(picture)


def paper_figure(
    frames: np.ndarray,
    *,
    tracks: Tracks,
    reconstruction: np.ndarray | None = None,
    background: np.ndarray | None = None,
    columns: int = 8,
) -> np.ndarray:
    """Input, reconstruction, background, masks with ids, boxes with trails: time runs to the right (Figure 7).

    Args:
        frames: uint8 [T, H, W, 3].
        tracks: the table of these frames (frame numbers 0..T-1) in their pixels, with masks if there are any.
        reconstruction: uint8 [T, H, W, 3] or None to leave the row out.
        background: uint8 [T, H, W, 3], or [H, W, 3] for all times, or None.
        columns: number of moments shown, evenly spread.
    """
    times = _moments(len(frames), columns)
    zoom = TILE / frames.shape[1]
    states = {time: state for time, state in enumerate(follow(tracks)) if time in times}
    empty = tracks.select(np.arange(0))
    labels, rows = ["input"], [[_enlarged(frames[t], zoom) for t in times]]
    if reconstruction is not None:
        labels.append("reconstruction")
        rows.append([_enlarged(reconstruction[t], zoom) for t in times])
    if background is not None:
        still = background.ndim == 3
        labels.append("background")
        rows.append([_enlarged(background if still else background[t], zoom) for t in times])
    if tracks.masks is not None:
        labels.append("masks")
        rows.append([_mask_picture(states[t][0] if t in states else empty, frames.shape[1:3], zoom) for t in times])
    labels.append("boxes, trails")
    last = []
    for t in times:
        state, trails = states.get(t, (empty, {}))
        bare = Tracks(state.frame, state.id, state.box_tlwh, state.score, state.visibility, state.length)
        last.append(draw_overlay(frames[t], bare, trails=trails, zoom=zoom, labels=False))
    rows.append(last)
    return grid(rows, labels=labels, columns=[f"t = {t}" for t in times])


def futures_figure(
    observed: np.ndarray, samples: np.ndarray, *, truth: np.ndarray | None = None, columns: int = 10
) -> np.ndarray:
    """What was seen, then one row per imagined future and, where it is known, what really happened.

    Args:
        observed: uint8 [T0, H, W, 3].
        samples: uint8 [S, T1, H, W, 3].
        truth: uint8 [T1', H, W, 3]; may be shorter than the futures.
        columns: number of moments; up to a third of them are observed ones.
    """
    seen = _moments(len(observed), max(1, min(columns // 3, len(observed))))
    ahead = _moments(samples.shape[1], columns - len(seen))
    zoom = TILE / observed.shape[1]
    past = [_framed(_enlarged(observed[t], zoom), (90, 90, 90)) for t in seen]
    rows: list[list[np.ndarray | None]] = []
    labels = []
    if truth is not None:
        real = [_enlarged(truth[t], zoom) if t < len(truth) else None for t in ahead]
        rows.append([*past, *(None if image is None else _framed(image, (90, 90, 90)) for image in real)])
        labels.append("what happened")
    for number, sample in enumerate(samples):
        shown: list[np.ndarray | None] = list(past) if not rows else [None] * len(past)
        rows.append([*shown, *(_framed(_enlarged(sample[t], zoom), SERIES[0]) for t in ahead)])
        labels.append(f"imagined {number + 1}")
    names = [f"seen {t}" for t in seen] + [f"+{t + 1}" for t in ahead]
    return grid(rows, labels=labels, columns=names)


def line_plot(
    series: Series,
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    size: tuple[int, int] = (360, 560),
) -> np.ndarray:
    """Curves with axes, ticks and a legend: uint8 [*size, 3].

    Args:
        series: name -> (x values, y values); points that are not finite break the curve.
        title: text above.
        x_label: text below.
        y_label: text at the upper end of the y axis.
        size: (height, width) in pixels.
    """
    finite = [(x, y) for xs, ys in series.values() for x, y in zip(xs, ys, strict=True) if math.isfinite(x + y)]
    picture = Image.new("RGB", (size[1], size[0]), (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    x_ticks, y_ticks = (_ticks([point[axis] for point in finite] or [0.0, 1.0]) for axis in (0, 1))
    left = 16 + max(_text_width(f"{tick:g}") for tick in y_ticks)
    right, top, bottom = size[1] - 16, 44, size[0] - 44

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_ticks[0]) / (x_ticks[-1] - x_ticks[0])
        up = (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return left + across * (right - left), bottom - up * (bottom - top)

    _axes(draw, x_ticks, y_ticks, place)
    draw.text((size[1] // 2, 14), title, INK, _font(14), anchor="mm")
    draw.text(((left + right) // 2, size[0] - 12), x_label, INK, _font(), anchor="mm")
    draw.text((8, 34), y_label, INK, _font(), anchor="lm")
    _curves(draw, series, place)
    _legend(draw, list(series), right)
    return np.asarray(picture)


Place = Callable[[float, float], tuple[float, float]]
"""Where a point of the data lies in the picture."""


def _axes(draw: ImageDraw.ImageDraw, x_ticks: Sequence[float], y_ticks: Sequence[float], place: Place) -> None:
    left, bottom = place(x_ticks[0], y_ticks[0])
    right, top = place(x_ticks[-1], y_ticks[-1])
    for tick in y_ticks:
        y = place(x_ticks[0], tick)[1]
        draw.line([(left, y), (right, y)], (225, 225, 225))
        draw.text((left - 6, y), f"{tick:g}", INK, _font(), anchor="rm")
    for tick in x_ticks:
        x = place(tick, y_ticks[0])[0]
        draw.line([(x, bottom), (x, bottom + 4)], INK)
        draw.text((x, bottom + 7), f"{tick:g}", INK, _font(), anchor="mt")
    draw.line([(left, top), (left, bottom), (right, bottom)], INK)


def _curves(draw: ImageDraw.ImageDraw, series: Series, place: Place) -> None:
    for (xs, ys), color in zip(series.values(), _colors(len(series)), strict=True):
        piece: list[tuple[float, float]] = []
        for x, y in [*zip(xs, ys, strict=True), (math.nan, math.nan)]:
            if math.isfinite(x + y):
                piece.append(place(x, y))
                continue
            if len(piece) > 1:
                draw.line(piece, color, 2, joint="curve")
            for px, py in piece if len(piece) == 1 or len(xs) <= 30 else []:
                draw.ellipse([px - 3, py - 3, px + 3, py + 3], color)
            piece = []


def _legend(draw: ImageDraw.ImageDraw, names: Sequence[str], right: int) -> None:
    x = float(right)
    for name, color in reversed(list(zip(names, _colors(len(names)), strict=True))):
        x -= _text_width(name)
        draw.text((x, 34), name, INK, _font(), anchor="lm")
        draw.line([(x - 20, 34), (x - 5, 34)], color, 3)
        x -= 34


def _colors(number: int) -> list[tuple[int, int, int]]:
    return [SERIES[i % len(SERIES)] for i in range(number)]


def _ticks(values: Sequence[float], about: int = 5) -> list[float]:
    """Round numbers, at least two, that enclose all values."""
    low, high = min(values), max(values)
    if high - low < 1e-12 * max(1.0, abs(high)):
        low, high = low - 0.5 * max(1.0, abs(low)), high + 0.5 * max(1.0, abs(high))
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _moments(length: int, columns: int) -> list[int]:
    """At most ``columns`` evenly spread times out of 0..length-1."""
    picks = np.linspace(0, length - 1, max(1, min(columns, length))).round().astype(int)
    return [int(t) for t in picks] if length else []


def _enlarged(image: np.ndarray, zoom: float) -> np.ndarray:
    if zoom == 1:
        return image
    size = (round(image.shape[1] * zoom), round(image.shape[0] * zoom))
    way = Image.Resampling.BOX if zoom < 1 else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(image).resize(size, way))


def _mask_picture(rows: Tracks, size: tuple[int, int], zoom: float) -> np.ndarray:
    """Masks in their colours on black, each with its identity in the middle of its box."""
    colored = color_labels(mask_labels(rows, size))
    shape = (round(size[1] * zoom), round(size[0] * zoom))
    picture = Image.fromarray(colored).resize(shape, Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(picture)
    for identity, (x, y) in zip(rows.id.tolist(), rows.center.tolist(), strict=True):
        place = (x * zoom, y * zoom)
        draw.text(place, str(identity), (255, 255, 255), _font(11), anchor="mm", stroke_width=2, stroke_fill=(0, 0, 0))
    return np.asarray(picture)


def _framed(image: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    out = image.copy()
    out[:2], out[-2:], out[:, :2], out[:, -2:] = color, color, color, color
    return out


def _font(size: int = 12) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _text_width(text: str) -> int:
    return math.ceil(_font().getlength(text))
