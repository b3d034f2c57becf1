"""Clips like those of the Object-Centric Representation Benchmark, scored by its rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scalor import pretrained
from scalor.core.devices import denormals_flushed
from scalor.core.types import TRACKING
from scalor.experiments.pictures import Story, story_of
from scalor.experiments.report import Report, number, table
from scalor.experiments.rows import BENCHMARKS, Row
from scalor.experiments.tables import Bench
from scalor.metrics.mask_mot import FIRST, LAST, LEAST_PIXELS, MATCH, mask_scores
from scalor.models.base import WorldModel
from scalor.rollout import observe
from scalor.tracking.evaluate_clips import identities
from scalor.tracking.report import owner_ids
from scalor.viz.figures import grid

TOGETHER = 20
"""Clips at a time."""
COLUMNS = {
    "mota": "MOTA",
    "motp": "MOTP",
    "matched": "match",
    "missed": "miss",
    "switched": "switches",
    "false": "false",
}


@dataclass(frozen=True)
class Published:
    """Percent, as the benchmark's page has them (means of three runs); None where it is not known here."""

    mota: float
    motp: float | None = None
    matched: float | None = None
    missed: float | None = None
    switched: float | None = None
    false: float | None = None


PUBLISHED: dict[str, dict[str, Published]] = {
    "spmot-like": {
        "SCALOR": Published(94.9),
        "ViMON": Published(92.9, 91.8, 95.0, 4.8, 0.2, 2.1),
        "OP3": Published(89.1, 78.4, 95.9, 3.7, 0.4, 6.8),
        "TBA": Published(79.7, 71.2, 87.8, 9.6, 2.6, 8.1),
        "MONet": Published(70.2, 89.6, 75.3, 4.4, 20.3, 5.1),
    },
    "vmds-like": {
        "OP3": Published(91.7, 93.6, 97.8, 2.0, 0.2, 6.1),
        "ViMON": Published(86.8, 86.8, 92.3, 7.0, 0.7, 5.5),
        "SCALOR": Published(74.1),
        "TBA": Published(54.5, 75.0, 75.9, 21.0, 3.2, 21.4),
        "MONet": Published(49.4, 78.6, 66.7, 13.6, 19.7, 17.2),
    },
    "texvmds-like": {"SCALOR": Published(-99.2)},
}
"""On the benchmark's own clips, which ours are only like."""

WORDS = f"""Percent of the true masks; MOTP is the mean IoU of matched masks. A match has a mask IoU of {MATCH:g}; masks
of less than {LEAST_PIXELS} pixels and the first {FIRST} of {LAST} frames are left out, and so are predicted masks that
lie on the background, as in the Object-Centric Representation Benchmark. The published lines are of its own clips: ours
are made to be alike where that is known, so that they tell the kind of difficulty, and no rank."""


def benchmark_sets(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """A table per set: ours on held-out clips, the published ones below."""
    found: dict[str, dict[str, Any]] = {}
    pictures: dict[str, np.ndarray] = {}
    words = [WORDS + "\n"]
    for data, others in PUBLISHED.items():
        lines = []
        for row in (row for row in BENCHMARKS.values() if row.data == data):
            for weights in (every := bench.zoo.find(row)):
                bench.say(f"benchmark-sets: {weights} on {bench.clips} clips of {data}")
                name, numbers, picture = _measured(weights, row, bench.clips)
                found[name], pictures[f"benchmark-{row.name}-{Path(weights).name}"] = numbers, picture
                lines.append([f"**{name}**", *(number(_percent(numbers[key]), ".1f") for key in COLUMNS)])
            if not every:
                words.append(f"{row.name}: no weights: train with `{row.command(bench.zoo.runs)}`\n")
        for name, scores in others.items():
            lines.append([f"{name} (published)", *(number(getattr(scores, key), ".1f") for key in COLUMNS)])
        words.append(table([data, *COLUMNS.values()], lines))
    numbers = {"clips": bench.clips, "first_frame": FIRST, "rows": found}
    return Report("benchmark-sets", "Benchmark-like sets", command, numbers, "\n".join(words), pictures)


def _measured(weights: str, row: Row, clips: int) -> tuple[str, dict[str, Any], np.ndarray]:
    """What the weights are called in the table, their scores, and the first clip as they see it."""
    model, card = pretrained.load(weights)
    with denormals_flushed():
        scores, picture = scored(model, row, clips), _picture(story_of(model, row.clips()[0]))
    name, trained = Path(weights).name, card.get("data", row.data)
    if trained != row.data:
        name += f", trained on {trained}"
    return name, {"weights": weights, "data": row.data, "minutes": card.get("minutes"), **scores}, picture


@torch.no_grad()
def scored(model: WorldModel, row: Row, clips: int) -> dict[str, Any]:
    """The scores of a model on the first held-out clips of a row."""
    data, pairs = row.clips(), []
    for first in range(0, clips, TOGETHER):
        taken = [data[index] for index in range(first, min(first + TOGETHER, clips))]
        video = torch.stack([clip.video[: row.frames] for clip in taken]).float() / 255
        rollout = observe(model, video, TRACKING)
        size = {"height": video.shape[-2], "width": video.shape[-1]}
        owners = torch.stack([owner_ids(step, **size) for step in rollout.steps], dim=1).numpy()
        for clip, owner in zip(taken, owners, strict=True):
            assert clip.truth is not None
            pairs.append((identities(clip.truth)[: row.frames].numpy(), owner))
    return mask_scores(pairs).as_dict()


def _percent(value: float | None) -> float | None:
    return None if value is None else 100.0 * value


def _picture(story: Story) -> np.ndarray:
    times = list(range(len(story.frames)))
    kinds = ("input", "boxes", "foreground", "background")
    return grid([list(story.tiles(kind, times)) for kind in kinds], labels=list(kinds), columns=[str(t) for t in times])
