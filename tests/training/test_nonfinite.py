"""A run whose numbers break skips these steps, keeps its weights, and stops in words."""

from pathlib import Path

import pytest
import torch

from scalor.errors import UserError
from scalor.training import module
from scalor.training.preset import Preset
from scalor.training.train import train


def broken_from(first: int, last: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Observations of steps first .. last cost NaN nats of depth."""
    real, calls = module.observe, []

    def observe(model, video, knobs, scenery, **seen):  # type: ignore[no-untyped-def]
        rollout = real(model, video, knobs, scenery, **seen)
        calls.append(None)
        if first <= len(calls) - 1 <= last:
            step = rollout.steps[0]
            spoiled = step.terms.replace(kl_depth=step.terms.kl_depth * torch.nan)
            return module.Rollout((step.replace(books=lambda: spoiled), *rollout.steps[1:]), rollout.world)
        return rollout

    monkeypatch.setattr(module, "observe", observe)


def test_broken_steps_are_skipped_and_leave_no_trace_in_the_weights(
    tiny: Preset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_from(2, 4, monkeypatch)
    train(tiny, tmp_path / "run", steps=6, device="cpu", quiet=True)
    saved = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert saved["scalor"]["skipped"] == 3 and saved["scalor"]["step"] == 6
    assert all(bool(torch.isfinite(value).all()) for value in saved["state_dict"].values())


def test_five_broken_steps_stop_the_run_with_the_term_and_the_batches(
    tiny: Preset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_from(1, 99, monkeypatch)
    with pytest.raises(UserError, match="broke at kl_depth"):
        train(tiny, tmp_path / "run", steps=20, device="cpu", quiet=True)
    assert (tmp_path / "run" / "nonfinite.json").is_file()


def test_a_learning_rate_that_blows_up_the_weights_is_told_in_words(tiny: Preset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="start a new run with a lower train.lr"):
        train(
            tiny,
            tmp_path / "run",
            steps=12,
            overrides={"train.lr": 1e9, "train.warmup": 0},
            device="cpu",
            quiet=True,
        )
