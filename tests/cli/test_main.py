"""The command line's promises: fast help, one sentence for each mistake, fixed exit codes, arguments handed over."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import scalor
from scalor.cli import main as door
from scalor.cli.evaluate import frame_range, table
from scalor.cli.parser import hint, one_by_one, overrides
from scalor.errors import UserError

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
HEAVY = ("torch", "lightning", "numpy", "cv2", "supervision", "trackers")
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A machine that is busy with something else is no failure."""
KEYS = st.from_regex(r"[a-z]+(\.[a-z]+)?", fullmatch=True)


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one sentence on stderr of a command that must end with exit code 2."""
    assert door.main(argv) == door.WRONG_USE
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("scalor: ") and err.count("\n") == 1
    return err


@pytest.fixture(autouse=True)
def reports(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple, dict]]:
    """The calls for a report, of which none is written: the folders of these tests are empty."""
    return listening(monkeypatch, "scalor.outputs.report", "write_report", Path("report.html"))


def listening(monkeypatch: pytest.MonkeyPatch, module: str, name: str, answer: Any = None) -> list[tuple[tuple, dict]]:
    """Put a function that records its calls, and gives ``answer``, where a handler will import it."""
    calls: list[tuple[tuple, dict]] = []

    def listen(*args: Any, **kwargs: Any) -> Any:
        calls.append((args, kwargs))
        return answer

    fake = ModuleType(module)
    setattr(fake, name, listen)
    monkeypatch.setitem(sys.modules, module, fake)
    return calls


@pytest.mark.parametrize("argv", [["--help"], ["fit", "--help"], ["track", "--help"], ["no-such-command"]])
def test_help_and_usage_errors_import_nothing_heavy(argv):
    code = f"""
import sys
from scalor.cli.main import main
try:
    main({argv!r})
except SystemExit as leave:
    assert leave.code in (0, None)
