"""Batches that are made in advance are the same batches, come in order, and leave no thread behind."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scalor.core.schedule import Recipe
from scalor.training.augment import AugmentedBatches
from scalor.training.batches import ClipBatches
from scalor.training.datasets import data_named
from scalor.training.prefetch import DEPTH, Prefetcher, workers_for


def batches() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_every_batch_is_that_of_its_step_and_length_whatever_was_made_before() -> None:
    asked = [(0, 2), (1, 2), (2, 4), (3, 4), (3, 4), (9, 4), (4, 2)]
    with Prefetcher(lambda step, frames: (step, frames)) as prefetched:
        assert [prefetched(*each) for each in asked] == asked
    assert not batches()


def test_the_next_steps_are_under_way_and_none_after_the_last() -> None:
    made: list[tuple[int, int]] = []

    def make(step: int, frames: int) -> int:
        made.append((step, frames))
        return step

    with Prefetcher(make, last=4) as prefetched:
        for step in range(4):
            prefetched(step, 3)
    assert sorted(made) == [(step, 3) for step in range(4)], "each once, and nothing beyond the last"


def test_batches_are_made_while_the_caller_computes() -> None:
    ready = threading.Event()
    with Prefetcher(lambda step, frames: ready.set() if step == DEPTH else None) as prefetched:
        prefetched(0, 1)
        assert ready.wait(10.0), "nobody asked for this one yet"


def test_an_error_comes_up_where_its_batch_is_asked_for() -> None:
    def make(step: int, frames: int) -> int:
        if step == 1:
            raise ValueError("clip 7 is too short")
        return step

    with Prefetcher(make) as prefetched:
        assert prefetched(0, 1) == 0
        with pytest.raises(ValueError, match="clip 7"):
            prefetched(1, 1)
        assert prefetched(2, 1) == 2
    assert not batches()


def test_more_cores_make_more_workers_up_to_four() -> None:
    assert [workers_for(cores) for cores in (1, 2, 8, 16, 64)] == [1, 1, 2, 4, 4]


def square(step: int, frames: int) -> tuple[int, int, int]:
    """What a worker process makes; it says which process that was."""
    if step == 3:
        raise ValueError("clip 7 is too short")
    return step * step, frames, os.getpid()


@pytest.mark.slow
def test_processes_make_the_same_batches_and_their_errors_come_up() -> None:
    with Prefetcher(square, workers=1) as prefetched:
        first = prefetched(0, 2)
        assert first == (0, 2, os.getpid()), "nobody was there to make the first"
        others = [prefetched(step, 2) for step in (1, 2)]
        assert [each[:2] for each in others] == [(1, 2), (4, 2)]
        assert all(each[2] != os.getpid() for each in others)
        with pytest.raises(ValueError, match="clip 7"):
            prefetched(3, 2)
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_made_clips_are_the_same_from_another_process() -> None:
    batches = AugmentedBatches(
        ClipBatches(data_named("sprites-tiny", 5), 3), replace(Recipe(batch=2), cuts=0.5, covers=0.5), 3
    )
    with Prefetcher(batches, last=2, workers=1) as prefetched:
        prefetched(0, 3)
        made = prefetched(1, 3)
    here = batches(1, 3)
    assert torch.equal(made.video, here.video)
    assert made.shown is not None and here.shown is not None and torch.equal(made.shown, here.shown)


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_worker_ends_when_the_training_is_killed(tmp_path: Path) -> None:
    said = tmp_path / "worker"
    code = (
        "import os, pathlib, signal, sys\n"
        "from scalor.training.prefetch import Prefetcher\n"
        "from tests.training.test_prefetch import square\n"
        "if __name__ == '__main__':\n"
        "    prefetched = Prefetcher(square, workers=1)\n"
        "    prefetched(0, 2)\n"
        f"    pathlib.Path({str(said)!r}).write_text(str(prefetched(1, 2)[2]))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    script = tmp_path / "killed.py"
    script.write_text(code)
    subprocess.run(
        [sys.executable, str(script)], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, check=False
    )
    worker = int(said.read_text())
    deadline = time.monotonic() + 20
    while lives(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not lives(worker)
