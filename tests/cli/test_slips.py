"""Slips of users: one sentence that says what to do."""

import numpy as np
import pytest
from PIL import Image

from scalor.cli.main import main
from scalor.data.mot_rows import read_rows
from scalor.data.video import open_video
from scalor.errors import UserError
from tests.outputs.conftest import toy_tracks, write_folder

from .calls import refused


def pictures(folder, names) -> None:
    folder.mkdir()
    for name in names:
        Image.fromarray(np.full((32, 48, 3), 90, np.uint8)).save(folder / name)


@pytest.mark.parametrize("name", ["f_%03d.png", "f_%d.png", "f_*.png", "f_00?.png"])
def test_a_pattern_of_pictures_names_their_folder(capsys, tmp_path, name):
    pictures(tmp_path / "seq", ["f_000.png", "f_001.png"])
    path = tmp_path / "seq" / name
    sentence = refused(capsys, "track", str(path), "--method", "mog2-sort", "-o", str(tmp_path / "out"))
    assert f"give {tmp_path / 'seq'}" in sentence and not (tmp_path / "out").exists()


def test_a_single_frame_is_said_to_be_one(capsys, tmp_path):
    pictures(tmp_path / "seq", ["f_000.png", "f_001.png"])
    for place, single in ((tmp_path / "seq" / "f_000.png", True), (tmp_path / "seq", False)):
        assert main(["track", str(place), "--method", "mog2-sort", "-o", str(tmp_path / f"out{single}")]) == 0
        assert ("This is a single frame" in capsys.readouterr().out) == single


def test_a_program_without_an_output_prints_nothing(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)  # as in a service, or with >&-
    assert main(["weights"]) == 0


def test_scores_do_not_replace_the_report_of_the_tracks(capsys, tmp_path):
    folder = write_folder(tmp_path / "tracks", toy_tracks())
    (folder / "report.html").write_text("of the tracks")
    asked = ["evaluate", "--truth", str(folder), "--tracks", str(folder), "--iou", "0.5", "-o"]
    assert "a report of its own" in refused(capsys, *asked, str(folder))
    assert (folder / "report.html").read_text() == "of the tracks"
    for _ in range(2):
        assert main([*asked, str(tmp_path / "scores")]) == 0


@pytest.mark.parametrize("command", ["evaluate", "track", "imagine", "train", "fit", "demo"])
def test_a_report_of_somebody_else_is_kept(capsys, tmp_path, command):
    folder, film = write_folder(tmp_path / "tracks", toy_tracks()), tmp_path / "film"
    pictures(film, ["0.png", "1.png"])
    own = tmp_path / "own" / "report.html"
    own.parent.mkdir()
    own.write_text("<!doctype html><title>my thesis</title>")
    asked = {
        "evaluate": ["--truth", str(folder), "--tracks", str(folder)],
        "track": [str(film), "--method", "mog2-sort"],
        "imagine": [str(film), "-w", "traffic"],
        "train": ["sprites-md"],
        "fit": [str(film)],
        "demo": [],
    }[command]
    assert "was not written by scalor" in refused(capsys, command, *asked, "-o", str(own.parent))
    assert [place.name for place in own.parent.iterdir()] == [own.name] and "my thesis" in own.read_text()


def test_names_of_negative_numbers_are_of_one_kind(tmp_path):
    pictures(tmp_path / "seq", [f"{number}.png" for number in range(-3, 4)])
    assert open_video(tmp_path / "seq").report.notes == ()


def test_a_negative_frame_is_refused_in_one_line(tmp_path):
    (tmp_path / "t.txt").write_text("-1,1,5,5,9,9\n0,1,5,5,9,9\n")
    said: list[str] = []
    with pytest.raises(UserError, match="frame -1"):
        read_rows(tmp_path / "t.txt", say=said.append)
    assert said == []


@pytest.mark.parametrize("frames", [[], ["--frames", "500:600"]])
def test_a_truth_without_boxes_is_said_to_be_one(capsys, tmp_path, frames):
    (tmp_path / "gt.txt").write_text("1,1,5,5,9,9,1,1,1\n" if frames else "")
    (tmp_path / "t.txt").write_text("1,1,5,5,9,9\n")
    assert main(["evaluate", "--truth", str(tmp_path / "gt.txt"), "--tracks", str(tmp_path / "t.txt"), *frames]) == 0
    assert "no boxes in the frames that are scored" in capsys.readouterr().err


def test_a_truth_of_which_nothing_is_seen_is_said_to_be_one(capsys, tmp_path):
    (tmp_path / "gt.txt").write_text("1,1,5,5,9,9,1,1,0\n2,1,5,5,9,9,1,1,0.2\n")
    (tmp_path / "t.txt").write_text("1,1,5,5,9,9\n")
    assert main(["evaluate", "--truth", str(tmp_path / "gt.txt"), "--tracks", str(tmp_path / "t.txt")]) == 0
    assert "its visibility is below 0.25 in all rows" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "place"), [("--zone", "a=0,0,20,20"), ("--line", "a=0,0,20,20")])
def test_places_of_one_name_are_refused(capsys, tmp_path, option, place):
    folder = write_folder(tmp_path, toy_tracks())
    sentence = refused(capsys, "measure", str(folder), "-o", str(tmp_path / "m"), option, place, option, place)
    assert f"{option} a came twice" in sentence and not (tmp_path / "m").exists()


