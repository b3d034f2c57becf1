"""How many threads a training computes with: as many as pay, found by timing its own steps."""

import statistics
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

WARM_UP = 2
"""Steps that are not timed: the first ones, and those after clips changed their length, do more than others."""
TRIALS = 4
"""Timed steps with one and with all threads, in turn."""
PAYS = 0.9
"""All threads are taken where their steps take at most this share of the time of one thread's."""
RECENT = 20
"""Steps whose median is the present pace."""
SLOWER = 1.4
"""A pace this many times slower than the best since the last trial asks for another trial."""
AGAIN = 400
"""Steps after which it is tried again in any case: neighbours leave unnoticed."""


class Pace:
    """Which of one and ``most`` threads to take for the next step, from the seconds that steps took.

    Threads of one computation wait for each other. Where other programs have the cores, that waiting costs more than
    the second thread brings, and one thread takes no more than its share.

    found  seconds of a step with one and with all threads, as the last trial found them
    """

    def __init__(self, most: int) -> None:
        self.most, self.threads = most, most
        self.found = (float("nan"), float("nan"))
        self._frames = 0
        self._start()

    def _start(self) -> None:
        self._wait, self._trial = WARM_UP, self.most > 1
        self._timed: dict[int, list[float]] = {self.most: [], 1: []}
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._best, self._steps = float("inf"), 0

    def took(self, seconds: float, frames: int) -> bool:
        """Note a step over clips of so many frames; whether a trial just ended. ``threads`` is for the next step."""
        if self.most == 1:
            return False
        if frames != self._frames:
            self._frames = frames
            self._start()
            return False
        if self._wait:
            self._wait -= 1
            return False
        return self._tried(seconds) if self._trial else self._watched(seconds)

    def _tried(self, seconds: float) -> bool:
        self._timed[self.threads].append(seconds)
        self.threads = 1 if self.threads == self.most else self.most
        if min(map(len, self._timed.values())) < TRIALS:
            return False
        one, every = (statistics.median(self._timed[threads]) for threads in (1, self.most))
        self.threads = self.most if every <= PAYS * one else 1
        self._trial, self.found = False, (one, every)
        return True

    def _watched(self, seconds: float) -> bool:
        self._recent.append(seconds)
        self._steps += 1
        if len(self._recent) == RECENT:
            pace = statistics.median(self._recent)
            self._best = min(self._best, pace)
            if pace > SLOWER * self._best or self._steps >= AGAIN:
                self._start()
        return False


class ThreadChoice(Callback):
    """Sets torch's threads for every step as `Pace` says, and says what it chose when that changes."""

    def __init__(self, say: Callable[[str], None], *, now: Callable[[], float] = time.perf_counter) -> None:
        self._say, self._now = say, now
        self._before = torch.get_num_threads()
        self._pace = Pace(self._before)
        self._began, self._said = 0.0, 0

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_idx: int) -> None:
        if torch.get_num_threads() != self._pace.threads:
            torch.set_num_threads(self._pace.threads)
        self._began = self._now()

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        pace = self._pace
        if pace.took(self._now() - self._began, batch.batch.video.shape[1]) and pace.threads != self._said:
            self._said = pace.threads
            one, every = pace.found
            self._say(
                f"computing with {pace.threads} thread{'s' * (pace.threads != 1)}: a step takes {one:.2g} s with one "
                f"and {every:.2g} s with {pace.most} (--threads fixes the number)"
            )

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        torch.set_num_threads(self._before)

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        torch.set_num_threads(self._before)
