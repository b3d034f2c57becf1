"""What a second pass is worth: causal and two-pass scores on made clips in which objects are hidden for a while.

    python benchmarks/second_pass.py [--weights sprites-ld] [--clips 10] [--frames 60] [--closed]

Clips are those that the weights were made for, from another seed, seen through a bar that hides 12 columns, or with 6
frames in a row that show nothing, or as they are. With --closed they are three objects that never leave the view, and a
third row is told so (`--animals 3`). Matched at IoU 0.5; truth and reports seen by less than a quarter are not scored.
"""

import argparse
from dataclasses import replace

import numpy as np
import torch

from scalor.core.devices import denormals_flushed
from scalor.core.tracks import Tracks
from scalor.data.clip import Clip
from scalor.data.sprites import Sprites, sprites
from scalor.metrics.mot import evaluate_many
from scalor.tracking.second_pass import revise
from scalor.tracking.setup import load
from scalor.tracking.table import Rows, shelf
from scalor.tracking.tracker import Tracker

SEED, BAR, DARK, ANIMALS = 77, slice(26, 38), slice(25, 31), 3


def frames_of(clip: Clip, kind: str) -> np.ndarray:
    frames = clip.video.permute(0, 2, 3, 1).numpy().copy()
    if kind == "bar":
        frames[:, :, BAR] = 0
    if kind == "dark":
        frames[DARK] = 0
    return frames


def truth_of(clip: Clip, kind: str) -> Tracks:
    """The truth without what the bar or the dark hides."""
    truth = clip.truth
    seen = truth.visibility.clone()
    if kind == "bar":
        owner = truth.owner.long()
        for number in range(seen.shape[1]):
            mine = owner == number
            all_of_it = mine.sum((1, 2)).clamp(min=1)
            hidden = mine[:, :, BAR].sum((1, 2))
            seen[:, number] *= 1 - hidden / all_of_it
    if kind == "dark":
        seen[DARK] = 0
    clip.truth.visibility.copy_(seen)
    return truth.tracks(0.0)


def first_pass(model, frames: np.ndarray) -> Rows:
    tracker = Tracker(model, min_visibility=0.0)
    with shelf(frames.shape[1:3]) as kept:
        for frame in frames:
            kept.put(tracker.observe(frame))
        return kept.rows()


def table(rows: Rows, keep: np.ndarray) -> Tracks:
    picked = np.flatnonzero(keep)
    picked = picked[np.lexsort((rows.id[picked], rows.frame[picked]))]
    columns = (getattr(rows, name)[picked] for name in ("frame", "id", "box_tlwh", "score", "visibility"))
    return Tracks(*columns, length=rows.length)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="sprites-ld")
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--closed", action="store_true")
    args = parser.parse_args()
    loaded = load(args.weights, device="cpu")
    config = sprites(args.weights.removeprefix("sprites-"))
    if args.closed:
        config = replace(config, canvas=config.size, count=(ANIMALS, ANIMALS), births=(0,), name="closed")
    data = Sprites(config, seed=SEED)
    print(f"{'clips':8}{'pass':9}{'MOTA':>8}{'IDF1':>8}{'HOTA':>8}{'switches':>10}{'tracks':>8}{'truth':>8}")
    for kind in ("as made", "bar", "dark"):
        passes = {"online": None, "two": {}} | ({"animals": {"individuals": ANIMALS}} if args.closed else {})
        pairs: dict[str, list[tuple[Tracks, Tracks]]] = {name: [] for name in passes}
        for number in range(args.clips):
            clip = data.clip(number, frames=args.frames)
            frames = frames_of(clip, kind)
            truth = truth_of(clip, kind)
            with denormals_flushed():
                rows = first_pass(loaded, frames)
            for name, how in passes.items():
                revised = None if how is None else revise(rows, **how)
                seen = table(rows, rows.visibility >= 0.25) if revised is None else table(revised.rows, revised.keep)
                pairs[name].append((truth, seen))
        for name, each in pairs.items():
            scores = evaluate_many(each, iou=0.5, min_visibility=0.25).as_dict()
            numbers = "".join(f"{100 * scores[key]:8.1f}" for key in ("mota", "idf1", "hota"))
            counts = f"{scores['id_switches']:10}{scores['tracks']:8}{scores['truth_tracks']:8}"
            print(f"{kind:8}{name:9}{numbers}{counts}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
