"""Scoring a world model on clips whose truth is known."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.tracks import Tracks
from scalor.core.types import TRACKING, Scenery
from scalor.data.clip import Clip, Truth
from scalor.data.loader import ClipData, CutToLength
from scalor.errors import UserError
from scalor.metrics.boxes import LEAST_VISIBLE, without_hidden
from scalor.metrics.counting import count_accuracy, counting
from scalor.metrics.mot import evaluate_many
from scalor.metrics.segmentation import fg_ari, mean_iou
from scalor.models.base import WorldModel
from scalor.rollout import Rollout, observe
from scalor.tracking.report import owner_ids, tight_tlwh, visible_share

OUTLINES = ((0, "fg_ari"), (1, "mask_iou"))


def rollout_tracks(rollout: Rollout, *, height: int, width: int, min_visibility: float = 0.0) -> list[Tracks]:
    """One table per batch element of a rollout, in pixels of the ``height`` x ``width`` frames it was made of.

    The same rows that a `Tracker` reports one frame at a time.
    """
    parts: list[tuple[np.ndarray, ...]] = []
    for number, step in enumerate(rollout.steps):
        box = tight_tlwh(step, height=height, width=width)
        share = visible_share(step, height=height, width=width)
        keep = step.slots.shown & (box[..., 2:] > 0).all(-1) & (share >= min_visibility)
        element = keep.nonzero()[:, 0]
        found = (
            element,
            torch.full_like(element, number),
            step.slots.id[keep],
            box[keep],
            step.slots.confidence[keep],
            share[keep],
        )
        parts.append(tuple(tensor.detach().cpu().numpy() for tensor in found))
    elements, frame, ids, boxes, score, seen = (np.concatenate(column) for column in zip(*parts, strict=True))
    tables = []
    for clip in range(rollout.steps[0].slots.alive.shape[0]):
        rows = np.flatnonzero(elements == clip)
        rows = rows[np.lexsort((ids[rows], frame[rows]))]
        table = Tracks(
            frame=frame[rows],
            id=ids[rows],
            box_tlwh=boxes[rows].astype(np.float64),
            score=score[rows].astype(np.float64),
            visibility=seen[rows].astype(np.float64),
            length=len(rollout.steps),
        )
        tables.append(table)
    return tables


# One argument more than the house allows: none of them belongs to another.
@torch.no_grad()
def evaluate_dataset(
    model: WorldModel,
    dataset: ClipData,
    *,
    clips: int,
    frames: int,
    distance: float | None = None,
    batch: int = 16,
    stochastic: bool = False,
) -> dict[str, Any]:
    """Scores of a model on the first ``clips`` clips of a data set with truth, each cut to ``frames`` frames.

    Args:
        distance: gate in pixels between centres; None: twice each object's own size, as in the paper.
        batch: clips at a time.
        stochastic: sample instead of taking means.

    Returns:
        ``distance`` and ``iou``: all tracking scores at that gate and at IoU 0.5; ``distance_strict``: without the rule
        for reports on hardly visible objects; ``mse`` (per pixel and channel),
        ``fg_ari`` and ``mask_iou``: how well masks agree, means over clips;
        ``count_mae``, ``count_accuracy`` (share of frames with the right number), ``duplicates_per_frame``,
        ``propagation_rate`` with ``truth_propagation_rate`` beside it, ``discoveries_per_clip``,
        ``rediscoveries_per_clip``; ``conventions`` in words.

    Raises:
        UserError: no clip, a clip without truth or with other channels than the model's.
    """
    if not 1 <= clips <= len(dataset):
        raise UserError(f"{clips} clips were asked for; the data set has {len(dataset)}; ask for 1 or more of them")
    pairs: list[tuple[Tracks, Tracks]] = []
    gates: list[float | Mapping[int, float]] = []
    error, pixels = 0.0, 0
    outlines: list[tuple[float, float]] = []
    for first in range(0, clips, batch):
        chosen = [_cut(dataset, index, frames) for index in range(first, min(first + batch, clips))]
        truths = [_truth(clip) for clip in chosen]
        video = _video(model, chosen)
        rollout, image = _seen(model, video, stochastic)
        error += float((image - video).square().sum(dtype=torch.float64))
        pixels += video.numel()
        tables = rollout_tracks(rollout, height=video.shape[-2], width=video.shape[-1])
        pairs += [(truth.tracks(0.0), table) for truth, table in zip(truths, tables, strict=True)]
        outlines += _outlines(rollout, truths)
        gates += [_gates(truth) if distance is None else distance for truth in truths]
    shown = [pair for pair in outlines if pair[0] == pair[0]]
    agreed = {name: float(np.mean([pair[k] for pair in shown])) if shown else None for k, name in OUTLINES}
    counted = {"mse": error / pixels, "clips": clips, "frames": frames, "stochastic": stochastic}
    return _scores(pairs, gates) | agreed | counted


def _outlines(rollout: Rollout, truths: Sequence[Truth]) -> list[tuple[float, float]]:
    """Foreground ARI and mean IoU of the masks of each clip; NaN where the truth shows no object."""
    height, width = truths[0].owner.shape[-2:]
    found = torch.stack([owner_ids(step, height=height, width=width) for step in rollout.steps], dim=1).cpu()
    true = [identities(truth) for truth in truths]
    return [(fg_ari(owners, seen), mean_iou(owners, seen)) for owners, seen in zip(true, found, strict=True)]


def identities(truth: Truth) -> Tensor:
    """The true identity that each pixel shows, -1 for background: int64 [T, H, W]. Who returns has a new one."""
    owner = truth.owner.long()
    if truth.id.shape[1] == 0:
        return torch.full_like(owner, -1)
    names = truth.id.long().gather(1, owner.clamp(min=0).flatten(1)).view_as(owner)
    return torch.where(owner >= 0, names, -1)


def _scores(pairs: Sequence[tuple[Tracks, Tracks]], gates: Sequence[float | Mapping[int, float]]) -> dict[str, Any]:
    strict = evaluate_many(pairs, distance=gates, min_visibility=LEAST_VISIBLE).as_dict()
    carried = counting([found for _, found in pairs]).as_dict()
    pairs = [(truth, without_hidden(truth, found, min_visibility=LEAST_VISIBLE)) for truth, found in pairs]
    near = evaluate_many(pairs, distance=gates, min_visibility=LEAST_VISIBLE).as_dict()
    wide = {gate if isinstance(gate, float | int) else "2 x object size" for gate in gates}
    return {
        "distance": near,
        "distance_strict": strict,
        "iou": evaluate_many(pairs, iou=0.5, min_visibility=LEAST_VISIBLE).as_dict(),
        "count_mae": near["count_mae"],
        "count_accuracy": count_accuracy(pairs, min_visibility=LEAST_VISIBLE),
        "duplicates_per_frame": near["duplicates_per_frame"],
        **carried,
        "truth_propagation_rate": counting([truth for truth, _ in pairs]).as_dict()["propagation_rate"],
        "conventions": (
            f"match within {' or '.join(map(str, wide))} px of the centre, or IoU 0.5 of tight boxes; frames from the "
            f"first; objects and reports seen by less than {LEAST_VISIBLE} are left out, "
            "and so are reports on such objects (IoU 0.5; false positives in distance_strict); carrying counts all"
        ),
    }


def _cut(dataset: ClipData, index: int, frames: int) -> Clip:
    if isinstance(dataset, CutToLength):
        return dataset.clip(index, frames=frames)
    clip = dataset[index]
    if len(clip.video) < frames:
        raise UserError(f"clip {index} has {len(clip.video)} frames; {frames} are wanted; ask for fewer frames")
    truth = clip.truth
    if truth is not None:
        first = {name: getattr(truth, name)[:frames] for name in ("id", "box_tlwh", "center", "visibility", "owner")}
        truth = replace(truth, **first)
    return replace(clip, video=clip.video[:frames], truth=truth)


def _truth(clip: Clip) -> Truth:
    if clip.truth is None:
        raise UserError(f"clip {clip.name or '(unnamed)'} has no truth; clips with truth are wanted to score against")
    return clip.truth


def _video(model: WorldModel, clips: Sequence[Clip]) -> Tensor:
    """[B, T, C, H, W] in [0, 1] where the model is."""
    video = torch.stack([clip.video for clip in clips])
    if video.shape[2] != model.config.channels:
        raise UserError(
            f"the clips have {video.shape[2]} channels, the model {model.config.channels}; the same number is wanted; "
            "choose other data or other weights"
        )
    return video.to(next(model.parameters()).device).float() / 255


def _seen(model: WorldModel, video: Tensor, stochastic: bool) -> tuple[Rollout, Tensor]:
    """What the model makes of clips, padded to whole cells if need be, and its pictures without the padding."""
    height, width, cell = video.shape[-2], video.shape[-1], model.config.cell
    margins = (0, -width % cell, 0, -height % cell)
    padded = F.pad(video.flatten(0, 1), margins, mode="replicate").unflatten(0, video.shape[:2])
    median = padded.median(dim=1).values if model.config.needs_backdrop else None
    scenery = Scenery(height=padded.shape[-2], width=padded.shape[-1], backdrop=median)
    rollout = observe(model, padded, replace(TRACKING, stochastic=stochastic), scenery)
    return rollout, rollout.image[..., :height, :width]


def _gates(truth: Truth) -> dict[int, float]:
    """Twice the size of the object behind each identity."""
    there = truth.id >= 0
    columns = there.nonzero()[:, 1]
    return dict(zip(truth.id[there].tolist(), (2.0 * truth.size[columns]).tolist(), strict=True))
