"""A training takes as many threads as pay, on a machine whose neighbours come and go."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from scalor.training.preset import Preset
from scalor.training.threads import AGAIN, Pace
from scalor.training.train import train

QUIET, BUSY = {1: 0.98, 2: 0.60}, {1: 1.02, 2: 1.8}
"""Seconds of a step by its threads, alone and beside one busy process per core."""


def passed(pace: Pace, machine: Callable[[int], dict[int, float]], steps: int, *, frames: int = 8) -> float:
    total = 0.0
    for number in range(steps):
        seconds = machine(number)[pace.threads]
        total += seconds
        pace.took(seconds, frames)
    return total


@pytest.mark.parametrize(("machine", "threads"), [(QUIET, 2), (BUSY, 1), ({1: 1.0, 2: 0.95}, 1)])
def test_what_is_faster_is_taken_and_little_gain_is_none(machine: dict[int, float], threads: int) -> None:
    pace = Pace(2)
    passed(pace, lambda number: machine, 40)
    assert pace.threads == threads


def test_the_choice_follows_the_neighbours_and_costs_little() -> None:
    pace = Pace(2)

    def machine(number: int) -> dict[int, float]:
        return BUSY if 300 <= number < 900 else QUIET

    took = passed(pace, machine, 1500)
    best = sum(min(machine(number).values()) for number in range(1500))
    assert pace.threads == 2, "after the neighbour has left, within as many steps as a trial is repeated"
    assert took < 1.15 * best and AGAIN < 600


def test_longer_clips_are_tried_anew() -> None:
    pace = Pace(2)
    passed(pace, lambda number: {1: 0.1, 2: 0.11}, 40, frames=2)
    assert pace.threads == 1
    passed(pace, lambda number: QUIET, 40, frames=8)
    assert pace.threads == 2


def test_one_thread_leaves_no_choice() -> None:
    pace = Pace(1)
    assert not any(pace.took(1.0, 8) for _ in range(100)) and pace.threads == 1


def test_a_training_says_what_it_took_and_an_explicit_number_wins(
    tiny: Preset, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    torch.set_num_threads(2)
    short = {"train.lengths": "[(0,2)]"}
    train(tiny, tmp_path / "chosen", steps=14, device="cpu", overrides=short)
    assert "computing with " in capsys.readouterr().err and torch.get_num_threads() == 2
    train(tiny, tmp_path / "fixed", steps=14, device="cpu", overrides=short, threads=1)
    assert "computing with " not in capsys.readouterr().err and torch.get_num_threads() == 2
    chosen, fixed = (
        torch.load(tmp_path / name / "last.ckpt", weights_only=True)["state_dict"] for name in ("chosen", "fixed")
    )
    for name, weight in chosen.items():
        torch.testing.assert_close(weight, fixed[name], rtol=1e-3, atol=1e-4, msg=name)
