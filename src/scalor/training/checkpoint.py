"""`RunFolder`, what a training leaves on disk, and `Plan`, what it was asked to do.

    config.json           the plan, written first; a resumed run of another length changes that
    last.ckpt             everything that exact resuming needs; loads with torch.load(weights_only=True)
    weights.safetensors   the averaged weights, with card.json: what `pretrained.load` reads
    metrics.csv           the log; tensorboard/ holds the same as curves
    pictures/             reconstructions, re-rendered about once a minute
    nonfinite.json        only after a stop: the batches whose loss or gradient was not finite

Every file is replaced as a whole, so a kill at any moment leaves the state of the last save.
"""

import csv
import json
import math
import os
import random
import signal
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scalor.core.files import put_in_place, put_text
from scalor.core.jsonable import flat, from_jsonable, later, to_jsonable
from scalor.data.region import Region
from scalor.data.stirring import Outlines
from scalor.errors import UserError
from scalor.training.preset import Preset
from scalor.training.usual_box import UsualBox
from scalor.viz.export import SUMMARY


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM came; the state is saved and the run can be resumed. ``signal`` tells which."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.signal = number


@dataclass(frozen=True)
class Plan:
    """What a run was asked to do; either ``steps`` or ``minutes`` is None.

    kind    "train" (generated or downloaded clips) or "fit" (the user's videos)
    videos, scales  fit only: absolute paths, and the factor by which each is scaled down
    fingerprints    fit only: of the videos' contents
    crop    fit only: side of the training crops in scaled pixels
    smooth  fit only: std of the Gaussian by which frames are smoothed, in scaled pixels
    stirs   fit only: for each video where things never leave but stir, in its pixels; empty: nowhere
    region  fit only: where to look, in shares of the view (see `scalor.data.region`); empty: everywhere
    usual   fit only: how large single objects are in each video; empty: nothing is known
    start   weights that the training starts from, "": from nothing
    """

    kind: str
    preset: Preset
    seed: int
    steps: int | None
    minutes: float | None
    videos: tuple[str, ...] = ()
    scales: tuple[float, ...] = ()
    crop: int = 0
    motion_share: float = 0.8
    memory_gb: float = 1.0
    fingerprints: tuple[str, ...] = ()
    start: str = ""
    smooth: float = later(0.0)
    stirs: tuple[Outlines, ...] = later(())
    usual: tuple[UsualBox, ...] = later(())
    region: Region = later(())


COLUMNS = (
    "step",
    "minutes",
    "loss",
    "objective",
    "elbo",
    "perceptual",
    "adversarial",
    "alpha",
    "boundary",
    "bootstrap",
    "critic_real",
    "critic_made",
    "critic_accuracy",
    "mse",
    "log_like",
    "log_mask",
    "kl_pres",
    "kl_where",
    "kl_what",
    "kl_depth",
    "kl_background",
    "objects",
    "propagation_rate",
    "propagation",  # of older runs: 1 - born / objects after the first frame
    "born",
    "proposed",
    "rejected",
    "cover",
    "half",
    "doubles",
    "largest",
    "what_per_object",
    "grad_norm",
    "lr",
    "temperature",
    "birth",
    "frames",
    "seconds_per_step",
    "skipped",
    "mota",
    "precision",
    "recall",
    "mota_iou50",
    "clip_mse",
)


