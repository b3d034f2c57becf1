"""How far the futures that a model of footage expects are off: python benchmarks/footage_futures.py VIDEO TRUTH RUN

Every ten frames the future is predicted without sampling. Counted are tracked boxes that lie on a true one (IoU 0.3)
that is in the truth at the later frame, too, with room to the edges of the view. Prints, for some frames ahead, how
many there are, the share of them that are still expected, and the median distance of their centres in pixels: of what
is expected, of what stays where it is, and of the velocity of the last four frames (of the true boxes' centres) led
on.
"""

import argparse
from collections import defaultdict

import numpy as np

from scalor.data.motchallenge import read_truth
from scalor.data.video import open_video
from scalor.metrics.boxes import box_iou
from scalor.tracking.tracker import Tracker

AHEAD, EVERY, BACK, LEAST = (1, 2, 4, 8, 16, 32), 10, 4, 0.3
Boxes = dict[int, np.ndarray]


def middle(box: np.ndarray) -> np.ndarray:
    """Centre of a box (left, top, width, height)."""
    return box[:2] + box[2:] / 2


def inside(box: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether no edge of the view cuts it off."""
    return bool(box[:2].min() > 1 and box[0] + box[2] < size[1] - 1 and box[1] + box[3] < size[0] - 1)


def measured(video: str, truth: str, run: str, base: int) -> dict[int, list[tuple[float, float, float]]]:
    """By frames ahead, distances (expected, or nan; at rest; at constant velocity) in pixels."""
    true = read_truth(truth, box_base=base).tracks
    known: dict[int, Boxes] = defaultdict(dict)
    for frame, name, box in zip(true.frame.tolist(), true.id.tolist(), true.box_tlwh, strict=True):
        known[frame][name] = box
    tracker, found = Tracker(run), defaultdict[int, list[tuple[float, float, float]]](list)
    for number, frame in enumerate(open_video(video)):
        now, size = tracker.observe(frame.image), frame.image.shape[:2]
        here, before = known.get(number, {}), known.get(number - BACK, {})
        if number % EVERY or not here or not len(now.ids):
            continue
        future = tracker.predict(max(AHEAD))
        names = list(here)
        overlap = box_iou(np.stack([here[name] for name in names]), now.box_tlwh)
        for name, row in zip(names, overlap, strict=True):
            mine = int(row.argmax())
            if row[mine] < LEAST or name not in before:
                continue
            speed = (middle(here[name]) - middle(before[name])) / BACK
            for ahead in AHEAD:
                then = known.get(number + ahead, {}).get(name)
                if then is None or not (inside(then, size) and inside(here[name], size)):
                    continue
                at = np.flatnonzero(future[ahead - 1].ids == now.ids[mine])
                guesses = [middle(here[name]), middle(here[name]) + ahead * speed]
                off = [float(np.linalg.norm(guess - middle(then))) for guess in guesses]
                expected = middle(future[ahead - 1].box_tlwh[at[0]]) if len(at) else np.full(2, np.nan)
                found[ahead].append((float(np.linalg.norm(expected - middle(then))), *off))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("truth")
    parser.add_argument("run")
    parser.add_argument("--truth-box-base", type=int, choices=(0, 1), default=0)
    args = parser.parse_args()
    print("ahead   boxes   still expected   expected   at rest   constant velocity")
    for ahead, rows in sorted(measured(args.video, args.truth, args.run, args.truth_box_base).items()):
        off = np.array(rows)
        there = ~np.isnan(off[:, 0])
        middles = np.median(off[there], axis=0) if there.any() else np.full(3, np.nan)
        print(f"{ahead:5d} {len(off):7d} {there.mean():16.2f} {middles[0]:10.1f} {middles[1]:9.1f} {middles[2]:19.1f}")


if __name__ == "__main__":
    main()
