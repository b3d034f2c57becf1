"""Scores while learning."""

import dataclasses
import json

import pytest
import torch

from scalor.cli.train import parser
from scalor.configs import train
from scalor.configs.presets import tiny
from scalor.errors import UserError
from scalor.experiments.tables import reached
from scalor.models.scalor import Scalor
from scalor.training.checkpoint import RunFolder
from scalor.training.datasets import data_named
from scalor.training.validation import CLIPS, SCORES, VALIDATION_SEED, Validation, validation_curves


def test_due_once_per_interval():
    validation = Validation(data_named("sprites-tiny", VALIDATION_SEED), 2.0)
    assert (
        not validation.due(0.0, 1.9)
        and validation.due(1.9, 2.1)
        and not validation.due(2.1, 3.9)
        and validation.due(3.9, 8.5)
    )


def test_nothing_random_is_drawn():
    torch.manual_seed(0)  # weights that report something: precision is not known else
    model = Scalor(tiny().model)
    before = torch.get_rng_state()
    found = Validation(data_named("sprites-tiny", VALIDATION_SEED), 1.0)(model)
    assert set(found) == set(SCORES)
    assert torch.equal(before, torch.get_rng_state())


def test_the_log_and_the_card_have_the_scores(tmp_path, monkeypatch):
    monkeypatch.setattr("scalor.training.module.LOG_EVERY", 2)
    train("tiny", tmp_path / "run", steps=6, quiet=True, validation_minutes=1e-6)
    rows = [row for row in RunFolder(tmp_path / "run").rows() if "mota" in row]
    assert len(rows) == 3
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    assert card["validation"]["clips"] == CLIPS and len(card["validation"]["mota"]) == 3
    assert validation_curves([{"minutes": 1.0}]) is None


def test_a_model_that_reports_nothing_is_validated_too(tmp_path, monkeypatch):
    monkeypatch.setattr("scalor.training.module.LOG_EVERY", 1)
    shy = {"model.discover.presence_bias": "-9.0"}
    train("tiny", tmp_path / "run", steps=2, quiet=True, validation_minutes=1e-6, overrides=shy)
    validation = json.loads((tmp_path / "run" / "card.json").read_text())["validation"]
    assert validation["precision"] == [None, None] and validation["mota"] == [0.0, 0.0]


def test_data_without_truth_are_refused_before_the_training(tmp_path):
    clip = data_named("sprites-tiny", VALIDATION_SEED)[0]
    with pytest.raises(UserError, match="no truth"):
        Validation([dataclasses.replace(clip, truth=None)], 1.0)


def test_a_resumed_run_is_validated_too(tmp_path, monkeypatch):
    monkeypatch.setattr("scalor.training.module.LOG_EVERY", 1)
    for steps, resume in ((2, False), (4, True)):
        train("tiny", tmp_path / "run", steps=steps, quiet=True, validation_minutes=1e-6, resume=resume)
    assert [row["step"] for row in RunFolder(tmp_path / "run").rows() if "mota" in row] == [0, 1, 2, 3]


def test_the_same_is_learned_with_and_without(tmp_path):
    for name, minutes in (("with", 1e-6), ("without", None)):
        train("tiny", tmp_path / name, steps=3, quiet=True, validation_minutes=minutes)
    first, second = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("with", "without"))
    assert first == second


def test_reached_is_the_first_time():
    validation = {"minutes": [2.0, 4.0, 6.0], "mota": [0.5, 0.8, 0.9]}
    assert reached(validation, 0.8) == 4.0 and reached(validation, 0.95) is None


def test_commands_of_older_cards_are_understood():
    words = ["tiny", "-o", "run"]
    for name in ("--validation-minutes", "--exam-minutes"):
        assert parser().parse_args([*words, name, "2"]).validation_minutes == 2.0
    assert parser().parse_args(words).validation_minutes is None
    assert "exam" not in parser().format_help().replace("example", "")
