"""What all tests share."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

# Small tensors are fastest on one thread, and threads that wait spin against whatever else the machine does.
torch.set_num_threads(1)


# How long an example takes says how busy the machine is, and nothing about the law.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def subnormal_numbers() -> Iterator[None]:
    """Commands flush subnormal numbers for speed and may leave it so; hypothesis refuses to work without them."""
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(False)
