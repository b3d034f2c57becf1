"""`Clock`: how far a training is, in steps or in minutes of work."""

import time
from collections.abc import Callable
from dataclasses import dataclass

PATIENCE = 3.0
"""A training of so many minutes ends after so many times as many on the wall, however busy the machine is."""


@dataclass
class Clock:
    """Progress from 0 to 1 over ``steps``, or over ``minutes`` of training; exactly one of them is given.

    With ``worked``, the seconds that the processor spent on the training, minutes are minutes of work: beside other
    programs the same training takes longer, at most PATIENCE times as long, and is no worse.

    before  training seconds of the parts before an interruption, saved in the checkpoint
    """

    steps: int | None = None
    minutes: float | None = None
    before: float = 0.0
    now: Callable[[], float] = time.monotonic
    worked: Callable[[], float] | None = None
    _started: tuple[float, float] | None = None

    def start(self) -> None:
        """Begin to count; the time that a resumed run was down does not count."""
        self._started = (self.now(), self.worked() if self.worked else 0.0)

    @property
    def elapsed(self) -> float:
        """Training seconds, over all parts."""
        return self.before + self._counted(self._passed)

    @property
    def _passed(self) -> float:
        return 0.0 if self._started is None else self.now() - self._started[0]

    def _counted(self, passed: float) -> float:
        if self._started is None or self.worked is None:
            return passed
        return min(passed, max(self.worked() - self._started[1], passed / PATIENCE))

    @property
    def pace(self) -> float:
        """Training seconds per second on the wall of this part of the run; below 1 beside other programs."""
        return self._counted(self._passed) / self._passed if self._passed else 1.0

    def progress(self, step: int) -> float:
        """Share of the training that is done before step ``step``, at most 1."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        return min(1.0, self.elapsed / (60.0 * (self.minutes or 1e-9)))

    def over(self, step: int) -> bool:
        """Whether step ``step`` is no longer to be done."""
        return self.progress(step) >= 1.0

    def minutes_left(self, step: int) -> float:
        """Minutes on the wall to go, judged by the pace so far of this part of the run."""
        if self.minutes is not None:
            return max(0.0, self.minutes - self.elapsed / 60.0) / max(self.pace, 1.0 / PATIENCE)
        done = self.progress(step)
        return self.elapsed / 60.0 * (1.0 - done) / done / self.pace if done else float("inf")