print("HEAVY", sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    environment = dict(os.environ, PYTHONPATH=str(Path(scalor.__file__).parents[1]))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as leave:
        door.main(["--help"])
    assert not leave.value.code
    shown = capsys.readouterr().out
    assert all(f"    {name} " in shown and module.HELP in shown for name, module in door.COMMANDS.items())


@pytest.mark.parametrize("command", door.COMMANDS)
def test_every_option_of_every_command_is_explained(command):
    for action in door.COMMANDS[command].parser()._actions:
        assert action.help, f"{command} {action.dest}"


def test_unknown_command_names_the_nearest(capsys):
    assert "did you mean track?" in refused(capsys, "trakc")


def test_no_command_lists_them_all(capsys):
    sentence = refused(capsys)
    assert all(name in sentence for name in door.COMMANDS)


def test_unknown_option_names_the_nearest(capsys):
    assert "did you mean --minutes?" in refused(capsys, "fit", "a.mp4", "-o", "run", "--minuts", "3")


def test_unknown_choice_names_the_nearest(capsys):
    sentence = refused(capsys, "track", "a.mp4", "-o", "out", "--method", "mog-sort")
    assert "did you mean mog2-sort?" in sentence


def test_unknown_key_of_a_config_file_names_the_nearest(capsys, tmp_path):
    config = tmp_path / "fit.yaml"
    config.write_text("minuets: 3\n")
    sentence = refused(capsys, "fit", "a.mp4", "-o", "run", "--config", str(config))
    assert "minuets" in sentence and "did you mean minutes?" in sentence


def test_missing_arguments_are_named_as_the_help_writes_them(capsys):
    assert "VIDEO, --out missing" in refused(capsys, "fit")


@pytest.mark.parametrize("minutes", ["abc", "0", "-3", "nan"])
def test_a_time_budget_that_is_no_positive_number_is_refused(capsys, minutes):
    sentence = refused(capsys, "fit", "a.mp4", "-o", "run", f"--minutes={minutes}")
    assert "--minutes wants a number above 0" in sentence


def test_missing_video_is_refused_before_anything_is_written(capsys, tmp_path):
    out = tmp_path / "run"
    assert "gone.mp4 does not exist" in refused(capsys, "fit", str(tmp_path / "gone.mp4"), "-o", str(out))
    assert not out.exists()


def test_evaluate_with_a_missing_file_is_refused(capsys, tmp_path):
    truth = tmp_path / "gt.txt"
    truth.write_text("")
    missing = str(tmp_path / "tracks.txt")
    assert missing in refused(capsys, "evaluate", "--truth", str(truth), "--tracks", missing)


def test_evaluate_takes_one_gate_only(capsys):
    sentence = refused(capsys, "evaluate", "--truth", "a", "--tracks", "b", "--iou", "0.5", "--distance", "10")
    assert "both --iou and --distance" in sentence


@pytest.mark.parametrize("frames", ["5", "0:4", "7:3", "a:b", "1:", "-1:3"])
def test_a_range_of_frames_that_is_none_is_refused(capsys, frames):
    assert "FIRST:LAST" in refused(capsys, "evaluate", "--truth", "a", "--tracks", "b", f"--frames={frames}")


@PATIENT
@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_a_range_of_frames_holds_both_its_ends(first, more):
    start, past = frame_range(f"{first}:{first + more}")
    assert (start + 1, past) == (first, first + more)


def test_only_the_frames_asked_for_are_scored_and_shown(capsys, tmp_path, monkeypatch):
    truth, tracks = tmp_path / "gt.txt", tmp_path / "tracks.txt"
    truth.write_text("".join(f"{frame},1,5,5,10,10,1,1,1\n" for frame in range(1, 11)))
    tracks.write_text("".join(f"{frame},7,5,5,10,10,1,-1,-1,-1\n" for frame in range(1, 6)))
    argv = ["evaluate", "--truth", str(truth), "--tracks", str(tracks), "--json"]
    recalls = []
    for frames in ([], ["--frames", "1:5"], ["--frames", "4:7"]):
        assert door.main([*argv, *frames]) == 0
        recalls.append(json.loads(capsys.readouterr().out)["recall"])
    assert recalls == [0.5, 1.0, 0.5]
    shown = listening(monkeypatch, "scalor.outputs.report_evaluation", "write_evaluation")
    assert door.main([*argv, "--frames", "4:7", "-o", str(tmp_path / "page")]) == 0
    assert (shown[0][1]["frames"], shown[0][1]["gate"]) == ((3, 7), "boxes with an IoU of 0.5 or more")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--truth", "a", "--allow-truncated"], "--video"),
        (["--truth", "motsynth:a/028", "--classes", "2"], "--classes"),
        (["--truth", "motsynth:a/028", "--truth-box-base", "0"], "--truth-box-base"),
    ],
)
def test_evaluate_ignores_no_option(capsys, given, said):
    assert said in refused(capsys, "evaluate", "--tracks", "b", *given)


