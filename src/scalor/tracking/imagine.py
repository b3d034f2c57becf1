"""Looking at the start of a video and imagining, several times over, how it goes on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np
import torch

from scalor.core.arguments import plainly
from scalor.core.devices import pick_device
from scalor.core.seeds import apart, seed_of, whole_seed
from scalor.core.types import Knobs, World
from scalor.data.source import VideoSource
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.models.base import WorldModel
from scalor.pretrained import Loaded
from scalor.tracking.report import FrameResult
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
    known      identities of the objects that the futures hold, hidden ones included
    """

    observed: tuple[FrameResult, ...]
    samples: tuple[tuple[FrameResult, ...], ...]
    frames: tuple[np.ndarray | None, ...]
    truth: tuple[np.ndarray | None, ...]
    start: int
    fps: float
    known: tuple[int, ...]


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
        steps: how many are imagined. A step leads to the next new picture: where a film shows each twice, to every
            second frame.
        samples: how often.
        seed: the same seed gives the same futures, the first ones also where more are asked for; the global random
            state is left alone.
        start: first frame to look at.
        births: probability per grid cell and frame that a new object appears (the paper's Figure 14); 0: none do.
        device: where the model is put; with ``auto`` one that is loaded already stays where it is.

    Futures hold the objects that were reported and are still known in the end. The tracker's ``confirm`` counts over
    the frames that were looked at, all if they are fewer; what it confirms is reported from its first frame on.

    Frames after the observed ones are never shown to the model, nor is the empty scene estimated from them; those
    before ``start`` help there. Raises UserError for numbers below 1, a video that
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
    _refuse_no_frames(video)
    tracker = _tracker(video, model, device, before=start + observe)
    pictures = _pictures(video, start, observe + steps)
    if len(pictures) < observe or all(picture is None for picture in pictures[:observe]):
        raise UserError(
            f"readable frames from number {start} on: {sum(p is not None for p in pictures[:observe])}; "
            f"{observe} are wanted to look at; start earlier or observe fewer"
        )
    tracker.reset()
    seen = _observed(tracker, pictures[:observe])
    known = {name for result in seen for name in result.ids.tolist()} & tracker.ages.keys()
    small = tuple(None if picture is None else _as_seen(tracker, picture) for picture in pictures)
    return Futures(
        observed=seen,
        samples=sample_futures(tracker, steps=steps, samples=samples, seed=seed, births=births, known=known),
        frames=small[:observe],
        truth=small[observe:],
        start=start,
        fps=video.fps if isinstance(video, VideoSource) else 10.0,
        known=tuple(sorted(known)),
    )


def _refuse_no_frames(video: object) -> None:
    """Raises UserError where a video is none: of one picture the rows would pass for frames. Whatever can be cut like
    a list is one: arrays of other libraries, readers of theirs."""
    shape = tuple(getattr(video, "shape", ()))
    picture = len(shape) == 2 or (len(shape) == 3 and shape[-1] in (3, 4))
    cut = isinstance(video, VideoSource) or (hasattr(video, "__getitem__") and not isinstance(video, Mapping))
    if picture or not cut:
        raise UserError(
            f"{'one picture' if picture else f'a {type(video).__name__}'} came as the video; a file, a folder of "
            "images or a list of frames, uint8 [H, W, 3] each, is wanted"
        )


def _observed(tracker: Tracker, pictures: Frames) -> tuple[FrameResult, ...]:
    """What is reported of the pictures that a tracker begins with, once all of them are seen."""
    seen: list[FrameResult] = []
    ages: dict[int, int] = {}
    for picture in pictures:
        seen.append(tracker.observe(picture, pictures=True, unconfirmed=True))
        ages |= tracker.ages
    blind = next((number for number, result in enumerate(seen) if result.decoded), len(seen) - 1)
    confirm = min(tracker.confirm, sum(not result.repeated for result in seen[blind:]))
    known = [name for name, age in ages.items() if age >= confirm]
    return tuple(result.select(np.isin(result.ids, known)) for result in seen)


@torch.inference_mode()
def sample_futures(
    tracker: Tracker,
    *,
    steps: int,
    samples: int,
    seed: int = 0,
    births: float = 0.0,
    known: Collection[int] | None = None,
) -> tuple[tuple[FrameResult, ...], ...]:
    """``samples`` futures of ``steps`` frames from where a tracker stands; the tracker stays where it is.

    They hold the ``known`` objects, by their identities (None: those that the tracker has confirmed), reported while as
    much of them is seen as it wants. New ones appear with the probability ``births`` per grid cell and frame. A future
    depends on the seed and its number alone.

    Raises UserError where it has not seen a frame.
    """
    if tracker.world is None:
        raise UserError("the future was asked for before any frame was seen; call update first")
    if known is None:
        known = [name for name, age in tracker.ages.items() if age >= tracker.confirm]
    world = _without(tracker.world, sorted(tracker.ages.keys() - set(known)))
    knobs = replace(FUTURES, births=births > 0, birth=births)
    futures = []
    with apart(tracker.device):
        for number in range(samples):
            torch.manual_seed(seed_of(seed, number))
            futures.append(tuple(tracker.ahead(world, steps, knobs, pictures=True, unconfirmed=True)))
    return tuple(futures)


def _without(world: World, names: Sequence[int]) -> World:
    slots = world.slots
    gone = torch.isin(slots.id, torch.tensor(names, dtype=slots.id.dtype, device=slots.id.device))
    return world.replace(slots=slots.replace(alive=slots.alive & ~gone)) if names else world


def _tracker(
    video: VideoSource | Frames, model: str | PathLike[str] | Loaded | WorldModel | Tracker, device: str, before: int
) -> Tracker:
    if isinstance(model, Tracker):
        if device != "auto":
            model.reset()
            model.model.to(pick_device(device))
        return model
    if isinstance(model, WorldModel):
        return Tracker(model, device=None if device == "auto" else device)
    loaded = load(model, device=device)
    return prepare(loaded, video, before=before).tracker if isinstance(video, VideoSource) else Tracker(loaded)


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
