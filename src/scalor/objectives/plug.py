"""What an objective is."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from scalor.core.schedule import Recipe
from scalor.models.base import WorldConfig
from scalor.rollout import Rollout


class Objective(nn.Module, ABC):
    """A function of what was seen and what was made of it; its scalars are means over the batch.

    names  of its scalars
    """

    names: ClassVar[tuple[str, ...]]

    def __init__(self, recipe: Recipe, model: WorldConfig) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, video: Tensor, rollout: Rollout, step: int) -> dict[str, Tensor]:
        """Scalars by name, of clips [B, T, C, H, W] in [0, 1] and their rollout."""


class Critic(Objective):
    """An objective with parameters of its own, which learn beside the model and against it."""

    @abstractmethod
    def optimizer(self) -> torch.optim.Optimizer:
        """A fresh optimiser of the critic's own parameters."""

    @abstractmethod
    def own_loss(self, video: Tensor, image: Tensor, step: int) -> Tensor | None:
        """What the critic itself lessens, of clips and reconstructions without gradients; None: not in this step."""

    @abstractmethod
    def report(self) -> dict[str, float]:
        """Numbers of the last `own_loss` for the log."""
