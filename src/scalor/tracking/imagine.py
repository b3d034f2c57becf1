"""Looking at the start of a video and imagining, several times over, how it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np
import torch

from scalor.core.arguments import plainly
from scalor.core.devices import pick_device
from scalor.core.seeds import whole_seed
from scalor.core.types import Knobs, World
from scalor.data.source import VideoSource
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.models.base import WorldModel
from scalor.pretrained import Loaded
from scalor.tracking.report import FrameResult, results_of
from scalor.tracking.setup import load, prepare
from scalor.tracking.tracker import Tracker
from scalor.tracking.view import as_picture, with_channels

FUTURES = Knobs(stochastic=True, hard=True, keep_alive=True)
"""Samples from the prior; presence is there or not, and a moment of absence ends no object."""

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
@plainly
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
        device: where the model is put; with ``auto`` one that is loaded already stays where it is.

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


def _tracker(
    video: VideoSource | Frames, model: str | PathLike[str] | Loaded | WorldModel | Tracker, device: str
) -> Tracker:
    if isinstance(model, Tracker):
        if device != "auto":
            model.reset()
            model.model.to(pick_device(device))
        return model
    if isinstance(model, WorldModel):
        return Tracker(model, device=None if device == "auto" else device)
    loaded = load(model, device=device)
    return prepare(loaded, video).tracker if isinstance(video, VideoSource) else Tracker(loaded)


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
    return with_channels(tracker.seen(tracker.view, as_picture(picture)), 3)


def _repeated(world: World, count: int) -> World:
    return world.map(lambda tensor: tensor.repeat_interleave(count, dim=0))
