"""A run can be stopped anywhere and goes on as if nothing had happened."""

import dataclasses
import json
import math
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import scalor
from scalor import pretrained
from scalor.core.schedule import Weight
from scalor.errors import UserError
from scalor.objectives.extras import OBJECTIVES
from scalor.training.batches import Batch, ClipBatches
from scalor.training.checkpoint import Interrupted, Plan, RunFolder
from scalor.training.datasets import TRAINING_SEEDS, data_named
from scalor.training.preset import Preset
from scalor.training.runner import Options, hardware, run
from scalor.training.train import train

STEPS = 8


class Killed(BaseException):
    """Stands for kill -9: nothing of ours runs afterwards but Lightning's cleaning up."""


@dataclasses.dataclass(frozen=True)
class Disturbed:
    """The usual batches, with something that happens when the batch of step ``at`` is made."""

    batches: ClipBatches
    at: int
    happens: Callable[[], None]
    longest: int = 1_000_000

    def batch(self, step: int, *, size: int, frames: int) -> Batch:
        if step == self.at and size == 2:
            self.happens()
        return self.batches.batch(step, size=size, frames=frames)

    def clips(self, step: int, *, size: int) -> list[int]:
        return self.batches.clips(step, size=size)


def batches_of(preset: Preset) -> ClipBatches:
    return ClipBatches(data_named(preset.data, TRAINING_SEEDS), 0)


def disturbed_run(preset: Preset, out: Path, at: int, happens: Callable[[], None]) -> None:
    """A run that saves after every step and is disturbed at step ``at``."""
    plan = Plan(kind="train", preset=preset, seed=0, steps=STEPS, minutes=None)
    folder = RunFolder(out)
    folder.claim(plan)
    run(plan, folder, Disturbed(batches_of(preset), at, happens), Options("cpu", quiet=True, save_seconds=0.0))


def state(out: Path) -> dict[str, Any]:
    return torch.load(out / "last.ckpt", weights_only=True)


def assert_same(a: Any, b: Any) -> None:
    """Bit by bit, through dicts and lists."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        assert a == b


def assert_same_run(one: Path, other: Path) -> None:
    a, b = state(one), state(other)
    for key in ("state_dict", "optimizer_states"):
        assert_same(a[key], b[key])
    for key in ("step", "skipped", "random"):
        assert_same(a["scalor"][key], b["scalor"][key])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run of STEPS steps."""
    from scalor.configs import preset_named

    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("whole") / "run"
    return train(preset_named("tiny"), out, steps=STEPS, device="cpu", quiet=True)


@pytest.mark.parametrize("at", [2, 5])
def test_a_killed_run_resumes_bit_identically(tiny: Preset, tmp_path: Path, whole: Path, at: int) -> None:
    def kill() -> None:
        raise Killed

    with pytest.raises(Killed):
        disturbed_run(tiny, tmp_path / "run", at, kill)
    assert 0 < state(tmp_path / "run")["scalor"]["step"] < STEPS
    torch.rand(3), np.random.rand(3), random.random()
    train(tiny, tmp_path / "run", resume=True, device="cpu", quiet=True)
    assert_same_run(tmp_path / "run", whole)


