"""Tables 1 and 2: our numbers beside the paper's."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from scalor import pretrained
from scalor.core.devices import denormals_flushed
from scalor.core.types import Knobs
from scalor.data.loader import ClipData
from scalor.experiments import baselines
from scalor.experiments.paper import LARGER_IS_BETTER, TABLE1, TABLE2
from scalor.experiments.report import Report, number, table
from scalor.experiments.rows import GATE, HELD_OUT, NLL_FRAMES, Row, Zoo
from scalor.metrics.likelihood import effective_samples, nll_per_pixel
from scalor.models.base import WorldModel
from scalor.objectives.particles import PARTICLES, log_weights
from scalor.tracking.evaluate_clips import evaluate_dataset

Scores = dict[str, Any]
SIGMA = 1.0
CHUNK = 200
"""Samples of clips at a time: particles times clips."""


@dataclass(frozen=True)
class Bench:
    """How everything is scored: ``clips`` held-out clips, ``particles`` importance samples, and progress in words."""

    zoo: Zoo
    clips: int = 100
    particles: int = 50
    say: Callable[[str], None] = lambda text: None

    def tracking(self, row: Row) -> list[Scores]:
        """The scores of Table 1 per weights of a row; empty where there are none."""
        return [self._each(row, weights, "tracking") for weights in self.zoo.find(row)]

    def likelihood(self, row: Row) -> list[Scores]:
        """The likelihoods of Table 2 per weights of a row; empty where there are none."""
        return [self._each(row, weights, "likelihood") for weights in self.zoo.find(row)]

    def _each(self, row: Row, weights: str, what: str) -> Scores:
        self.say(f"{row.name}: {what} of {weights} on {self.clips} clips")
        particles = self.particles if what == "likelihood" else 0
        return _scored(row.name, row.data, row.frames, weights, self.clips, particles)


@functools.lru_cache(maxsize=256)
def _scored(name: str, data: str, frames: int, weights: str, clips: int, particles: int) -> Scores:
    """Both tables want the squared error; a set of weights is scored once in a process."""
    model, card = pretrained.load(weights)
    row = Row(name=name, weights=weights, preset="", data=data, frames=frames)
    origin = {key: card.get(key) for key in ("seed", "steps", "minutes", "sha256", "validation")}
    origin["trainings"] = 1 + str(card.get("command", "")).count(" && ")
    origin["trained_on"] = card.get("data")
    with denormals_flushed():
        if particles:
            found = likelihood_scores(model, row, clips, particles, prior_of(card))
        else:
            found = tracking_scores(model, row, clips)
    return {"weights": weights, **origin, **found}


def tracking_scores(model: WorldModel, row: Row, clips: int) -> Scores:
    """The paper's scores and the stricter ones that it lacks."""
    all_of_them = evaluate_dataset(model, row.clips(), clips=clips, frames=row.frames)
    near, strict, every = all_of_them["distance"], all_of_them["iou"], all_of_them["distance_strict"]
    truth = near["truth_count"]
    return {
        **{name: near[name] for name in ("mota", "precision", "recall", "count_mae", "idf1", "hota")},
        "missed": near["fn"] / truth if truth else None,
        "false": near["fp"] / truth if truth else None,
        "switched": near["id_switches"] / truth if truth else None,
        **{f"{name}_strict": every[name] for name in ("mota", "precision", "recall", "count_mae")},
        "mota_iou50": strict["mota"],
        "idf1_iou50": strict["idf1"],
        "hota_iou50": strict["hota"],
        **{key: all_of_them[key] for key in ("mse", "fg_ari", "mask_iou")},
        **{key: all_of_them[key] for key in ("duplicates_per_frame", "propagation_rate")},
        **{key: all_of_them[key] for key in ("truth_propagation_rate", "discoveries_per_clip", "conventions")},
    }


def likelihood_scores(model: WorldModel, row: Row, clips: int, particles: int, knobs: Knobs = PARTICLES) -> Scores:
    """`clip_likelihoods` of a row: of the first `NLL_FRAMES` frames."""
    frames = min(NLL_FRAMES, row.frames)
    return clip_likelihoods(model, row.clips(), clips=clips, frames=frames, particles=particles, knobs=knobs)


