"""Checks of a resumed run: the same videos, wherever they lie now, the same seed and preset."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from scalor.core.seeds import whole_seed
from scalor.data.fingerprints import fingerprints
from scalor.errors import UserError
from scalor.training.checkpoint import Plan
from scalor.training.preset import Preset

DEFAULT_SEED = 0


def refuse_other_seed(plan: Plan, seed: object) -> None:
    """Raises UserError where a seed is asked for that is not the run's."""
    if seed is not None and whole_seed(seed) != plan.seed:
        raise UserError(
            f"the run has seed {plan.seed} and {seed} came; the same is wanted to resume; leave it out "
            "or start a new run"
        )


def refuse_other_preset(plan: Plan, preset: Preset) -> None:
    """Raises UserError where another preset is named than the run's."""
    if preset.name != plan.preset.name:
        raise UserError(
            f"the run is of {plan.preset.name} and {preset.name} came; the same is wanted to resume; start a new run"
        )


def found_again(plan: Plan, paths: Sequence[str | os.PathLike[str]]) -> Plan:
    """The plan with its videos where they are now.

    Raises:
        UserError: other videos than the run's came, or fewer, or one that has been changed.
    """
    given = [Path(path).resolve() for path in paths]
    missing = next((path for path in given if not path.exists()), None)
    if missing is not None:
        raise UserError(f"{missing} does not exist; the run's videos are wanted to resume; check the path")
    prints = [fingerprints(path) for path in given]
    left = list(range(len(given)))
    places: list[str] = []
    for video, known in zip(plan.videos, plan.fingerprints or [""] * len(plan.videos), strict=True):
        match = _match(video, known, [(n, given[n], prints[n]) for n in left])
        if match is None:
            raise UserError(_lacking(video, known, given))
        left.remove(match)
        places.append(str(given[match]))
    if left:
        raise UserError(
            f"{given[left[0]]} is none of the {len(plan.videos)} videos that the run learns from; the same videos are "
            "wanted to resume; leave it out or start a new run"
        )
    return dataclasses.replace(plan, videos=tuple(places))


def _match(video: str, known: str, given: Sequence[tuple[int, Path, frozenset[str]]]) -> int | None:
    """Which of the videos that came is this one: by contents and place, else by contents, else by what is known."""
    same = [(n, path) for n, path, found in given if known in found] if known else [(n, path) for n, path, _ in given]
    here = [n for n, path in same if str(path) == video]
    if here or known:
        return next(iter(here or [n for n, _ in same]), None)
    # A run of before fingerprints: a video that is gone from its place and came under its old name has been moved.
    moved = [n for n, path in same if path.name == Path(video).name and not Path(video).exists()]
    return next(iter(moved), None)


def _lacking(video: str, known: str, given: Sequence[Path]) -> str:
    if known and video in map(str, given):
        return f"{video} has changed since the run began; the same video is wanted to resume; start a new run"
    came = ", ".join(path.name for path in given) or "none"
    return (
        f"the run learns from {video} and {came} came, which is another video; the same is wanted to resume; "
        "give it, wherever it lies now, or start a new run"
    )
