"""`train`: learn a preset's generated or downloaded clips."""

import dataclasses
import math
import os
from collections.abc import Mapping
from pathlib import Path

from scalor import pretrained
from scalor.core.seeds import whole_seed
from scalor.errors import UserError
from scalor.models.config import ModelConfig
from scalor.training.batches import ClipBatches
from scalor.training.checkpoint import Plan, RunFolder, random_states_kept, refuse_other_settings
from scalor.training.datasets import TRAINING_SEEDS, data_named
from scalor.training.fine_tuning import preset_of_weights, refuse_other_model, refuse_other_start
from scalor.training.preset import Preset, apply_overrides, check
from scalor.training.resume import DEFAULT_SEED, refuse_other_preset, refuse_other_seed
from scalor.training.runner import Options, refuse_impossible, run
from scalor.training.validation import VALIDATION_SEED, Validation


@random_states_kept()
def train(
    preset: Preset,
    out: str | os.PathLike[str],
    *,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int | None = None,
    overrides: Mapping[str, str] | None = None,
    resume: bool = False,
    device: str = "auto",
    quiet: bool = False,
    validation_minutes: float | None = None,
    devices: int = 1,
    threads: int | None = None,
    start: str | os.PathLike[str] | None = None,
) -> Path:
    """Train a preset from scratch or from weights, or go on with a run; returns the run folder. The caller's random
    generators stay as they are.

    Args:
        preset: model, recipe and data.
        out: the run folder (see `checkpoint`); must be new unless ``resume``.
        steps: how long; neither this nor ``minutes``: the recipe's steps. A resumed run keeps its length unless one is
            given, which is its own from then on.
        minutes: how long instead, in minutes of the main thread's processor time (on a GPU, of the clock); beside other
            programs it takes longer on the clock, at most three times as long.
        seed: of weights, noise and data; 0 if none is given, a resumed run keeps its own.
        overrides: changes of the preset, as ``{"model.cell": "8", "train.lr": "1e-3"}``.
        resume: go on from the last checkpoint; on a CPU with the same ``threads``, given, and ``devices`` the result is
            bit-identical to that of an uninterrupted run, if the length is the same: what changes in the course of a
            training goes by the share of it that is done.
        device: auto, cpu, cuda or mps.
        devices: how many processes share each batch, each on a GPU of its own, or on a part of the cores.
        quiet: print nothing.
        validation_minutes: track validation clips after every so many minutes and log the scores (see `Validation`); a
            resumed run is validated only where this is given again.
        threads: of the CPU to compute with; None: as many as pay, found by timing steps with one and with all of them.
        start: weights to start from; the model is theirs, the preset gives data and recipe (see `fine_tuning_recipe`).

    Raises:
        UserError: a folder that holds a run, nothing to resume, other settings than the run's, unknown keys or data,
            numbers that are not finite five steps in a row.
        Interrupted: SIGINT or SIGTERM; a KeyboardInterrupt after everything is saved.
    """
    refuse_both(steps, minutes, validation_minutes=validation_minutes)
    folder = RunFolder(Path(out))
    plan = folder.plan() if resume else None
    if plan is not None:
        refuse_other_start(plan, start)
    if plan is not None and plan.start:
        refuse_other_preset(plan, preset)
        preset = plan.preset
    elif start is not None:
        preset = preset_of_weights(preset, start)
    preset = apply_overrides(preset, overrides or {})
    check(preset)
    if plan is not None:
        refuse_other_settings(plan.preset, preset)
        refuse_other_seed(plan, seed)
        plan = with_length(plan, steps, minutes)
    else:
        folder.refuse_used()
        length = preset.recipe.steps if minutes is None and steps is None else steps
        chosen = DEFAULT_SEED if seed is None else whole_seed(seed)
        plan = Plan(kind="train", preset=preset, seed=chosen, steps=length, minutes=minutes)
        if start is not None:
            refuse_other_model(start, preset)
            plan = dataclasses.replace(plan, start=pretrained.whole_name(start))
    if preset.model.needs_backdrop:
        raise UserError(
            f"{preset.name} has the background family median, which needs footage; use scalor fit, or set "
            "model.background.family to none, encoder, lattice or fixed"
        )
    if isinstance(preset.model, ModelConfig) and preset.model.background.family == "per_video":
        raise UserError(
            f"{preset.name} has the background family per_video, and clips of data do not say which video they are of; "
            "use scalor fit on the videos, or set model.background.family to fixed"
        )
    batches = ClipBatches(data_named(preset.data, TRAINING_SEEDS + plan.seed), plan.seed)
    _refuse_misfits(preset, batches)
    validation = None
    if validation_minutes is not None:
        validation = Validation(data_named(preset.data, VALIDATION_SEED), validation_minutes)
    refuse_impossible(preset, device, devices, threads)
    if resume:
        folder.keep_length(plan)
    else:
        folder.claim(plan)
    options = Options(device=device, devices=devices, threads=threads, quiet=quiet, validation=validation)
    return run(plan, folder, batches, options)


def with_length(plan: Plan, steps: int | None, minutes: float | None) -> Plan:
    """A resumed plan with the new length that was asked for, if any."""
    if steps is None and minutes is None:
        return plan
    return dataclasses.replace(plan, steps=steps, minutes=minutes)


def refuse_both(steps: int | None, minutes: float | None, *, validation_minutes: float | None = None) -> None:
    """Raises UserError where both lengths came, or a number that is not above 0."""
    if steps is not None and minutes is not None:
        raise UserError("both steps and minutes came; one of them is wanted; leave one out")
    for name, value in {"steps": steps, "minutes": minutes, "validation_minutes": validation_minutes}.items():
        if value is not None and not 0 < value < math.inf:
            raise UserError(f"{name} is {value}; a finite number above 0 is wanted; correct it")


def _refuse_misfits(preset: Preset, batches: ClipBatches) -> None:
    video = batches.batch(0, size=1, frames=1).video
    channels, height, width = video.shape[-3:]
    if channels != preset.channels:
        raise UserError(
            f"data {preset.data} have {channels} channels and the model wants {preset.channels}; "
            f"set model.channels={channels}"
        )
    side = preset.model.side
    if side is not None and (height, width) != (side, side):
        raise UserError(
            f"frames of {preset.data} are {width} x {height} and the model {preset.name} sees {side} x {side}; "
            "square frames of that side are wanted; set model.side, or choose other data"
        )
    if height % preset.model.cell or width % preset.model.cell:
        raise UserError(
            f"frames of {preset.data} are {width} x {height}; multiples of the cell, {preset.model.cell}, are wanted; "
            "set model.cell"
        )
