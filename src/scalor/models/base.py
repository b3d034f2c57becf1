"""The contract of every world model: init, look, step. Whoever trains, tracks, imagines or scores knows only this."""

from abc import ABC, abstractmethod
from typing import Protocol

from torch import Tensor, nn

from scalor.core.shade import Outline
from scalor.core.types import Knobs, Scenery, Sight, Step, World


class WorldConfig(Protocol):
    """What everybody may ask of a model's config.

    channels        of the frames, 1 or 3
    cell            both sides of a frame are multiples of it
    side            both sides of every frame; None: any multiples of the cell
    sigma           std of the likelihood
    needs_backdrop  `Scenery` must bring a median image
    videos          how many videos have a background of their own
    largest         width and height of the largest box in pixels; None: the model has no objects
    """

    @property
    def channels(self) -> int: ...
    @property
    def cell(self) -> int: ...
    @property
    def side(self) -> int | None: ...
    @property
    def sigma(self) -> float: ...
    @property
    def needs_backdrop(self) -> bool: ...
    @property
    def videos(self) -> int: ...
    @property
    def largest(self) -> tuple[float, float] | None: ...


class WorldModel(nn.Module, ABC):
    """A model of video. Slots may be empty (N = 0 is a batch like any other), for ever where there are no objects."""

    config: WorldConfig

    @abstractmethod
    def init(self, batch: int, scenery: Scenery) -> World:
        """The world before the first frame. Raises ValueError for frames of a size that the model cannot see."""

    @abstractmethod
    def look(self, world: World, video: Tensor) -> list[Sight]:
        """What is seen of the frames [B, T, C, H, W] in [0, 1] that follow ``world``: one `Sight` each."""

    def outline(self, world: World, sight: Sight, noise: Tensor | None = None) -> Outline | None:
        """Which pixels differ from the empty scene, whose ``noise`` [B, H, W] is the standard deviation of its pixels
        over time, where that is known; None where the model knows of no such scene."""
        return None

    @abstractmethod
    def step(self, world: World, sight: Sight | None, knobs: Knobs) -> tuple[World, Step]:
        """One frame. ``sight`` None: imagine, with the prior as guide, which costs exactly 0 nats."""
