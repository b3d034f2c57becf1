"""The sequential VAE of the paper's natural scene: one code per frame with a random-walk prior, nothing else."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from scalor.core.sites import Gaussian
from scalor.core.types import Knobs, Scenery, Sight, Step, World
from scalor.models.base import WorldModel
from scalor.models.baselines.frames import (
    FrameDecoder,
    FrameEncoder,
    books,
    no_slots,
    refuse_other_sides,
    report_of,
    sights_of,
)


@dataclass(frozen=True)
class SeqVaeConfig:
    """side: of the frames; code, hidden: sizes of z and of the prior's GRU; width: channels of the stacks."""

    kind: Literal["seq-vae"] = "seq-vae"
    channels: int = 3
    side: int = 64
    code: int = 64
    hidden: int = 64
    width: int = 32
    sigma: float = 0.2
    posterior_shift: float = -1.0

    @property
    def cell(self) -> int:
        """Frames have one size."""
        return self.side

    needs_backdrop = False
    videos = 1
    largest = None


class SeqVae(WorldModel):
    """p(z_1) = N(0, 1), p(z_t | z_<t) = N(z_{t-1} + step, .) with the step from a GRU; q(z_t | x_t); p(x_t | z_t).

    The model of the paper's background (spec A.5) for whole frames. World.background holds z and the GRU's state,
    World.memory 1 once there was a frame.
    """

    def __init__(self, config: SeqVaeConfig) -> None:
        super().__init__()
        self.config: SeqVaeConfig = config
        self.encoder = FrameEncoder(config.channels, config.side, 2 * config.code, width=config.width)
        self.decoder = FrameDecoder(config.channels, config.side, config.code, width=config.width)
        self.walk = nn.GRUCell(config.code, config.hidden)
        self.drift = nn.Linear(config.hidden, 2 * config.code)

    def init(self, batch: int, scenery: Scenery) -> World:
        refuse_other_sides(scenery.height, scenery.width, self.config.side)
        like = next(self.parameters()).detach()
        return World(
            slots=no_slots(batch, like),
            background=(like.new_zeros(batch, self.config.code), like.new_zeros(batch, self.config.hidden)),
            memory=like.new_zeros(batch, 1, 1, 1),
            next_id=torch.zeros(batch, dtype=torch.int64, device=like.device),
            scenery=scenery,
        )

    def look(self, world: World, video: Tensor) -> list[Sight]:
        features = self.encoder(video.flatten(0, 1)).unflatten(0, video.shape[:2])
        started = world.replace(memory=torch.ones_like(world.memory))
        return sights_of(video, features, started)

    def _prior(self, world: World) -> tuple[Gaussian, Tensor]:
        code, hidden = world.background
        started = world.memory[:, :, 0, 0]
        hidden = started * self.walk(code, hidden)
        step = Gaussian.of(self.drift(hidden))
        mean = started * (code + step.mean)
        return Gaussian(mean, torch.where(started > 0, step.std, 1.0)), hidden

    def step(self, world: World, sight: Sight | None, knobs: Knobs) -> tuple[World, Step]:
        if knobs.detach:
            world = world.detach()
        prior, hidden = self._prior(world)
        guide = prior
        if sight is not None and sight.features is not None:
            guide = Gaussian.of(sight.features.flatten(1), shift=self.config.posterior_shift)
        code = guide.sample(knobs.stochastic)
        image = self.decoder(code)
        sigma = knobs.soften * (knobs.sigma or self.config.sigma)
        terms = books(sight, image, code, guide, prior, sigma)
        after = world.replace(background=(code, hidden), memory=torch.ones_like(world.memory))
        return after, report_of(image, world.slots, terms)