# More arguments than the house allows: none of them belongs to another.
def clip_likelihoods(
    model: WorldModel, data: ClipData, *, clips: int, frames: int, particles: int, knobs: Knobs = PARTICLES
) -> Scores:
    """NLL in nats per pixel at sigma 1 and at the training sigma, of the first ``frames`` frames of clips; seeded."""
    trained = model.config.sigma
    sigmas = dict.fromkeys((SIGMA, trained))
    size = max(1, CHUNK // particles)
    values: dict[float, list[torch.Tensor]] = {sigma: [] for sigma in sigmas}
    samples: list[torch.Tensor] = []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for first in range(0, clips, size):
            taken = range(first, min(first + size, clips))
            video = torch.stack([data[index].video[:frames] for index in taken]).float() / 255
            found = log_weights(model, video, particles=particles, sigmas=list(sigmas), knobs=knobs)
            for sigma, weights in found.items():
                values[sigma].append(nll_per_pixel(weights, video.shape[-2] * video.shape[-1]))
            samples.append(effective_samples(found[SIGMA]))
    mean = {sigma: float(torch.cat(parts).mean()) for sigma, parts in values.items()}
    return {
        "nll": mean[SIGMA],
        "nll_training_sigma": mean[trained],
        "training_sigma": trained,
        "effective_samples": float(torch.cat(samples).mean()),
        "particles": particles,
        "nll_frames": frames,
    }


def prior_of(card: Mapping[str, Any]) -> Knobs:
    """Knobs with the births that weights expected at the end of their training; 1e-4 where their card does not say."""
    return replace(PARTICLES, **card.get("births", {}))


def table1(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """Table 1 with the scores that the paper lacks, and where and why a cell is missed."""
    found = {row.name: bench.tracking(row) for row in rows}
    paper = {name: asdict(scores) for name, scores in TABLE1["scalor"].items()}
    others = baselines.tracked(bench, rows)
    numbers = _numbers(found, rows, TABLE1, bench) | {"baselines": others}
    body = [_conventions(bench), _beside(found, paper, ("mota", "precision", "recall", "count_mae"))]
    body += [
        "Scores that the paper does not have. Strict: reports on objects of which less than a quarter is seen are "
        "false; the paper does not say what it does with them.\n",
        _strict(found),
        _reached(found, paper),
        _missed(found, paper),
        baselines.tracked_words(others),
        _lacking(found, rows, bench),
    ]
    return Report("table1", "Table 1: tracking", command, numbers, "\n".join(body))


def table2(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """Table 2: likelihood and squared error."""
    rows = [row for row in rows if row.name in TABLE2["scalor"]]
    found = {row.name: [a | b for a, b in zip(bench.tracking(row), bench.likelihood(row), strict=True)] for row in rows}
    paper = {name: asdict(scores) for name, scores in TABLE2["scalor"].items()}
    words = (
        f"NLL in nats per pixel, summed over channels and the first {NLL_FRAMES} frames, sigma = {SIGMA:g}, "
        f"K = {bench.particles} samples with hard presence; MSE per pixel and channel over all frames. "
    )
    body = [_conventions(bench), words, _beside(found, paper, ("nll", "mse")), _other_sigma(found)]
    others = baselines.painted(bench, rows)
    body += [baselines.painted_words(others), _missed(found, paper), _lacking(found, rows, bench)]
    numbers = _numbers(found, rows, TABLE2, bench) | {"particles": bench.particles}
    numbers["baselines"] = others
    return Report("table2", "Table 2: likelihood and reconstruction", command, numbers, "\n".join(body))


def mean_of(scores: Sequence[Scores], name: str) -> float | None:
    """Mean over seeds; None where a seed has no number."""
    values = [each.get(name) for each in scores]
    return (
        None
        if not values or None in values
        else float(np.mean([float(value) for value in values if value is not None]))
    )


def _numbers(found: Mapping[str, list[Scores]], rows: Sequence[Row], paper: Mapping, bench: Bench) -> dict[str, Any]:
    return {
        "clips": bench.clips,
        "held_out_seed": HELD_OUT,
        "rows": {
            row.name: {
                "data": row.data,
                "frames": row.frames,
                "gate": row.gate,
                "trained_by": row.command(bench.zoo.runs),
                "ours": found[row.name] or "no weights",
                "paper": {model: asdict(cells[row.name]) for model, cells in paper.items() if row.name in cells},
            }
            for row in rows
        },
    }


def _conventions(bench: Bench) -> str:
    return (
        f"First {bench.clips} clips of the held-out data seed {HELD_OUT}, on which no choice was made; digits are of "
        f"MNIST's test split. Found: centres within {GATE}. Every number: ours, then the paper's in brackets; ours in "
        "bold where it is at least as good.\n"
    )


def _beside(found: Mapping[str, list[Scores]], paper: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> str:
    lines = []
    for row, scores in found.items():
        cells = [_cell(scores, name, paper.get(row, {}).get(name)) for name in names]
        lines.append([row, *cells, _minutes(scores)])
    return table(["", *map(_title, names), "training, min"], lines)


def _reached(found: Mapping[str, list[Scores]], paper: Mapping[str, Mapping[str, float]]) -> str:
    """How long each training took to reach the paper's MOTA on its validation clips; of weights that were trained on
    the card has the last training alone, so they are left out."""
    lines = []
    for row, scores in found.items():
        wanted = paper.get(row, {}).get("mota")
        own = [each for each in scores if each["trained_on"] == row and each.get("trainings", 1) == 1]
        curves = [each["validation"] for each in own if each.get("validation")]
        if wanted is None or not curves:
            continue
        first = [reached(curve, wanted) for curve in curves]
        words = ", ".join("not reached" if minutes is None else f"{minutes:.1f}" for minutes in first)
        best = ", ".join(f"{100 * max(mota for mota in curve['mota'] if mota is not None):.1f} %" for curve in curves)
        lines.append([row, _shown("mota", wanted), words, best])
    if not lines:
        return ""
    head = "Minutes of training until weights of one training first track the few validation clips, which scatter, as "
    head += "well as the paper says:\n\n"
    return head + table(["", "MOTA of the paper", "minutes", "best MOTA seen"], lines)


def reached(validation: Mapping[str, Any], wanted: float) -> float | None:
    """Minutes at the first validation with a MOTA of at least ``wanted``; None: never."""
    pairs = zip(validation["minutes"], validation["mota"], strict=True)
    return next((minutes for minutes, mota in pairs if mota is not None and mota >= wanted), None)


def _cell(scores: Sequence[Scores], name: str, wanted: float | None) -> str:
    ours = mean_of(scores, name)
    if ours is None:
        return f"no weights ({_shown(name, wanted)})"
    values = [float(each[name]) for each in scores]
    text = _shown(name, ours)
    if wanted is not None and better(name, ours, wanted):
        text = f"**{text}**"
    if len(values) > 1:
        text += f" [{_shown(name, min(values))} to {_shown(name, max(values))}]"
    return f"{text} ({_shown(name, wanted)})"


def better(name: str, ours: float, wanted: float) -> bool:
    """At least as good as the paper, to the digits it prints."""
    return ours >= wanted if LARGER_IS_BETTER[name] else ours <= wanted


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name in ("mota", "precision", "recall", "idf1", "hota"):
        return f"{100 * value:.1f} %"
    return f"{value:.{ {'count_mae': 3, 'nll': 2, 'mse': 4}[name] }f}"


def _title(name: str) -> str:
    return {"count_mae": "CountMAE", "precision": "Precision", "recall": "Recall"}.get(name, name.upper())


def _minutes(scores: Iterable[Scores]) -> str:
    return ", ".join(number(each.get("minutes")) for each in scores) or "–"


def _strict(found: Mapping[str, list[Scores]]) -> str:
    names = {
        "mota_strict": "strict MOTA",
        "count_mae_strict": "strict CountMAE",
        "mota_iou50": "MOTA at IoU 0.5",
        "switched": "switches per true box",
        "idf1": "IDF1",
        "hota": "HOTA",
        "fg_ari": "fg-ARI",
        "mask_iou": "mask IoU",
        "duplicates_per_frame": "duplicates per frame",
        "propagation_rate": "propagation rate",
        "truth_propagation_rate": "of the truth",
        "discoveries_per_clip": "discoveries per clip",
        "mse": "MSE",
    }
    lines = [[row, *(number(mean_of(scores, key), ".4g") for key in names)] for row, scores in found.items() if scores]
    return table(["", *names.values()], lines) if lines else ""


def _other_sigma(found: Mapping[str, list[Scores]]) -> str:
    lines = [
        [
            row,
            number(mean_of(scores, "training_sigma")),
            number(mean_of(scores, "nll_training_sigma"), ".4g"),
            number(mean_of(scores, "effective_samples")),
        ]
        for row, scores in found.items()
        if scores
    ]
    return table(["", "training sigma", "NLL there", "effective samples at sigma 1"], lines) if lines else ""


def _missed(found: Mapping[str, list[Scores]], paper: Mapping[str, Mapping[str, float]]) -> str:
    lines = []
    for row, scores in found.items():
        for name, wanted in paper.get(row, {}).items():
            ours = mean_of(scores, name)
            if ours is None or better(name, ours, wanted):
                continue
            text = f"- {row}, {_title(name)}: {_shown(name, ours)}, the paper {_shown(name, wanted)}"
            if name == "mota":
                shares = [100 * (mean_of(scores, key) or 0.0) for key in ("missed", "false", "switched")]
                text += "; lost to misses {:.1f}, false boxes {:.1f}, switched identities {:.1f} points".format(*shares)
            lines.append(text)
    return "Short of the paper:\n\n" + "\n".join(lines) + "\n" if lines else ""


def _lacking(found: Mapping[str, list[Scores]], rows: Sequence[Row], bench: Bench) -> str:
    how = {row.name: row.command(bench.zoo.runs) for row in rows if not found[row.name]}
    lines = [f"- {name}: no weights: train with `{command}`" for name, command in how.items()]
    return "Not measured:\n\n" + "\n".join(lines) + "\n" if lines else ""
