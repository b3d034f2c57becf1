"""Figures: every one is written, shows every object once, and times what it says."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalor.cli import main as door
from scalor.configs import preset_named
from scalor.core.types import TRACKING
from scalor.data.sprites import Sprites, sprites
from scalor.experiments import ablation, imagined, natural
from scalor.experiments.ablation import crowd, curves, forward_times, sequential_times
from scalor.experiments.figures import counts, storyboard
from scalor.experiments.pictures import TILE, moments, object_patches, story_of
from scalor.experiments.report import Report
from scalor.models.baselines.sqair import Sqair, SqairConfig
from scalor.tracking.evaluate_clips import LEAST_VISIBLE, rollout_tracks

CLIPPED = ("figure3", "figure4", "figure9", "figure10", "figure11", "figure12", "figure13")


def test_every_clip_figure_and_its_numbers_are_written(tiny_rows, write_run, tmp_path, monkeypatch, capsys):
    write_run(tmp_path / "runs" / "mine-0")
    out = tmp_path / "out"
    argv = ["reproduce", *CLIPPED, "--rows", "sprites-md", "sprites-hd", "--clips", "1"]
    assert door.main([*argv, "--runs", str(tmp_path / "runs"), "-o", str(out)]) == 0
    assert "results.md" in capsys.readouterr().out
    for name in CLIPPED:
        found = json.loads((out / f"{name}.json").read_text())
        assert found["pictures"] and found["rows"] and found["command"].startswith(f"scalor reproduce {name}")
        for file in found["pictures"]:
            assert np.asarray(Image.open(out / file)).std() > 0
    assert "sprites-hd: no weights" in (out / "results.md").read_text()


def test_figures_of_imagined_worlds_are_written(tiny_rows, write_run, tmp_path, monkeypatch):
    monkeypatch.setattr(imagined, "LONG", 8)
    monkeypatch.setattr(imagined, "MEASURED", 6)
    monkeypatch.setattr(imagined, "FUTURE_ROWS", ("sprites-md",))
    write_run(tmp_path / "runs" / "mine-0")
    argv = ["reproduce", "figure5", "figure6", "--clips", "1", "-o", str(tmp_path)]
    assert door.main(argv) == 0
    found = json.loads((tmp_path / "figure5.json").read_text())["rows"]["sprites-md"]
    assert (
        len(found["centre_error"]["imagined, mean of samples"]) == 6
        and (tmp_path / "figure5-sprites-md-error.png").is_file()
    )
    made = json.loads((tmp_path / "figure6.json").read_text())["rows"]["sprites-md"]["objects_per_frame"]
    assert made["dense"][0] > 0 and len(made["sparse"]) == 10


@torch.no_grad()
def test_every_shown_object_is_painted_once_alone_and_counted_by_the_rules_of_the_scores(model):
    clip = Sprites(sprites("tiny"), seed=5).clip(0, frames=3)
    story = story_of(model, clip)
    step = story.rollout.steps[-1]
    looks = object_patches(step, 0)
    assert len(looks) > 1 and [name for name, _ in looks] == sorted(step.slots.id[0, step.slots.shown[0]].tolist())
    found = counts(clip, story)
    assert clip.truth is not None
    seen = rollout_tracks(story.rollout, height=32, width=32, min_visibility=LEAST_VISIBLE)[0]
    assert found["found"] == [int((seen.frame == t).sum()) for t in range(3)]
    assert found["true"] == [int((clip.truth.tracks(LEAST_VISIBLE).frame == t).sum()) for t in range(3)]
    board = storyboard(story, ("input", "boxes"), [0, 2, 99])
    assert 2 * TILE < board.shape[0] < 3 * TILE and 2 * TILE < board.shape[1] < 3 * TILE


def test_moments_are_spread_from_the_first_frame_to_the_last():
    assert moments(10, 4) == [0, 3, 6, 9] and moments(2, 5) == [0, 1] and moments(0, 3) == []


def test_a_crowd_has_as_many_objects_as_asked_for_and_time_is_taken_for_each():
    config = preset_named("tiny").model
    seconds = forward_times(config, crowds=(4, 16), repeats=2)
    assert list(seconds) == [4, 16] and all(value > 0 for value in seconds.values())


def test_figure8_shows_the_logs_that_are_there_and_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(ablation, "TIMED", "tiny")
    monkeypatch.setattr(ablation, "CROWDS", (4,))
    run = tmp_path / "runs" / "digits-vld-0"
    run.mkdir(parents=True)
    (run / "metrics.csv").write_text("step,minutes,mse\n0,0.1,0.5\n10,0.2,0.25\n")
    monkeypatch.setattr(ablation, "forward_times", lambda config: {4: 0.001, 64: 0.0015})
    monkeypatch.setattr(ablation, "sequential_times", lambda: {4: 0.002, 64: 0.03})
    assert door.main(["reproduce", "figure8", "--clips", "1", "-o", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "figure8.json").read_text())
    assert found["wall_clock"]["digits-vld-0"] == [[0.1, 0.2], [0.5, 0.25]]
    assert found["ablations"] == dict.fromkeys(("none", "attention", "rejection", "both"), "no weights")
    words = (tmp_path / "figure8.md").read_text()
    assert "SCALOR: 64 objects take 1.50 x 4" in words and "SQAIR: 64 objects take 15.00 x 4" in words


def test_long_logs_become_short_curves_with_the_same_mean():
    log = [{"step": float(i), "born": float(i % 3)} for i in range(400)]
    xs, ys = ablation._thinned(log, "step", "born")
    assert len(xs) == ablation.BINS and np.mean(ys) == pytest.approx(np.mean([row["born"] for row in log]))
    assert curves({"a": log}, "born", title="t", x="step").std() > 0


def test_figure8_says_which_logs_hold_the_older_propagation_rate():
    older, newer = [{"step": 0.0, "propagation": 0.9}], [{"step": 0.0, "propagation_rate": 0.5}]
    assert (ablation.rate_column(older), ablation.rate_column(newer)) == ("propagation", "propagation_rate")
    assert ablation._rate_words({"both": newer}) == []
    (words,) = ablation._rate_words({"none": older, "both": newer})
    assert "for none, what these older logs hold" in words and "not new" in words


def test_a_real_scene_without_its_weights_is_said_to_lack_them(monkeypatch):
    monkeypatch.setattr(natural.pretrained, "names", lambda: [])
    report = natural.figure7(None, None, "scalor reproduce figure7")
    assert isinstance(report, Report) and "no weights" in report.body and not report.pictures


@pytest.mark.slow
def test_a_real_scene_is_taken_apart_with_any_weights(write_run, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(natural, "LENGTH", 6)
    run, folder = write_run(tmp_path / "mine"), tmp_path / "frames"
    folder.mkdir()
    clip = Sprites(sprites("tiny"), seed=5).clip(0, frames=16).video.permute(0, 2, 3, 1).numpy()
    for number, frame in enumerate(clip):
        Image.fromarray(frame).save(folder / f"{number:04d}.png")
    report = natural.figure7(str(folder), str(run), "scalor reproduce figure7")
    assert set(report.pictures) == {"figure7", "figure7-futures", "figure7-newcomers"}
    assert report.numbers["frames"] == 6 and len(report.numbers["imagined_objects_per_frame"]) == 10


def test_a_crowd_larger_than_the_grid_is_refused(model):
    with pytest.raises(ValueError, match="found room"):
        crowd(model, 10_000)


def test_one_after_the_other_takes_longer_for_more():
    """As many passes through the networks as there are objects; the time itself is the machine's."""
    seconds = sequential_times(crowds=(2, 16), repeats=1)
    assert seconds.keys() == {2, 16} and min(seconds.values()) > 0
    model = Sqair(SqairConfig(slots=16, size=7.0)).eval()
    world, calls = crowd(model, 16), []
    model.survivors.relation.register_forward_hook(lambda *given: calls.append(1))
    with torch.no_grad():
        model.step(world, model.look(world, torch.rand(1, 1, 3, 64, 64))[0], TRACKING)
    assert len(calls) == 16
