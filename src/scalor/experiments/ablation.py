"""Figure 8: what rejection and attention are good for, time against crowd, error against time."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from scalor.configs import preset_named
from scalor.core.devices import denormals_flushed
from scalor.core.tensors import take
from scalor.core.types import TRACKING, Knobs, Scenery, World
from scalor.errors import UserError
from scalor.experiments.report import Report, number, table
from scalor.experiments.rows import Row
from scalor.experiments.tables import Bench, Scores, mean_of
from scalor.models.base import WorldModel
from scalor.models.baselines.sqair import Sqair, SqairConfig
from scalor.models.config import MergeConfig, ModelConfig
from scalor.models.scalor import Scalor
from scalor.rollout import imagine
from scalor.training.checkpoint import RunFolder
from scalor.viz.figures import line_plot

ABLATIONS = {
    "none": "no rejection, no attention",
    "attention": "attention",
    "rejection": "rejection",
    "both": "rejection and attention",
}
CROWDS = (4, 16, 36, 64)
TIMED = "fast-sprites-hd"
CURVES = (420, 900)
"""Height and width of a picture of curves."""
BINS = 40
"""Points of a curve at most: means of neighbouring rows of the log."""
RATE, NOT_NEW = "propagation_rate", "propagation"
"""Columns of the log for figure 8a; older logs have the second alone (see `_rate_words`)."""
OFF = float("inf")


def figure8(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """a, b: ablations over training; c: forward time against objects; d: squared error against wall clock."""
    kept = {name: _row(name) for name in ABLATIONS}
    runs = {name: bench.zoo.find(row) for name, row in kept.items()}
    logs = {ABLATIONS[name]: RunFolder(Path(found[0])).rows() for name, found in runs.items() if found}
    scores = {name: bench.tracking(kept[name]) for name, found in runs.items() if found}
    pictures: dict[str, np.ndarray] = {}
    words = [_ablation_words(scores), *_missing(bench, [kept[name] for name in ABLATIONS if not runs[name]])]
    if logs:
        series = {name: _thinned(log, "step", rate_column(log)) for name, log in logs.items()}
        pictures["figure8a"] = line_plot(series, title="propagation rate", x_label="step", size=CURVES)
        words += _rate_words(logs)
        pictures["figure8b"] = curves(logs, "born", title="discoveries per clip and later frame", x="step")
    bench.say("figure8: forward time against objects")
    seconds = forward_times(preset_named(TIMED).scalor)
    rival = sequential_times()
    pictures["figure8c"] = _times_plot({"SCALOR": seconds, "SQAIR": rival})
    words += [_times_words("SCALOR", seconds), _times_words("SQAIR", rival)]
    clocks = wall_clock(bench.zoo.runs)
    if clocks:
        pictures["figure8d"] = curves(clocks, "mse", title="squared error against training minutes", x="minutes")
        words.append(f"Squared error against wall clock: {', '.join(clocks)}.\n")
    else:
        words.append(f"Squared error against wall clock: no run folders in {bench.zoo.runs}.\n")
    numbers = {
        "ablations": {name: scores.get(name, "no weights") for name in ABLATIONS},
        "forward_seconds": {str(count): value for count, value in seconds.items()},
        "forward_seconds_sqair": {str(count): value for count, value in rival.items()},
        "curves": {
            name: {key: _thinned(log, "step", key) for key in (rate_column(log), "born")} for name, log in logs.items()
        },
        "wall_clock": {name: _thinned(log, "minutes", "mse") for name, log in clocks.items()},
    }
    return Report("figure8", "Figure 8: ablations and efficiency", command, numbers, "\n".join(words), pictures)


def curves(logs: Mapping[str, Sequence[Mapping[str, float]]], key: str, *, title: str, x: str) -> np.ndarray:
    """A column of several logs against another, smoothed: uint8 [H, W, 3]."""
    series = {name: _thinned(log, x, key) for name, log in logs.items()}
    return line_plot(series, title=title, x_label=x, size=CURVES)


def rate_column(log: Sequence[Mapping[str, float]]) -> str:
    """The column of a log that says how many objects are carried."""
    return RATE if any(RATE in row for row in log) else NOT_NEW


def _rate_words(logs: Mapping[str, Sequence[Mapping[str, float]]]) -> list[str]:
    older = [name for name, log in logs.items() if rate_column(log) == NOT_NEW]
    if not older:
        return []
    return [
        f"Figure 8a shows, for {'; '.join(older)}, what these older logs hold: the share of the objects after the "
        "first frame that are not new. Objects that end do not lower it; in the table they do.\n"
    ]


def _thinned(log: Sequence[Mapping[str, float]], x: str, y: str) -> tuple[list[float], list[float]]:
    rows = [row for row in log if x in row and y in row]
    parts = [part for part in np.array_split(np.arange(len(rows)), min(BINS, max(1, len(rows)))) if len(part)]
    means = [[float(np.mean([rows[i][name] for i in part])) for part in parts] for name in (x, y)]
    return means[0], means[1]


@torch.no_grad()
def forward_times(config: ModelConfig, *, crowds: Sequence[int] = CROWDS, repeats: int = 15) -> dict[int, float]:
    """Median seconds of one tracking step of a 64 x 64 frame with so many objects; one thread count, random weights."""
    torch.manual_seed(0)
    free = replace(config.discover, twin_iou=OFF, twin_inside=OFF, overlap=OFF, proposals=2 * max(crowds))
    model = Scalor(replace(config, discover=free, merge=MergeConfig(iou=OFF))).eval()
    found = {}
    with denormals_flushed():
        for count in crowds:
            world = crowd(model, count)
            video = torch.rand(1, 1, config.channels, 64, 64)
            found[count] = statistics.median(_seconds(model, world, video) for _ in range(repeats))
    return found


@torch.no_grad()
def sequential_times(*, crowds: Sequence[int] = CROWDS, repeats: int = 15) -> dict[int, float]:
    """The same of SQAIR with as many slots as objects, which it goes through one after the other."""
    found = {}
    with denormals_flushed():
        for count in crowds:
            torch.manual_seed(0)
            model = Sqair(SqairConfig(slots=count, size=7.0)).eval()
            world = crowd(model, count)
            video = torch.rand(1, 1, 3, 64, 64)
            found[count] = statistics.median(_seconds(model, world, video) for _ in range(repeats))
    return found


def crowd(model: WorldModel, count: int, side: int = 64) -> World:
    """A world of ``count`` objects drawn from the prior. Raises UserError where the grid has too few cells for them."""
    start = model.init(1, Scenery(height=side, width=side))
    full = imagine(model, start, 1, Knobs(hard=True, births=True, birth=1.0)).world
    if full.slots.count < count:
        raise UserError(f"{count} objects were wanted and {full.slots.count} found room; use smaller cells")
    return full.replace(slots=take(full.slots, torch.arange(count).unsqueeze(0)))


def _seconds(model: WorldModel, world: World, video: torch.Tensor) -> float:
    start = time.perf_counter()
    model.step(world, model.look(world, video)[0], TRACKING)
    return time.perf_counter() - start


def wall_clock(runs: Path) -> dict[str, list[dict[str, float]]]:
    """The logs of all run folders of a folder by name, but those of the ablations."""
    folders = sorted(path.parent for path in runs.glob("*/metrics.csv"))
    logs = {path.name: RunFolder(path).rows() for path in folders if not path.name.startswith("ablation-")}
    return {name: log for name, log in logs.items() if log}


def _row(kept: str) -> Row:
    return Row(name=f"ablation-{kept}", weights=f"ablation-{kept}", preset=f"ablation-{kept}", data="sprites-ablation")


def _ablation_words(scores: Mapping[str, list[Scores]]) -> str:
    names = {
        "propagation_rate": "propagation rate",
        "truth_propagation_rate": "of the truth",
        "discoveries_per_clip": "discoveries per clip",
        "mota": "MOTA",
        "mota_iou50": "MOTA at IoU 0.5",
    }
    lines = [
        [ABLATIONS[name], *(number(mean_of(found, key)) for key in names)] for name, found in scores.items() if found
    ]
    text = "Held-out clips of 6 to 36 objects; our own guards against doubles and collapse are off in all four.\n\n"
    return text + (table(["kept", *names.values()], lines) if lines else "")


def _missing(bench: Bench, rows: Sequence[Row]) -> list[str]:
    return [f"{row.name}: no weights: train with `{row.command(bench.zoo.runs)}`\n" for row in rows]


def _times_plot(seconds: Mapping[str, Mapping[int, float]]) -> np.ndarray:
    points = {
        name: (list(map(float, each)), [1000 * value for value in each.values()]) for name, each in seconds.items()
    }
    return line_plot(points, title="forward time of a frame", x_label="objects", y_label="ms")


def _times_words(name: str, seconds: Mapping[int, float]) -> str:
    first, last = min(seconds), max(seconds)
    cells = [[f"{1000 * value:.1f}" for value in seconds.values()]]
    ratio = seconds[last] / seconds[first]
    return (
        table([f"{count} objects, ms" for count in seconds], cells)
        + f"\n{name}: {last} objects take {ratio:.2f} x {first}.\n"
    )
