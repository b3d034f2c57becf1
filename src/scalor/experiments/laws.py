"""How weights behave where scenes empty, are cut, flash or are hidden, and what their confidence is worth."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from scalor import pretrained
from scalor.core.devices import denormals_flushed
from scalor.experiments.report import Report, number, table
from scalor.experiments.rows import Row
from scalor.experiments.tables import Bench
from scalor.tracking.behavior import CALM, HIDDEN, LATER, behavior
from scalor.tracking.calibration import reports

CLIPS = 16
"""Clips per law; scores take more, but rates of some hundred objects are known well enough."""


WORDS = f"""After {CALM} frames something happens. *Emptied*: share of the objects still known, awake or asleep,
{LATER} frames after the scene emptied (wanted: at most 2). *Cut*: the same after a cut to another clip (at most 2),
whose objects are *found* to this share then. *Flash*: share of the objects that keep their identity over one black
frame. *Hidden*: share of those that come back under their identity after a grey bar has passed over them, which hides
a still thing for {HIDDEN} frames; SORT, with a Kalman filter, is given the true boxes of all that can be seen. *AUC*:
probability that a true report has a higher confidence than a false one, reports on hidden objects counted as false."""


def laws(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """A row per weights, and the reliability of their confidence."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for weights in bench.zoo.find(row)[:1]:
            bench.say(f"{row.name}: behaviour of {weights}")
            found[row.name] = _measured(weights, row, min(CLIPS, bench.clips))
    body = [_behavior(found), _reliability(found)] if found else ["No weights were found.\n"]
    return Report("behavior", "Behaviour and confidence", command, {"rows": found}, "\n".join(body))


def _measured(weights: str, row: Row, clips: int) -> dict[str, Any]:
    model, _ = pretrained.load(weights)
    with denormals_flushed():
        seen = reports(model, row.clips(), clips=clips)
        measured = asdict(behavior(model, row.clips(), clips=clips))
    bins = [
        dict(zip(("from", "to", "reports", "confidence", "true"), line, strict=True)) for line in seen.reliability()
    ]
    return {**measured, "auc": seen.auc(seen.confidence), "reliability": bins, "weights": weights}


def _behavior(found: dict[str, dict[str, Any]]) -> str:
    """The laws as a table with their definitions."""
    header = ["", "emptied, %", "cut, %", "found, %", "flash, %", "hidden, %", "SORT, %", "cases", "AUC"]
    shares = ("emptied", "cut", "found", "flash", "hidden", "hidden_sort")
    lines = [
        [name, *(number(100 * row[key], ".1f") for key in shares), str(row["hidden_cases"]), number(row["auc"], ".2f")]
        for name, row in found.items()
    ]
    return f"{WORDS}\n\n{table(header, lines)}"


def _reliability(found: dict[str, dict[str, Any]]) -> str:
    """How often reports of a confidence are true: mean confidence / share of true ones, in percent (reports)."""
    edges = sorted({(line["from"], line["to"]) for row in found.values() for line in row["reliability"]})
    lines = []
    for name, row in found.items():
        by = {(line["from"], line["to"]): line for line in row["reliability"]}
        cells = [
            f"{100 * by[edge]['confidence']:.0f} / {100 * by[edge]['true']:.0f} ({by[edge]['reports']})"
            if edge in by
            else "–"
            for edge in edges
        ]
        lines.append([name, *cells])
    header = ["confidence", *(f"{low:g} to {high:g}" for low, high in edges)]
    return "Mean confidence / share of true reports, % (number of reports):\n\n" + table(header, lines)
