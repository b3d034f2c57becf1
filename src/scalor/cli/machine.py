"""The share of the machine that a command may use."""

import ctypes
import os
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Names of glibc's `mallopt`."""
LARGEST = 32 * 2**20
"""The most that MMAP_THRESHOLD may be."""


def keep_memory() -> None:
    """Keep freed memory for the next tensors instead of giving it back to the system and asking for it again.

    With glibc a tracked frame of 512 x 512 pixels otherwise spends a third of its time in page faults. Where the C
    library has no such knobs nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(TRIM_THRESHOLD, 2**31 - 1)
    mallopt(MMAP_THRESHOLD, LARGEST)


def use_threads(count: int | None) -> None:
    """Compute with ``count`` threads but no more than there are cores, and say so; None leaves it to torch."""
    if count is None:
        return
    import torch

    cores = os.cpu_count() or 1
    used = min(count, cores)
    torch.set_num_threads(used)
    more = f", as many as this machine has cores; {count} were asked for" if used < count else ""
    print(f"computing with {used} thread{'s' * (used != 1)}{more}", file=sys.stderr)
