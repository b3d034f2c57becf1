"""Where numbers are crunched: which devices are there, and how a CPU treats the smallest numbers."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from scalor.errors import UserError

KINDS = ("cuda", "mps", "cpu")
"""The fastest first."""


def devices_there() -> list[str]:
    """The kinds of devices that this machine has, the fastest first."""
    have = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [kind for kind in KINDS if have[kind]]


def pick_device(device: str | torch.device) -> torch.device:
    """``auto`` is CUDA, else Apple's MPS, else the CPU. Raises UserError where the named device is not there."""
    if str(device) == "auto":
        return torch.device(devices_there()[0])
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device {device} cannot be used here; auto, cpu, cuda or mps is wanted; try auto") from error
    return torch.device(device)


def refuse_other_floats() -> None:
    """Raises UserError where torch makes new tensors of other floats than float32, which models are of."""
    if torch.get_default_dtype() != torch.float32:
        raise UserError(
            f"torch's default dtype is {torch.get_default_dtype()}; models compute with float32; "
            "call torch.set_default_dtype(torch.float32) before"
        )


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Subnormal numbers, which slow a CPU several times, count as zero inside the block; afterwards as before."""
    before = float(torch.tensor(1e-40) * 1.0) == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
