"""What the processes of a crew are given to do; in a module of its own, for they import it by name."""

import dataclasses
import errno
import os
import signal
import time
from pathlib import Path

import torch

from scalor.configs import preset_named
from scalor.errors import UserError
from scalor.training.checkpoint import Plan, RunFolder
from scalor.training.crew import Crew
from scalor.training.datasets import TRAINING_SEEDS, Batch, ClipLessons, data_named
from scalor.training.preset import Preset
from scalor.training.runner import Options, work


def odd_preset() -> Preset:
    """Three clips for two processes."""
    preset = preset_named("tiny")
    return dataclasses.replace(preset, recipe=dataclasses.replace(preset.recipe, batch=3))


def lessons_of(preset: Preset) -> ClipLessons:
    return ClipLessons(data_named(preset.data, TRAINING_SEEDS), 0)


def fail(how: str, folder: Path, crew: Crew) -> None:
    """Number 1 ends in some way or never comes back, while number 0 waits for it."""
    (folder / f"{crew.rank}.pid").write_text(str(os.getpid()))
    assert crew.most([float(crew.rank), 3.0]) == [1.0, 3.0]
    if crew.rank == 1:
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "mistaken":
            raise UserError("a mistake came; none is wanted; make none")
        if how == "full":
            raise OSError(errno.ENOSPC, "No space left on device", "last.ckpt")
        if how == "broken":
            raise ValueError("this broke")
        time.sleep(3600)
    crew.most([0.0])


def end_while_another_hangs(crew: Crew) -> None:
    crew.most([0.0])
    if crew.rank == 1:
        time.sleep(3600)


def sum_up(folder: Path, crew: Crew) -> None:
    """One gradient that all have, one that number 1 has, one that nobody has."""
    every, one, none = (torch.zeros(2, requires_grad=True) for _ in range(3))
    every.grad = torch.tensor([1.0, 10.0]) * (crew.rank + 1)
    if crew.rank == 1:
        one.grad = torch.tensor([5.0, 6.0])
    crew.sum_gradients([every, one, none])
    told = crew.mean({"both": float(crew.rank)} | ({"mine": 7.0} if crew.rank else {}), weight=0.25 + 0.5 * crew.rank)
    led = torch.full((2,), float(crew.rank), requires_grad=True)
    crew.copy_leader([led])
    found = {"gradients": [every.grad, one.grad, none.grad], "mean": told, "led": led.detach()}
    torch.save(found, folder / f"{crew.rank}.pt")


def note_gradient(folder: Path, crew: Crew) -> None:
    """One step without noise; the gradient that the optimiser gets goes into a file."""
    from scalor.training import module  # not above: the other works need no trainer

    preset = odd_preset()
    real = module.knobs_at

    def without_noise(*args):
        return dataclasses.replace(real(*args), stochastic=False, discover_dropout=0.0)

    def noted(parameters, most):
        gradients = [parameter.grad for parameter in parameters]
        torch.save(gradients, folder / f"{crew.size}-{crew.rank}.pt")
        return torch.tensor(1.0)

    module.knobs_at, clip = without_noise, torch.nn.utils.clip_grad_norm_
    torch.nn.utils.clip_grad_norm_ = noted
    (folder / str(crew.size)).mkdir(exist_ok=True)
    try:
        plan = Plan(kind="train", preset=preset, seed=0, steps=1, minutes=None)
        work(plan, RunFolder(folder / str(crew.size)), lessons_of(preset), Options("cpu", quiet=True), crew)
    finally:
        module.knobs_at, torch.nn.utils.clip_grad_norm_ = real, clip


@dataclasses.dataclass(frozen=True)
class Signalled:
    """The usual lessons; at step ``at`` the leader's parent, which watches, gets Ctrl-C."""

    lessons: ClipLessons
    at: int
    watcher: int
    longest: int = 1_000_000

    def batch(self, step: int, *, size: int, frames: int) -> Batch:
        if step == self.at and os.getppid() == self.watcher and size == 3:
            os.kill(self.watcher, signal.SIGINT)
            time.sleep(0.5)
        return self.lessons.batch(step, size=size, frames=frames)

    def clips(self, step: int, *, size: int) -> list[int]:
        return self.lessons.clips(step, size=size)
