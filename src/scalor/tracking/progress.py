"""How far a pass over a video has come, in one line on the error stream."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
EVERY = 0.5
"""Seconds between two states of the line."""


def shown(items: Iterable[T], *, total: int, what: str) -> Iterator[T]:
    """``items`` as they are, with a line on stderr that is rewritten now and then; none where nobody would see it."""
    if not sys.stderr.isatty():
        yield from items
        return
    start = last = time.monotonic()
    count = 0
    try:
        for count, item in enumerate(items, start=1):
            yield item
            now = time.monotonic()
            if now - last >= EVERY:
                last = now
                _say(what, count, total, now - start)
    finally:
        _say(what, count, total, time.monotonic() - start)
        sys.stderr.write("\n")


def _say(what: str, count: int, total: int, seconds: float) -> None:
    rate = count / max(seconds, 1e-9)
    left = f", {max(0.0, (total - count) / max(rate, 1e-9)):.0f} s left" if total > count else ""
    of = f" of {total}" if total else ""
    sys.stderr.write(f"\r{what}: {count}{of} frames, {rate:.1f} per second{left}    ")
    sys.stderr.flush()
