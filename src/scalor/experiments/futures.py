"""Conditional generation in numbers: how far imagined objects are from the real ones, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scalor.core.devices import denormals_flushed
from scalor.core.tracks import Tracks
from scalor.core.types import TRACKING, Knobs, Step
from scalor.data.clip import Clip, Truth
from scalor.errors import UserError
from scalor.metrics.likelihood import mse_per_step
from scalor.metrics.trajectory import (
    TrajectoryError,
    Walls,
    best_of,
    constant_velocity,
    copy_last_frame,
    mean_per_step,
    trajectory_error,
)
from scalor.models.base import WorldModel
from scalor.rollout import imagine, observe
from scalor.tracking.imagine import FUTURES

MEANS = replace(FUTURES, stochastic=False)
"""The one future in which every object does what the prior expects on average."""
HISTORIES = (1, 4)
"""Frame pairs that the constant velocity is the mean of: the last one, or all of five observed frames."""


@dataclass(frozen=True)
class Question:
    """``observed`` frames are seen, ``steps`` predicted, ``samples`` times; ``gate``: pixels of a match at first."""

    observed: int = 5
    steps: int = 20
    samples: int = 8
    gate: float = 10.0


@torch.no_grad()
def futures_errors(model: WorldModel, clips: Sequence[Clip], question: Question, *, walls: Walls) -> dict[str, Any]:
    """Mean centre error in pixels per predicted step, [steps] each, and squared errors of the pictures.

    All predictors start from what the model saw of the observed frames; "truth velocity" starts from the truth and is
    the best that straight motion can do. Objects count that are matched in the last observed frame and, in the step,
    are in view and seen by a quarter.

    Args:
        clips: at least observed + steps frames each, with truth.
        walls: what centres bounce off, in view pixels (`bouncing_walls`).

    Raises:
        UserError: a clip is too short or has no truth.
    """
    errors: dict[str, list[TrajectoryError]] = {}
    squared: dict[str, list[Tensor]] = {"imagined": [], "copy of the last frame": []}
    with denormals_flushed(), torch.random.fork_rng():
        torch.manual_seed(0)
        for clip in clips:
            video, truth = _checked(clip, question)
            tables, pictures = sampled(model, video, question)
            means, _ = sampled(model, video, replace(question, samples=1), MEANS)
            for name, error in _errors_of(true_tracks(truth), tables, means, question, walls).items():
                errors.setdefault(name, []).extend(error)
            ahead = video[:, question.observed :]
            squared["imagined"].append(mse_per_step(ahead.expand_as(pictures), pictures))
            last = video[:, question.observed - 1 : question.observed].expand_as(ahead)
            squared["copy of the last frame"].append(mse_per_step(ahead, last))
    found = {name: mean_per_step(each).tolist() for name, each in errors.items()}
    matched = np.concatenate([error.matched for error in errors["copy of the last frame"]])
    return {
        "centre_error": found,
        "mse": {name: torch.stack(each).mean(0).tolist() for name, each in squared.items()},
        "objects": len(matched),
        "matched": float(matched.mean()) if len(matched) else None,
        "clips": len(clips),
        **vars(question),
    }


def sampled(
    model: WorldModel, video: Tensor, question: Question, knobs: Knobs = FUTURES
) -> tuple[list[Tracks], Tensor]:
    """Futures of one clip [1, T, C, H, W]: a table per sample (observed frames included), pictures [S, steps, C, H, W].

    Frames after the observed ones are not looked at.
    """
    seen = observe(model, video[:, : question.observed], TRACKING)
    world = seen.world.map(lambda tensor: tensor.repeat_interleave(question.samples, dim=0))
    ahead = imagine(model, world, question.steps, knobs)
    past = _rows(seen.steps, 0, first=0)
    length = question.observed + question.steps
    tables = [
        Tracks.from_rows(past + _rows(ahead.steps, sample, first=question.observed), length=length)
        for sample in range(question.samples)
    ]
    return tables, ahead.image


def bouncing_walls(*, size: int, canvas: int, object_size: float) -> Walls:
    """Where centres of objects of that size turn round, in pixels of a view in the middle of its canvas."""
    margin = (canvas - size) / 2 - object_size / 2
    return -margin, -margin, size + margin, size + margin


def _errors_of(
    truth: Tracks, samples: Sequence[Tracks], means: Sequence[Tracks], question: Question, walls: Walls
) -> dict[str, list[TrajectoryError]]:
    span = {"observed": question.observed, "steps": question.steps}

    def against(table: Tracks) -> TrajectoryError:
        return trajectory_error(truth, table, **span, gate=question.gate)

    each = [against(table) for table in samples]
    found = {"imagined, mean of samples": each, f"imagined, best of {len(each)}": [best_of(each)]}
    found["imagined, means"] = [against(table) for table in means]
    found["copy of the last frame"] = [against(copy_last_frame(samples[0], **span))]
    for history in HISTORIES:
        if history < question.observed:
            straight = constant_velocity(samples[0], **span, history=history, walls=walls)
            found[f"constant velocity ({history} before)"] = [against(straight)]
    found["truth velocity"] = [against(constant_velocity(truth, **span, walls=walls))]
    return found


def _rows(steps: Sequence[Step], element: int, *, first: int) -> list[tuple[Any, ...]]:
    """Rows of tight boxes that are not cut at the view's edge: a cut box's centre is not the object's."""
    rows = []
    for number, step in enumerate(steps, start=first):
        for slot in step.slots.shown[element].nonzero()[:, 0].tolist():
            left, top, right, bottom = step.tight[element, slot].tolist()
            score, name = float(step.slots.confidence[element, slot]), int(step.slots.id[element, slot])
            rows.append((number, name, left, top, right - left, bottom - top, score, 1.0))
    return rows


def true_tracks(truth: Truth) -> Tracks:
    """The truth with boxes that are not cut at the view's edge."""
    table = truth.tracks(0.0)
    frame, column = (index.numpy() for index in (truth.id >= 0).nonzero(as_tuple=True))
    order = np.lexsort((truth.id.numpy()[frame, column], frame))
    frame, column = frame[order], column[order]
    center = truth.center.numpy()[frame, column].astype(np.float64)
    size = truth.size.numpy()[column, None].astype(np.float64).repeat(2, axis=1)
    return replace(table, box_tlwh=np.concatenate([center - size / 2, size], axis=1))


def _checked(clip: Clip, question: Question) -> tuple[Tensor, Truth]:
    length = question.observed + question.steps
    if clip.truth is None or len(clip.video) < length:
        raise UserError(
            f"clip {clip.name or '(unnamed)'} has {len(clip.video)} frames and {'no' if clip.truth is None else 'a'} "
            f"truth; {length} frames with truth are wanted; use made clips of that length"
        )
    truth = clip.truth
    first = {name: getattr(truth, name)[:length] for name in ("id", "box_tlwh", "center", "visibility", "owner")}
    return clip.video[None, :length].float() / 255, replace(truth, **first)
