"""`fleet`: many videos over several processes or machines; what is finished is kept, what fails is listed."""

import csv
import io
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from scalor import pretrained
from scalor.core.files import put_text
from scalor.core.words import counted
from scalor.errors import UserError
from scalor.fleet.plan import WHOLE, Job, Part, planned
from scalor.fleet.work import FAILED, SKIPPED, Errand, Row, Worker, sweep
from scalor.tracking.setup import pick_device

COLUMNS = ("video", "folder", "state", "frames", "tracks", "seconds", "cpu_seconds", "again", "error")


# More arguments than the house allows: they are the options of `scalor fleet`.
def fleet(
    videos: Sequence[str],
    weights: str | PathLike[str],
    out: str | PathLike[str],
    *,
    workers: int = 1,
    part: Part = WHOLE,
    device: str = "auto",
    settings: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Row]:
    """Track every video into a folder of its own in ``out``; returns what became of each.

    Videos whose folder is there already, of the same contents, weights, settings and version of this package, are
    skipped; others are tracked again, and their row says why. One that fails costs nobody else anything. The rows are
    also in ``out/fleet.csv``, at the end or when interrupted.

    Args:
        videos: files or folders, as `open_video` takes them.
        weights: a name, run folder or file, which every worker can read.
        out: a folder of folders, which every worker can write to.
        workers: processes; 1 is this one, more are Ray's, of the cluster at RAY_ADDRESS if there is one.
        part: which of the videos.
        device: of every worker.
        settings: keyword arguments of `track_to_folder`.
        say: called with a line about each finished video.

    Raises:
        UserError: no video or no such weights came, ``out`` cannot be written, or Ray is wanted and not installed.
    """
    jobs, place = planned(videos, part), Path(out).absolute()
    pretrained.card(weights)
    known = pretrained.whole_name(weights)
    if workers > 1 and find_spec("ray") is None:
        raise UserError("ray is not installed; several workers are run by it; pip install 'scalor[fleet]'")
    place.mkdir(parents=True, exist_ok=True)
    if again := len(videos) - len(planned(videos)):
        say(f"{again} of {len(videos)} videos came more than once, and count once")
    threads = None if workers == 1 else max(1, torch.get_num_threads() // workers)
    run = f"{socket.gethostname().split('.')[0][:20]}-{os.getpid()}"
    errand = Errand(place, known, str(pick_device(device)), run, dict(settings or {}), threads)
    rows: list[Row] = []
    try:
        for row in _here(jobs, errand) if min(workers, len(jobs)) <= 1 else _spread(jobs, errand, workers):
            rows.append(row)
            say(f"{len(rows)} of {len(jobs)}: {words_of(row)}")
    finally:
        sweep(place, run)
        put_text(place / part.table, _table(rows))
    return rows


def words_of(row: Row) -> str:
    """A row as a sentence."""
    if row["state"] == FAILED:
        return f"{row['folder']} failed: {row['error']}"
    if row["state"] == SKIPPED:
        return f"{row['folder']} was done before"
    again = f"; tracked again, since before there were {row['again']}" if row["again"] else ""
    found = f"{counted(row['tracks'], 'track')} in {counted(row['frames'], 'frame')}"
    return f"{row['folder']} has {found} ({row['seconds']:.1f} s){again}"


def closing(rows: Sequence[Row], out: str, part: Part) -> str:
    """What became of all of them."""
    count = Counter(row["state"] for row in rows)
    said = ", ".join(f"{number} {state}" for state, number in sorted(count.items())) or "none is in this part"
    videos = f"{len(rows)} video{'s' * (len(rows) != 1)}"
    return f"{videos}: {said}; each has a folder in {out}, and {part.table} there lists them"


def _here(jobs: Sequence[Job], errand: Errand) -> Iterator[Row]:
    yield from map(Worker(errand), jobs)


def _spread(jobs: Sequence[Job], errand: Errand, workers: int) -> Iterator[Row]:
    from scalor.fleet.on_ray import on_ray

    return on_ray(jobs, errand, workers)


def _table(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: str(row["folder"])))
    return text.getvalue()
