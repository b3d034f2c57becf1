"""Reports on things that a truth neither asks for nor forbids: people on vehicles, static people, reflections."""

import numpy as np

from scalor.core.tracks import Tracks
from scalor.metrics.boxes import box_iou

LEAST = 0.5
"""Overlap at which a report is on a thing, as the benchmark has it."""


def without_distractors(truth: Tracks, distractors: Tracks, tracks: Tracks) -> Tracks:
    """``tracks`` without the boxes that match a distractor when truth and distractors are matched together by IoU
    (MOT16, 17 and 20's rule)."""
    from scipy.optimize import linear_sum_assignment

    keep = np.ones(len(tracks), dtype=bool)
    for frame in np.unique(distractors.frame):
        rows = np.flatnonzero(tracks.frame == frame)
        asked = truth.box_tlwh[truth.frame == frame]
        overlap = box_iou(
            np.concatenate([asked, distractors.box_tlwh[distractors.frame == frame]]), tracks.box_tlwh[rows]
        )
        things, reports = linear_sum_assignment(-np.where(overlap >= LEAST, overlap, 0.0))
        matched = (things >= len(asked)) & (overlap[things, reports] >= LEAST)
        keep[rows[reports[matched]]] = False
    return tracks.select(keep)
