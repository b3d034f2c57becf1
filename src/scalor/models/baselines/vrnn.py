"""VRNN with convolutions (Chung et al. 2015; the baseline of Table 2): one code per frame, one memory per clip."""

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
from scalor.nets.heads import mlp
from scalor.nets.recurrent import LSTMState


@dataclass(frozen=True)
class VrnnConfig:
    """side: of the frames; code, hidden: sizes of z and of the LSTM (paper: 128); width: channels of the stacks."""

    kind: Literal["vrnn"] = "vrnn"
    channels: int = 3
    side: int = 64
    code: int = 128
    hidden: int = 128
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


class Vrnn(WorldModel):
    """Prior p(z_t | h_{t-1}), posterior q(z_t | x_t, h_{t-1}), decoder p(x_t | z_t, h_{t-1}),
    h_t = LSTM([phi(x_t), phi(z_t)], h_{t-1}).

    An imagined frame takes the place of x_t in the memory. World.background holds z and the LSTM's h and c.
    """

    def __init__(self, config: VrnnConfig) -> None:
        super().__init__()
        self.config: VrnnConfig = config
        hidden = config.hidden
        self.encoder = FrameEncoder(config.channels, config.side, hidden, width=config.width)
        self.code = nn.Sequential(nn.Linear(config.code, hidden), nn.ReLU())
        self.prior = mlp(hidden, hidden, 2 * config.code, act="relu")
        self.posterior = mlp(2 * hidden, hidden, 2 * config.code, act="relu")
        self.decoder = FrameDecoder(config.channels, config.side, 2 * hidden, width=config.width)
        self.memory = LSTMState(2 * hidden, hidden)

    def init(self, batch: int, scenery: Scenery) -> World:
        refuse_other_sides(scenery.height, scenery.width, self.config.side)
        like = next(self.parameters()).detach()
        return World(
            slots=no_slots(batch, like),
            background=(like.new_zeros(batch, self.config.code), like.new_zeros(batch, 2 * self.config.hidden)),
            memory=like.new_zeros(batch, 0, 1, 1),
            next_id=torch.zeros(batch, dtype=torch.int64, device=like.device),
            scenery=scenery,
        )

    def look(self, world: World, video: Tensor) -> list[Sight]:
        features = torch.relu(self.encoder(video.flatten(0, 1))).unflatten(0, video.shape[:2])
        return sights_of(video, features, world)

    def step(self, world: World, sight: Sight | None, knobs: Knobs) -> tuple[World, Step]:
        if knobs.detach:
            world = world.detach()
        state = world.background[1]
        past = state[:, : self.config.hidden]
        prior = guide = Gaussian.of(self.prior(past))
        seen = None if sight is None or sight.features is None else sight.features.flatten(1)
        if seen is not None:
            guide = Gaussian.of(self.posterior(torch.cat([seen, past], dim=1)), shift=self.config.posterior_shift)
        code = guide.sample(knobs.stochastic)
        meaning = self.code(code)
        image = self.decoder(torch.cat([meaning, past], dim=1))
        if seen is None:
            seen = torch.relu(self.encoder(image))
        state = self.memory(torch.cat([seen, meaning], dim=1), state)
        sigma = knobs.soften * (knobs.sigma or self.config.sigma)
        terms = books(sight, image, code, guide, prior, sigma)
        return world.replace(background=(code, state)), report_of(image, world.slots, terms)
