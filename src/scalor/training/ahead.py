"""`Ahead`: the next batches are made beside the training step, by a thread of their own."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

B = TypeVar("B")

DEPTH = 2
"""Batches that are made in advance."""


class Ahead(Generic[B]):
    """Batches of ``make(step, frames)``, a pure function, with those of the next steps under way.

    Clips rarely change their length, so the next steps' is taken to be this one's; where it is not, a batch is made
    when it is asked for. What is handed out never depends on what was made in advance. Errors of ``make`` come up where
    the batch is asked for. Leaving the context waits for the batch that is being made and drops the others.
    """

    def __init__(self, make: Callable[[int, int], B], *, last: int | None = None, depth: int = DEPTH) -> None:
        """``last``: no step from this one on is asked for; ``depth``: batches under way, 0: none is made in advance."""
        self._make, self._last, self._depth = make, last, depth
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
        self._coming: dict[tuple[int, int], Future[B]] = {}

    def __call__(self, step: int, frames: int) -> B:
        """The batch of ``step`` with clips of ``frames`` frames."""
        wanted = [(later, frames) for later in range(step, step + 1 + self._depth)]
        for key in [key for key in self._coming if key not in wanted]:
            self._coming.pop(key).cancel()
        mine = self._coming.pop(wanted[0], None)
        for key in wanted[1:]:
            if key not in self._coming and (self._last is None or key[0] < self._last):
                self._coming[key] = self._worker.submit(self._make, *key)
        return self._make(step, frames) if mine is None else mine.result()

    def __enter__(self) -> "Ahead[B]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.shutdown(wait=True, cancel_futures=True)
