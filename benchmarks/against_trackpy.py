"""Tracks of particles beside those of trackpy: how many of its particles are found, and keep one identity.

pip install trackpy
python benchmarks/against_trackpy.py VIDEO TRACKS.txt [--dark] [--diameter 9] [--minmass 120] [--frames 100]
"""

import argparse
import importlib
import json

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from scalor.data.video import open_video

STEP, GONE, MOST = 5, 3, 0.9
"""Of trackpy's links: pixels per frame, frames that a particle may be missed; and the share of the frames for which a
particle is followed that counts."""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("video")
    asked.add_argument("tracks", help="tracks.txt of scalor track")
    asked.add_argument("--dark", action="store_true", help="particles are darker than what is around them")
    asked.add_argument("--diameter", type=int, default=9)
    asked.add_argument("--minmass", type=float, default=120)
    asked.add_argument("--frames", type=int, default=100)
    asked.add_argument("--distance", type=float, default=4.0, help="pixels between centres at which one is found")
    args = asked.parse_args()
    trackpy = importlib.import_module("trackpy")
    trackpy.quiet()
    frames = [frame.image.mean(axis=-1).astype(np.uint8) for frame in open_video(args.video).read(range(args.frames))]
    spots = trackpy.batch(frames, args.diameter, minmass=args.minmass, invert=args.dark, processes=1)
    theirs = trackpy.link(spots, STEP, memory=GONE)
    long = theirs.groupby("particle").size() >= MOST * args.frames
    theirs = theirs[theirs.particle.isin(long[long].index)]
    ours = np.loadtxt(args.tracks, delimiter=",", usecols=range(6), ndmin=2)
    names: dict[int, list[int]] = {number: [] for number in theirs.particle.unique()}
    for frame in range(args.frames):
        there, here = theirs[theirs.frame == frame], ours[ours[:, 0] == frame + 1]
        # Tracks count pixels from 1 at the edge of the first one, trackpy from 0 in its middle.
        apart = cdist(there[["x", "y"]], here[:, 2:4] + here[:, 4:6] / 2 - 1.5)
        for one, other in zip(*linear_sum_assignment(np.minimum(apart, 2 * args.distance)), strict=True):
            if apart[one, other] <= args.distance:
                names[there.particle.iloc[one]].append(int(here[other, 1]))
    found = sum(map(len, names.values())) / len(theirs)
    same = np.mean([len(set(each)) == 1 for each in names.values()])
    print(json.dumps({"particles": len(names), "found": round(found, 4), "one_identity": round(float(same), 4)}))


if __name__ == "__main__":
    main()