def test_the_classical_competitor_is_printed_beside_where_the_video_is_given(capsys, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "video").mkdir()
    for frame in range(12):
        picture = rng.integers(60, 70, (64, 96, 3), dtype=np.uint8)
        picture[20:36, 4 + 5 * frame : 20 + 5 * frame] = 230
        Image.fromarray(picture).save(tmp_path / "video" / f"{frame:03d}.png")
    truth = tmp_path / "gt.txt"
    truth.write_text("".join(f"{frame + 1},1,{4 + 5 * frame},20,16,16,1,1,1\n" for frame in range(12)))
    argv = ["evaluate", "--truth", str(truth), "--tracks", str(truth), "--video", str(tmp_path / "video")]
    assert door.main([*argv, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tracks"]["mota"] == 1.0 and found["mog2-sort"]["recall"] > 0.5
    assert door.main(argv) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["tracks", "mog2-sort"] and lines[0].split()[0] == "mota"


def test_train_takes_one_budget_only(capsys):
    sentence = refused(capsys, "train", "paper", "-o", "run", "--steps", "5", "--minutes", "1")
    assert "both --steps and --minutes" in sentence


def test_tracking_without_weights_says_where_to_find_some(capsys, tmp_path):
    assert "scalor weights" in refused(capsys, "track", str(tmp_path), "-o", str(tmp_path / "out"))


def test_output_that_cannot_be_written_is_refused(capsys, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    sentence = refused(capsys, "track", str(tmp_path), "-w", "any", "-o", str(blocker / "out"))
    assert "cannot write to" in sentence
    assert blocker.read_text() == "not a folder"


@pytest.mark.parametrize("pair", ["model.cell", "=8", " =8", ""])
def test_an_override_that_is_not_key_value_is_refused(capsys, pair):
    assert "KEY=VALUE" in refused(capsys, "train", "paper", "-o", "run", f"--set={pair}")


@PATIENT
@given(st.dictionaries(KEYS, st.from_regex(r"[0-9a-z=.-]+", fullmatch=True)))
def test_overrides_come_back_as_they_were_written(chosen):
    assert overrides([f"{key}={value}" for key, value in chosen.items()]) == chosen


@PATIENT
@given(KEYS, st.lists(st.integers().map(str), min_size=1))
def test_the_last_of_equal_keys_counts(key, values):
    assert overrides([f"{key}={value}" for value in values]) == {key: values[-1]}


@PATIENT
@given(st.sets(KEYS, min_size=1))
def test_a_known_word_is_its_own_hint(known):
    for word in known:
        assert hint(word, known) == f"did you mean {word}?"


@pytest.mark.parametrize(
    ("mistake", "code", "sentence"),
    [
        (UserError("a came;\nb was wanted"), 2, "scalor: a came; b was wanted\n"),
        (KeyboardInterrupt(), 130, "scalor: interrupted\n"),
        (PermissionError(13, "Permission denied", "/there"), 2, "scalor: /there: Permission denied; "),
    ],
)
def test_what_goes_wrong_inside_a_command_ends_in_one_sentence_and_its_code(
    capsys, monkeypatch, mistake, code, sentence
):
    def fail(args):
        raise mistake

    monkeypatch.setattr(door.COMMANDS["weights"], "run", fail)
    assert door.main(["weights"]) == code
    err = capsys.readouterr().err
    assert err.startswith(sentence) and err.count("\n") == 1


def test_a_defect_of_ours_is_never_hidden(monkeypatch):
    def fail(args):
        raise TypeError("a bug")

    monkeypatch.setattr(door.COMMANDS["weights"], "run", fail)
    with pytest.raises(TypeError, match="a bug"):
        door.main(["weights"])


def test_fit_hands_every_option_over(monkeypatch, tmp_path):
    calls = listening(monkeypatch, "scalor.configs", "fit")
    out = str(tmp_path / "run")
    argv = ["fit", str(tmp_path), str(tmp_path), "-o", out, "--minutes", "1.5", "--set", "model.cell=8"]
    assert (
        door.main([*argv, "--set=train.lr=1e-3", "--seed", "4", "--resume", "--device", "cpu", "--devices", "2"]) == 0
    )
    kwargs = {"steps": None, "minutes": 1.5, "preset": "auto", "seed": 4, "resume": True, "device": "cpu"}
    kwargs |= {"devices": 2, "start": None, "threads": None}
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
    assert door.main([*argv, "--method", "mog2-sort", "--min-visibility", "0.5", "--allow-truncated", "--online"]) == 0
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
    told |= {"min_visibility": 0.5, "seconds": None}
    assert classical[1] == told


def test_track_says_what_it_did(monkeypatch, tmp_path, capsys):
    listening(monkeypatch, "scalor.outputs.track_folder", "track_to_folder", SUMMARY | {"failed_frames": [3, 4]})
    out = str(tmp_path / "out")
    assert door.main(["track", str(tmp_path), "-o", out, "-w", "sprites-md"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "12 tracks in 30 frames at 4.5 frames per second (7.25 objects per frame). 2 frames could not"
    )
    assert "9.5 frames in the middle (2 to 30)" in said and "4 appear and 6 vanish inside" in said
    assert "closed 5 gaps, undid 1 swaps, dropped 2 tracks and took 3 for parts of others" in said
    assert "the first: frame 18, 8 appears inside the view" in said
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
            assert calls == [((2.0, out), {"clip": clip, "truth": clip})]


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
