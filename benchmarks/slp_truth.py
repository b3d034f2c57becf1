"""Boxes around the skeletons of a sleap file as MOTChallenge truth: the hull of the points and 6 px (needs h5py).

python benchmarks/slp_truth.py FILE.slp TRUTH.txt
"""

import importlib
import sys

import numpy as np

MARGIN = 6


def main(source: str, out: str) -> None:
    file = importlib.import_module("h5py").File(source)
    frames = {row["frame_id"]: row["frame_idx"] for row in file["frames"][:]}
    rows = []
    for body in file["instances"][:]:
        points = file["points" if body["instance_type"] == 0 else "pred_points"]
        points = points[body["point_id_start"] : body["point_id_end"]]
        x, y = (points[axis][np.isfinite(points[axis])] for axis in "xy")
        if len(x):
            low, size = (x.min() - MARGIN, y.min() - MARGIN), (np.ptp(x) + 2 * MARGIN, np.ptp(y) + 2 * MARGIN)
            rows.append((frames[body["frame_id"]] + 1, body["track"] + 1, *low, *size, 1, 1, 1))
    np.savetxt(out, rows, delimiter=",", fmt="%.2f")


if __name__ == "__main__":
    main(*sys.argv[1:3])
