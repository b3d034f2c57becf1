"""`NonFiniteGuard`: steps with a NaN or infinity in loss or gradient are skipped; five in a row end the training."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from scalor.core.files import put_text
from scalor.core.types import Terms
from scalor.errors import UserError
from scalor.training.measure import TERMS
from scalor.training.process_group import ProcessGroup, SingleProcess

MOST_IN_A_ROW = 5
GRADIENT = "the gradient"


@dataclass
class NonFiniteGuard:
    """Judges every step.

    path     where the offending batches are written before the training is stopped
    skipped  how many steps were skipped so far
    row      the steps skipped since the last good one
    group    the processes that take the steps; loss and gradient are those of all, the terms one's own
    """

    path: Path
    skipped: int = 0
    row: list[dict[str, object]] = field(default_factory=list)
    group: ProcessGroup = SingleProcess("cpu")

    def passes(
        self,
        step: int,
        *,
        loss: Tensor,
        norm: Tensor,
        terms: Terms,
        clips: list[int],
        scalars: Mapping[str, Tensor] = MappingProxyType({}),
    ) -> bool:
        """Whether the step may be taken; one synchronisation with the device.

        Raises:
            UserError: the fifth step in a row is not finite; names the term that broke.
        """
        value, length = torch.stack([loss.detach().float(), norm.detach().float()]).tolist()
        if math.isfinite(value) and math.isfinite(length):
            self.row.clear()
            return True
        self.skipped += 1
        broke = min(self.group.all_gather(broken_term(terms, scalars)), key=lambda term: term == GRADIENT)
        self.row.append({"step": step, "broke": broke, "loss": str(value), "grad_norm": str(length), "clips": clips})
        if len(self.row) >= MOST_IN_A_ROW:
            self._stop(step)
        return False

    def _stop(self, step: int) -> None:
        if self.group.leads:
            put_text(self.path, json.dumps(self.row, indent=2) + "\n")
        raise UserError(
            f"{len(self.row)} steps in a row up to step {step} broke at {self.row[-1]['broke']}, which is not finite; "
            f"their batches are listed in {self.path}; look at these clips and go on with --resume, or start a "
            "new run with a lower train.lr"
        )


def broken_term(terms: Terms, scalars: Mapping[str, Tensor] = MappingProxyType({})) -> str:
    """The first term of the books, or other objective, that is not finite; "the gradient" where all are."""
    for name, value in ({name: getattr(terms, name) for name in TERMS} | dict(scalars)).items():
        if not bool(torch.isfinite(value).all()):
            return name
    return GRADIENT
