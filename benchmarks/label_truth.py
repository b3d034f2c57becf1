"""Boxes around the labels of a folder of pictures, one per frame, as MOTChallenge truth: left and top from 1.

python benchmarks/label_truth.py FOLDER TRUTH.txt
"""

import sys
from pathlib import Path

import cv2
import numpy as np


def main(source: str, out: str) -> None:
    rows = []
    for frame, path in enumerate(sorted(Path(source).glob("*.tif")), start=1):
        labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        for label in np.unique(labels[labels > 0]).tolist():
            y, x = np.nonzero(labels == label)
            rows.append((frame, label, x.min() + 1, y.min() + 1, np.ptp(x) + 1, np.ptp(y) + 1, 1, 1, 1))
    np.savetxt(out, rows, delimiter=",", fmt="%d")


if __name__ == "__main__":
    main(*sys.argv[1:3])
