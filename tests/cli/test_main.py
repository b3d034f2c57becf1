"""The command line's promises: fast help, one sentence for each mistake, fixed exit codes, and nothing ignored."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import scalor
from scalor.cli import main as door
from scalor.cli.evaluate import frame_range
from scalor.cli.parser import hint, overrides
from scalor.errors import UserError
from scalor.training.checkpoint import Interrupted

from .calls import listening, refused

HEAVY = ("torch", "lightning", "numpy", "cv2", "supervision", "trackers")
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A machine that is busy with something else is no failure."""
KEYS = st.from_regex(r"[a-z]+(\.[a-z]+)?", fullmatch=True)


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


def test_the_package_runs_as_the_command():
    environment = dict(os.environ, PYTHONPATH=str(Path(scalor.__file__).parents[1]))
    done = subprocess.run([sys.executable, "-m", "scalor", "nothing"], capture_output=True, text=True, env=environment)
    assert done.returncode == 2 and "nothing" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["track", "evaluate", "fleet"])
def test_help_shows_no_functions_of_the_program(capsys, command):
    with pytest.raises(SystemExit):
        door.main([command, "--help"])
    assert "box-base" in (shown := capsys.readouterr().out) and "lambda" not in shown and "null" not in shown


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


@pytest.mark.parametrize("command", door.COMMANDS)
def test_no_option_has_two_defaults_or_one_that_is_nothing(capsys, command):
    with pytest.raises(SystemExit):
        door.main([command, "--help"])
    entries = re.split(r"^(?=  \S)", capsys.readouterr().out, flags=re.MULTILINE)
    assert len(entries) > 1
    for entry in entries:
        assert len(re.findall(r"\bdefault(?=[:)])", entry)) <= 1 and "[]" not in entry, entry


def test_unknown_command_names_the_nearest(capsys):
    assert "did you mean track?" in refused(capsys, "trakc")


def test_no_command_lists_them_all(capsys):
    sentence = refused(capsys)
    assert all(name in sentence for name in door.COMMANDS)


def test_unknown_option_names_the_nearest(capsys):
    assert "did you mean --minutes?" in refused(capsys, "fit", "a.mp4", "-o", "run", "--minuts", "3")


def test_names_that_begin_with_a_dash_are_told_how_to_be_written(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-a.mp4").touch()
    assert "wanted as ./-a.mp4" in refused(capsys, "track", "-a.mp4", "-w", "any", "-o", "out")
    assert "--out came without a value" in refused(capsys, "track", "./-a.mp4", "-w", "any", "-o", "-out")


def test_an_overlap_of_one_is_none(capsys):
    assert "above 0 and below 1" in refused(capsys, "evaluate", "--truth", "a", "--tracks", "b", "--iou", "1")


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


def test_an_evaluation_leaves_the_report_of_a_tracking_alone(capsys, tmp_path):
    for name in ("gt.txt", "report.html", "summary.json"):
        (tmp_path / name).write_text("")
    argv = ["evaluate", "--truth", str(tmp_path / "gt.txt"), "--tracks", str(tmp_path / "gt.txt")]
    assert "a report of its own" in refused(capsys, *argv, "-o", str(tmp_path))
    assert door.main([*argv, "-o", str(tmp_path / "scores")]) == 0 == door.main([*argv, "-o", str(tmp_path / "scores")])
    assert (tmp_path / "report.html").read_text() == "" != (tmp_path / "scores" / "report.html").read_text()


def test_a_distance_is_a_number_of_pixels(capsys):
    assert "pixels" in refused(capsys, "evaluate", "--truth", "a", "--tracks", "b", "--distance", "inf")


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


def test_reports_on_what_is_hardly_seen_are_no_errors_but_strictly(capsys, tmp_path):
    seen, hidden = "1,1,10,10,20,20,1,1,1\n2,1,12,10,20,20,1,1,1\n", "1,2,90,50,4,20,1,1,0.1\n"
    truth, tracks = tmp_path / "gt.txt", tmp_path / "tracks.txt"
    truth.write_text(seen + hidden)
    tracks.write_text(seen + hidden.replace("0.1", "-1"))
    argv = ["evaluate", "--truth", str(truth), "--tracks", str(tracks), "--json"]
    assert door.main(argv) == 0
    scores = json.loads(capsys.readouterr().out)
    assert (scores["mota"], scores["mota_strict"], scores["truth_count"]) == (1.0, 0.5, 2)
    tracks.write_text(seen + "1,2,60,50,4,20,1,1,1\n")
    assert door.main(argv) == 0
    assert json.loads(capsys.readouterr().out)["mota"] == 0.5, "a report on nothing is one"


def test_a_tracker_that_calls_its_reports_hidden_scores_like_one_that_does_not(capsys, tmp_path):
    truth, table, header = tmp_path / "gt.txt", tmp_path / "t.csv", "frame,id,left,top,width,height,score,visibility\n"
    truth.write_text("1,1,10,10,20,20,1,1,1\n1,2,90,50,4,20,1,1,0.1\n")
    scores = []
    for seen in (1.0, 0.1):
        table.write_text(f"{header}1,1,10,10,20,20,1,1\n1,2,90,50,4,20,1,{seen}\n1,3,40,60,9,9,1,{seen}\n")
        assert door.main(["evaluate", "--truth", str(truth), "--tracks", str(table), "--json"]) == 0
        scores.append(json.loads(capsys.readouterr().out))
    assert scores[0] == scores[1]
    assert (scores[0]["fp"], scores[0]["mota"], scores[0]["mota_strict"]) == (1, 0.0, -1.0)


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
        (Interrupted(), 130, "scalor: interrupted\n"),
        (Interrupted(signal.SIGTERM), 143, "scalor: terminated\n"),
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
