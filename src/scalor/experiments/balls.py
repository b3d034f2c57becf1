"""Balls that bounce off each other: ten frames are seen, ninety predicted without sampling."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scalor import pretrained
from scalor.core.devices import denormals_flushed
from scalor.core.tracks import Tracks
from scalor.core.types import TRACKING, Step
from scalor.data.balls import Balls
from scalor.data.clip_folder import FolderClip, read_clips
from scalor.data.collide import Box
from scalor.errors import UserError
from scalor.experiments.futures import MEANS, true_tracks
from scalor.experiments.physics import elastic, middle
from scalor.experiments.report import Report, number, table
from scalor.experiments.rows import BALLS, Row
from scalor.experiments.tables import Bench
from scalor.metrics.trajectory import (
    TrajectoryError,
    constant_velocity,
    copy_last_frame,
    mean_per_step,
    trajectory_error,
)
from scalor.models.base import WorldModel
from scalor.rollout import Rollout, imagine, observe
from scalor.tracking.report import to_picture
from scalor.viz.figures import futures_figure, line_plot

OBSERVED, AHEAD = 10, 90
SHOWN = (1, 5, 10, 20, 50, 90)
TOGETHER = 10
"""Clips at a time."""
FEWEST = 3
"""Frames from which a velocity and its check are known."""
ORACLES = ("truth, straight", "truth, elastic")

WORDS = f"""{OBSERVED} frames are seen and {AHEAD} predicted without sampling. Mean distance of centres in pixels at the
predicted step, of balls that are matched, within their diameter, in the last frame seen. *Imagined* is the model, the
next four start from what it saw, the last two from the true places, which no model knows. *Straight* motion bounces
off the walls, *elastic* motion off the other balls too, exactly, with velocities measured before. *Middle* of the view
is what no knowledge at all is worth: balls are chaotic, and nothing stays much better than that for ever."""


@dataclass(frozen=True)
class Trial:
    """Clips uint8 [B, T, C, H, W], the truth of each, and the box they move in."""

    video: Tensor
    truth: list[Tracks]
    box: Box


def balls(bench: Bench, data: Path | None, command: str) -> Report:
    """A row of errors per weights, on held-out clips of their own data or on the clips of a folder.

    Raises UserError where a clip of the folder is too short or lacks its truth.
    """
    found: dict[str, dict[str, Any]] = {}
    pictures: dict[str, np.ndarray] = {}
    words = [WORDS + "\n"]
    given = None if data is None else _of_folder(read_clips(data, frames=OBSERVED + AHEAD, most=bench.clips), data)
    for row in BALLS.values():
        every = bench.zoo.find(row)
        if not every:
            words.append(f"{row.name}: no weights: train with `{row.command(bench.zoo.runs)}`\n")
        for weights in every:
            bench.say(f"balls: futures of {weights}")
            trial = given or _made(row, bench.clips, OBSERVED + AHEAD)
            model, card = pretrained.load(weights)
            with denormals_flushed():
                errors, picture = measured(model, trial, observed=OBSERVED)
            name = Path(weights).name
            found[name] = {"weights": weights, "data": str(data or row.data), "minutes": card.get("minutes"), **errors}
            pictures[f"balls-{name}"] = picture
            pictures[f"balls-{name}-error"] = _plot(name, errors["centre_error"])
            words.append(_table(name, found[name]))
    numbers = {"observed": OBSERVED, "ahead": AHEAD, "clips": bench.clips, "rows": found}
    return Report("balls", "Balls: ninety frames ahead", command, numbers, "\n".join(words), pictures)


@torch.no_grad()
def measured(model: WorldModel, trial: Trial, *, observed: int) -> tuple[dict[str, Any], np.ndarray]:
    """Mean centre error per step of every way to predict, and a picture of the first clip's future.

    Raises UserError where there is less than the frames that a velocity needs, or frames of another kind than the
    model's.
    """
    steps = trial.video.shape[1] - observed
    if observed < FEWEST or steps < 1:
        raise UserError(f"{observed} frames seen and {steps} predicted came; at least {FEWEST} and 1 are wanted")
    if trial.video.shape[2] != model.config.channels:
        raise UserError(f"the clips have {trial.video.shape[2]} channels, the model {model.config.channels}")
    errors: dict[str, list[TrajectoryError]] = {}
    picture: np.ndarray | None = None
    for first in range(0, len(trial.truth), TOGETHER):
        video = trial.video[first : first + TOGETHER].float() / 255
        seen = observe(model, video[:, :observed], TRACKING)
        ahead = imagine(model, seen.world, steps, MEANS)
        if picture is None:
            picture = _picture(video[0], ahead, observed)
        for table_, truth in zip(tables(seen, ahead, trial.box), trial.truth[first : first + TOGETHER], strict=True):
            for name, error in _errors(truth, table_, trial.box, (observed, steps)).items():
                errors.setdefault(name, []).append(error)
    matched = np.concatenate([error.matched for error in errors["imagined"]])
    assert picture is not None
    return {
        "centre_error": {name: mean_per_step(each).tolist() for name, each in errors.items()},
        "balls": len(matched),
        "matched": float(matched.mean()) if len(matched) else None,
        "clips_scored": len(trial.truth),
    }, picture


def tables(seen: Rollout, ahead: Rollout, box: Box) -> list[Tracks]:
    """A table per clip of what was seen and then imagined; boxes of the balls' size around the middle of each mask."""
    rows: list[list[tuple[Any, ...]]] = [[] for _ in range(len(seen.world.next_id))]
    steps = [*seen.steps, *ahead.steps]
    for time, step in enumerate(steps):
        place = middles(step) - box.radius
        for clip, slot in step.slots.shown.nonzero().tolist():
            left, top = place[clip, slot].tolist()
            name = int(step.slots.id[clip, slot])
            rows[clip].append((time, name, left, top, 2 * box.radius, 2 * box.radius, 1.0, 1.0))
    return [Tracks.from_rows(each, length=len(steps)) for each in rows]


