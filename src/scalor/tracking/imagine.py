"""Looking at the start of a video and imagining, several times over, how it goes on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

import scalor
from scalor.core.seeds import whole_seed
from scalor.core.types import Knobs, World
from scalor.data.source import VideoSource, shrink
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.models.base import WorldModel
from scalor.outputs.report_page import REPORT
from scalor.pretrained import Loaded
from scalor.tracking.outputs import opened_folder
from scalor.tracking.report import FrameResult, results_of
from scalor.tracking.setup import denormals_flushed, described, load, prepare
from scalor.tracking.tracker import Tracker
from scalor.tracking.view import as_picture, with_channels
from scalor.viz.draw import draw_overlay, in_pixels_of
from scalor.viz.export import SUMMARY, video_writer, write_png, write_summary_json, write_text
from scalor.viz.figures import futures_figure, grid

FUTURES = Knobs(stochastic=True, hard=True, keep_alive=True)
"""Samples from the prior; presence is there or not, and a moment of absence ends no object."""
PICTURE, FILM, TABLE = "futures.png", "futures.mp4", "futures.json"
FILES = (PICTURE, FILM, TABLE, SUMMARY)
LEAST_SIDE = 128
"""Pictures smaller than this are enlarged."""

Frames = Sequence[np.ndarray | None] | np.ndarray
Source = str | PathLike[str] | VideoSource | Frames


@dataclass(frozen=True)
class Futures:
    """What was seen, what was imagined and, where the video goes on, what happened.

    observed   the reports of the frames that were looked at, with pictures
    samples    per future the reports of its steps, with pictures
    frames     the source's frames that were looked at, as the network sees them, uint8 [h, w, 3] or None
    truth      the frames that really followed, likewise; fewer than steps where the video ends
    start      number of the first observed frame in the source
    fps        of the source
    """

    observed: tuple[FrameResult, ...]
    samples: tuple[tuple[FrameResult, ...], ...]
    frames: tuple[np.ndarray | None, ...]
    truth: tuple[np.ndarray | None, ...]
    start: int
    fps: float


# More arguments than the house allows: they are the options of `scalor imagine`.
def imagine(
    video: Source,
    model: str | PathLike[str] | Loaded | WorldModel | Tracker,
    *,
    observe: int = 5,
    steps: int = 20,
    samples: int = 8,
    seed: int = 0,
    start: int = 0,
    births: float = 0.0,
    device: str = "auto",
) -> Futures:
    """Look at ``observe`` frames from number ``start``, then imagine ``steps`` more, ``samples`` times.

    Args:
        video: a file, a folder of images, an opened source, or the frames themselves (uint8 [H, W, 3] each).
        model: weights by name or path, loaded weights, a model, or a tracker (which is reset).
        observe: how many frames are seen.
        steps: how many are imagined.
        samples: how often.
        seed: the same seed gives the same futures; the global random state is left alone.
        start: first frame to look at.
        births: probability per grid cell and frame that a new object appears (the paper's Figure 14); 0: none do.
        device: where weights given by name or path are put.

    Frames after the observed ones are never shown to the model. Raises UserError for numbers below 1, a video that
    is too short, or frames of which none can be decoded.
    """
    seed = whole_seed(seed)
    for name, value in {"observe": observe, "steps": steps, "samples": samples, "start": start + 1}.items():
        if value < 1:
            raise UserError(
                f"{name} is {value - (name == 'start')}; a larger number is wanted; give at least 1 (start 0)"
            )
    if not 0 <= births <= 1:
        raise UserError(f"births is {births:g}; a probability per cell and frame is wanted; try 0.001")
    if isinstance(video, str | PathLike):
        video = open_video(video)
    tracker = _tracker(video, model, device)
    pictures = _pictures(video, start, observe + steps)
    if len(pictures) < observe or all(picture is None for picture in pictures[:observe]):
        raise UserError(
            f"there are {sum(p is not None for p in pictures[:observe])} readable frames from number {start} on; "
            f"{observe} are wanted to look at; start earlier or observe fewer"
        )
    tracker.reset()
    seen = tuple(tracker.observe(picture, pictures=True) for picture in pictures[:observe])
    small = tuple(None if picture is None else _as_seen(tracker, picture) for picture in pictures)
    return Futures(
        observed=seen,
        samples=sample_futures(tracker, steps=steps, samples=samples, seed=seed, births=births),
        frames=small[:observe],
        truth=small[observe:],
        start=start,
        fps=video.fps if isinstance(video, VideoSource) else 10.0,
    )


@torch.inference_mode()
def sample_futures(
    tracker: Tracker, *, steps: int, samples: int, seed: int = 0, births: float = 0.0
) -> tuple[tuple[FrameResult, ...], ...]:
    """``samples`` futures of ``steps`` frames from where a tracker stands; the tracker stays where it is.

    New objects appear with the probability ``births`` per grid cell and frame.

    Raises UserError where it has not seen a frame.
    """
    if tracker.world is None or tracker.view is None:
        raise UserError("the future was asked for before any frame was seen; call update first")
    world = _repeated(tracker.world, samples)
    knobs = replace(FUTURES, births=births > 0, birth=births)
    devices = [] if tracker.device.type == "cpu" else [tracker.device]
    per_step = []
    with torch.random.fork_rng(devices, device_type=tracker.device.type if devices else "cuda"):
        torch.manual_seed(seed)
        for ahead in range(steps):
            world, step = tracker.model.step(world, None, knobs)
            per_step.append(results_of(step, tracker.view, index=tracker.frames + ahead, pictures=True))
    return tuple(zip(*per_step, strict=True))


# More arguments than the house allows: they are the options of `scalor imagine`.
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
    pixels) and, last, ``summary.json``, which is returned.

    Raises:
        UserError: as `imagine`, or where ``out`` holds other files or cannot be written to; nothing is left there then.
    """
    with denormals_flushed(), opened_folder(out, (*FILES, REPORT)) as folder:
        source = open_video(video)
        loaded = load(weights, device=device)
        ready = prepare(loaded, source)
        how: dict[str, Any] = {"observe": observe, "steps": steps, "samples": samples, "seed": seed, "start": start}
        how["births"] = births
        futures = imagine(source, ready.tracker, **how)
        write_png(folder / PICTURE, picture_of(futures))
        film_of(futures, folder / FILM)
        write_text(folder / TABLE, table_of(futures))
        summary = {
            "made_by": f"scalor imagine {scalor.__version__}",
            "video": source.name,
            "width": source.width,
            "height": source.height,
            "fps": source.fps,
            **how,
            **described(loaded, weights),
            "scale": ready.tracker.scale,
            "backdrop": ready.backdrop,
            "objects_observed": len(futures.observed[-1]),
        }
        write_summary_json(folder / SUMMARY, summary)
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
            film.write(grid([tiles[i : i + across] for i in range(0, count, across)]))


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


def _tracker(
    video: VideoSource | Frames, model: str | PathLike[str] | Loaded | WorldModel | Tracker, device: str
) -> Tracker:
    if isinstance(model, Tracker):
        return model
    if isinstance(model, str | PathLike):
        model = load(model, device=device)
    if isinstance(model, Loaded) and isinstance(video, VideoSource):
        return prepare(model, video).tracker
    return Tracker(model)


def _pictures(video: VideoSource | Frames, start: int, count: int) -> list[np.ndarray | None]:
    if not isinstance(video, VideoSource):
        return list(video[start : start + count])
    total = video.count()
    frames = video.read(range(start, min(start + count, total) if total else start + count))
    pictures = [frame.image for frame in frames]
    while pictures and pictures[-1] is None:
        pictures.pop()
    return pictures


def _as_seen(tracker: Tracker, picture: np.ndarray) -> np.ndarray:
    """A source frame at the network's size, uint8 [h, w, 3]."""
    assert tracker.view is not None
    return with_channels(shrink(as_picture(picture), (tracker.view.rows, tracker.view.columns)), 3)


def _repeated(world: World, count: int) -> World:
    return world.map(lambda tensor: tensor.repeat_interleave(count, dim=0))


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
