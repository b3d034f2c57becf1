"""Seeds as users give them: whole numbers from 0, Python's or numpy's."""

import operator
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import SupportsIndex

import numpy as np
import torch

from scalor.errors import UserError

_DRAWING = threading.RLock()


def whole_seed(seed: object) -> int:
    """A seed as Python's int. Raises UserError where it is no whole number from 0 and below 2^63."""
    number = operator.index(seed) if isinstance(seed, SupportsIndex) else -1
    if not 0 <= number < 2**63:
        raise UserError(f"seed is {seed!r}; a whole number from 0 is wanted; correct it")
    return number


def seed_of(seed: int, number: int) -> int:
    """The seed of one of many draws that have a seed together, whatever their number."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0])


@contextmanager
def apart(device: torch.device | None = None) -> Iterator[None]:
    """Whatever torch draws inside, on the CPU and on ``device``, leaves its global random state as it was. Threads take
    turns, for that state is everybody's: else each would draw from the other's seed."""
    devices = [] if device is None or device.type == "cpu" else [device]
    with _DRAWING, torch.random.fork_rng(devices, device_type=devices[0].type if devices else "cuda"):
        yield
