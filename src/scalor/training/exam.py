"""Scores of a model while it learns: how long it takes to track well."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from scalor.data.loader import ClipData
from scalor.models.scalor import Scalor
from scalor.tracking.evaluate_clips import evaluate_dataset

VALIDATION = 4_000_001
"""Data seed of the clips that may be looked at while learning; reported scores come from other ones."""
CLIPS, FRAMES = 16, 10
SCORES = ("mota", "precision", "recall", "mota_iou50", "clip_mse")
"""What an exam adds to a row of the log."""


@dataclass(frozen=True)
class Exam:
    """Tracks `CLIPS` validation clips every ``minutes`` of training; that time counts as training time."""

    data: ClipData
    minutes: float

    def due(self, before: float, now: float) -> bool:
        """Whether a multiple of ``minutes`` lies between two times in minutes."""
        return now // self.minutes > before // self.minutes

    def __call__(self, model: Scalor) -> dict[str, float]:
        """The `SCORES` of a model, shares; nothing random is drawn."""
        with torch.random.fork_rng():
            found = evaluate_dataset(model, self.data, clips=CLIPS, frames=FRAMES)
        near = found["distance"]
        shares = {name: near[name] for name in SCORES[:3]}
        return shares | {"mota_iou50": found["iou"]["mota"], "clip_mse": found["mse"]}


def progress_of(rows: Sequence[Mapping[str, float]]) -> dict[str, Any] | None:
    """The exams in a log for the card: the columns by name, minutes first; None: there were none."""
    taken = [row for row in rows if "mota" in row]
    if not taken:
        return None
    columns = {name: [round(row[name], 4) for row in taken] for name in ("minutes", *SCORES)}
    return {"seed": VALIDATION, "clips": CLIPS, "frames": FRAMES, **columns}
