"""`import scalor` is light, and its names are there all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import scalor


def test_importing_scalor_imports_nothing_heavy():
    code = "import sys, scalor; print(sorted({'torch', 'numpy', 'cv2', 'lightning', 'supervision'} & set(sys.modules)))"
    environment = dict(os.environ, PYTHONPATH=str(Path(scalor.__file__).parents[1]))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["Tracker", "evaluate", "fit", "imagine", "load", "track"])
def test_each_name_is_the_thing_that_lives_elsewhere(name):
    thing = getattr(scalor, name)
    assert thing.__name__ == name and name in dir(scalor)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tracker'"):
        _ = scalor.tracker


def test_the_readme_example_runs(make_model, make_frames, write_run):
    tracker = scalor.Tracker(scalor.load(write_run(make_model()), device="cpu"))
    found = [tracker.update(frame) for frame in make_frames(3, 40, 48)]
    assert len(found[-1]) > 0 and found[-1].mask.shape[1:] == (40, 48) and found[-1].tracker_id is not None
