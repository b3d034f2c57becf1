"""`Clock`: how far a training is, in steps or in minutes."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Clock:
    """Progress from 0 to 1 over ``steps``, or over ``minutes`` of training time; exactly one of them is given.

    before  training seconds of the parts before an interruption, saved in the checkpoint
    """

    steps: int | None = None
    minutes: float | None = None
    before: float = 0.0
    now: Callable[[], float] = time.monotonic
    _started: float | None = None

    def start(self) -> None:
        """Begin to count; the time that a resumed run was down does not count."""
        self._started = self.now()

    @property
    def elapsed(self) -> float:
        """Training seconds, over all parts."""
        return self.before + (0.0 if self._started is None else self.now() - self._started)

    def progress(self, step: int) -> float:
        """Share of the training that is done before step ``step``, at most 1."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        return min(1.0, self.elapsed / (60.0 * (self.minutes or 1e-9)))

    def over(self, step: int) -> bool:
        """Whether step ``step`` is no longer to be done."""
        return self.progress(step) >= 1.0

    def minutes_left(self, step: int) -> float:
        """Minutes to go; with a number of steps, judged by the pace so far of this part of the run."""
        if self.minutes is not None:
            return max(0.0, self.minutes - self.elapsed / 60.0)
        done = self.progress(step)
        return self.elapsed / 60.0 * (1.0 - done) / done if done else float("inf")
