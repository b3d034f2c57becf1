"""A short real training finds and follows objects."""

from pathlib import Path

import pytest

from scalor import pretrained
from scalor.configs import data_named, train
from scalor.tracking.evaluate_clips import evaluate_dataset

STATED_MOTA = 0.6


@pytest.mark.slow
def test_three_hundred_steps_on_crowded_sprites_reach_the_stated_mota(tmp_path: Path) -> None:
    pairs = {
        "train.lengths": "[[0.0, 2]]"
    }  # the curriculum's first stage alone: discovery is what can be learned so soon
    run = train("fast-sprites-md", tmp_path / "run", steps=300, seed=0, overrides=pairs, device="cpu", quiet=True)
    model, _ = pretrained.load(run)
    found = evaluate_dataset(model, data_named("sprites-md", 4_000_001), clips=16, frames=10)
    assert found["distance"]["mota"] >= STATED_MOTA
