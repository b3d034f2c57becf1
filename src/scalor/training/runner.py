"""`run`: train what a plan says, in its run folder; what `train` and `fit` share."""

import logging
import math
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import scalor
from scalor.core.devices import KINDS, denormals_flushed, devices_there, refuse_other_floats
from scalor.core.jsonable import nearest
from scalor.core.schedule import Recipe
from scalor.errors import UserError
from scalor.models.build import build
from scalor.pretrained import save
from scalor.training import health
from scalor.training.batches import Batches
from scalor.training.checkpoint import Interrupted, Plan, RunFolder
from scalor.training.clock import Clock
from scalor.training.launch import run_in_processes
from scalor.training.nonfinite_guard import NonFiniteGuard
from scalor.training.preset import Preset
from scalor.training.process_group import ProcessGroup, SingleProcess
from scalor.training.validation import Validation, validation_curves

if TYPE_CHECKING:
    from scalor.training.module import TrainingModule


@dataclass(frozen=True)
class Options:
    """How a run is done; nothing here changes what is learned in so many steps on the same devices.

    devices how many processes share each batch, each on a device of its own
    card    what else the card of the weights says
    extra   tensors that are stored with the weights
    validation scores the weights now and then
    threads of the CPU to compute with, all processes together; None: as many as pay (see `threads.Pace`)
    """

    device: str = "auto"
    quiet: bool = False
    save_seconds: float = 60.0
    card: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    validation: Validation | None = None
    devices: int = 1
    threads: int | None = None


def run(plan: Plan, folder: RunFolder, batches: Batches, options: Options) -> Path:
    """Train until the plan's end, from the folder's checkpoint where there is one; returns the folder.

    Raises:
        UserError: the device is not there, the numbers are not finite five steps in a row, or one of several processes
            was ended from outside.
        Interrupted: SIGINT or SIGTERM came; the checkpoint is written.
    """
    places = places_of(options.device, options.devices)
    with _computing_with(options.threads):
        if len(places) == 1:
            work(plan, folder, batches, options, SingleProcess(places[0]))
        elif number := run_in_processes(partial(work, plan, folder, batches, options), places):
            raise Interrupted(number)
    return folder.path


def work(plan: Plan, folder: RunFolder, batches: Batches, options: Options, group: ProcessGroup) -> None:
    """What each process of a training does; raises as `run`."""
    accelerator, devices = hardware(group.device)
    from lightning.pytorch import Trainer
    from torch.utils.data import DataLoader

    from scalor.training.callbacks import RunRecorder
    from scalor.training.module import BatchStream, TrainingModule
    from scalor.training.threads import ThreadChoice

    # Processes that share a batch wait for each other, and share the cores once and for all.
    chosen = accelerator == "cpu" and options.threads is None and group.size == 1
    with denormals_flushed(), _calm():
        # An accelerator works while this thread waits: there only the wall tells the time.
        clock = Clock(steps=plan.steps, minutes=plan.minutes, worked=time.thread_time if accelerator == "cpu" else None)
        module = TrainingModule(plan, clock, NonFiniteGuard(folder.nonfinite, group=group), group)
        recorder = RunRecorder(
            folder,
            batches,
            lambda module, numbers: _save_weights(module, numbers, folder, options),
            quiet=options.quiet,
            save_seconds=options.save_seconds,
            validation=options.validation,
            group=group,
        )
        trainer = Trainer(
            accelerator=accelerator,
            devices=devices,
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            # The choice times steps, so it must hear of their end before the recorder saves and validates.
            callbacks=[ThreadChoice(recorder.say), recorder] if chosen else [recorder],
            default_root_dir=str(folder.path),
        )
        resumed = folder.checkpoint.is_file()
        if plan.start and not resumed:
            module.start_from(plan.start)
        recorder.say(_opening(plan, folder, resumed, group))
        clock.start()
        loader = DataLoader(BatchStream(batches, plan.preset.recipe, clock, module), batch_size=None)
        checkpoint = str(folder.checkpoint) if resumed else None
        trainer.fit(module, loader, ckpt_path=checkpoint, weights_only=True)
    if recorder.caught is not None:
        recorder.say(f"stopped at step {module.done}; everything is saved in {folder.path}; go on with --resume")
        raise Interrupted(recorder.caught)
    recorder.say(_closing(module.done, folder, health.report(health.recent(recorder.rows))))


