"""What to try next, in sentences, from what the tracks or a training look like."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scalor.core.words import typed
from scalor.outputs.doubts import Doubt
from scalor.outputs.tracked import Tracked
from scalor.training import health

SHORT = 10
"""Frames; a track below that is a flicker."""


def advice_for_tracks(tracked: Tracked, doubtful: Sequence[Doubt]) -> list[str]:
    """Sentences, the most pressing first; what stands between back ticks is a command or an option."""
    tracks, summary = tracked.tracks, tracked.summary
    if not len(tracks):
        return _nothing_found(summary)
    lengths = np.unique(tracks.id, return_counts=True)[1]
    kinds = Counter(doubt.kind for doubt in doubtful)
    broken = kinds["ends"] + kinds["begins"]
    found = []
    if summary.get("failed_frames"):
        found.append(f"{len(summary['failed_frames'])} frames could not be read; re-encode the video if it matters.")
    if covered := summary.get("covered_frames"):
        found.append(f"In {covered} frames something covers much of the view (a hand, a head): they have no rows.")
    learned = summary.get("method") != "mog2-sort"
    if learned and kinds["overlaps"] > 0.2 * len(lengths):
        found.append(
            f"{kinds['overlaps']} tracks lie on others: one thing may be seen twice. Learn with "
            f"{_lower_twin_box(summary)}."
        )
    if learned and (broken > 0.5 * len(lengths) or np.median(lengths) < SHORT):
        found.append(
            "Many tracks begin or end in the middle of the picture. More minutes make tracks steadier: the same "
            "`scalor fit` with `--resume` and a larger `--minutes`; or report things more hidden: `scalor track` "
            "with a lower `--min-visibility`."
        )
    if kinds["jumps"] > 0.1 * len(lengths):
        found.append("Some tracks jump: look at these moments, and put identities right with `scalor correct`.")
    if not learned:
        found.append("These are tracks of the classical method. `scalor fit` learns the objects themselves.")
    found.append(
        "Join, split, swap or delete tracks by a small table: `scalor correct TRACKS CORRECTIONS.csv -o FIXED`."
    )
    found.append("Measure speeds, zones and line crossings: `scalor measure TRACKS -o MEASURES`.")
    found.append("Take the tracks to another tool: `scalor export TRACKS --to coco -o tracks.json`.")
    return found


def _lower_twin_box(summary: Mapping[str, Any]) -> str:
    """The option with a number below that of the run, where its folder is still there."""
    try:
        plan = json.loads((Path(summary["weights"]) / "config.json").read_text(encoding="utf-8"))
        box = float(plan["preset"]["model"]["discover"]["twin_box"])
    except (OSError, ValueError, KeyError, TypeError):
        box = math.inf
    if 0 < box <= 1:
        return f"`--set model.discover.twin_box={0.7 * box:.2g}` (it was {box:.4g})"
    return "a lower `--set model.discover.twin_box=0.25` (it is 0.35, and 0.2 for things that turn)"


def _nothing_found(summary: Mapping[str, Any]) -> list[str]:
    found = ["Nothing was found."]
    if summary.get("method") == "scalor":
        found.append(
            "Learn longer (`scalor fit` with `--resume` and a larger `--minutes`), or on a livelier stretch of video."
        )
        found.append(
            "Say how large things are: `--set data.object_height=40 data.object_width=15`, in pixels of the video."
        )
        found.append("Report what is hardly visible, too: `scalor track` with `--min-visibility 0`.")
    else:
        found.append("This is the classical method. `scalor fit` learns the objects themselves.")
    return found


def advice_for_run(folder: Path, rows: Sequence[Mapping[str, float]]) -> list[str]:
    """What the log says of the training's health, and how to go on."""
    found = [health.report(health.recent(rows))] if rows else []
    found.append(f"Track a video with it: `scalor track VIDEO -w {typed(folder)} -o TRACKS`.")
    found.append("Learn on: the same command with `--resume` and a larger `--minutes`.")
    found.append(f"See how it thinks things go on: `scalor imagine VIDEO -w {typed(folder)} -o FUTURES`.")
    return found
