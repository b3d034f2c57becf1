"""How hard the made crowds are: MOG2 + SORT on each of the eight places, scored at IoU 0.5.

python benchmarks/crowd_mog2.py [NAME] [--frames T]
"""

import argparse

import numpy as np

from scalor.core.tracks import Tracks
from scalor.data.crowd import Crowd, crowd
from scalor.data.crowd_scenes import PLACES
from scalor.experiments.rows import HELD_OUT
from scalor.metrics.mot import MotScores, evaluate_many
from scalor.tracking.mog2_sort import Mog2Sort, Mog2SortConfig


def followed(frames: list[np.ndarray]) -> Tracks:
    """The boxes of the classical method, which learns the background from the first frames."""
    tracker = Mog2Sort()
    tracker.learn(frames[: Mog2SortConfig().warm_up])
    rows = [
        (number, blob.id, *blob.box_tlwh, blob.score, 1.0)
        for number, frame in enumerate(frames)
        for blob in tracker.update(frame)
    ]
    return Tracks.from_rows(rows, length=len(frames))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="hard")
    parser.add_argument("--frames", type=int, default=100)
    args = parser.parse_args()
    data = Crowd(crowd(args.name), seed=HELD_OUT)
    pairs = []
    for index, place in enumerate(PLACES):
        clip = data.clip(index, args.frames)
        assert clip.truth is not None
        frames = (frame.permute(1, 2, 0).numpy() for frame in clip.video)
        pairs.append((clip.truth.tracks(0.0), followed(list(frames))))
        print(line(place.name, evaluate_many(pairs[-1:], iou=0.5)), flush=True)
    print(line("all", evaluate_many(pairs, iou=0.5)))


def line(name: str, found: MotScores) -> str:
    """One row of the table."""
    return (
        f"{name:10} MOTA {found.mota:6.3f}  IDF1 {found.idf1:.3f}  precision {found.precision:.3f}  recall "
        f"{found.recall:.3f}  tracks {found.tracks} of {found.truth_tracks}  "
        f"{found.truth_count / found.frames:.1f} people per frame"
    )


if __name__ == "__main__":
    main()
