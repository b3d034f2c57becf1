"""How well weights track a film of their place in more or fewer pixels.

    python benchmarks/other_sizes.py VIDEO TRUTH WEIGHTS [--truth-box-base 0] [--frames A:B]

Frames A to B - 1 of the film (from 0; by default all) are made larger or smaller, tracked in two passes, and the boxes
are taken back to the pixels of the truth. Prints MOTA, IDF1 and switches at IoU 0.5 from the truth's first frame to its
last.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from scalor.core.tracks import Tracks
from scalor.data.motchallenge import read_truth
from scalor.data.video import open_video
from scalor.metrics.mot import evaluate
from scalor.tracking.run import track

TIMES = (1.0, 0.5, 0.75, 1.5, 2.0)
"""Pixels per side, in those of the film."""


def span(text: str) -> tuple[int, int]:
    """The numbers of ``A:B``."""
    first, last = text.split(":")
    return int(first), int(last)


def tracked(video: str, weights: str, times: float, frames: tuple[int, int]) -> Tracks:
    """Tracks, in pixels and numbers of the film, of some of its frames with ``times`` as many pixels per side."""
    with TemporaryDirectory() as folder:
        for number, frame in enumerate(open_video(video)):
            if frame.image is None or not frames[0] <= number < frames[1]:
                continue
            way = cv2.INTER_AREA if times < 1 else cv2.INTER_CUBIC
            picture = cv2.resize(frame.image[..., ::-1], None, fx=times, fy=times, interpolation=way)
            cv2.imwrite(str(Path(folder) / f"{number:06d}.png"), picture)
        found = track(folder, weights)
    return replace(
        found,
        length=found.length + frames[0],
        frame=found.frame + frames[0],
        box_tlwh=(found.box_tlwh / times).astype(np.float32),
        # All rows are scored, as by `scalor evaluate`: tracks.txt does not say how much is seen.
        visibility=np.ones_like(found.visibility),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("truth")
    parser.add_argument("weights")
    parser.add_argument("--truth-box-base", type=int, choices=(0, 1), default=0)
    parser.add_argument("--frames", type=span, default=(0, 1 << 30))
    args = parser.parse_args()
    truth = read_truth(args.truth, box_base=args.truth_box_base).tracks
    scored = (int(truth.frame.min()), int(truth.frame.max()) + 1)
    print("pixels per side    MOTA   IDF1  switches")
    for times in TIMES:
        found = tracked(args.video, args.weights, times, args.frames)
        scores = evaluate(truth, found, iou=0.5, frames=scored)
        print(f"{times:15g}  {100 * scores.mota:6.1f} {100 * scores.idf1:6.1f}  {scores.id_switches:8d}", flush=True)


if __name__ == "__main__":
    main()
