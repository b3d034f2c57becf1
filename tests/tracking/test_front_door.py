"""`import scalor` is light, and its names are there all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import scalor
from scalor.core.devices import pick_device
from scalor.errors import UserError
from scalor.outputs.track_folder import track_to_folder
from scalor.viz.export import video_writer


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


def test_loaded_weights_go_where_they_are_told_and_stay_where_nothing_is_said(make_model, make_frames, write_run):
    loaded = scalor.load(write_run(make_model()), device="cpu")
    frames = make_frames(3, 40, 48)
    assert scalor.load(loaded) is loaded
    there = scalor.load(loaded, device="meta")
    assert {tensor.device.type for tensor in (*there.model.parameters(), *there.extra.values())} == {"meta"}
    assert scalor.Tracker(make_model(), device="auto").device == pick_device("auto")
    for model in (make_model(), scalor.Tracker(make_model())):
        scalor.imagine(frames, model, observe=1, steps=1, samples=1, device="cpu")
        with pytest.raises(NotImplementedError, match="meta"):
            scalor.imagine(frames, model, observe=1, steps=1, samples=1, device="meta")


@pytest.mark.parametrize("call", ["track", "imagine", "Tracker", "track_to_folder"])
def test_a_device_that_is_not_there_is_refused_with_loaded_weights_too(
    call, make_model, make_frames, write_run, tmp_path
):
    loaded = scalor.load(write_run(make_model()), device="cpu")
    with video_writer(tmp_path / "film.mp4", fps=25.0) as writer:
        for frame in make_frames(3, 40, 48):
            writer.write(frame)
    film = tmp_path / "film.mp4"
    calls = {
        "track": lambda: scalor.track(film, loaded, device="abacus"),
        "imagine": lambda: scalor.imagine(film, loaded, device="abacus"),
        "Tracker": lambda: scalor.Tracker(loaded, device="abacus"),
        "track_to_folder": lambda: track_to_folder(film, loaded, tmp_path / "out", device="abacus"),
    }
    with pytest.raises(UserError, match="device abacus cannot be used here"):
        calls[call]()
