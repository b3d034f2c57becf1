"""Validation during a training: the current weights track a few held-out clips, and the scores go into the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from scalor.data.loader import ClipData, CutToLength
from scalor.errors import UserError
from scalor.models.base import WorldModel
from scalor.tracking.evaluate_clips import evaluate_dataset

VALIDATION_SEED = 4_000_001
"""Data seed of the validation clips, which may be looked at while learning; reported scores come from other ones."""
CLIPS, FRAMES = 16, 10
SCORES = ("mota", "precision", "recall", "mota_iou50", "clip_mse")
"""Columns that a validation adds to a row of the log."""


@dataclass(frozen=True)
class Validation:
    """Tracks `CLIPS` validation clips every ``minutes`` of training; that time counts as training time.

    Raises UserError where the data have no truth, or clips of less than `FRAMES` frames.
    """

    data: ClipData
    minutes: float

    def __post_init__(self) -> None:
        clip = self.data[0]
        long_enough = isinstance(self.data, CutToLength) or len(clip.video) >= FRAMES
        if clip.truth is None or not long_enough:
            raise UserError(
                f"the data's first clip has {len(clip.video)} frames and {'no' if clip.truth is None else 'a'} truth; "
                f"{FRAMES} frames with truth are wanted for validation; leave --validation-minutes out"
            )

    def due(self, before: float, now: float) -> bool:
        """Whether a multiple of ``minutes`` lies between two times in minutes."""
        return now // self.minutes > before // self.minutes

    def __call__(self, model: WorldModel) -> dict[str, float]:
        """The `SCORES` of a model (no precision where nothing is reported); nothing random is drawn."""
        with torch.random.fork_rng():
            found = evaluate_dataset(model, self.data, clips=CLIPS, frames=FRAMES)
        near = found["distance"]
        scores = {name: near[name] for name in SCORES[:3]}
        scores |= {"mota_iou50": found["iou"]["mota"], "clip_mse": found["mse"]}
        return {name: value for name, value in scores.items() if value is not None}


def validation_curves(rows: Sequence[Mapping[str, float]]) -> dict[str, Any] | None:
    """The validations in a log for the card: the columns by name, minutes first; None: there were none."""
    validated = [row for row in rows if "clip_mse" in row]
    if not validated:
        return None
    columns = {name: [_rounded(row.get(name)) for row in validated] for name in ("minutes", *SCORES)}
    return {"seed": VALIDATION_SEED, "clips": CLIPS, "frames": FRAMES, **columns}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
