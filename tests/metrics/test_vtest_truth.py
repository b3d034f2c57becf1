"""The hand-made truths are what their keyframes say, and the one of vtest is a sound table."""

import importlib
import runpy
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks" / "truth"
FILES = {
    "make_vtest_truth.py": FOLDER / "vtest.txt",
    "make_traffic_truth.py": ROOT / "src" / "scalor" / "data" / "assets" / "traffic_truth.txt",
}


@pytest.mark.parametrize("maker", FILES)
def test_the_file_is_made_from_the_keyframes(maker, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    made = runpy.run_path(str(FOLDER / maker))
    rows = importlib.import_module("keyframes").rows(made["KEYFRAMES"])
    assert list(rows) == FILES[maker].read_text(encoding="ascii").splitlines()


def test_boxes_lie_in_the_view_and_move_smoothly():
    table = np.loadtxt(FOLDER / "vtest.txt", delimiter=",")
    frame, name, left, top, width, height, visibility = table[:, [0, 1, 2, 3, 4, 5, 8]].T
    assert frame.min() == 301 and frame.max() == 401
    assert (left >= 1).all() and (top >= 1).all() and (left + width <= 769.05).all() and (top + height <= 577).all()
    assert (width > 1).all() and (height > 30).all()
    assert ((visibility > 0) & (visibility <= 1)).all()
    for person in np.unique(name):
        rows = name == person
        assert (np.diff(frame[rows]) == 1).all(), "nobody is lost and found again in these frames"
        free = rows & (left + width < 765)
        step = np.diff((left + width / 2)[free])
        assert np.abs(step).max() < 20, f"person {person:.0f} jumps"
