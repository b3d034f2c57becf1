"""Calibration of confidence: how often a report that explains so many nats is true."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment, minimize

from scalor.core.types import TRACKING
from scalor.data.loader import ClipData, CutToLength
from scalor.errors import UserError
from scalor.metrics.boxes import LEAST_VISIBLE
from scalor.models.base import WorldModel
from scalor.rollout import observe
from scalor.tracking.report import visible_share

BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
"""Edges of the confidences of a reliability table."""
FRAMES = 10


@dataclass(frozen=True)
class Reports:
    """Every report on some clips: the nats it explains, its confidence and whether an object is there, [R] each."""

    evidence: np.ndarray
    confidence: np.ndarray
    true: np.ndarray

    def auc(self, score: np.ndarray) -> float:
        """Probability that a true report has a larger ``score`` [R] than a false one; NaN if one kind is missing."""
        right, wrong = int(self.true.sum()), int((~self.true).sum())
        if not right or not wrong:
            return float("nan")
        rank = np.argsort(np.argsort(score)) + 1.0
        return float((rank[self.true].sum() - right * (right + 1) / 2) / (right * wrong))

    def reliability(self) -> list[tuple[float, float, int, float, float]]:
        """Rows (from, to, reports, mean confidence, share of true ones) of all `BINS` that hold a report."""
        rows = []
        for low, high in zip(BINS[:-1], BINS[1:], strict=True):
            inside = (self.confidence >= low) & ((self.confidence < high) | (high == 1.0))
            if inside.any():
                mean, share = self.confidence[inside].mean(), self.true[inside].mean()
                rows.append((low, high, int(inside.sum()), float(mean), float(share)))
        return rows


@torch.no_grad()
def reports(model: WorldModel, data: ClipData, *, clips: int = 16) -> Reports:
    """All reports of a model on the first ``clips`` clips of data with truth.

    One is true where it is matched to an object, one to one, within twice the object's size; both must be seen by a
    quarter. Reports on objects that are hidden are false (the strict rule). Raises UserError for clips without truth.
    """
    if not isinstance(data, CutToLength):
        raise UserError("confidence is calibrated on made clips with truth; sprites or digits are wanted")
    sampled = [data.clip(number, frames=FRAMES) for number in range(clips)]
    video = torch.stack([clip.video for clip in sampled]).float() / 255
    columns: list[np.ndarray] = []
    for frame, step in enumerate(observe(model, video, TRACKING).steps):
        share = visible_share(step, height=video.shape[-2], width=video.shape[-1])
        for element, clip in enumerate(sampled):
            here = step.slots.shown[element] & (share[element] >= LEAST_VISIBLE)
            box, truth = step.tight[element][here], clip.truth
            if truth is None:
                raise UserError("a clip has no truth; clips with truth are wanted to calibrate confidence")
            seen = (truth.id[frame] >= 0) & (truth.visibility[frame] >= LEAST_VISIBLE)
            places = truth.box_tlwh[frame][seen]
            far = torch.cdist((box[:, :2] + box[:, 2:]) / 2, places[:, :2] + places[:, 2:] / 2) / (2 * truth.size[seen])
            rows, matches = linear_sum_assignment(np.where(far > 1, 1e6, far))
            true = np.zeros(len(box))
            true[rows] = (far.numpy()[rows, matches] <= 1) if len(rows) else 0.0
            slots = step.slots
            columns.append(
                np.stack([slots.evidence[element][here].numpy(), slots.confidence[element][here].numpy(), true])
            )
    evidence, confidence, right = np.concatenate(columns, axis=1)
    return Reports(evidence, confidence, right > 0.5)


def fitted(found: Reports) -> tuple[float, float]:
    """Offset and slope of ``confidence = sigmoid(offset + slope * log(1 + nats))``, by logistic regression with a weak
    pull (one pseudo-observation) towards 0."""
    nats, sign = np.log1p(found.evidence.clip(min=0)), np.where(found.true, 1.0, -1.0)

    def cost(line: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (line[0] + line[1] * nats)).sum() + 0.5 * (line**2).sum() / len(nats))

    offset, slope = minimize(cost, np.array([0.0, 1.0])).x
    return round(float(offset), 3), round(float(slope), 3)