@dataclass(frozen=True)
class RunFolder:
    """The files of a run by name."""

    path: Path

    @property
    def config(self) -> Path:
        """The plan, as JSON."""
        return self.path / "config.json"

    @property
    def checkpoint(self) -> Path:
        """Everything that going on exactly needs."""
        return self.path / "last.ckpt"

    @property
    def weights(self) -> Path:
        """The weights, which are tracked with."""
        return self.path / "weights.safetensors"

    @property
    def metrics(self) -> Path:
        """The log, a row per report."""
        return self.path / "metrics.csv"

    @property
    def tensorboard(self) -> Path:
        """The log as TensorBoard reads it."""
        return self.path / "tensorboard"

    @property
    def pictures(self) -> Path:
        """Pictures of how it goes, by step."""
        return self.path / "pictures"

    @property
    def nonfinite(self) -> Path:
        """What was there when numbers ceased to be finite."""
        return self.path / "nonfinite.json"

    def claim(self, plan: Plan) -> None:
        """Write the plan into a new folder. Raises UserError where a run, or part of one, is there already."""
        self.refuse_used()
        self.path.mkdir(parents=True, exist_ok=True)
        put_text(self.config, json.dumps(to_jsonable(plan), indent=2, allow_nan=False) + "\n")

    def refuse_used(self, videos: Sequence[str | os.PathLike[str]] = ()) -> None:
        """Raises UserError where the folder holds a run or what another command wrote, is no folder, or is that of the
        frames of a video, which would be another one with a run in it."""
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file; a folder is wanted for the run; choose another name")
        if any(self.path.is_dir() and Path(video).is_dir() and self.path.samefile(video) for video in videos):
            raise UserError(f"{self.path} is the folder of a video; another is wanted for the run; choose one with -o")
        taken = [file.name for file in (self.config, self.checkpoint, self.weights, self.metrics) if file.exists()]
        if taken:
            raise UserError(
                f"{self.path} holds a run already ({taken[0]}); a new folder is wanted; "
                "go on with --resume or choose another"
            )
        if (self.path / SUMMARY).exists():
            raise UserError(
                f"{self.path} holds the result of another command ({SUMMARY}); a new folder is wanted for the run; "
                "choose another with -o"
            )

    def plan(self) -> Plan:
        """The plan of the run that is here. Raises UserError where there is none, or its state is lost or cut short."""
        if not self.config.is_file():
            raise UserError(f"{self.path} holds no run to resume (no config.json); start it without --resume")
        if self.checkpoint.exists() and not zipfile.is_zipfile(self.checkpoint):
            raise UserError(
                f"{self.checkpoint} is not whole; the file that the run wrote is wanted; copy it, or start a new run"
            )
        # It is written before the first weights, so without it these would be learned anew and written over.
        if self.weights.exists() and not self.checkpoint.exists():
            raise UserError(
                f"{self.path} has weights and no {self.checkpoint.name}, which runs go on from; it is wanted; copy it "
                f"there, or start a new run, --from {self.path} if you like"
            )
        try:
            data = json.loads(self.config.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(
                f"{self.config} is not JSON ({error}); the run's plan is wanted; start a new run"
            ) from error
        if isinstance(data, dict):
            data.setdefault("fingerprints", [])  # runs of before 0.2 have neither
            data.setdefault("start", "")
        plan = from_jsonable(Plan, data, where=self.config.name)
        lengths = [length for length in (plan.steps, plan.minutes) if length is not None]
        if len(lengths) != 1 or not 0 < lengths[0] < math.inf:
            raise UserError(
                f"{self.config} says steps {plan.steps} and minutes {plan.minutes}; one of them above 0 is wanted, and "
                "null for the other; correct it"
            )
        return plan

    def keep_length(self, plan: Plan) -> None:
        """Write down how long a resumed run is to go on, so that it does so when it is interrupted and resumed again;
        all else stays as it was."""
        data = json.loads(self.config.read_text(encoding="utf-8"))
        length = {"steps": plan.steps, "minutes": plan.minutes}
        if {key: data[key] for key in length} != length:
            put_text(self.config, json.dumps(to_jsonable(data | length), indent=2, allow_nan=False) + "\n")

    def rows(self) -> list[dict[str, float]]:
        """The log; a row that a kill cut short is left out, and so are cells without a number."""
        if not self.metrics.is_file():
            return []
        with self.metrics.open(newline="", encoding="utf-8") as stream:
            raw = [row for row in csv.DictReader(stream) if None not in row.values() and None not in row]
        return [{key: float(value) for key, value in row.items() if value} for row in raw]

    def keep_rows(self, before: int) -> None:
        """Drop rows of step ``before`` and later: they were logged after the checkpoint that is resumed."""
        rows = [row for row in self.rows() if row["step"] < before]
        put_in_place(self.metrics, lambda staging: _write_rows(staging, rows))

    def add_row(self, row: Mapping[str, float]) -> None:
        """Append one row to the log."""
        if not self.metrics.exists():
            self.keep_rows(0)
        with self.metrics.open("a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, COLUMNS).writerow({key: _short(value) for key, value in row.items()})


def refuse_other_settings(saved: Preset, wanted: Preset) -> None:
    """Raises UserError naming the first setting in which a resumed run differs from what is asked for."""
    if saved.data != wanted.data or saved.name != wanted.name:
        raise UserError(
            f"the run is of {saved.name} on {saved.data} and {wanted.name} on {wanted.data} came; "
            "the same is wanted to resume; start a new run"
        )
    if saved.particles != wanted.particles:
        raise UserError(
            f"the run has particles = {saved.particles} and {wanted.particles} came; the same is wanted to resume; "
            f"add --set particles={saved.particles} or start a new run"
        )
    groups = ((saved.model, wanted.model, "model."), (saved.recipe, wanted.recipe, "train."))
    for before, after, prefix in groups:
        old, new = flat(before, prefix=prefix), flat(after, prefix=prefix)
        for key, value in old.items():
            if new[key] != value:
                raise UserError(
                    f"the run has {key} = {value} and {new[key]} came; the same is wanted to resume; "
                    f"add --set {key}={value} or start a new run"
                )


def random_states() -> dict[str, Any]:
    """The states of all random generators, in types that a safe load accepts."""
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    states = {
        "torch": torch.get_rng_state(),
        "numpy": [str(kind), torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
        "python": random.getstate(),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def restore_random_states(states: Mapping[str, Any]) -> None:
    """Undo everything random since `random_states`."""
    torch.set_rng_state(states["torch"].cpu())
    kind, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([state.cpu() for state in states["cuda"]])


@contextmanager
def random_states_kept() -> Iterator[None]:
    """Whatever is seeded and drawn inside, the caller's random generators are as before."""
    states = random_states()
    try:
        yield
    finally:
        restore_random_states(states)


def seed_everything(seed: int) -> None:
    """Seed torch, numpy and python."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def _write_rows(path: Path, rows: list[dict[str, float]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({key: _short(value) for key, value in row.items()} for row in rows)


def _short(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 1e15 else f"{value:.6g}"