def middles(step: Step) -> Tensor:
    """Centre (x, y) of the light of each carried object, [B, N, 2]; its box's where it is not painted.

    To a fraction of a pixel, where the edges of its tight box are whole ones. Of the light and not of the mask: on
    black a mask may reach beyond the ball, in black, at no cost.
    """
    layers, slots = step.layers, step.slots
    light = layers.patch[:, :-1].sum(1).double()
    side = torch.arange(light.shape[-1], dtype=light.dtype) + 0.5
    mass = light.sum((1, 2)).clamp(min=1e-9)
    down, across = ((light.sum(axis) * side).sum(1) / mass for axis in (2, 1))
    middle_of = torch.stack([layers.corner[:, 1] + across, layers.corner[:, 0] + down], dim=-1)
    painted = torch.full((len(slots.alive), int(layers.slot.max()) + 1 if len(layers.slot) else 1, 2), torch.nan)
    painted = painted.double()
    painted[layers.batch, layers.slot] = middle_of
    index = step.origin.clamp(max=painted.shape[1] - 1).unsqueeze(-1).expand(-1, -1, 2)
    found = painted.gather(1, index)
    return torch.where(found.isnan() | (step.origin >= painted.shape[1]).unsqueeze(-1), slots.box[..., :2], found)


def _errors(truth: Tracks, seen: Tracks, box: Box, length: tuple[int, int]) -> dict[str, TrajectoryError]:
    span = {"observed": length[0], "steps": length[1]}
    walls = box.radius, box.radius, box.side - box.radius, box.side - box.radius
    ways = {
        "imagined": seen,
        "straight": constant_velocity(seen, **span, walls=walls),
        "elastic": elastic(seen, box, **span),
        "stays": copy_last_frame(seen, **span),
        "middle": middle(seen, box, **span),
        ORACLES[0]: constant_velocity(truth, **span, walls=walls),
        ORACLES[1]: elastic(truth, box, **span),
    }
    gate = 2 * box.radius
    return {name: trajectory_error(truth, way, **span, gate=gate, min_visibility=0.0) for name, way in ways.items()}


def _made(row: Row, clips: int, frames: int) -> Trial:
    data = row.clips()
    assert isinstance(data, Balls)
    taken = [data.clip(index, frames=frames) for index in range(clips)]
    truth = [true_tracks(clip.truth) for clip in taken if clip.truth is not None]
    config = data.config
    return Trial(torch.stack([clip.video for clip in taken]), truth, Box(config.size, config.radius))


def _of_folder(clips: Sequence[FolderClip], place: Path) -> Trial:
    height, width = clips[0].video.shape[1:3]
    sizes = np.concatenate([clip.truth.box_tlwh[:, 2:] for clip in clips])
    if height != width or any(clip.video.shape[1:3] != (height, width) for clip in clips):
        raise UserError(f"the clips in {place} are not all square and of one size; balls move in a square; give such")
    video = torch.from_numpy(np.stack([clip.video for clip in clips])).permute(0, 1, 4, 2, 3)
    return Trial(video, [clip.truth for clip in clips], Box(float(width), float(np.median(sizes)) / 2))


def _picture(video: Tensor, ahead: Rollout, observed: int) -> np.ndarray:
    real = np.stack([to_picture(frame) for frame in video])
    made = np.stack([to_picture(step.image[0]) for step in ahead.steps])
    return futures_figure(real[:observed], made[None], truth=real[observed:], columns=13)


def _table(name: str, found: dict[str, Any]) -> str:
    errors = found["centre_error"]
    steps = [step for step in SHOWN if step <= len(errors["imagined"])]
    lines = [[way, *(number(values[step - 1]) for step in steps)] for way, values in errors.items()]
    counted = f"{name}: {found['clips_scored']} clips of {found['data']}, {found['balls']} balls, "
    matched = f"{number(100 * (found['matched'] or 0.0), '.1f')} % of them matched.\n\n"
    return counted + matched + table([name, *(f"+{step}" for step in steps)], lines)


def _plot(name: str, errors: dict[str, list[float]]) -> np.ndarray:
    series = {way: (list(range(1, len(values) + 1)), values) for way, values in errors.items()}
    return line_plot(series, title=name, x_label="predicted step", y_label="px", size=(460, 860))
