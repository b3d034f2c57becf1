"""The log survives kills, and random states survive a safe file."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from scalor.configs.presets import preset_named
from scalor.errors import UserError
from scalor.training.checkpoint import Plan, RunFolder, random_states, restore_random_states


def drawn() -> tuple[object, ...]:
    return torch.rand(5).tolist(), np.random.rand(5).tolist(), np.random.randn(3).tolist(), random.random()


def test_random_states_come_back_through_a_file_that_loads_safely(tmp_path: Path) -> None:
    np.random.randn(1)  # leaves a cached second value behind
    torch.save(random_states(), tmp_path / "states")
    first = drawn()
    assert drawn() != first
    restore_random_states(torch.load(tmp_path / "states", weights_only=True))
    assert drawn() == first


def test_rows_come_back_without_cells_that_had_no_number(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.add_row({"step": 0.0, "loss": 1.5, "lr": 1e-3})
    folder.add_row({"step": 20.0, "loss": -2.0, "propagation_rate": 0.5})
    assert folder.rows() == [
        {"step": 0.0, "loss": 1.5, "lr": 0.001},
        {"step": 20.0, "loss": -2.0, "propagation_rate": 0.5},
    ]


def test_older_logs_keep_their_share_of_objects_that_are_not_new(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.metrics.write_text("step,propagation\n0,0.25\n")
    folder.keep_rows(10)
    folder.add_row({"step": 20.0, "propagation_rate": 0.5})
    assert folder.rows() == [{"step": 0.0, "propagation": 0.25}, {"step": 20.0, "propagation_rate": 0.5}]


def test_a_row_cut_short_by_a_kill_is_left_out_and_later_ones_than_the_checkpoint_go(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step in (0.0, 20.0, 40.0):
        folder.add_row({"step": step, "loss": 1.0})
    with folder.metrics.open("a") as stream:
        stream.write("60,0.1,")
    assert [row["step"] for row in folder.rows()] == [0, 20, 40]
    folder.keep_rows(21)
    folder.add_row({"step": 40.0, "loss": 2.0})
    assert [(row["step"], row["loss"]) for row in folder.rows()] == [(0, 1), (20, 1), (40, 2)]


@pytest.mark.parametrize("state", [None, b"", b"PK\3\4 cut short"])
def test_a_run_whose_state_is_lost_is_not_begun_anew(tmp_path: Path, state: bytes | None) -> None:
    folder = RunFolder(tmp_path)
    folder.claim(Plan(kind="train", preset=preset_named("tiny"), seed=0, steps=5, minutes=None))
    assert folder.plan().steps == 5, "ended before its state was saved for the first time: it begins anew"
    folder.weights.touch()
    if state is not None:
        folder.checkpoint.write_bytes(state)
    with pytest.raises(UserError, match="last.ckpt"):
        folder.plan()
