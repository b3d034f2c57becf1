"""What `scalor bench` does: training steps in processes of their own, tracking in this one, one table at the end.

Everything runs on the CPU. Definitions are in benchmarks/README.md.
"""

import json as jsonlib
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from scalor.cli.bench_crowd import crowded_model, crowded_world, mosaic
from scalor.cli.bench_step import StepReport, Task, median_seconds
from scalor.configs import data_named, preset_named
from scalor.core.devices import denormals_flushed
from scalor.core.types import TRACKING, World
from scalor.models.scalor import Scalor
from scalor.tracking.tracker import Tracker

VARIANTS = {
    "fast": Task(preset="fast-sprites-md", weights="sprites-md", repeats=7),
    "paper": Task(preset="paper-sprites-md", repeats=2),
}


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    variants   training steps by name; the keys of the results
    data       clips that tracking looks at
    tracked    frames that are tracked: side -> objects
    counts     objects on a frame of the smallest side, from few to many
    repeats    of everything but the training steps
    """

    variants: Mapping[str, Task] = field(default_factory=lambda: VARIANTS)
    data: str = "sprites-md"
    tracked: Mapping[int, int] = field(default_factory=lambda: {64: 20, 512: 1000})
    counts: tuple[int, ...] = (4, 16, 36, 64)
    repeats: int = 9


@dataclass(frozen=True)
class Results:
    """Everything measured; ``frame_seconds`` by number of objects, ``tracking_fps`` by side of the frame,
    ``aten_calls`` of a step of tracking on the smallest frame."""

    steps: Mapping[str, StepReport]
    tracking_fps: Mapping[int, float]
    frame_seconds: Mapping[int, float]
    large_frame_ratio: float
    aten_calls: int

    @property
    def matmul_gflops(self) -> float:
        """The highest rate that any of the processes reached, so that no fraction of it is flattered."""
        return max(step.matmul_gflops for step in self.steps.values())

    def fraction(self, name: str) -> float:
        """Share of the matmul rate that a training step reaches."""
        step = self.steps[name]
        return step.step_flops / step.train_step_seconds / (1e9 * self.matmul_gflops)

    def as_dict(self) -> dict[str, Any]:
        """The published keys."""
        few, many = min(self.frame_seconds), max(self.frame_seconds)
        steps = self.steps.items()
        return {
            "matmul_gflops": _short(self.matmul_gflops),
            "train_step_seconds": {name: _short(step.train_step_seconds) for name, step in steps},
            "forward_seconds": {name: _short(step.forward_seconds) for name, step in steps},
            "peak_memory_gb": {name: _short(step.peak_memory_gb) for name, step in steps},
            "tracking_fps": {f"{side}x{side}": _short(fps) for side, fps in self.tracking_fps.items()},
            f"forward_ratio_{many}_to_{few}": _short(self.frame_seconds[many] / self.frame_seconds[few]),
            "large_frame_ratio": _short(self.large_frame_ratio),
            "aten_calls": self.aten_calls,
            "flops_fraction": {name: _short(self.fraction(name)) for name, _ in steps},
        }


def run(json: bool, settings: Settings | None = None) -> None:
    """Measure this machine and print a table, or with ``json`` one object; progress goes to the error stream."""
    settings = settings or Settings()
    results = measure(settings)
    print(jsonlib.dumps(results.as_dict(), indent=2) if json else table(results, settings))


def measure(settings: Settings) -> Results:
    """All measurements. The processes come first: Linux hands the peak of this process down to its children."""
    steps = {}
    for name, task in settings.variants.items():
        _say(f"training steps of {name} ({task.preset}) ...")
        steps[name] = in_a_fresh_process(task)
    _say("tracking ...")
    preset = preset_named(next(iter(settings.variants.values())).preset)
    model = crowded_model(preset.scalor, first=0).eval().requires_grad_(False)
    with denormals_flushed():
        fps = {side: tracking_fps(model, settings, side=side, count=count) for side, count in settings.tracked.items()}
        small = min(settings.tracked)
        seconds = {count: frame_seconds(model, settings, side=small, count=count) for count in settings.counts}
        ratio = large_frame_ratio(model, settings)
        calls = aten_calls(model, settings, side=small, count=settings.tracked[small])
    return Results(steps=steps, tracking_fps=fps, frame_seconds=seconds, large_frame_ratio=ratio, aten_calls=calls)


def in_a_fresh_process(task: Task) -> StepReport:
    """The report of a process that does nothing else."""
    command = [sys.executable, "-m", "scalor.cli.bench_step", jsonlib.dumps(asdict(task))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return StepReport(**jsonlib.loads(done.stdout.splitlines()[-1]))


def tracking_fps(model: Scalor, settings: Settings, *, side: int, count: int) -> float:
    """Frames per second of `Tracker.observe`, from uint8 pixels to boxes and masks, with ``count`` objects."""
    tracker = Tracker(model, scale=1.0)
    frame = mosaic(data_named(settings.data, 0), side).permute(1, 2, 0).contiguous().numpy()
    tracker.observe(frame)  # makes the view
    world = crowded_world(model, batch=1, count=count, size=(side, side))

    def observe() -> None:
        tracker.world = world
        tracker.observe(frame)

    return 1.0 / median_seconds(observe, settings.repeats, warm_up=2)


def frame_seconds(model: Scalor, settings: Settings, *, side: int, count: int) -> float:
    """Seconds of the model's forward pass over one frame with ``count`` objects."""
    frames = mosaic(data_named(settings.data, 0), side).float().div(255).reshape(1, 1, -1, side, side)
    world = crowded_world(model, batch=1, count=count, size=(side, side))
    return median_seconds(lambda: seen(model, world, frames), 3 * settings.repeats, warm_up=3)


