"""The share of the machine that a command may use."""

import os
import sys


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
