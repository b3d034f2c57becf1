"""Stages of work that run beside each other: each in a thread, with a short queue between, in order.

Decoders, encoders, OpenCV and torch let go of Python's lock while they work, so threads are enough. A queue holds a few
items at most: memory does not grow with the length of a video, and a fast stage waits for a slow one.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any, Generic, TypeVar

T = TypeVar("T")
WAITING = 4
"""Items that may wait between two stages."""
_END: Any = object()


class _Failed:
    """An error on its way from a thread to whoever waits for the thread's work."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


@contextmanager
def prefetched(items: Iterable[T], *, waiting: int = WAITING) -> Iterator[Iterator[T]]:
    """``items`` in order, fetched by a thread before they are asked for; errors are raised where they are taken.

    When the block ends, early or not, the thread has ended too and let go of ``items``.
    """
    queue: Queue[Any] = Queue(waiting)
    stop = threading.Event()

    def fetch() -> None:
        try:
            for item in items:
                queue.put(item)
                if stop.is_set():
                    return
            queue.put(_END)
        except BaseException as error:  # whatever it is, it belongs to the one who takes
            queue.put(_Failed(error))

    def fetched() -> Iterator[T]:
        while (item := queue.get()) is not _END:
            if isinstance(item, _Failed):
                raise item.error
            yield item

    thread = threading.Thread(target=fetch, name="prefetch", daemon=True)
    thread.start()
    try:
        yield fetched()
    finally:
        stop.set()
        while thread.is_alive():
            _drain(queue)  # a thread that waits for room must see that it is to stop
            thread.join(0.01)


class Sink(Generic[T]):
    """Does ``work`` on what is put into it, in order, in a thread of its own; made by `beside`."""

    def __init__(self, work: Callable[[T], object], waiting: int) -> None:
        self._queue: Queue[Any] = Queue(waiting)
        self._work = work
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Hand over one item; waits while the queue is full, raises what went wrong in the thread."""
        self._queue.put(item)
        self._raise()

    def finish(self) -> None:
        """Wait until everything is done; raises what went wrong in the thread."""
        self._queue.put(_END)
        self._thread.join()
        self._raise()

    def abandon(self) -> None:
        """Forget what is waiting and end the thread."""
        self._error = self._error or InterruptedError("abandoned")
        _drain(self._queue)
        self._queue.put(_END)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._queue.get()) is not _END:
            if self._error is None:
                try:
                    self._work(item)
                except BaseException as error:  # raised again where the next item is put
                    self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


@contextmanager
def beside(work: Callable[[T], object], *, waiting: int = WAITING) -> Iterator[Sink[T]]:
    """A sink whose work is all done when the block ends well, and whose thread has ended when it does not."""
    sink = Sink(work, waiting)
    try:
        yield sink
        sink.finish()
    except BaseException:
        if sink._thread.is_alive():
            sink.abandon()
        raise


def _drain(queue: "Queue[Any]") -> None:
    while not queue.empty():
        queue.get_nowait()
