"""The hand-made truth is what its keyframes say, and is a sound table."""

import runpy
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[2] / "benchmarks" / "truth"


def test_the_file_is_made_from_the_keyframes():
    rows = runpy.run_path(str(FOLDER / "make_vtest_truth.py"))["rows"]
    assert list(rows()) == (FOLDER / "vtest.txt").read_text(encoding="ascii").splitlines()


def test_boxes_lie_in_the_view_and_move_smoothly():
    table = np.loadtxt(FOLDER / "vtest.txt", delimiter=",")
    frame, name, left, top, width, height, visibility = table[:, [0, 1, 2, 3, 4, 5, 8]].T
    assert frame.min() == 301 and frame.max() == 401
    assert (left >= 0).all() and (top >= 0).all() and (left + width <= 768.05).all() and (top + height <= 576).all()
    assert (width > 1).all() and (height > 30).all()
    assert ((visibility > 0) & (visibility <= 1)).all()
    for person in np.unique(name):
        rows = name == person
        assert (np.diff(frame[rows]) == 1).all(), "nobody is lost and found again in these frames"
        free = rows & (left + width < 765)
        step = np.diff((left + width / 2)[free])
        assert np.abs(step).max() < 20, f"person {person:.0f} jumps"
