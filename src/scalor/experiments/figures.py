"""Figures of tracked clips: 3, 4, 9 to 13."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from scalor import pretrained
from scalor.data.clip import Clip
from scalor.data.loader import ClipData, CutToLength
from scalor.experiments.pictures import Story, moments, story_of
from scalor.experiments.report import Report, number, table
from scalor.experiments.rows import ROWS, SPECIAL, Row
from scalor.experiments.tables import Bench, Scores, mean_of
from scalor.metrics.boxes import LEAST_VISIBLE
from scalor.tracking.evaluate_clips import rollout_tracks
from scalor.viz.figures import grid

PLAIN, SEPARATED = ("input", "boxes", "objects"), ("input", "boxes", "background", "foreground", "alpha")


def figure3(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """Tracking at every density."""
    return _pictured("figure3", "Figure 3: objects with identities, and each alone", bench, rows, command)


def figure4(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """The moving background, separated."""
    chosen = [ROWS["sprites-bg"]]
    return _pictured("figure4", "Figure 4: background separated", bench, chosen, command, kinds=SEPARATED)


def figure9(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """10 to 15 new objects in each of the frames 1, 5 and 9."""
    title = "Figure 9: many new objects in frames 1, 5 and 9"
    times = [0, 1, 3, 4, 5, 7, 8, 9]
    return _pictured("figure9", title, bench, [SPECIAL["frequent"]], command, times=times, counted=True)


def figure10(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """Discovery of about a hundred objects in the first frames."""
    title = "Figure 10: discovery where objects are very many"
    return _pictured("figure10", title, bench, [ROWS["sprites-vhd"]], command, times=[0, 1, 2, 3], counted=True)


def figure11(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """Digits that meet and pass through each other."""
    title = "Figure 11: digits that move towards each other"
    return _pictured("figure11", title, bench, [SPECIAL["colliding"]], command, times=list(range(10)), scored=True)


def figure12(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """Trained on 15 to 25 objects, tested on 50 to 60."""
    title = "Figure 12: trained on 15 to 25 objects, tested on 50 to 60"
    chosen = [SPECIAL["dense"], SPECIAL["crowd"]]
    return _pictured("figure12", title, bench, chosen, command, scored=True)


def figure13(bench: Bench, rows: Sequence[Row], command: str) -> Report:
    """Trained on the digits 0 to 5, tested on 6 to 9."""
    title = "Figure 13: trained on digits 0 to 5, tested on 6 to 9"
    return _pictured("figure13", title, bench, [SPECIAL["seen"], SPECIAL["unseen"]], command, scored=True)


# More arguments than the house allows: they are what the figures differ in.
def _pictured(
    name: str,
    title: str,
    bench: Bench,
    rows: Sequence[Row],
    command: str,
    *,
    kinds: Sequence[str] = PLAIN,
    times: Sequence[int] | None = None,
    counted: bool = False,
    scored: bool = False,
) -> Report:
    """The first held-out clip of every row as a picture; numbers where asked for."""
    pictures: dict[str, np.ndarray] = {}
    numbers: dict[str, Any] = {}
    words: list[str] = []
    for row in rows:
        weights = bench.zoo.find(row)
        if not weights:
            words.append(f"{row.name}: no weights: train with `{row.command(bench.zoo.runs)}`\n")
            continue
        bench.say(f"{name}: {row.name}")
        model, _ = pretrained.load(weights[0])
        clip = cut(row.clips(), 0, row.frames)
        story = story_of(model, clip)
        pictures[f"{name}-{row.name}"] = storyboard(story, kinds, times or moments(row.frames, 5))
        numbers[row.name] = {"weights": weights[0], "clip": clip.name}
        if counted:
            numbers[row.name]["counts"] = counts(clip, story)
            words.append(_counts_table(row, numbers[row.name]["counts"]))
        if scored:
            numbers[row.name]["scores"] = bench.tracking(row)
            words.append(_scores_line(row, numbers[row.name]["scores"]))
    return Report(name, title, command, {"rows": numbers}, "\n".join(words), pictures)


def storyboard(story: Story, kinds: Sequence[str], times: Sequence[int]) -> np.ndarray:
    """One row of tiles per kind, time to the right: uint8 [H, W, 3]."""
    times = [time for time in times if time < len(story.frames)]
    rows = [story.tiles(kind, times) for kind in kinds]
    return grid(rows, labels=list(kinds), columns=[f"t = {time + 1}" for time in times])


def counts(clip: Clip, story: Story) -> dict[str, list[int]]:
    """True and found objects of every frame, by the rules of the scores."""
    assert clip.truth is not None
    found = rollout_tracks(story.rollout, height=clip.video.shape[-2], width=clip.video.shape[-1])[0]
    real, seen = clip.truth.tracks(LEAST_VISIBLE), found.select(found.visibility >= LEAST_VISIBLE)
    length = len(clip.video)
    return {
        "true": np.bincount(real.frame, minlength=length).tolist(),
        "found": np.bincount(seen.frame, minlength=length).tolist(),
    }


def cut(data: ClipData, index: int, frames: int) -> Clip:
    """A clip of ``frames`` frames where the data set can make it, else the whole clip."""
    return data.clip(index, frames=frames) if isinstance(data, CutToLength) else data[index]


def _counts_table(row: Row, found: dict[str, list[int]]) -> str:
    header = [row.name, *(f"t = {time + 1}" for time in range(len(found["true"])))]
    return table(header, [[name, *map(str, values)] for name, values in found.items()])


def _scores_line(row: Row, scores: Sequence[Scores]) -> str:
    names = ("mota", "precision", "recall", "count_mae", "mota_iou50", "idf1")
    return f"{row.name}: " + ", ".join(f"{name} {number(mean_of(scores, name))}" for name in names) + "\n"
