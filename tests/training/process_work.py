"""What the processes of the tests are given to do; in a module of its own, for they import it by name."""

import dataclasses
import errno
import os
import signal
import time
from pathlib import Path

import torch

from scalor.configs import preset_named
from scalor.errors import UserError
from scalor.training.batches import Batch, ClipBatches
from scalor.training.checkpoint import Plan, RunFolder
from scalor.training.datasets import TRAINING_SEEDS, data_named
from scalor.training.preset import Preset
from scalor.training.process_group import ProcessGroup
from scalor.training.runner import Options, work


def odd_preset() -> Preset:
    """Three clips for two processes."""
    preset = preset_named("tiny")
    return dataclasses.replace(preset, recipe=dataclasses.replace(preset.recipe, batch=3))


def batches_of(preset: Preset) -> ClipBatches:
    return ClipBatches(data_named(preset.data, TRAINING_SEEDS), 0)


def fail(how: str, folder: Path, group: ProcessGroup) -> None:
    """Number 1 ends in some way or never comes back, while number 0 waits for it."""
    (folder / f"{group.rank}.pid").write_text(str(os.getpid()))
    assert group.all_max([float(group.rank), 3.0]) == [1.0, 3.0]
    if group.rank == 1:
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "mistaken":
            raise UserError("a mistake came; none is wanted; make none")
        if how == "full":
            raise OSError(errno.ENOSPC, "No space left on device", "last.ckpt")
        if how == "broken":
            raise ValueError("this broke")
        time.sleep(3600)
    group.all_max([0.0])


def end_while_another_hangs(group: ProcessGroup) -> None:
    group.all_max([0.0])
    if group.rank == 1:
        time.sleep(3600)


def sum_up(folder: Path, group: ProcessGroup) -> None:
    """One gradient that all have, one that number 1 has, one that nobody has."""
    every, one, none = (torch.zeros(2, requires_grad=True) for _ in range(3))
    every.grad = torch.tensor([1.0, 10.0]) * (group.rank + 1)
    if group.rank == 1:
        one.grad = torch.tensor([5.0, 6.0])
    group.sum_gradients([every, one, none])
    told = group.mean(
        {"both": float(group.rank)} | ({"mine": 7.0} if group.rank else {}), weight=0.25 + 0.5 * group.rank
    )
    copied = torch.full((2,), float(group.rank), requires_grad=True)
    group.broadcast([copied])
    found = {"gradients": [every.grad, one.grad, none.grad], "mean": told, "broadcast": copied.detach()}
    torch.save(found, folder / f"{group.rank}.pt")


def note_gradient(folder: Path, group: ProcessGroup) -> None:
    """One step without noise; the gradient that the optimiser gets goes into a file."""
    from scalor.training import module  # not above: the other works need no trainer

    preset = odd_preset()
    real = module.knobs_at

    def without_noise(*args):
        return dataclasses.replace(real(*args), stochastic=False, discover_dropout=0.0)

    def noted(parameters, most):
        gradients = [parameter.grad for parameter in parameters]
        torch.save(gradients, folder / f"{group.size}-{group.rank}.pt")
        return torch.tensor(1.0)

    module.knobs_at, clip = without_noise, torch.nn.utils.clip_grad_norm_
    torch.nn.utils.clip_grad_norm_ = noted
    (folder / str(group.size)).mkdir(exist_ok=True)
    try:
        plan = Plan(kind="train", preset=preset, seed=0, steps=1, minutes=None)
        work(plan, RunFolder(folder / str(group.size)), batches_of(preset), Options("cpu", quiet=True), group)
    finally:
        module.knobs_at, torch.nn.utils.clip_grad_norm_ = real, clip


@dataclasses.dataclass(frozen=True)
class Signalled:
    """The usual batches; at step ``at`` the leader's parent, which watches, gets Ctrl-C."""

    batches: ClipBatches
    at: int
    watcher: int
    longest: int = 1_000_000

    def batch(self, step: int, *, size: int, frames: int) -> Batch:
        if step == self.at and os.getppid() == self.watcher and size == 3:
            os.kill(self.watcher, signal.SIGINT)
            time.sleep(0.5)
        return self.batches.batch(step, size=size, frames=frames)

    def clips(self, step: int, *, size: int) -> list[int]:
        return self.batches.clips(step, size=size)
