"""Baselines are trained, saved, resumed and validated by the same code as ours."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from scalor import pretrained
from scalor.configs import apply_overrides, from_json, preset_named, to_json
from scalor.data.digits import Digits, digits
from scalor.errors import UserError
from scalor.models.build import build
from scalor.tracking.evaluate_clips import evaluate_dataset
from scalor.tracking.tracker import Tracker
from scalor.training.checkpoint import RunFolder
from scalor.training.datasets import data_named
from scalor.training.preset import Preset
from scalor.training.train import train

SMALL = {
    "vrnn": {"model.code": "4", "model.hidden": "8", "model.width": "8"},
    "seq-vae": {"model.code": "4", "model.hidden": "8", "model.width": "8"},
    "air": {},
    "sqair": {},
    "silot": {},
}
OBJECTS = {"model.size": "9", "model.glimpse": "8", "model.what": "4", "model.hidden": "16", "model.features": "8"}


def small(kind: str) -> Preset:
    overrides = {"data": "sprites-tiny", "model.side": "32", "train.batch": "2", "train.lengths": "[(0,2)]"}
    overrides |= SMALL[kind] or OBJECTS
    return apply_overrides(preset_named(f"{kind}-sprites-vld"), overrides)


@pytest.mark.parametrize("kind", sorted(SMALL))
def test_a_baseline_is_trained_resumed_and_scored(kind: str, tmp_path: Path) -> None:
    whole = train(small(kind), tmp_path / "whole", steps=4, quiet=True, device="cpu")
    part = train(small(kind), tmp_path / "part", steps=2, quiet=True, device="cpu")
    train(small(kind), part, steps=4, quiet=True, device="cpu", resume=True)
    first, second = pretrained.load(whole)[0], pretrained.load(part)[0]
    if kind not in ("vrnn", "seq-vae"):
        assert first.config.largest is not None and "objects" in RunFolder(whole).rows()[0]
    else:
        assert "objects" not in RunFolder(whole).rows()[0]
    scores = evaluate_dataset(first, data_named("sprites-tiny", 3), clips=2, frames=3)
    assert 0 < scores["mse"] < 1 and 0 <= scores["count_accuracy"] <= 1
    assert pretrained.card(part)["steps"] == pretrained.card(whole)["steps"] == 4
    assert first.config == second.config


def test_particles_are_part_of_the_preset() -> None:
    preset = preset_named("sqair-sprites-vld")
    assert preset.particles == 5 and from_json(to_json(preset)) == preset
    assert apply_overrides(preset, {"particles": "3"}).particles == 3
    with pytest.raises(UserError, match="particles is 0; a whole number from 1"):
        apply_overrides(preset, {"particles": "0"})


def test_frames_of_another_size_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="sees 64 x 64; square frames"):
        train(dataclasses.replace(preset_named("vrnn-sprites-md"), data="sprites-tiny"), tmp_path / "run", steps=1)
    assert not (tmp_path / "run").exists()


def test_a_preset_of_ours_is_wanted_where_only_ours_will_do() -> None:
    with pytest.raises(UserError, match="of the model vrnn; a preset of SCALOR is wanted"):
        _ = preset_named("vrnn-sprites-md").scalor
    assert preset_named("tiny").scalor.cell == 8


def test_a_model_of_one_size_says_so_to_a_tracker() -> None:
    torch.manual_seed(0)
    tracker = Tracker(build(small("silot").model).eval())
    assert len(tracker.update(np.zeros((30, 32, 3), dtype=np.uint8))) >= 0  # padded to 32 x 32
    tracker.reset()
    with pytest.raises(UserError, match="sees 32x32 px only"):
        tracker.update(np.zeros((40, 32, 3), dtype=np.uint8))


def test_clips_without_an_object_are_scored_like_others() -> None:
    data = Digits(dataclasses.replace(digits("few"), count=(0, 0)), seed=1)
    torch.manual_seed(0)
    model = build(preset_named("air-digits-few").model).eval()
    scores = evaluate_dataset(model, data, clips=2, frames=3)
    assert scores["distance"]["truth_count"] == 0 and scores["distance"]["mota"] is None
    # Untrained, it sees objects in black frames; those that others cover count in no score.
    assert (scores["count_accuracy"] < 1) == (scores["distance"]["fp"] > 0)
