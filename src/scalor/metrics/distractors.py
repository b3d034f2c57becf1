"""Reports on things that a truth neither asks for nor forbids: people on vehicles, static people, reflections."""

import numpy as np

from scalor.core.tracks import Tracks
from scalor.metrics.boxes import box_iou

LEAST = 0.5
"""Overlap at which a report is on a thing, and share of it that lies in a region, as the benchmarks have them."""


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


def outside_regions(regions: Tracks, tracks: Tracks) -> Tracks:
    """``tracks`` without the boxes of which half or more lies in a region of their frame (VisDrone's rule)."""
    keep = np.ones(len(tracks), dtype=bool)
    for frame in np.unique(regions.frame):
        rows = np.flatnonzero(tracks.frame == frame)
        first, second = regions.box_tlwh[regions.frame == frame][:, None], tracks.box_tlwh[rows][None]
        ends = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
        common = np.clip(ends - np.maximum(first[..., :2], second[..., :2]), 0, None).prod(axis=-1)
        areas = second[..., 2:].prod(axis=-1)
        keep[rows[((common >= LEAST * areas) & (areas > 0)).any(axis=0)]] = False
    return tracks.select(keep)
