"""Precision and recall of boxes where a threshold tells the truth: frames with exactly COUNT separate blobs.

python benchmarks/blob_truth.py VIDEO TRACKS.txt COUNT [IOU]

For clips without hand-made truth in which nothing but the objects moves. A blob is a connected component of at least
100 px that differs from the median of 99 frames by more than 8 % of white; its box is its extent. Frames in which
objects touch or hide have another number of blobs and are left out, so identities are not scored.
"""

import sys

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from scalor.data.candidates import temporal_median
from scalor.data.motchallenge import read_mot
from scalor.data.objects import difference
from scalor.data.video import open_video
from scalor.metrics.boxes import box_iou

LEVEL, LEAST = 0.08 * 255, 100


def blobs(frame: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """Boxes tlwh [K, 4]."""
    lit = (difference(frame, empty) > LEVEL).astype(np.uint8)
    closed = cv2.morphologyEx(lit, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed)
    return stats[1:][stats[1:, 4] >= LEAST][:, :4].astype(np.float64)


def main(video: str, tracks: str, count: int, iou: float = 0.5) -> None:
    source = open_video(video)
    empty = temporal_median(np.stack([f.image for f in source.sample(99) if f.image is not None]))
    found = read_mot(tracks)
    hits = reports = truths = frames = 0
    for frame in open_video(video):
        if frame.image is None:
            continue
        truth = blobs(frame.image, empty)
        if len(truth) != count:
            continue
        boxes = found.box_tlwh[found.frame == frame.index]
        overlap = box_iou(truth, boxes)
        a, b = linear_sum_assignment(-overlap)
        hits += int((overlap[a, b] >= iou).sum())
        reports, truths, frames = reports + len(boxes), truths + len(truth), frames + 1
    if not frames:
        sys.exit(f"no frame has {count} blobs; another COUNT is wanted")
    print(f"{frames} frames with {count} blobs: precision {hits / max(1, reports):.3f}, recall {hits / truths:.3f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *(float(text) for text in sys.argv[4:]))
