"""`train` and `fit` by the names of presets: what the command line and the package's front door call."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from scalor.configs.presets import fast_video, preset_named
from scalor.core.arguments import plainly
from scalor.training.fit import fit as fit_with
from scalor.training.train import train as train_with


@plainly
def train(
    preset: str,
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
    """`training.train.train` with a preset's name; raises UserError also for an unknown one."""
    return train_with(
        preset_named(preset),
        out,
        steps=steps,
        minutes=minutes,
        seed=seed,
        overrides=overrides,
        resume=resume,
        device=device,
        quiet=quiet,
        validation_minutes=validation_minutes,
        devices=devices,
        threads=threads,
        start=start,
    )


@plainly
def fit(
    videos: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    steps: int | None = None,
    minutes: float | None = None,
    preset: str = "auto",
    overrides: Mapping[str, str] | None = None,
    seed: int | None = None,
    resume: bool = False,
    device: str = "auto",
    quiet: bool = False,
    start: str | os.PathLike[str] | None = None,
    devices: int = 1,
    threads: int | None = None,
    region: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
) -> Path:
    """`training.fit.fit` with a preset's name, for the steps of its recipe by default.

    "auto" and "fast-video" are made for the sizes found in the videos; others are taken as they are.
    """
    made = fast_video if preset in ("auto", "fast-video") else preset_named(preset)
    return fit_with(
        videos,
        out,
        preset=made,
        steps=steps,
        minutes=minutes,
        overrides=overrides,
        seed=seed,
        resume=resume,
        device=device,
        quiet=quiet,
        start=start,
        devices=devices,
        threads=threads,
        region=region,
    )
