"""A thin model in which objects appear, and the switches that the tests turn."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from scalor.core.geometry import WhereConfig
from scalor.models.config import DiscoverConfig, EncoderConfig, GlimpseConfig, ModelConfig, PropagateConfig
from scalor.models.scalor import Scalor

MakeModel = Callable[..., Scalor]

REJECTING = DiscoverConfig(presence_bias=0.3, overlap=0.3, twin_iou=0.5, twin_inside=0.8)
"""The limits of the tests, whatever the defaults."""

THIN = ModelConfig(
    cell=8,
    where=WhereConfig(size=8.0, size_range=2.0, reach=0.8, motion=3.0),
    encoder=EncoderConfig(widths=(8, 8), memory=8, mask_widths=(4, 4)),
    glimpse=GlimpseConfig(side=8, patch=8, hidden=(16,), what=6, alpha_bias=1.0),
    propagate=PropagateConfig(tracker=16, dynamics=16, attended=16, window=2),
    discover=REJECTING,
)


def thin_model(**changes: Any) -> Scalor:
    """`THIN` with changed parts, the same weights at every call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Scalor(dataclasses.replace(THIN, **changes))


@pytest.fixture
def make_model() -> MakeModel:
    return thin_model


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