def hardware(device: str) -> tuple[str, int | list[int]]:
    """Lightning's accelerator and devices for "auto", "cpu", "cuda", "cuda:1" or "mps". Raises UserError."""
    name, _, number = device.partition(":")
    there = devices_there()
    if name == "auto":
        name = there[0]
    if name not in KINDS or (number and not number.isdecimal()):
        raise UserError(f"device {device} is unknown; {nearest(name, [*KINDS, 'auto'])}")
    if name not in there or (name == "cuda" and number and int(number) >= torch.cuda.device_count()):
        raise UserError(f"device {device} is not there; this machine has {', '.join(there)}; use one of them or auto")
    return name, [int(number)] if number and name == "cuda" else 1


def places_of(device: str, count: int) -> list[str]:
    """The devices of ``count`` processes by name; raises UserError where there are not so many."""
    if count < 1:
        raise UserError(f"devices is {count}; a whole number from 1 is wanted; correct it")
    if count == 1:
        hardware(device)
        return [device]
    accelerator, _ = hardware(device)
    if accelerator == "cpu":
        return ["cpu"] * count
    there = torch.cuda.device_count() if accelerator == "cuda" else 1
    if ":" in device or count > there:
        came = f"{device} is one" if ":" in device else f"this machine has {there} of {accelerator}"
        raise UserError(
            f"{count} devices were asked for and {came}; as many as there are is wanted; take fewer, or --device cpu"
        )
    return [f"{accelerator}:{number}" for number in range(count)]


def refuse_impossible(preset: Preset, device: str, devices: int, threads: int | None = None) -> None:
    """Raises UserError where the model cannot be built or the devices are not there: before anything is written."""
    refuse_other_floats()
    if threads is not None and threads < 1:
        raise UserError(f"threads is {threads}; a whole number from 1 is wanted; correct it")
    places_of(device, devices)
    if devices > preset.recipe.batch:
        raise UserError(
            f"{devices} devices were asked for and a batch has {preset.recipe.batch} clips; at least one clip for each "
            "is wanted; take fewer devices or a larger train.batch"
        )
    try:
        build(preset.model)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"the model cannot be built from {preset.name}: {error}") from error


def _save_weights(module: "TrainingModule", numbers: Mapping[str, float], folder: RunFolder, options: Options) -> None:
    plan = module.plan
    fields = {
        "name": plan.preset.name,
        "data": plan.preset.data,
        "kind": plan.kind,
        "seed": plan.seed,
        "steps": module.done,
        "minutes": round(module.clock.elapsed / 60, 2),
        "finished": module.clock.over(module.done),
        "training": {
            key: float(f"{value:.6g}")
            for key, value in numbers.items()
            if key in ("loss", "mse", "objects") and math.isfinite(value)
        },
        "births": births_of(plan.preset.recipe),
        "health": health.report(numbers),
        "scalor": scalor.__version__,
        "torch": torch.__version__,
        **options.card,
    }
    if (progress := validation_curves(folder.rows())) is not None:
        fields["validation"] = progress
    save(module.average, plan.preset.model, folder.weights, fields, extra=options.extra)


def births_of(recipe: Recipe) -> dict[str, float | None]:
    """The prior presence per cell at the end of a training, by the names of `Knobs`."""
    return {"birth": recipe.birth[1], "first_birth": recipe.first_birth or None}


def _opening(plan: Plan, folder: RunFolder, resumed: bool, group: ProcessGroup) -> str:
    length = f"{plan.steps} steps" if plan.steps is not None else f"{plan.minutes:g} minutes"
    accelerator, _ = hardware(group.device)
    shared = f", each batch shared by {group.size} processes" if group.size > 1 else ""
    return (
        f"{'resuming' if resumed else 'training'} {plan.preset.name} on {plan.preset.data} for {length}, "
        f"seed {plan.seed}, on {accelerator}{shared}, in {folder.path}"
    )


def _closing(done: int, folder: RunFolder, state: str) -> str:
    return f"done: {done} steps. {state} Weights, log and pictures are in {folder.path}"


@contextmanager
def _computing_with(threads: int | None) -> Iterator[None]:
    """So many threads of torch's, None: no other number; afterwards everything is as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if threads is None else min(threads, os.cpu_count() or 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _calm() -> Iterator[None]:
    """Lightning's tips and hints about workers are not for the users of this package."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric", "lightning")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning(\.|$)")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