@pytest.mark.filterwarnings("error")
def test_a_zone_outside_the_view_is_drawn_without_a_warning(tmp_path):
    folder = write_folder(tmp_path, toy_tracks())
    assert main(["measure", str(folder), "-o", str(tmp_path / "m"), "--zone", "a=5000,5000,9000,9000"]) == 0


def test_a_folder_of_tracks_is_no_video(capsys, tmp_path):
    pictures(tmp_path / "seq", ["f_000.png", "f_001.png"])
    out = tmp_path / "out"
    assert main(["track", str(tmp_path / "seq"), "--method", "mog2-sort", "-o", str(out)]) == 0
    capsys.readouterr()
    sentence = refused(capsys, "track", str(out), "--method", "mog2-sort", "-o", str(tmp_path / "again"))
    assert "holds tracks and no images" in sentence and not (tmp_path / "again").exists()


def test_the_apps_longest_time_has_an_end(capsys):
    assert "600" in refused(capsys, "app", "--most-minutes", "inf", "--no-browser")


@pytest.mark.parametrize("form", ["-o|~/out", "-o~/out", "--out=~/out"])
def test_a_tilde_that_no_shell_took_is_the_home_folder(monkeypatch, tmp_path, form):
    (tmp_path / "home").mkdir()
    pictures(tmp_path / "home" / "seq", ["f_000.png", "f_001.png"])
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert main(["track", "~/seq", "--method", "mog2-sort", *form.split("|")]) == 0
    assert (tmp_path / "home" / "out" / "report.html").is_file() and not (tmp_path / "~").exists()


def test_what_is_said_to_be_opened_can_be_typed(capsys, monkeypatch, tmp_path):
    pictures(tmp_path / "seq", ["f_000.png", "f_001.png"])
    monkeypatch.chdir(tmp_path)
    assert main(["track", "seq", "--method", "mog2-sort", "-o", "./-out"]) == 0
    assert "open ./-out/report.html" in capsys.readouterr().out


def test_tracks_of_more_frames_than_the_truth_are_told_with_the_frames_to_score(capsys, tmp_path):
    rows = {
        name: "".join(f"{t},1,5,5,9,9,1,1,1\n" for t in span) for name, span in (("gt", (4, 6)), ("t", range(1, 13)))
    }
    asked = ["evaluate"]
    for name, option in (("gt", "--truth"), ("t", "--tracks")):
        (tmp_path / f"{name}.txt").write_text(rows[name])
        asked += [option, str(tmp_path / f"{name}.txt")]
    assert main(asked) == 0
    said = capsys.readouterr().err
    assert "the truth has boxes in frames 4 to 6 only, the tracks in 1 to 12; --frames 4:6 scores" in said
    assert main([*asked, "--frames", "4:6"]) == 0 and "--frames" not in capsys.readouterr().err
    (tmp_path / "t.txt").write_text("".join(f"{t},{i},5,5,9,9\n" for t, i in ((3, 1), (4, 1), (5, 1), (5, 2), (6, 1))))
    assert main(asked) == 0 and "--frames" not in capsys.readouterr().err


def test_a_frame_far_behind_the_video_costs_no_memory(capsys, tmp_path):
    pictures(tmp_path / "seq", [f"{number}.png" for number in range(4)])
    (tmp_path / "t.txt").write_text("1,1,5,5,9,9\n1000000000000,1,5,5,9,9\n")
    asked = ["evaluate", "--truth", str(tmp_path / "t.txt"), "--tracks", str(tmp_path / "t.txt")]
    assert main([*asked, "-o", str(tmp_path / "scores"), "--video", str(tmp_path / "seq")]) == 0
    assert "data-player" in (tmp_path / "scores" / "report.html").read_text()


def test_options_of_the_learned_model_are_not_ignored_by_the_classical_method(capsys, tmp_path):
    pictures(tmp_path / "seq", ["0.png", "1.png"])
    asked = ["track", str(tmp_path / "seq"), "--method", "mog2-sort", "-o", str(tmp_path / "out")]
    assert "--min-visibility is for the learned model" in refused(capsys, *asked, "--min-visibility", "0.5")
    assert main([*asked, "-w", "traffic"]) == 0 and "not looked at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--style", "boxes"], "a style is for video"),
        (["--label", ""], "the label is ''"),
        (["--label", "a\nb"], "the label is 'a\\nb'"),
    ],
)
def test_options_that_an_export_cannot_use_are_refused(capsys, tmp_path, options, words):
    folder = write_folder(tmp_path / "tracks", toy_tracks())
    assert words in refused(capsys, "export", str(folder), "--to", "cvat", "-o", str(tmp_path / "t.zip"), *options)


def test_places_wholly_outside_the_picture_are_told(capsys, tmp_path):
    folder = write_folder(tmp_path / "tracks", toy_tracks())
    places = ["--zone", "far=70,0,90,20", "--zone", "near=60,0,90,20", "--line", "door=0,-5,64,-5"]
    assert main(["measure", str(folder), "-o", str(tmp_path / "m"), *places]) == 0
    said = capsys.readouterr().err
    assert "outside the picture of 64x40 px: far, door; check" in said and said.count("\n") == 1
