"""A rollout of the tiny model on tiny clips."""

import pytest
import torch
from torch import Tensor

from scalor.configs import preset_named
from scalor.core.types import Knobs
from scalor.models.scalor import Scalor
from scalor.rollout import Rollout, observe
from scalor.training.datasets import data_named


@pytest.fixture
def video() -> Tensor:
    data = data_named("sprites-tiny", 0)
    return torch.stack([data[index].video[:3] for index in range(2)]).float() / 255


@pytest.fixture
def model() -> Scalor:
    torch.manual_seed(0)
    return Scalor(preset_named("tiny").model)


@pytest.fixture
def rollout(model: Scalor, video: Tensor) -> Rollout:
    torch.manual_seed(1)
    return observe(model, video, Knobs(birth=0.2))
