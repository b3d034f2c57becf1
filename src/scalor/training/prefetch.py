"""`Prefetcher`: the next batches are made beside the training step, by a thread or by worker processes."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

B = TypeVar("B")

DEPTH = 2
"""Batches that are made in advance by a thread; processes make two each."""

MOST_WORKERS = 4


def workers_for(cores: int) -> int:
    """How many processes make batches beside an accelerator on a machine of so many cores."""
    return max(1, min(MOST_WORKERS, cores // 4))


class Prefetcher(Generic[B]):
    """Batches of ``make(step, frames)``, a pure function, with those of the next steps under way.

    Clips rarely change their length, so the next steps' is taken to be this one's; where it is not, a batch is made
    when it is asked for. What is handed out never depends on what was made in advance. Errors of ``make`` come up where
    the batch is asked for. Leaving the context waits for the batch that is being made and drops the others.
    """

    def __init__(
        self, make: Callable[[int, int], B], *, last: int | None = None, depth: int = DEPTH, workers: int = 0
    ) -> None:
        """
        Args:
            make: what makes a batch; with ``workers`` it goes to other processes, so it and its batches can be pickled.
            last: no step from this one on is asked for.
            depth: batches under way, 0: none is made in advance.
            workers: processes that make them; 0: a thread does.
        """
        self._make, self._last = make, last
        self._depth = max(depth, 2 * workers) if depth else 0
        self._processes = workers > 0 and depth > 0
        self._task: Callable[[int, int], Any] = _made if self._processes else make
        self._executor: Executor
        if self._processes:
            self._executor = ProcessPoolExecutor(
                workers, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(make, os.getpid())
            )
        else:
            self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
        self._coming: dict[tuple[int, int], Future[Any]] = {}

    def __call__(self, step: int, frames: int) -> B:
        """The batch of ``step`` with clips of ``frames`` frames."""
        wanted = [(later, frames) for later in range(step, step + 1 + self._depth)]
        for key in [key for key in self._coming if key not in wanted]:
            self._coming.pop(key).cancel()
        mine = self._coming.pop(wanted[0], None)
        for key in wanted[1:]:
            if key not in self._coming and (self._last is None or key[0] < self._last):
                self._coming[key] = self._executor.submit(self._task, *key)
        if mine is None:
            return self._make(step, frames)
        return cast(B, pickle.loads(mine.result()) if self._processes else mine.result())

    def __enter__(self) -> "Prefetcher[B]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)


_make_here: Callable[[int, int], Any] | None = None
"""In a worker: what makes its batches."""


def _begin(make: Callable[[int, int], Any], parent: int) -> None:
    """Make a worker ready: one thread of torch's, Ctrl-C is its parent's business, and it ends with its parent."""
    import torch

    global _make_here
    _make_here = make
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent is gone, which a killed parent cannot say."""
    while os.getppid() == parent:
        threading.Event().wait(2.0)
    os._exit(1)


def _made(step: int, frames: int) -> bytes:
    """A batch as bytes: pickled here, since torch's own way through shared memory needs an open file per tensor."""
    assert _make_here is not None
    return pickle.dumps(_make_here(step, frames), protocol=pickle.HIGHEST_PROTOCOL)
