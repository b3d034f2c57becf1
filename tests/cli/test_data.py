"""``scalor data``: which folders it writes."""

import json
import shutil
from pathlib import Path

import pytest

from scalor.cli import main as door
from scalor.configs import data_named
from scalor.data.motchallenge import read_mot, write_mot
from scalor.data.motsynth import true_tracks
from scalor.errors import UserError


def test_crowds_are_written_as_the_sequences_of_one_motsynth_folder(tmp_path: Path) -> None:
    out = tmp_path / "made"
    assert door.main(["data", "crowd-tiny", "--clips", "2", "-o", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["annotations", "frames", "mot_annotations"]
    for name in ("000", "001"):
        assert len(list((out / "frames" / name / "rgb").glob("*.jpg"))) == 6
        found = json.loads((out / "annotations" / f"{name}.json").read_text())
        assert len(found["images"]) == 6 and found["annotations"]
        (line, *_) = (out / "mot_annotations" / name / "gt" / "gt.txt").read_text().splitlines()
        assert len(line.split(",")) == 12


def test_a_folder_that_holds_something_is_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("x")
    assert door.main(["data", "crowd-tiny", "--clips", "1", "-o", str(tmp_path)]) == door.WRONG_USE
    assert "exists already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_study_takes_one_budget_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["reproduce", "study1", "--steps", "2", "--minutes", "1", "-o", str(tmp_path / "out")]
    assert door.main(argv) == door.WRONG_USE
    assert "give one of them" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_tracks_of_a_motsynth_sequence_are_scored_against_its_annotations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made"
    assert door.main(["data", "crowd-tiny", "--clips", "2", "-o", str(out)]) == 0
    truth = true_tracks(out, "001")
    assert truth.length == 6 and len(truth) > 6
    write_mot(truth, tmp_path / "tracks.txt")
    capsys.readouterr()
    argv = ["evaluate", "--json", "--tracks", str(tmp_path / "tracks.txt"), "--truth"]
    assert door.main([*argv, f"motsynth:{out}/001"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["mota"] == 1.0 and scores["idf1"] == 1.0 and scores["truth_count"] > 6
    assert door.main([*argv, f"motsynth:{out}/007"]) == door.WRONG_USE
    assert "none of the sequences 007" in capsys.readouterr().err
    (out / "annotations" / "000.json").unlink()
    with pytest.raises(UserError, match="no annotations; they are wanted as truth"):
        true_tracks(shutil.copytree(out, tmp_path / "blind"), "000")


@pytest.mark.parametrize("name", ["balls-bounce", "spmot-like"])
def test_balls_and_benchmark_like_clips_are_written_as_sequences(name: str, tmp_path: Path) -> None:
    out = tmp_path / "made"
    assert door.main(["data", name, "--clips", "2", "-o", str(out)]) == 0
    folders = sorted(path.name for path in out.iterdir())
    assert folders == [f"{name}-0-000000", f"{name}-0-000001"]
    frames = data_named(name, 0)[0].video.shape[0]
    assert len(list((out / folders[0] / "img1").iterdir())) == frames
    assert read_mot(out / folders[0]).length == frames
