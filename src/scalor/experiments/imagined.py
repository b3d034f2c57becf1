"""Figures of imagined worlds: 5 (futures) and 6 (generation from scratch)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from scalor import pretrained
from scalor.core.devices import denormals_flushed
from scalor.core.types import TRACKING, Scenery
from scalor.data.digits import Digits
from scalor.data.sprites import Sprites
from scalor.experiments.figures import cut
from scalor.experiments.futures import Question, bouncing_walls, futures_errors
from scalor.experiments.pictures import boxed, enlarged
from scalor.experiments.report import Report, number, table
from scalor.experiments.rows import ROWS, Row
from scalor.experiments.tables import Bench
from scalor.models.base import WorldModel
from scalor.rollout import Rollout, generate, imagine, observe
from scalor.tracking.imagine import FUTURES
from scalor.tracking.report import to_picture
from scalor.viz.figures import grid, line_plot

FUTURE_ROWS = ("sprites-md", "digits-md")
OBSERVED, SHORT, LONG, MEASURED = 5, 5, 50, 20
"""Frames that are seen; predicted for the two pictures; predicted for the numbers."""
PRESENCE = 0.2
"""Presence of a cell in the first generated frame (paper), on the paper's 8 x 8 cells."""
PAPER_CELLS = 64


def figure5(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """Five frames seen, then 5 and 50 imagined; error per step beside copying and straight motion."""
    pictures: dict[str, np.ndarray] = {}
    numbers: dict[str, Any] = {}
    words: list[str] = [
        "Centre error in pixels per predicted step, of objects matched in the last observed frame and in view. All "
        "predictors start from what the model saw, but the truth's velocity, which starts from the truth. Straight "
        "motion bounces off the canvas borders.\n"
    ]
    for row in (ROWS[name] for name in FUTURE_ROWS):
        weights = bench.zoo.find(row)
        if not weights:
            words.append(f"{row.name}: no weights: train with `{row.command(bench.zoo.runs)}`\n")
            continue
        bench.say(f"figure5: futures of {row.name}")
        model, _ = pretrained.load(weights[0])
        found = measured_futures(model, row, bench.clips)
        numbers[row.name] = {"weights": weights[0], **found}
        words.append(_errors_table(row.name, found))
        pictures[f"figure5-{row.name}"] = futures_picture(model, row, SHORT)
        pictures[f"figure5-{row.name}-long"] = futures_picture(model, row, LONG)
        pictures[f"figure5-{row.name}-error"] = _error_plot(row.name, found)
    return Report("figure5", "Figure 5: imagined futures", command, {"rows": numbers}, "\n".join(words), pictures)


def measured_futures(model: WorldModel, row: Row, clips: int) -> dict[str, Any]:
    """`futures_errors` on held-out clips of a sprites or digits row."""
    data = row.clips()
    assert isinstance(data, Sprites | Digits)
    config = data.config
    walls = bouncing_walls(size=config.size, canvas=config.canvas, object_size=config.object_size)
    question = Question(observed=OBSERVED, steps=MEASURED, gate=2 * config.object_size)
    taken = [data.clip(index, frames=OBSERVED + MEASURED) for index in range(clips)]
    return futures_errors(model, taken, question, walls=walls)


@torch.no_grad()
def futures_picture(model: WorldModel, row: Row, steps: int, *, samples: int = 2, columns: int = 10) -> np.ndarray:
    """What happened above, sampled futures below with boxes and identities; the first held-out clip."""
    clip = cut(row.clips(), 0, OBSERVED + steps)
    video = clip.video[None].float() / 255
    with denormals_flushed(), torch.random.fork_rng():
        torch.manual_seed(0)
        seen = observe(model, video[:, :OBSERVED], TRACKING)
        world = seen.world.map(lambda tensor: tensor.repeat_interleave(samples, dim=0))
        ahead = imagine(model, world, steps, FUTURES)
    picks = sorted({round(i * (steps - 1) / (columns - 1)) for i in range(columns)})[: max(1, min(columns, steps))]
    truth: list[np.ndarray | None] = [_boxed(video[0, t], seen, t, 0) for t in range(OBSERVED)]
    truth += [_plain(video[0, OBSERVED + t]) for t in picks]
    rows: list[list[np.ndarray | None]] = [truth]
    for sample in range(samples):
        past: list[np.ndarray | None] = [None] * OBSERVED
        rows.append(past + [_boxed(ahead.steps[t].image[sample], ahead, t, sample) for t in picks])
    names = [f"seen {t + 1}" for t in range(OBSERVED)] + [f"+{t + 1}" for t in picks]
    labels = ["what happened", *(f"imagined {sample + 1}" for sample in range(samples))]
    return _halved(grid(rows, labels=labels, columns=names))


def figure6(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """Clips from nothing."""
    pictures: dict[str, np.ndarray] = {}
    numbers: dict[str, Any] = {}
    words = [f"Each cell holds an object with probability {PRESENCE} in the first frame; none are born later."]
    for row in (ROWS[name] for name in FUTURE_ROWS):
        weights = bench.zoo.find(row)
        if not weights:
            words.append(f"{row.name}: no weights: train with `{row.command(bench.zoo.runs)}`\n")
            continue
        bench.say(f"figure6: generation of {row.name}")
        model, _ = pretrained.load(weights[0])
        pictures[f"figure6-{row.name}"], numbers[row.name] = generated(model, _side(row))
        numbers[row.name]["weights"] = weights[0]
        words.append(
            f"{row.name}: the upper rows with {PRESENCE} per cell of the paper's 8 x 8 grid "
            f"({numbers[row.name]['sparse_presence']:.3g} per cell of ours), the lower with {PRESENCE}.\n"
        )
    return Report("figure6", "Figure 6: generated from nothing", command, {"rows": numbers}, "\n".join(words), pictures)


@torch.no_grad()
def generated(model: WorldModel, side: int, *, samples: int = 3, length: int = 10) -> tuple[np.ndarray, dict[str, Any]]:
    """Clips with as many objects as the paper's grid would hold, and with the paper's presence per cell of ours."""
    cells = (side // model.config.cell) ** 2
    sparse = min(PRESENCE, PRESENCE * PAPER_CELLS / cells)
    rows, labels, mean = [], [], {}
    with denormals_flushed(), torch.random.fork_rng():
        torch.manual_seed(0)
        for name, presence in (("sparse", sparse), ("dense", PRESENCE)):
            scenery = Scenery(height=side, width=side)
            made = generate(model, samples, length, scenery, FUTURES, first_birth=presence)
            for sample in range(samples):
                rows.append([_boxed(step.image[sample], made, t, sample) for t, step in enumerate(made.steps)])
                labels.append(f"{presence:.3g}")
            mean[name] = [float(step.slots.alive.sum()) / samples for step in made.steps]
    picture = grid(rows, labels=labels, columns=[f"t = {t + 1}" for t in range(length)])
    return _halved(picture), {"presence": PRESENCE, "sparse_presence": sparse, "objects_per_frame": mean}


def _side(row: Row) -> int:
    return int(row.clips()[0].video.shape[-1])


def _plain(image: torch.Tensor) -> np.ndarray:
    return enlarged(to_picture(image))


def _boxed(image: torch.Tensor, rollout: Rollout, time: int, element: int) -> np.ndarray:
    return boxed(to_picture(image), rollout.steps[time], element)


def _halved(picture: np.ndarray) -> np.ndarray:
    """Half the size: rows of fifteen tiles are wide."""
    from PIL import Image

    size = (picture.shape[1] // 2, picture.shape[0] // 2)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def _errors_table(name: str, found: dict[str, Any]) -> str:
    steps = [step for step in (1, 2, 5, 10, 15, 20) if step <= found["steps"]]
    lines = [[title, *(number(values[step - 1]) for step in steps)] for title, values in found["centre_error"].items()]
    lines += [
        [f"MSE, {title}", *(number(values[step - 1]) for step in steps)] for title, values in found["mse"].items()
    ]
    return table([name, *(f"+{step}" for step in steps)], lines)


def _error_plot(name: str, found: dict[str, Any]) -> np.ndarray:
    steps = list(range(1, found["steps"] + 1))
    short = {"copy of the last frame": "copy", "constant velocity": "straight", "imagined, ": ""}
    series = {}
    for title, values in found["centre_error"].items():
        for long, brief in short.items():
            title = title.replace(long, brief)
        series[title] = (steps, values)
    return line_plot(series, title=name, x_label="predicted step", y_label="px", size=(420, 800))
