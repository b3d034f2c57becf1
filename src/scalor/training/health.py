"""Health of a training: which of the known failure modes the log shows, in sentences (spec A.13-10)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

RECENT = 10
"""Rows of the log that are judged together."""

EARLY_STEPS = 300
"""Before this step only non-finite numbers are judged: objects appear within about 200 steps."""

LEAST_PROPAGATION = 0.7
"""Share of objects that are there a frame later: 0.3 without attention and rejection, 0.95 or more in a sound model."""

LEAST_OBJECTS = 0.5
"""Objects per frame below which nothing is found."""

MOST_COVER = 0.9
"""Share of pixels with alpha > 0.5: crowded sprites cover half of the view, never nine tenths."""

MOST_LARGEST = 0.5
"""Share of boxes within 5 % of the largest that the size prior allows: boxes then tile the view instead of fitting."""

MOST_DOUBLES = 0.15
"""Pairs with tight-box IoU > 0.5 per object; different objects of a crowd are rarely that close."""

MOST_HALF = 0.5
"""Share of painted pixels (alpha > 0.1) with alpha in 0.25..0.75; smooth edges of 6 px objects make about a third."""

LEAST_WHAT = 0.1
"""Nats of the appearance code per object and frame; below it all objects look the same."""


@dataclass(frozen=True)
class Finding:
    """A failure mode by its name and in a sentence with its cure."""

    name: str
    words: str


def findings(numbers: Mapping[str, float]) -> list[Finding]:
    """What is wrong, worst first; an empty list if nothing shows.

    Args:
        numbers: a row of the log, or the mean of several (`recent`); keys as in `measure.measure`, and ``skipped``, the
            number of steps skipped in a row or lately. Missing keys are not judged.
    """
    found = [_skipped(numbers)]
    if numbers.get("step", 0) >= EARLY_STEPS:
        found += [
            _empty(numbers),
            _full(numbers),
            _collapse(numbers),
            _doubles(numbers),
            _half(numbers),
            _what(numbers),
        ]
    return [finding for finding in found if finding is not None]


def word(found: Iterable[Finding]) -> str:
    """The word for the progress line: ``ok`` or the worst finding's name."""
    return next((finding.name for finding in found), "ok")


def report(numbers: Mapping[str, float]) -> str:
    """Sentences for people."""
    text = " ".join(finding.words for finding in findings(numbers))
    if not text and numbers.get("step", 0) < EARLY_STEPS:
        return f"Too early to judge its health (before step {EARLY_STEPS})."
    return text or "Healthy: none of the known failure modes shows."


def recent(rows: Iterable[Mapping[str, float]], count: int = RECENT) -> dict[str, float]:
    """The last ``count`` rows as one: means, but the last ``step``, and how much ``skipped`` grew.

    Each mean is over the rows that have the number: those without objects say nothing about what becomes of objects.
    """
    last = list(rows)[-count:]
    if not last:
        return {}
    names = dict.fromkeys(name for row in last for name in row)
    having = {name: [row[name] for row in last if name in row] for name in names}
    mean = {name: sum(values) / len(values) for name, values in having.items()}
    mean["step"] = last[-1].get("step", 0)
    if "skipped" in last[-1]:
        mean["skipped"] = last[-1]["skipped"] - (last[0]["skipped"] if len(last) == count else 0)
    return mean


def _skipped(n: Mapping[str, float]) -> Finding | None:
    if n.get("skipped", 0) <= 0:
        return None
    return Finding(
        "non-finite",
        f"{n['skipped']:.0f} steps were skipped for a loss or gradient that is not finite: lower train.lr "
        "or train.clip_norm if it goes on.",
    )


def _empty(n: Mapping[str, float]) -> Finding | None:
    if n.get("objects", LEAST_OBJECTS) >= LEAST_OBJECTS:
        return None
    return Finding(
        "no-objects",
        f"The background ate everything: {n['objects']:.2f} objects per frame. Give the background a smaller code, "
        "cells of about half the object's size, the right object size, or a higher train.birth for more birth_steps.",
    )


def _full(n: Mapping[str, float]) -> Finding | None:
    cover, largest = n.get("cover", 0.0), n.get("largest", 0.0)
    if cover <= MOST_COVER and largest <= MOST_LARGEST:
        return None
    return Finding(
        "paints-background",
        f"The foreground paints the background: {100 * cover:.0f} % of the view is covered and {100 * largest:.0f} % "
        "of the boxes are as large as may be. Lower the object size or its range, or the presence prior (train.birth).",
    )


def _collapse(n: Mapping[str, float]) -> Finding | None:
    kept = n.get("propagation_rate", n.get("propagation", 1.0))  # logs of before have the latter alone
    if kept >= LEAST_PROPAGATION:
        return None
    return Finding(
        "propagation-collapse",
        f"Propagation collapsed: only {100 * kept:.0f} % of the objects are carried into the next "
        "frame, the others end. Keep rejection and attention on, raise model.propagate.presence_bias, or allow faster "
        "motion (model.where.motion).",
    )


def _doubles(n: Mapping[str, float]) -> Finding | None:
    if n.get("doubles", 0.0) <= MOST_DOUBLES:
        return None
    return Finding(
        "duplicates",
        f"Objects are found twice: {n['doubles']:.2f} doubled boxes per object. Lower model.discover.twin_iou or "
        "model.merge.iou, or use fewer proposals.",
    )


def _half(n: Mapping[str, float]) -> Finding | None:
    if n.get("half", 0.0) <= MOST_HALF:
        return None
    return Finding(
        "half-transparent",
        f"Masks are half transparent: {100 * n['half']:.0f} % of the painted pixels. Lower model.render.sigma, "
        "train longer, or give a background that fits better.",
    )


def _what(n: Mapping[str, float]) -> Finding | None:
    if n.get("what_per_object", LEAST_WHAT) >= LEAST_WHAT:
        return None
    return Finding(
        "appearance-unused",
        f"The appearance code carries {n['what_per_object']:.2f} nats per object: all objects look alike. Lower "
        "model.render.sigma or check the object size.",
    )
