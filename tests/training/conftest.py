"""What the tests of the training floor share: a preset of seconds."""

from collections.abc import Iterator

import pytest
import torch

from scalor.configs import preset_named
from scalor.training.preset import Preset


@pytest.fixture
def tiny() -> Preset:
    return preset_named("tiny")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Bit-identity is promised for a fixed number of threads, and small tensors are fastest on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
