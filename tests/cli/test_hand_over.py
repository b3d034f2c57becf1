"""The command line hands every option over to the library, and says what it did."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

import scalor
from scalor.cli import main as door
from scalor.cli.evaluate import table
from scalor.cli.parser import one_by_one

from .calls import listening, refused

SUMMARY = {
    "tracks": 12,
    "frames": 30,
    "objects_per_frame": 7.25,
    "failed_frames": [],
    "speed": {"frames_per_second": 4.5},
    "passes": 2,
    "gaps_closed": 5,
    "swaps_undone": 1,
    "tracks_dropped": 2,
    "parts_joined": 3,
    "trust": {
        "frames_per_track": {"shortest": 2, "median": 9.5, "longest": 30},
        "gaps": 3,
        "appear_inside": 4,
        "vanish_inside": 6,
        "doubts": [{"frame": 17, "id": 8, "weight": 0.5, "words": "appears inside the view"}],
    },
}


@pytest.fixture(autouse=True)
def reports(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple, dict]]:
    """The calls for a report, of which none is written: the folders of these tests are empty."""
    return listening(monkeypatch, "scalor.outputs.report", "write_report", Path("report.html"))


def test_fit_hands_every_option_over(monkeypatch, tmp_path):
    calls = listening(monkeypatch, "scalor.configs", "fit")
    out = str(tmp_path / "run")
    argv = ["fit", str(tmp_path), str(tmp_path), "-o", out, "--minutes", "1.5", "--set", "model.cell=8"]
    argv += ["--region", "0,0,9,9", "--region", "arena.png"]
    assert (
        door.main([*argv, "--set=train.lr=1e-3", "--seed", "4", "--resume", "--device", "cpu", "--devices", "2"]) == 0
    )
    kwargs = {"steps": None, "minutes": 1.5, "preset": "auto", "seed": 4, "resume": True, "device": "cpu"}
    kwargs |= {"devices": 2, "start": None, "threads": None, "region": ["0,0,9,9", "arena.png"]}
    kwargs["overrides"] = {"model.cell": "8", "train.lr": "1e-3"}
    assert calls == [(([str(tmp_path)] * 2, out), kwargs)]
    assert not Path(out).exists()  # the training makes it, if it is not refused


def test_set_takes_several_pairs_and_leaves_what_is_no_pair():
    words = ["fit", "--set", "model.cell=8", "train.lr=1e-3", "a.mp4", "model.cell=4", "-o", "x"]
    spread = ["fit", "--set", "model.cell=8", "--set", "train.lr=1e-3", "a.mp4", "model.cell=4", "-o", "x"]
    assert one_by_one(words) == spread
    assert one_by_one(["--set=model.cell=8", "train.lr=1"]) == ["--set=model.cell=8", "--set", "train.lr=1"]
    assert one_by_one(["--set", "model.cell=8", "-o", "a.b=c"]) == ["--set", "model.cell=8", "-o", "a.b=c"]


def test_train_takes_several_pairs_after_one_set(monkeypatch, tmp_path):
    calls = listening(monkeypatch, "scalor.configs", "train")
    argv = ["train", "fast-sprites-md", "-o", str(tmp_path / "run"), "--set", "model.cell=8", "train.lr=1e-3"]
    assert door.main(argv) == 0
    assert calls[0][1]["overrides"] == {"model.cell": "8", "train.lr": "1e-3"}


def test_fit_leaves_its_length_to_the_library_unless_told(monkeypatch, tmp_path):
    calls = listening(monkeypatch, "scalor.configs", "fit")
    assert door.main(["fit", str(tmp_path), "-o", str(tmp_path / "run")]) == 0
    assert calls[0][1]["minutes"] is None and calls[0][1]["steps"] is None
    assert door.main(["fit", str(tmp_path), "-o", str(tmp_path / "run"), "--steps", "50"]) == 0
    assert calls[1][1]["steps"] == 50


def test_train_hands_every_option_over(monkeypatch, tmp_path):
    calls = listening(monkeypatch, "scalor.configs", "train")
    assert (
        door.main(["train", "fast-sprites-md", "-o", str(tmp_path), "--steps", "7", "--validation-minutes", "2"]) == 0
    )
    kwargs = {"steps": 7, "minutes": None, "seed": None, "overrides": {}, "resume": False, "device": "auto"}
    kwargs |= {"validation_minutes": 2.0, "devices": 1, "threads": None, "start": None}
    assert calls == [(("fast-sprites-md", str(tmp_path)), kwargs)]


def test_track_leaves_the_librarys_defaults_alone_unless_told(monkeypatch, tmp_path):
    calls = listening(monkeypatch, "scalor.outputs.track_folder", "track_to_folder", SUMMARY)
    argv = ["track", str(tmp_path), "-o", str(tmp_path / "out")]
    assert door.main([*argv, "-w", "sprites-md"]) == 0
    assert door.main([*argv, "--method", "mog2-sort", "--box-base", "0", "--allow-truncated", "--online"]) == 0
    learned, classical = calls
    assert learned[0] == (str(tmp_path), "sprites-md", str(tmp_path / "out"))
    assert learned[1] == {
        "method": "scalor",
        "device": "auto",
        "allow_truncated": False,
        "online": False,
        "seconds": None,
    }
    told = {"method": "mog2-sort", "device": "auto", "allow_truncated": True, "online": True}
    told |= {"box_base": 0, "seconds": None}
    assert classical[1] == told


def test_track_says_what_it_did(monkeypatch, tmp_path, capsys):
    listening(
        monkeypatch,
        "scalor.outputs.track_folder",
        "track_to_folder",
        SUMMARY | {"failed_frames": [3, 4], "covered_frames": 5, "repeated_frames": 6},
    )
    out = str(tmp_path / "out")
    assert door.main(["track", str(tmp_path), "-o", out, "-w", "sprites-md"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "12 tracks in 30 frames at 4.5 frames per second (7.25 objects per frame). 2 frames could not"
    )
    assert "In 5 frames something covers much of the view: no rows there." in said
    assert "6 frames repeat the one before: the same rows there, and no time passes." in said
    assert "9.5 frames in the middle (2 to 30)" in said and "4 appear and 6 vanish inside" in said
    assert "closed 5 gaps, undid 1 swap, dropped 2 tracks and took 3 for parts of others" in said
    assert "The most doubtful moment is in report.html: frame 18, 8 appears inside the view" in said
    assert out in said and said.count("\n") == 5


@pytest.mark.parametrize("command", ["fit", "train", "track"])
def test_threads_are_set_and_said(monkeypatch, tmp_path, capsys, command):
    import torch

    module = "scalor.outputs.track_folder" if command == "track" else "scalor.configs"
    calls = listening(monkeypatch, module, "track_to_folder" if command == "track" else command, SUMMARY)
    counts: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", counts.append)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    weights = ["-w", "any"] if command == "track" else []
    assert door.main([command, str(tmp_path), "-o", str(tmp_path), "--threads", "3", *weights]) == 0
    assert counts == [3] and "3 threads" in capsys.readouterr().err
    assert command == "track" or calls[0][1]["threads"] == 3, "an explicit number is not changed by the training"
    assert door.main([command, str(tmp_path), "-o", str(tmp_path), "--threads", "1000", *weights]) == 0
    assert counts == [3, 4] and "1000 were asked for" in capsys.readouterr().err


def test_imagine_hands_every_option_over(monkeypatch, tmp_path):
    calls = listening(monkeypatch, "scalor.outputs.imagine_folder", "imagine_to_folder", {"objects_observed": 3})
    argv = ["imagine", str(tmp_path), "-w", "run", "-o", str(tmp_path), "--observe", "4", "--steps", "9"]
    argv += ["--start", "3", "--births", "0.01"]
    assert door.main([*argv, "--samples", "2", "--seed", "1", "--device", "cpu"]) == 0
    kwargs = {"observe": 4, "steps": 9, "samples": 2, "seed": 1, "start": 3, "births": 0.01, "device": "cpu"}
    assert calls == [((str(tmp_path), "run", str(tmp_path)), kwargs)]


def test_bench_and_demo_hand_every_option_over(monkeypatch, tmp_path):
    clip, out = str(tmp_path), str(tmp_path / "out")
    for module in ("scalor.cli.bench_command", "scalor.cli.demo_command"):
        calls = listening(monkeypatch, module, "run")
        if module.endswith("bench_command"):
            assert door.main(["bench", "--json"]) == 0
            assert calls == [((), {"json": True})]
        else:
            assert door.main(["demo", "--minutes", "2", "--clip", clip, "--truth", clip, "-o", out]) == 0
            assert door.main(["demo", "--scene", "people", "-o", out]) == 0
            assert calls == [
                ((2.0, out), {"scene": "cars", "clip": clip, "truth": clip}),
                ((5.0, out), {"scene": "people", "clip": None, "truth": None}),
            ]


def test_a_truth_without_its_clip_is_refused(capsys, tmp_path):
    assert "--truth came without --clip" in refused(capsys, "demo", "--truth", str(tmp_path), "-o", str(tmp_path))


def test_weights_prints_json_that_can_be_read_back(monkeypatch, capsys):
    fake = ModuleType("scalor.pretrained")
    fake.__dict__.update(names=lambda: ["one"], card=lambda name: {"preset": name, "scores": {"mota": 0.5}})
    monkeypatch.setitem(sys.modules, "scalor.pretrained", fake)
    monkeypatch.setattr(scalor, "pretrained", fake, raising=False)
    assert door.main(["weights", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"one": {"preset": "one", "scores": {"mota": 0.5}}}
    assert door.main(["weights"]) == 0
    assert capsys.readouterr().out == 'one\n    preset: one\n    scores: {"mota": 0.5}\n'


def test_the_table_of_scores_keeps_names_and_numbers_in_line():
    lines = table({"mota": 0.9, "matches": 12, "motp": None}).splitlines()
    assert lines == ["mota            0.9", "matches          12", "motp              -"]
