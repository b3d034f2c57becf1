"""`Diary`, the callback that writes everything down: log, progress line, health, pictures, checkpoints; and signals."""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from scalor.core.files import put_in_place
from scalor.training import health
from scalor.training.checkpoint import RunFolder
from scalor.training.crew import Crew
from scalor.training.datasets import Lessons
from scalor.training.module import Trainee
from scalor.training.pictures import CLIPS, picture, save_picture
from scalor.training.validation import Validation

SAVE_SECONDS = 60.0
LINE_SECONDS = 20.0
"""Between two lines where the output is a file and not a terminal."""


class Diary(Callback):
    """Keeps the run folder up to date; of a crew the leader does, and the others are there when it saves or stops.

    save_weights  writes the averaged weights and their card
    validation    scores the averaged weights now and then
    caught        the signal that ended the training, if one did
    """

    def __init__(
        self,
        folder: RunFolder,
        lessons: Lessons,
        save_weights: Callable[[Trainee, Mapping[str, float]], None],
        *,
        quiet: bool = False,
        save_seconds: float = SAVE_SECONDS,
        validation: Validation | None = None,
        crew: Crew,
    ) -> None:
        self.folder, self.lessons, self.save_weights, self.validation = folder, lessons, save_weights, validation
        self.crew = crew
        self.quiet, self.save_seconds = quiet, save_seconds
        self.rows: list[dict[str, float]] = []
        self.caught: int | None = None
        self._handlers: dict[int, Any] = {}
        self._saved = self._shown = -float("inf")
        self._paced = (0, 0.0)
        self._writer: Any = None

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        trainee = _trainee(module)
        if self.crew.leads:
            self._open(trainee)
        self._saved, self._paced = time.monotonic(), (trainee.done, time.monotonic())
        # After Lightning has put its own handlers in place, which would end the run without a word.
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._catch) for number in (signal.SIGINT, signal.SIGTERM)}

    def _open(self, trainee: Trainee) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.folder.keep_rows(trainee.done)
        self.rows = self.folder.rows()[-health.RECENT :]
        self._writer = SummaryWriter(str(self.folder.tensorboard), purge_step=trainee.done)
        if trainee.states and len(trainee.states) != self.crew.size:
            self.say(
                f"the run was trained by {len(trainee.states)} processes until here and goes on with {self.crew.size}: "
                "its noise is another from now on"
            )

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        trainee = _trainee(module)
        if trainee.numbers is not None and self.crew.leads:
            self._write(trainee, trainee.numbers)
        due = time.monotonic() - self._saved >= self.save_seconds
        # Together, for whoever saves or stops alone waits for the others for ever.
        caught, due_somewhere = self.crew.most([float(self.caught or 0), float(due)])
        if caught:
            self.caught = int(caught)
            self._save(trainer, trainee)
            trainer.should_stop = True
        elif due_somewhere:
            self._save(trainer, trainee)
            self._report(trainee)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        trainee = _trainee(module)
        if self.caught is None:
            self._save(trainer, trainee)
            self._report(trainee)
        self._close()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self._close()

    @property
    def state(self) -> list[health.Finding]:
        """What the last rows of the log say."""
        return health.findings(health.recent(self.rows))

    def say(self, text: str) -> None:
        """One line for people, below the progress line."""
        if self.crew.leads and not self.quiet:
            lead = "\r\033[K" if sys.stderr.isatty() else ""
            print(lead + text, file=sys.stderr, flush=True)

    def _catch(self, number: int, frame: object) -> None:
        if self.caught is not None:  # impatience must not cost the run
            os.write(2, b"\nthe run is being saved, wait a moment\n")
        self.caught = self.caught or number

    def _close(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, trainee: Trainee, numbers: Mapping[str, float]) -> None:
        step, now = int(numbers["step"]), time.monotonic()
        first, since = self._paced
        self._paced = (trainee.done, now)
        pace = (now - since) / max(1, trainee.done - first)
        row = {**numbers, "minutes": trainee.clock.elapsed / 60, "seconds_per_step": pace}
        before = self.rows[-1]["minutes"] if self.rows else 0.0
        if self.validation is not None and self.validation.due(before, row["minutes"]):
            row |= self.validation(trainee.average)
            self._paced = (trainee.done, time.monotonic())
            self.say(f"step {trainee.done}: MOTA {row.get('mota', 0.0):.1%} on validation clips")
        self.folder.add_row(row)
        for name, value in row.items():
            self._writer.add_scalar(name, value, step)
        self.rows = [*self.rows[1 - health.RECENT :], row]
        self._progress(trainee, row)

    def _progress(self, trainee: Trainee, row: Mapping[str, float]) -> None:
        terminal = sys.stderr.isatty()
        if self.quiet or (not terminal and time.monotonic() - self._shown < LINE_SECONDS):
            return
        self._shown = time.monotonic()
        line = (
            f"step {trainee.done}  {1 / max(row['seconds_per_step'], 1e-6):.1f} steps/s  "
            f"{trainee.clock.minutes_left(trainee.done):.1f} min left  loss {row['loss']:.0f}  "
            f"mse {row['mse']:.5f}  {_objects(row)}{health.word(self.state)}"
        )
        width = shutil.get_terminal_size().columns - 1
        text, end = (f"\r\033[K{line[:width]}", "") if terminal else (line, "\n")
        print(text, end=end, file=sys.stderr, flush=True)

    def _save(self, trainer: Trainer, trainee: Trainee) -> None:
        trainee.gather_states()
        if self.crew.leads:
            put_in_place(self.folder.checkpoint, lambda staging: trainer.save_checkpoint(staging, weights_only=False))
            self.save_weights(trainee, health.recent(self.rows))
        self._saved = time.monotonic()

    def _report(self, trainee: Trainee) -> None:
        """Health in words and a new picture."""
        if not self.crew.leads:
            return
        self.say(f"step {trainee.done}: {health.report(health.recent(self.rows))}")
        frames = min(10, self.lessons.longest, max(frames for _, frames in trainee.plan.preset.recipe.lengths))
        batch = self.lessons.batch(0, size=CLIPS, frames=frames).to(trainee.device)
        with torch.random.fork_rng():  # looking must not change what is learned
            image = picture(trainee.average, batch)
        self.folder.pictures.mkdir(exist_ok=True)
        save_picture(image, self.folder.pictures / f"step-{trainee.done:07d}.png")
        if self._writer is not None:
            self._writer.add_image("picture", np.asarray(image), trainee.done, dataformats="HWC")


def _objects(row: Mapping[str, float]) -> str:
    """Nothing where the model has no objects."""
    return f"{row['objects']:.1f} objects/frame  " if "objects" in row else ""


def _trainee(module: LightningModule) -> Trainee:
    assert isinstance(module, Trainee)
    return module
