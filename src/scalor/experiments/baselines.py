"""The baselines in Tables 1 and 2: ours where weights are there, beside what the paper prints of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from scalor.experiments.paper import TABLE1, TABLE2
from scalor.experiments.report import number, table
from scalor.experiments.rows import Row

if TYPE_CHECKING:
    from scalor.experiments.tables import Bench

TRACKERS = {"sqair": "SQAIR", "silot": "SILOT", "air": "AIR, linked"}
"""Baselines that find objects: Table 1, by the beginning of their presets' names."""
PAINTERS = {"vrnn": "VRNN", "seq-vae": "sequential VAE", **TRACKERS}
"""Those whose pictures and likelihoods are compared: Table 2."""
TRACKING, PAINTING = ("mota", "precision", "recall", "count_mae"), ("nll", "mse")

Found = dict[str, dict[str, list[dict[str, Any]]]]
"""Scores by model and row, one per set of weights."""


def tracked(bench: "Bench", rows: Sequence[Row]) -> Found:
    """The scores of Table 1 of all baselines that have weights."""
    return {model: {row.name: _bench(bench).tracking(row_of(model, row)) for row in rows} for model in TRACKERS}


def painted(bench: "Bench", rows: Sequence[Row]) -> Found:
    """The scores of Table 2 of all baselines that have weights."""
    made = _bench(bench)
    found: Found = {}
    for model in PAINTERS:
        pairs = {row.name: (made.tracking(it := row_of(model, row)), made.likelihood(it)) for row in rows}
        found[model] = {name: [a | b for a, b in zip(*pair, strict=True)] for name, pair in pairs.items()}
    return found


def tracked_words(found: Found) -> str:
    """Table 1 of the baselines; nothing where there is neither a number of ours nor one of the paper's."""
    return _words(found, {**TRACKERS}, TABLE1, TRACKING)


def painted_words(found: Found) -> str:
    """Table 2 of the baselines."""
    return _words(found, {**PAINTERS}, TABLE2, PAINTING)


def row_of(model: str, row: Row) -> Row:
    """The row of a baseline: weights and preset are named like ``sqair-sprites-vld``, the data are the row's."""
    name = f"{model}-{row.name}"
    return replace(row, name=name, weights=name, preset=name, overrides={})


def _bench(bench: "Bench") -> "Bench":
    """Baselines are scored where they were trained, and never trained on the way."""
    return replace(bench, zoo=replace(bench.zoo, train=False))


def _words(found: Found, titles: Mapping[str, str], paper: Mapping[str, Mapping[str, Any]], names: tuple) -> str:
    lines = []
    for model, scores in found.items():
        for row, each in scores.items():
            printed = asdict(paper[model][row]) if row in paper.get(model, {}) else {}
            if each or printed:
                cells = [_cell(each, name, printed.get(name)) for name in names]
                minutes = ", ".join(number(one.get("minutes")) for one in each) or "–"
                lines.append([titles[model], row, *cells, minutes])
    if not lines:
        return ""
    head = "Baselines, trained by `scalor train MODEL-ROW -o RUNS/MODEL-ROW-0`; ours, then the paper's in brackets:\n\n"
    return head + table(["", "", *map(str.upper, names), "training, min"], lines)


def _cell(scores: Sequence[Mapping[str, Any]], name: str, printed: float | None) -> str:
    values = [each.get(name) for each in scores]
    known = [float(value) for value in values if value is not None]
    ours = shown(name, sum(known) / len(known)) if known else "no weights"
    return f"{ours} ({shown(name, printed)})"


def shown(name: str, value: float | None) -> str:
    """A score with as many digits as the paper gives it."""
    if value is None:
        return "–"
    if name in ("mota", "precision", "recall"):
        return f"{100 * value:.1f} %"
    return f"{value:.{ {'count_mae': 3, 'nll': 2, 'mse': 4}[name] }f}"
