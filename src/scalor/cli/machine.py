"""The share of the machine that a command may use."""

import sys


def use_threads(count: int | None) -> None:
    """Compute with ``count`` threads, and say so; None leaves it to torch."""
    if count is None:
        return
    import torch

    torch.set_num_threads(count)
    print(f"computing with {count} thread{'s' * (count != 1)}", file=sys.stderr)
