"""How boxes and looks drift while they are carried: sides in sides of the truth, and evidence, by the age of the track.

    python benchmarks/box_drift.py VIDEO TRUTH RUN [--truth-box-base 0]

Carried boxes are those of the model, before anything is cut off them. Counted are true boxes with room around them (no
other within a fifth of their sides) that a carried box overlaps by a fifth or more. Prints medians with the 10 and 90 %
quantiles, of all rows of that age, the median overlap (IoU), and how much of what they explained when young, in nats,
they explain still (median; things that come nearer explain more).
"""

import argparse
from collections import Counter, defaultdict

import numpy as np

from scalor.data.motchallenge import read_truth
from scalor.data.video import open_video
from scalor.metrics.boxes import box_iou
from scalor.tracking.tracker import Tracker

ROOM, LEAST = 0.2, 0.2
YOUNG = 4
AGES = (1, 4, 8, 16, 32, 64, 128, 256, 1 << 30)


def alone(box: np.ndarray) -> np.ndarray:
    """Whether no other box [N, 4] (left, top, width, height) comes within `ROOM` of each: bool [N]."""
    low, high = box[:, :2], box[:, :2] + box[:, 2:]
    slack = ROOM * box[:, 2:]
    near = (low[None] < (high + slack)[:, None]) & (high[None] > (low - slack)[:, None])
    return near.all(axis=2).sum(axis=1) == 1


def measured(video: str, truth: str, run: str, base: int) -> np.ndarray:
    """Rows (age, width, height, IoU, evidence) [R, 5] of carried boxes that lie on a true one with room around it."""
    true, tracker, age = read_truth(truth, box_base=base).tracks, Tracker(run), Counter[int]()
    early = defaultdict[int, list[float]](list)
    rows: list[tuple[float, ...]] = []
    for number, frame in enumerate(open_video(video)):
        seen = tracker.observe(frame.image).decoded
        world, view = tracker.world, tracker.view
        if not seen or world is None or view is None:
            continue
        alive = world.slots.alive[0] & ~world.slots.asleep[0]
        scale = np.array([view.scale_x, view.scale_y] * 2)
        box = world.slots.box[0, alive].cpu().numpy() * scale
        box[:, :2] -= box[:, 2:] / 2
        names = world.slots.id[0, alive].tolist()
        age.update(names)
        nats = world.slots.evidence[0, alive].tolist()
        for name, earned in zip(names, nats, strict=True):
            if age[name] < YOUNG:
                early[name].append(earned)
        there = true.box_tlwh[true.frame == number]
        if not len(there) or not len(box):
            continue
        overlap, free = box_iou(box, there), alone(there)
        for name, mine, iou, earned in zip(names, box, overlap, nats, strict=True):
            best = int(iou.argmax())
            if iou[best] >= LEAST and free[best]:
                kept = earned / max(1.0, float(np.median(early[name])))
                rows.append((age[name], *(mine[2:] / there[best, 2:]), iou[best], kept))
    return np.array(rows).reshape(-1, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("truth")
    parser.add_argument("run")
    parser.add_argument("--truth-box-base", type=int, choices=(0, 1), default=0)
    args = parser.parse_args()
    rows = measured(args.video, args.truth, args.run, args.truth_box_base)
    print("age in frames      rows   width               height              IoU    evidence")
    for first, end in zip(AGES[:-1], AGES[1:], strict=True):
        here = rows[(rows[:, 0] >= first) & (rows[:, 0] < end)]
        if len(here):
            sides = (np.quantile(here[:, side], [0.5, 0.1, 0.9]) for side in (1, 2))
            words = ["{:.2f} ({:.2f} to {:.2f})".format(*quantiles) for quantiles in sides]
            ages = f"{first} to {end - 1}" if end < AGES[-1] else f"from {first}"
            words += [f"{np.median(here[:, column]):.2f}" for column in (3, 4)]
            print(f"{ages:14s} {len(here):8d}   " + "   ".join(words))


if __name__ == "__main__":
    main()
