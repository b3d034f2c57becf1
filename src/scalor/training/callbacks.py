"""`RunRecorder`, the callback that keeps the run folder: log, pictures, checkpoints, weights; and signals."""

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
from scalor.training.batches import Batches
from scalor.training.checkpoint import RunFolder
from scalor.training.module import TrainingModule
from scalor.training.pictures import CLIPS, picture, save_picture
from scalor.training.process_group import ProcessGroup
from scalor.training.validation import Validation

SAVE_SECONDS = 60.0
LINE_SECONDS = 20.0
"""Between two lines where the output is a file and not a terminal."""


class RunRecorder(Callback):
    """Writes log, pictures, checkpoint and weights while the model trains, and ends the training at a signal.

    Of several processes the leader writes, and the others are there when it saves or stops.

    save_weights  writes the averaged weights and their card
    validation    scores the averaged weights now and then
    caught        the signal that ended the training, if one did
    """

    def __init__(
        self,
        folder: RunFolder,
        batches: Batches,
        save_weights: Callable[[TrainingModule, Mapping[str, float]], None],
        *,
        quiet: bool = False,
        save_seconds: float = SAVE_SECONDS,
        validation: Validation | None = None,
        group: ProcessGroup,
    ) -> None:
        self.folder, self.batches, self.save_weights, self.validation = folder, batches, save_weights, validation
        self.group = group
        self.quiet, self.save_seconds = quiet, save_seconds
        self.rows: list[dict[str, float]] = []
        self.caught: int | None = None
        self._handlers: dict[int, Any] = {}
        self._saved = self._shown = -float("inf")
        self._paced = (0, 0.0)
        self._writer: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module = _training_module(pl_module)
        if self.group.leads:
            self._open(module)
        self._saved, self._paced = time.monotonic(), (module.done, time.monotonic())
        # After Lightning has put its own handlers in place, which would end the run without a word.
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._catch) for number in (signal.SIGINT, signal.SIGTERM)}

    def _open(self, module: TrainingModule) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.folder.keep_rows(module.done)
        self.rows = self.folder.rows()[-health.RECENT :]
        self._writer = SummaryWriter(str(self.folder.tensorboard), purge_step=module.done)
        if module.states and len(module.states) != self.group.size:
            self.say(
                f"the run was trained by {len(module.states)} processes until here and goes on with {self.group.size}: "
                "its noise is another from now on"
            )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        module = _training_module(pl_module)
        if module.numbers is not None and self.group.leads:
            self._write(module, module.numbers)
        due = time.monotonic() - self._saved >= self.save_seconds
        # Together, for whoever saves or stops alone waits for the others for ever.
        caught, due_somewhere = self.group.all_max([float(self.caught or 0), float(due)])
        if caught:
            self.caught = int(caught)
            self._save(trainer, module)
            trainer.should_stop = True
        elif due_somewhere:
            self._save(trainer, module)
            self._report(module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module = _training_module(pl_module)
        if self.caught is None:
            self._save(trainer, module)
            self._report(module)
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._close()

    @property
    def state(self) -> list[health.Finding]:
        """What the last rows of the log say."""
        return health.findings(health.recent(self.rows))

    def say(self, text: str) -> None:
        """One line for people, below the progress line."""
        if self.group.leads and not self.quiet:
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

    def _write(self, module: TrainingModule, numbers: Mapping[str, float]) -> None:
        step, now = int(numbers["step"]), time.monotonic()
        first, since = self._paced
        self._paced = (module.done, now)
        pace = (now - since) / max(1, module.done - first)
        row = {**numbers, "minutes": module.clock.elapsed / 60, "seconds_per_step": pace}
        before = self.rows[-1]["minutes"] if self.rows else 0.0
        if self.validation is not None and self.validation.due(before, row["minutes"]):
            row |= self.validation(module.average)
            self._paced = (module.done, time.monotonic())
            self.say(f"step {module.done}: MOTA {row.get('mota', 0.0):.1%} on validation clips")
        self.folder.add_row(row)
        for name, value in row.items():
            self._writer.add_scalar(name, value, step)
        self.rows = [*self.rows[1 - health.RECENT :], row]
        self._progress(module, row)

    def _progress(self, module: TrainingModule, row: Mapping[str, float]) -> None:
        terminal = sys.stderr.isatty()
        if self.quiet or (not terminal and time.monotonic() - self._shown < LINE_SECONDS):
            return
        self._shown = time.monotonic()
        line = (
            f"step {module.done}  {1 / max(row['seconds_per_step'], 1e-6):.1f} steps/s  "
            f"{module.clock.minutes_left(module.done):.1f} min left  loss {row['loss']:.0f}  "
            f"mse {row['mse']:.5f}  {_objects(row)}{health.word(self.state)}"
        )
        width = shutil.get_terminal_size().columns - 1
        text, end = (f"\r\033[K{line[:width]}", "") if terminal else (line, "\n")
        print(text, end=end, file=sys.stderr, flush=True)

    def _save(self, trainer: Trainer, module: TrainingModule) -> None:
        module.gather_states()
        if self.group.leads:
            put_in_place(self.folder.checkpoint, lambda staging: trainer.save_checkpoint(staging, weights_only=False))
            self.save_weights(module, health.recent(self.rows))
        self._saved = time.monotonic()

    def _report(self, module: TrainingModule) -> None:
        """Health in words and a new picture."""
        if not self.group.leads:
            return
        self.say(f"step {module.done}: {health.report(health.recent(self.rows))}")
        frames = min(10, self.batches.longest, max(frames for _, frames in module.plan.preset.recipe.lengths))
        batch = self.batches.batch(0, size=CLIPS, frames=frames).to(module.device)
        with torch.random.fork_rng():  # looking must not change what is learned
            image = picture(module.average, batch)
        self.folder.pictures.mkdir(exist_ok=True)
        save_picture(image, self.folder.pictures / f"step-{module.done:07d}.png")
        if self._writer is not None:
            self._writer.add_image("picture", np.asarray(image), module.done, dataformats="HWC")


def _objects(row: Mapping[str, float]) -> str:
    """Nothing where the model has no objects."""
    return f"{row['objects']:.1f} objects/frame  " if "objects" in row else ""


def _training_module(pl_module: LightningModule) -> TrainingModule:
    assert isinstance(pl_module, TrainingModule)
    return pl_module
