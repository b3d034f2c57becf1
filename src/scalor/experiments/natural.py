"""Figures 7 and 14: a real scene taken apart, and its future with newcomers."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scalor import pretrained
from scalor.core.devices import denormals_flushed
from scalor.core.tracks import Tracks
from scalor.data.source import Frame, shrink
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.experiments.report import Report
from scalor.outputs.imagine_folder import picture_of
from scalor.tracking.imagine import imagine, sample_futures
from scalor.tracking.setup import load, prepare
from scalor.tracking.tracker import Tracker
from scalor.viz.draw import in_pixels_of
from scalor.viz.figures import grid, paper_figure

WEIGHTS, LENGTH = "traffic", 60
BIRTH = 0.01
"""Presence per cell of newcomers in an imagined frame (spec A.10)."""
TITLE = "Figure 7: a real scene"


def figure7(video: str | None, weights: str | None, command: str) -> Report:
    """Input, reconstruction, background, masks with identities, boxes and trails of a real clip; then its future.

    Args:
        video: None: the packaged clip of cars.
        weights: None: the packaged weights of that clip.
    """
    if video is None:
        video = str(files("scalor.data") / "assets" / "traffic.mp4")
    elif weights is None:
        raise UserError("a video came without weights; weights that know its objects are wanted; give --weights")
    if weights is None and WEIGHTS not in pretrained.names():
        body = "no weights: learn them with `scalor fit` and give them with `--weights`"
        return Report("figure7", TITLE, command, {"weights": None}, body)
    return scene(video, weights or WEIGHTS, command)


@torch.inference_mode()
def scene(video: str, weights: str, command: str) -> Report:
    """The figure of any video and weights."""
    source, loaded = open_video(video), load(weights, device="cpu")
    with denormals_flushed():
        tracker = prepare(loaded, source).tracker
        apart = taken_apart(tracker, source.read(range(LENGTH)))
        frames, tracks, seen = apart.frames, apart.tracks, (apart.reconstruction, apart.background)
        figure = paper_figure(frames, tracks=tracks, reconstruction=seen[0], background=seen[1], columns=6)
        futures = picture_of(imagine(source, tracker, observe=5, steps=10, samples=3))
        crowd, counts = newcomers(tracker, 10)
    numbers: dict[str, Any] = {
        "video": Path(video).name,
        "weights": weights,
        "frames": len(frames),
        "objects_per_frame": len(tracks) / len(frames),
        "tracks": len(np.unique(tracks.id)),
        "birth": BIRTH,
        "imagined_objects_per_frame": counts,
    }
    body = (
        f"{len(frames)} frames, {numbers['tracks']} identities, {numbers['objects_per_frame']:.3g} objects per frame. "
        f"The last picture is a future in which newcomers may appear ({BIRTH} per cell and frame). "
        "Background is the median image, darkened where the frame has its colours with less light, as in a "
        "shadow: also under parts of cars, which the cars cover.\n"
    )
    pictures = {"figure7": figure, "figure7-futures": futures, "figure7-newcomers": crowd}
    return Report("figure7", TITLE, command, numbers, body, pictures)


@dataclass(frozen=True)
class Apart:
    """Frames as the network sees them, uint8 [T, h, w, 3], the table in their pixels with masks, reconstructions and
    backgrounds as the frames, and what the objects cover, float32 [T, h, w]."""

    frames: np.ndarray
    tracks: Tracks
    reconstruction: np.ndarray
    background: np.ndarray
    alpha: np.ndarray


def taken_apart(tracker: Tracker, source: Iterable[Frame]) -> Apart:
    """What a tracker makes of frames.

    Raises UserError where no frame can be decoded.
    """
    frames: list[np.ndarray] = []
    made: list[np.ndarray] = []
    behind: list[np.ndarray] = []
    alpha: list[np.ndarray] = []
    rows: list[tuple[Any, ...]] = []
    for frame in source:
        result = tracker.observe(frame.image, pictures=True)
        if frame.image is None or result.pictures is None or tracker.view is None:
            continue
        number = len(frames)
        frames.append(shrink(frame.image, (tracker.view.rows, tracker.view.columns)))
        made.append(result.pictures.reconstruction)
        behind.append(result.pictures.background)
        alpha.append(result.pictures.alpha)
        pairs = zip(result.rows(number), result.masks.rles(), strict=True)
        rows += [(*row, mask) for row, mask in pairs]
    if not frames or tracker.view is None:
        raise UserError("no frame can be decoded; a playable video is wanted; re-encode it")
    table = Tracks.from_rows(rows, length=len(frames), masks=True)
    table = in_pixels_of(table, scale_x=tracker.view.scale_x, scale_y=tracker.view.scale_y)
    return Apart(np.stack(frames), table, np.stack(made), np.stack(behind), np.stack(alpha))


def newcomers(tracker: Tracker, steps: int) -> tuple[np.ndarray, list[int]]:
    """A future of a tracker's world in which objects may be born, and its number of objects per frame."""
    (future,) = sample_futures(tracker, steps=steps, samples=1, births=BIRTH)
    tiles = [result.pictures.reconstruction for result in future if result.pictures is not None]
    return grid([tiles[: steps // 2], tiles[steps // 2 :]]), [len(result) for result in future]
