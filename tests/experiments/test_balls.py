"""The protocol for balls: what is measured, on made clips and on those of a folder."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from scalor.cli import main as door
from scalor.core.types import TRACKING
from scalor.data.balls import Balls, BallsConfig
from scalor.data.collide import Box
from scalor.data.motchallenge import write_clip
from scalor.errors import UserError
from scalor.experiments import balls as protocol
from scalor.experiments.balls import ORACLES, Trial, measured, middles, tables
from scalor.experiments.futures import MEANS, true_tracks
from scalor.experiments.rows import BALLS
from scalor.rollout import imagine, observe

CONFIG = BallsConfig(size=32, radius=4.5, speed=2.0, count=(2, 3))


def trial(clips: int = 3, frames: int = 14) -> Trial:
    made = [Balls(CONFIG, seed=1).clip(index, frames=frames) for index in range(clips)]
    return Trial(torch.stack([clip.video for clip in made]), [true_tracks(clip.truth) for clip in made], Box(32.0, 4.5))


def test_every_way_to_predict_is_measured_at_every_step_and_physics_knows_the_truth(model):
    found, picture = measured(model, trial(), observed=6)
    assert all(len(values) == 8 for values in found["centre_error"].values())
    assert found["clips_scored"] == 3 and 6 <= found["balls"] <= 9 and 0 <= found["matched"] <= 1
    assert picture.std() > 0
    right = found["centre_error"][ORACLES[1]]
    assert max(right) < 0.01 < max(found["centre_error"][ORACLES[0]])


@torch.no_grad()
def test_futures_do_not_depend_on_frames_after_the_observed_ones(model):
    whole = trial()
    blind = dataclasses.replace(whole, video=whole.video.clone())
    blind.video[:, 6:] = 255
    first, second = (measured(model, each, observed=6)[0]["centre_error"]["imagined"] for each in (whole, blind))
    np.testing.assert_array_equal(first, second)


@torch.no_grad()
def test_the_middle_of_a_ball_is_the_centre_of_its_light(model):
    video = trial().video.float() / 255
    step = observe(model, video[:, :3], TRACKING).steps[-1]
    place = middles(step)
    seen = 0
    for clip, slot in step.slots.shown.nonzero().tolist():
        (layer,) = ((step.layers.batch == clip) & (step.layers.slot == step.origin[clip, slot])).nonzero()[:, 0]
        light, (top, left) = step.layers.patch[layer, :3].sum(0), step.layers.corner[layer].tolist()
        total = across = down = 0.0
        for row in range(light.shape[0]):
            for column in range(light.shape[1]):
                mass = float(light[row, column])
                total += mass
                across += mass * (left + column + 0.5)
                down += mass * (top + row + 0.5)
        assert place[clip, slot].tolist() == pytest.approx([across / total, down / total], abs=1e-3)
        seen += 1
    assert seen > 2


@torch.no_grad()
def test_tables_hold_what_was_seen_and_then_imagined(model):
    video = trial().video.float() / 255
    seen = observe(model, video[:, :3], TRACKING)
    ahead = imagine(model, seen.world, 2, MEANS)
    found = tables(seen, ahead, Box(32.0, 4.5))
    assert len(found) == 3 and all(table.length == 5 for table in found)
    for clip, table in enumerate(found):
        for time, step in enumerate([*seen.steps, *ahead.steps]):
            ids = step.slots.id[clip][step.slots.shown[clip]].tolist()
            assert sorted(ids) == table.id[table.frame == time].tolist()
        assert (table.box_tlwh[:, 2:] == 9.0).all()


def test_clips_of_another_kind_and_too_few_frames_are_refused(model):
    with pytest.raises(UserError, match="at least 3 and 1 are wanted"):
        measured(model, trial(), observed=2)
    grey = dataclasses.replace(trial(), video=trial().video[:, :, :1])
    with pytest.raises(UserError, match="the clips have 1 channels, the model 3"):
        measured(model, grey, observed=6)


@pytest.fixture
def short(monkeypatch, write_run, tmp_path) -> Path:
    """One row with tiny weights; four frames seen and six predicted."""
    monkeypatch.setattr(protocol, "OBSERVED", 4)
    monkeypatch.setattr(protocol, "AHEAD", 6)
    for name, row in list(BALLS.items()):
        weights = "mine" if name == "balls" else "absent"
        monkeypatch.setitem(BALLS, name, dataclasses.replace(row, weights=weights))
    return write_run(tmp_path / "runs" / "mine-0").parent


def test_the_command_writes_table_numbers_and_figures(short, tmp_path, capsys):
    argv = ["reproduce", "balls", "--clips", "1", "--runs", str(short), "-o", str(tmp_path / "out")]
    assert door.main(argv) == 0
    found = json.loads((tmp_path / "out" / "balls.json").read_text())
    assert found["rows"]["mine-0"]["data"] == "balls-bounce" and found["ahead"] == 6
    assert all((tmp_path / "out" / name).is_file() for name in found["pictures"]) and len(found["pictures"]) == 2
    text = (tmp_path / "out" / "balls.md").read_text()
    assert "| mine-0 | +1 | +5 |" in text and "balls-alone: no weights" in text


def test_a_folder_of_ones_own_is_measured_and_named_in_the_command(short, tmp_path, capsys):
    for index in range(2):
        write_clip(Balls(CONFIG).clip(index, frames=10), tmp_path / "mine" / f"clip_{index}")
    argv = ["reproduce", "balls", "--runs", str(short), "--data", str(tmp_path / "mine"), "-o", str(tmp_path / "out")]
    assert door.main(argv) == 0
    found = json.loads((tmp_path / "out" / "balls.json").read_text())
    assert found["rows"]["mine-0"]["clips_scored"] == 2 and found["command"].endswith(f"--data {tmp_path / 'mine'}")


def test_a_folder_without_clips_is_refused_and_nothing_is_written(short, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    argv = ["reproduce", "balls", "--runs", str(short), "--data", str(tmp_path / "empty"), "-o", str(tmp_path / "out")]
    assert door.main(argv) == door.WRONG_USE
    assert "holds no clip with a truth" in capsys.readouterr().err and not (tmp_path / "out").exists()
