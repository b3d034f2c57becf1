"""What all tests share."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

# Small tensors are fastest on one thread, and threads that wait spin against whatever else the machine does.
torch.set_num_threads(1)


# How long an example takes says how busy the machine is, and nothing about the law. What passes on one machine passes
# on another; `pytest --hypothesis-profile=search` looks farther, elsewhere each time.
settings.register_profile("any machine", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def subnormal_numbers() -> Iterator[None]:
    """Commands flush subnormal numbers for speed and may leave it so; hypothesis refuses to work without them."""
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(False)