@pytest.mark.parametrize("place", [6, 7])
def test_kill_nine_in_the_middle_of_saving_loses_nothing(tiny: Preset, tmp_path: Path, whole: Path, place: int) -> None:
    """The process dies where a finished file would take its place: checkpoint and weights alternate."""
    out = tmp_path / "run"
    code = f"""
import functools, os, signal, torch
torch.set_num_threads(1)
from scalor.configs import preset_named
from scalor.training import train as module
module.Options = functools.partial(module.Options, save_seconds=0.0)
real, calls = os.replace, []
def dying(*args, **kwargs):
    calls.append(args)
    if len(calls) == {place}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)
os.replace = dying
module.train(preset_named("tiny"), {str(out)!r}, steps={STEPS}, device="cpu", quiet=True)
"""
    environment = dict(os.environ, PYTHONPATH=str(Path(scalor.__file__).parents[1]), OMP_NUM_THREADS="1")
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pretrained.load(out)
    assert state(out)["scalor"]["step"] < STEPS
    train(tiny, out, resume=True, device="cpu", quiet=True)
    assert_same_run(out, whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_ends_the_run_and_resuming_is_exact(
    tiny: Preset, tmp_path: Path, whole: Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as stop:
        disturbed_run(tiny, tmp_path / "run", 4, lambda: os.kill(os.getpid(), number))
    assert stop.value.signal == number
    assert signal.getsignal(number) == before
    assert state(tmp_path / "run")["scalor"]["step"] < STEPS
    assert pretrained.card(tmp_path / "run")["finished"] is False
    train(tiny, tmp_path / "run", resume=True, device="cpu", quiet=True)
    assert_same_run(tmp_path / "run", whole)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tiny: Preset, tmp_path: Path, whole: Path) -> None:
    train(tiny, tmp_path / "again", steps=STEPS, device="cpu", quiet=True)
    assert_same_run(tmp_path / "again", whole)
    train(tiny, tmp_path / "other", steps=STEPS, seed=1, device="cpu", quiet=True)
    weights = [state(path)["state_dict"]["model.encoder.stack.0.weight"] for path in (tmp_path / "other", whole)]
    assert not torch.equal(*weights)


def test_the_folder_holds_the_average_of_the_weights_that_load_reads(whole: Path) -> None:
    model, card = pretrained.load(whole)
    average = {k.removeprefix("average."): v for k, v in state(whole)["state_dict"].items() if k.startswith("average.")}
    assert_same(dict(model.state_dict()), average)
    assert card["steps"] == STEPS and card["finished"] is True and card["name"] == "tiny"


def test_log_curves_and_pictures_are_written(whole: Path) -> None:
    rows = RunFolder(whole).rows()
    assert rows[0]["step"] == 0 and np.isfinite(rows[0]["loss"]) and rows[0]["frames"] == 2
    assert list((whole / "tensorboard").glob("events.*"))
    from PIL import Image

    with Image.open(whole / "pictures" / f"step-{STEPS:07d}.png") as image:
        assert image.width > 300
    assert not list(whole.rglob("*.part")) and not (whole / "lightning_logs").exists()


def test_no_file_is_taken_away_and_nothing_overwritten_without_resume(tiny: Preset, whole: Path) -> None:
    before = (whole / "last.ckpt").read_bytes()
    with pytest.raises(UserError, match="holds a run already.*--resume"):
        train(tiny, whole, steps=2, quiet=True)
    assert (whole / "last.ckpt").read_bytes() == before


def test_resuming_with_other_settings_or_without_a_run_is_refused(tiny: Preset, tmp_path: Path, whole: Path) -> None:
    with pytest.raises(UserError, match=r"train\.lr = 0\.002 and 0\.5 came"):
        train(tiny, whole, resume=True, overrides={"train.lr": "0.5"}, quiet=True)
    with pytest.raises(UserError, match="no run to resume"):
        train(tiny, tmp_path, resume=True, quiet=True)


def test_resuming_a_finished_run_changes_nothing(tiny: Preset, whole: Path) -> None:
    before = state(whole)
    train(tiny, whole, resume=True, device="cpu", quiet=True)
    assert_same(state(whole)["state_dict"], before["state_dict"])


def test_a_time_budget_ends_the_run_and_elapsed_time_is_kept(tiny: Preset, tmp_path: Path) -> None:
    train(tiny, tmp_path / "run", minutes=0.01, device="cpu", quiet=True)
    saved = state(tmp_path / "run")["scalor"]
    assert saved["step"] > 0 and saved["elapsed"] >= 0.6


def test_the_plan_is_kept_as_strict_json(tiny: Preset, whole: Path) -> None:
    plan = RunFolder(whole).plan()
    assert plan == Plan(kind="train", preset=tiny, seed=0, steps=STEPS, minutes=None)
    json.loads((whole / "config.json").read_text(), parse_constant=lambda name: pytest.fail(name))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 5, "minutes": 1.0}, "both steps and minutes"),
        ({"steps": 0}, "steps is 0"),
        ({"overrides": {"data": "sprites-tinny"}}, r"did you mean sprites-tiny\?"),
        ({"overrides": {"data": "digits-vld"}}, "set model.channels=1"),
        ({"overrides": {"data": "footage"}}, "scalor fit"),
        ({"overrides": {"model.cell": "64"}}, "multiples of the cell"),
        ({"overrides": {"model.background.family": "median"}}, "scalor fit"),
        ({"overrides": {"model.background.family": "per_video", "model.background.videos": "8"}}, "which video"),
        (
            {"overrides": {"model.background.family": "sky"}},
            "one of none, median, encoder, mixture, lattice, fixed, per_video is wanted",
        ),
        ({"device": "gpu"}, "device gpu is unknown"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_learned(
    tiny: Preset, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        train(tiny, tmp_path / "run", **{"steps": 3, "quiet": True, "device": "cpu"} | changes)
    assert not (tmp_path / "run").exists()


def test_the_processor_is_always_there() -> None:
    assert hardware("cpu") == ("cpu", 1)
    assert hardware("auto")[0] in ("cpu", "cuda", "mps")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="cuda is not there"):
            hardware("cuda")


def test_training_leaves_the_processors_arithmetic_as_it_was(tiny: Preset, tmp_path: Path) -> None:
    train(tiny, tmp_path / "run", steps=1, device="cpu", quiet=True)
    assert sys.float_info.min / 2 > 0


def test_rmsprop_is_what_it_says(tiny: Preset, tmp_path: Path) -> None:
    train(tiny, tmp_path / "run", steps=1, overrides={"train.optimizer": "rmsprop"}, device="cpu", quiet=True)
    slots = next(iter(state(tmp_path / "run")["optimizer_states"][0]["state"].values()))
    assert "square_avg" in slots and "exp_avg" not in slots


def test_guard_reports_the_clips_that_the_batch_was_made_of(tiny: Preset) -> None:
    batches = batches_of(tiny)
    batch, numbers = batches.batch(3, size=4, frames=2), batches.clips(3, size=4)
    for video, number in zip(batch.video, numbers, strict=True):
        assert torch.equal(video, batches.dataset.clip(number, frames=2).video)  # type: ignore[attr-defined]


def with_objectives(preset: Preset, *names: str, start: float = 0.0) -> Preset:
    scalars = [scalar for name in names for scalar in OBJECTIVES[name].names]
    weights = tuple(Weight(scalar, 0.1, start=start, full=start) for scalar in scalars)
    return dataclasses.replace(preset, recipe=dataclasses.replace(preset.recipe, objectives=names, weights=weights))


def test_critics_and_their_optimisers_resume_bit_identically(tiny: Preset, tmp_path: Path) -> None:
    preset = with_objectives(tiny, "perceptual", "adversarial", "alpha")
    train(preset, tmp_path / "whole", steps=4, device="cpu", quiet=True)

    def kill() -> None:
        raise Killed

    plan = Plan(kind="train", preset=preset, seed=0, steps=4, minutes=None)
    folder = RunFolder(tmp_path / "parts")
    folder.claim(plan)
    with pytest.raises(Killed):
        run(plan, folder, Disturbed(batches_of(preset), 2, kill), Options("cpu", quiet=True, save_seconds=0.0))
    train(preset, tmp_path / "parts", resume=True, device="cpu", quiet=True)
    assert_same_run(tmp_path / "parts", tmp_path / "whole")
    saved = state(tmp_path / "whole")
    assert len(saved["optimizer_states"]) == 2 and saved["optimizer_states"][1]["state"]
    assert any(key.startswith("extras.") for key in saved["state_dict"])
    (row,) = RunFolder(tmp_path / "whole").rows()
    assert {"perceptual", "adversarial", "alpha", "critic_accuracy", "loss", "objective"} <= row.keys()
    added = 0.1 * (row["perceptual"] + row["adversarial"] + row["alpha"])
    assert row["objective"] == pytest.approx(row["loss"] + added, rel=1e-4)


def test_objectives_without_weight_leave_the_model_bit_identical(tiny: Preset, tmp_path: Path, whole: Path) -> None:
    """Plugged in but not yet due: the model learns exactly what it learns by the ELBO alone."""
    train(
        with_objectives(tiny, "alpha", "perceptual", start=2.0), tmp_path / "run", steps=STEPS, device="cpu", quiet=True
    )
    assert_same(state(tmp_path / "run")["state_dict"], state(whole)["state_dict"])
    assert_same(state(tmp_path / "run")["scalor"]["random"], state(whole)["scalor"]["random"])
    (row, *_) = RunFolder(whole).rows()
    assert row["objective"] == row["loss"] and "perceptual" not in row


def test_training_leaves_the_callers_random_states(tiny: Preset, tmp_path: Path) -> None:
    torch.manual_seed(7)
    np.random.seed(7)
    random.seed(7)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    train(tiny, tmp_path / "run", steps=1, quiet=True)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"threads": 0}, "threads is 0"),
        ({"validation_minutes": math.nan}, "validation_minutes is nan"),
        ({"overrides": ["train.lr=1"]}, "settings by their keys"),
        ({"overrides": {"train.lr": math.inf}}, "train.lr is inf"),
        ({"overrides": {"train.lr": "1_0"}}, "train.lr came as '1_0'"),
        ({"overrides": {"train.temperature": 0}}, "train.temperature is 0"),
        ({"overrides": {"train.birth": (2.0, -1.0)}}, "train.birth is"),
        ({"overrides": {"model.render.sigma": 0.0}}, "model.render.sigma is 0"),
    ],
)
def test_numbers_that_nothing_is_learned_with_leave_no_folder(tiny: Preset, tmp_path: Path, wrong, said) -> None:
    with pytest.raises(UserError, match=said):
        train(tiny, tmp_path / "run", steps=1, quiet=True, **wrong)
    assert not (tmp_path / "run").exists()
