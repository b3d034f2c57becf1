"""Imagined futures as files: a picture, a film and a table."""

import json
import sys
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

import scalor
from scalor.core.arguments import plainly
from scalor.core.devices import denormals_flushed
from scalor.data.video import open_video
from scalor.outputs.places import opened_folder, refuse_over
from scalor.outputs.report import write_report
from scalor.outputs.report_page import REPORT
from scalor.tracking.imagine import Futures, imagine
from scalor.tracking.report import FrameResult
from scalor.tracking.setup import described, load, prepare
from scalor.viz.draw import draw_overlay, enlarged, in_pixels_of
from scalor.viz.export import SUMMARY, video_writer, write_png, write_summary_json, write_text
from scalor.viz.figures import futures_figure, grid

PICTURE, FILM, TABLE = "futures.png", "futures.mp4", "futures.json"
FILES = (PICTURE, FILM, TABLE, REPORT, SUMMARY)
MOST_SIDE = 4096
"""The film's longer side at most: encoders end at 16384, players earlier."""
LEAST_SIDE = 128
"""Pictures smaller than this are enlarged."""


# More arguments than the house allows: they are the options of `scalor imagine`.
@plainly
def imagine_to_folder(
    video: str | PathLike[str],
    weights: str | PathLike[str],
    out: str | PathLike[str],
    *,
    observe: int = 5,
    steps: int = 20,
    samples: int = 8,
    seed: int = 0,
    start: int = 0,
    births: float = 0.0,
    device: str = "auto",
) -> dict[str, Any]:
    """`imagine` into a folder: ``futures.png``, ``futures.mp4``, ``futures.json`` (boxes per sample and step in source
    pixels), ``report.html`` and, last, ``summary.json``, which is returned.

    Raises:
        UserError: as `imagine`, or where ``out`` holds other files or cannot be written to; nothing is left there then.
    """
    with denormals_flushed(), opened_folder(out, FILES, command="scalor imagine") as folder:
        source = open_video(video)
        refuse_over(Path(video), *(Path(out) / name for name in FILES))
        loaded = load(weights, device=device)
        ready = prepare(loaded, source, before=start + observe)
        if ready.doubt:
            print(f"scalor: {ready.doubt}", file=sys.stderr)
        how: dict[str, Any] = {"observe": observe, "steps": steps, "samples": samples, "seed": seed, "start": start}
        how["births"] = births
        futures = imagine(source, ready.tracker, **how)
        write_png(folder / PICTURE, picture_of(futures))
        film_of(futures, folder / FILM)
        write_text(folder / TABLE, table_of(futures))
        summary = {
            "made_by": f"scalor imagine {scalor.__version__}",
            "video": source.name,
            "path": str(source.path),
            "width": source.width,
            "height": source.height,
            "fps": source.fps,
            **how,
            **described(loaded, weights),
            "scale": ready.tracker.scale,
            "backdrop": ready.backdrop,
            "doubt": ready.doubt,
            "objects_observed": len(futures.known),
        }
        write_summary_json(folder / SUMMARY, summary)
        write_report(folder)
    return summary


def picture_of(futures: Futures) -> np.ndarray:
    """What was seen, what happened and the imagined futures with their boxes, time to the right: uint8 [H, W, 3]."""
    blank = np.zeros_like(next(frame for frame in futures.frames if frame is not None))
    observed = [_boxed(blank if f is None else f, r) for f, r in zip(futures.frames, futures.observed, strict=True)]
    imagined = [[_boxed_picture(result) for result in sample] for sample in futures.samples]
    truth = [_sized(blank if frame is None else frame) for frame in futures.truth]
    return futures_figure(np.stack(observed), np.array(imagined), truth=np.stack(truth) if truth else None)


def film_of(futures: Futures, path: Path) -> None:
    """Truth and futures side by side as an mp4: first what was seen, then what was imagined."""
    blank = np.zeros_like(next(frame for frame in futures.frames if frame is not None))
    steps, count = len(futures.samples[0]), len(futures.samples) + 1
    across = int(np.ceil(np.sqrt(count)))
    with video_writer(path, fps=min(futures.fps, 10.0)) as film:
        for moment in range(len(futures.frames) + steps):
            ahead = moment - len(futures.frames)
            if ahead < 0:
                real, result = futures.frames[moment], futures.observed[moment]
                tiles = [_boxed(blank if real is None else real, result)] * count
            else:
                after = futures.truth[ahead] if ahead < len(futures.truth) else None
                tiles = [_sized(blank if after is None else after)]
                tiles += [_boxed_picture(sample[ahead]) for sample in futures.samples]
            picture = grid([tiles[i : i + across] for i in range(0, count, across)])
            film.write(enlarged(picture, min(1.0, MOST_SIDE / max(picture.shape))))


def table_of(futures: Futures) -> str:
    """JSON: observed boxes and the boxes of every sample and step, in source pixels."""
    lines = [
        {"sample": number, "step": step, "objects": _objects(result)}
        for number, sample in enumerate(futures.samples)
        for step, result in enumerate(sample, start=1)
    ]
    observed = [
        {"frame": futures.start + number, "objects": _objects(result)} for number, result in enumerate(futures.observed)
    ]
    parts = {"observed": observed, "futures": lines}
    bodies = [
        f'"{name}":[\n' + ",\n".join(json.dumps(item, separators=(",", ":")) for item in items) + "\n]"
        for name, items in parts.items()
    ]
    return "{" + ",\n".join(bodies) + "}\n"


def _objects(result: FrameResult) -> list[dict[str, Any]]:
    return [
        {"id": name, "box_tlwh": [round(value, 2) for value in box], "visibility": round(seen, 4)}
        for name, box, seen in zip(
            result.ids.tolist(), result.box_tlwh.tolist(), result.visibility.tolist(), strict=True
        )
    ]


def _boxed_picture(result: FrameResult) -> np.ndarray:
    assert result.pictures is not None
    return _boxed(result.pictures.reconstruction, result)


def _boxed(image: np.ndarray, result: FrameResult) -> np.ndarray:
    """A picture of the network's size, enlarged where small, with the boxes of a report."""
    scale_y, scale_x = result.masks.size[0] / image.shape[0], result.masks.size[1] / image.shape[1]
    rows = in_pixels_of(result.tracks(), scale_x=scale_x or 1.0, scale_y=scale_y or 1.0)
    return draw_overlay(image, rows, zoom=_zoom(image), labels=False)


def _sized(image: np.ndarray) -> np.ndarray:
    zoom = _zoom(image)
    return image.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _zoom(image: np.ndarray) -> int:
    return max(1, -(-LEAST_SIDE // min(image.shape[:2])))
