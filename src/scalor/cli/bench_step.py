"""One training step and one forward pass of one model, measured in a process of its own for its peak memory.

`python -m scalor.cli.bench_step JSON` prints one line of JSON; `scalor bench` calls it.
"""

import itertools
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from scalor import pretrained
from scalor.cli.bench_crowd import crowded_model
from scalor.cli.machine import keep_memory
from scalor.configs import data_named, preset_named
from scalor.core.devices import denormals_flushed
from scalor.core.schedule import Recipe, knobs_at
from scalor.core.types import Knobs
from scalor.data.loader import batch_at
from scalor.models.base import WorldModel
from scalor.models.build import build
from scalor.models.config import ModelConfig
from scalor.rollout import Rollout, observe
from scalor.training.preset import Preset

UNMOVED = 1e-7
"""The learning rate: the arithmetic of any other, and the weights stay as good as they are."""


@dataclass(frozen=True)
class Task:
    """What is measured.

    preset, data       names
    weights            packaged weights that are taken where they fit the preset; "" for none
    batch, frames      clips and their length
    objects            per clip, where weights do not fit and objects have to be put there
    repeats            of the training step and of the forward pass; medians are reported
    matmul             side of the square matrices whose product is the yardstick
    """

    preset: str
    data: str = "sprites-md"
    weights: str = ""
    batch: int = 16
    frames: int = 10
    objects: int = 20
    repeats: int = 5
    matmul: int = 2048


@dataclass(frozen=True)
class StepReport:
    """Seconds, gigabytes (1e9 bytes), floating point operations and GFLOP/s; objects per frame of a clip."""

    train_step_seconds: float
    forward_seconds: float
    peak_memory_gb: float
    step_flops: float
    matmul_gflops: float
    objects: float
    threads: int
    source: str


def measured(task: Task) -> StepReport:
    """Do it, here and now; the peak memory is that of the whole life of this process."""
    from torch.utils.flop_counter import FlopCounterMode

    preset = preset_named(task.preset)
    model, source = busy_model(preset, task)
    data = data_named(task.data, 0)

    def batch(number: int, frames: int) -> Tensor:
        return batch_at(data, 0, step=number, batch=task.batch, frames=frames)

    video = batch(0, task.frames).float() / 255
    step = training_step(model, preset.recipe, lambda number: batch(number, task.frames))
    with FlopCounterMode(display=False) as counter:  # counting is slow: this pass is also the warm-up
        rollout = step()
    step_seconds = median_seconds(step, task.repeats)
    peak = peak_memory_gb()
    knobs = end_knobs(preset.recipe)
    with torch.inference_mode():
        forward_seconds = median_seconds(lambda: observe(model, video, knobs), task.repeats, warm_up=1)
    living = sum(float(each.slots.alive.sum()) for each in rollout.steps)
    return StepReport(
        train_step_seconds=step_seconds,
        forward_seconds=forward_seconds,
        peak_memory_gb=peak,
        step_flops=float(counter.get_total_flops()),
        matmul_gflops=matmul_gflops(task.matmul),
        objects=living / (task.batch * task.frames),
        threads=torch.get_num_threads(),
        source=source,
    )


def busy_model(preset: Preset, task: Task) -> tuple[WorldModel, str]:
    """The packaged weights where they are of this very model, else an untrained one with objects put there."""
    if task.weights in pretrained.names():
        model, _ = pretrained.load(task.weights)
        if model.config == preset.model:
            return model.requires_grad_(True).train(), f"weights {task.weights}"
    if not isinstance(preset.model, ModelConfig):
        return build(preset.model).train(), "untrained"
    return crowded_model(preset.model, first=task.objects).train(), "untrained, objects put there"


def end_knobs(recipe: Recipe) -> Knobs:
    """The knobs of the end of a training."""
    return knobs_at(recipe, max(recipe.steps, recipe.temperature_steps, recipe.birth_steps), 1.0)


def training_step(model: WorldModel, recipe: Recipe, batch: Callable[[int], Tensor]) -> Callable[[], Rollout]:
    """One step as the trainer does it: the next ``batch`` (uint8), forward, backward, clipping, Adam."""
    knobs = end_knobs(recipe)
    kind = torch.optim.RMSprop if recipe.optimizer == "rmsprop" else torch.optim.Adam
    optimizer = kind(model.parameters(), lr=UNMOVED)
    numbers = itertools.count()

    def step() -> Rollout:
        optimizer.zero_grad()
        rollout = observe(model, batch(next(numbers)).float().div_(255), knobs)
        (-rollout.terms.objective.mean()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
        optimizer.step()
        return rollout

    return step


def median_seconds(work: Callable[[], object], repeats: int, *, warm_up: int = 0) -> float:
    """Median of the wall time of ``repeats`` calls, after ``warm_up`` calls that are not counted."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def matmul_gflops(side: int, repeats: int = 7) -> float:
    """Rate of a float32 product of square matrices, in 1e9 floating point operations per second."""
    left, right = torch.rand(2, side, side).unbind(0)
    return 2e-9 * side**3 / median_seconds(lambda: left @ right, repeats, warm_up=1)


def peak_memory_gb() -> float:
    """The most memory that this process ever had, in 1e9 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9  # macOS counts bytes, Linux KiB


def main() -> None:
    """The task comes as JSON, the report goes as JSON."""
    keep_memory()
    with denormals_flushed():
        print(json.dumps(asdict(measured(Task(**json.loads(sys.argv[1]))))))


if __name__ == "__main__":
    main()