class CallCounter(TorchDispatchMode):
    """Counts the operators that reach the dispatcher while it is on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def aten_calls(model: Scalor, settings: Settings, *, side: int, count: int) -> int:
    """ATen operators of the model's step over one frame with ``count`` objects: what limits small frames."""
    frames = mosaic(data_named(settings.data, 0), side).float().div(255).reshape(1, 1, -1, side, side)
    world = crowded_world(model, batch=1, count=count, size=(side, side))
    with torch.no_grad(), CallCounter() as counter:
        model.step(world, model.look(world, frames)[0], TRACKING)
    return counter.calls


def large_frame_ratio(model: Scalor, settings: Settings) -> float:
    """Time of the largest frame / time of the small frames it consists of, as one batch, with the same objects."""
    small, large = min(settings.tracked), max(settings.tracked)
    across = large // small
    each = round(settings.tracked[large] / across**2)
    whole = mosaic(data_named(settings.data, 0), large).float().div(255)
    parts = whole.unflatten(1, (across, small)).unflatten(3, (across, small)).permute(1, 3, 0, 2, 4)
    crops = parts.reshape(across**2, 1, -1, small, small)
    one = crowded_world(model, batch=1, count=each * across**2, size=(large, large))
    many = crowded_world(model, batch=across**2, count=each, size=(small, small))
    frame = whole.reshape(1, 1, -1, large, large)
    whole_seconds = median_seconds(lambda: seen(model, one, frame), settings.repeats, warm_up=1)
    return whole_seconds / median_seconds(lambda: seen(model, many, crops), settings.repeats, warm_up=1)


@torch.inference_mode()
def seen(model: Scalor, world: World, frames: Tensor) -> World:
    """One step of tracking with the first of ``frames`` [B, 1, C, H, W]."""
    return model.step(world, model.look(world, frames)[0], TRACKING)[0]


def table(results: Results, settings: Settings) -> str:
    """The results for people, one measurement a line."""
    names = list(results.steps)
    steps = [results.steps[name] for name in names]
    tasks = [settings.variants[name] for name in names]
    shape = f"{tasks[0].batch} clips of {tasks[0].frames} frames"
    lines = [
        ("", *names),
        (f"training step, s ({shape})", *(f"{step.train_step_seconds:.3g}" for step in steps)),
        ("forward pass, s", *(f"{step.forward_seconds:.3g}" for step in steps)),
        ("peak memory of the training, GB", *(f"{step.peak_memory_gb:.3g}" for step in steps)),
        ("GFLOP of a training step", *(f"{step.step_flops / 1e9:.3g}" for step in steps)),
        ("share of the matmul rate", *(f"{results.fraction(name):.1%}" for name in names)),
        ("objects per frame", *(f"{step.objects:.1f}" for step in steps)),
        ("weights", *(step.source.partition(",")[0] for step in steps)),
    ]
    wide = [max(len(line[column]) for line in lines) for column in range(len(names) + 1)]
    head = "\n".join("  ".join([line[0].ljust(wide[0]), *map(str.rjust, line[1:], wide[1:])]) for line in lines)
    tracking = [
        (f"tracking {side} x {side}, {settings.tracked[side]} objects, frames per second", f"{fps:.3g}")
        for side, fps in results.tracking_fps.items()
    ]
    tracking += [
        (f"forward pass of a frame with {count} objects, ms", f"{1000 * seconds:.3g}")
        for count, seconds in results.frame_seconds.items()
    ]
    few, many = min(results.frame_seconds), max(results.frame_seconds)
    small, large = min(settings.tracked), max(settings.tracked)
    ratio = results.frame_seconds[many] / results.frame_seconds[few]
    tracking.append((f"{many} objects cost, times {few} objects", f"{ratio:.3g}"))
    tracking.append(
        (f"{large} x {large} costs, times its crops of {small} x {small}", f"{results.large_frame_ratio:.3g}")
    )
    tracking.append((f"ATen calls of a tracked frame with {settings.tracked[small]} objects", str(results.aten_calls)))
    label = max(len(name) for name, _ in tracking)
    tail = "\n".join(f"{name.ljust(label)}  {value:>8}" for name, value in tracking)
    machine = (
        f"{platform.processor() or platform.machine()}, {steps[0].threads} threads, torch {torch.__version__}, "
        f"float32 matmul {results.matmul_gflops:.3g} GFLOP/s"
    )
    return f"{machine}\n\n{head}\n\n{tail}"


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
