"""Whether an exported step does what the model does: converters change sums, and a file that is wrong says nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scalor.errors import UserError
from scalor.outputs.places import library

GROUND, BRIGHT = 60, 220
"""Grey levels of the picture that steps are tried on."""
FLAW = 1e-2
"""How far any number may be off after two frames."""


def check_step(path: Path, step: Any, names: list[str], state: list[Tensor], found: tuple[str, ...]) -> None:
    """Run two frames through the file in ONNX Runtime and through the model in torch.

    Args:
        path: the file.
        step: the model, an `OnnxStep`.
        names, state: what `OnnxStep.initial` gives.
        found: names of the outputs before the state.

    Raises:
        UserError: they differ.
    """
    runtime = library("onnxruntime", extra="onnx")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    outputs = [*found, *(f"next.{name}" for name in names)]
    still = {"backdrop": np.full(step.frame, GROUND, np.uint8)} if step.filmed else {}
    theirs = {name: tensor.numpy() for name, tensor in zip(names, state, strict=True)}
    for number in range(2):
        frame = picture(step.frame, number)
        given = [torch.from_numpy(each) for each in (frame, *still.values())]
        with torch.inference_mode():
            mine = [tensor.numpy() for tensor in step(*given, *state)]
        theirs = dict(zip(outputs, session.run(outputs, {"frame": frame, **still, **theirs}), strict=True))
        wrong = [name for name, value in zip(outputs, mine, strict=True) if not _alike(value, theirs[name])]
        if wrong:
            raise UserError(
                f"the converter wrote a step that gives another {wrong[0]} than the model; nothing was kept; "
                "try another version of onnxscript"
            )
        state = [torch.from_numpy(value) for value in mine[len(found) :]]
        theirs = {name: theirs[f"next.{name}"] for name in names}


def picture(size: tuple[int, int, int], number: int) -> np.ndarray:
    """A bright square on its way over a grey ground, uint8 [H, W, C]."""
    height, width, _ = size
    side = max(4, min(height, width) // 6)
    frame = np.full(size, GROUND, np.uint8)
    top, left = height // 3, width // 3 + number
    frame[top : top + side, left : left + side] = BRIGHT
    return frame


def _alike(mine: np.ndarray, theirs: np.ndarray) -> bool:
    if mine.shape != theirs.shape:
        return False
    gap = np.abs(mine.astype(np.float64) - theirs.astype(np.float64))
    return bool((gap <= FLAW * np.maximum(1.0, np.abs(mine))).all())
