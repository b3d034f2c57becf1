"""The importance weights of every baseline against the likelihood by samples of its own prior."""

import dataclasses

import pytest
import torch

from scalor.core.types import Knobs, Scenery
from scalor.metrics.likelihood import log_mean_exp
from scalor.models.background import log_likelihood
from scalor.models.base import WorldModel
from scalor.models.baselines.air import AirConfig
from scalor.models.baselines.seq_vae import SeqVaeConfig
from scalor.models.baselines.silot import SilotConfig
from scalor.models.baselines.sqair import SqairConfig
from scalor.models.baselines.vrnn import VrnnConfig
from scalor.models.build import AnyConfig, build
from scalor.objectives.particles import PARTICLES, log_weights
from scalor.rollout import imagine

pytestmark = pytest.mark.slow

SIDE, SIGMA, BIRTH, FRAMES = 16, 1.0, 0.4, 2
_THIN = {"channels": 1, "side": SIDE, "sigma": SIGMA, "posterior_shift": 1.0}
_OBJECTS = {
    "size": 6.0,
    "slots": 2,
    "glimpse": 6,
    "what": 2,
    "hidden": 8,
    "features": 8,
}
TINY: dict[str, AnyConfig] = {
    "vrnn": VrnnConfig(**_THIN, code=2, hidden=8, width=8),
    "seq-vae": SeqVaeConfig(**_THIN, code=2, hidden=8, width=8),
    "air": AirConfig(**_THIN, **_OBJECTS),
    "sqair": SqairConfig(**_THIN, **_OBJECTS, survive=0.5, go_on=0.5),
    "silot": SilotConfig(**_THIN, **{**_OBJECTS, "slots": 1, "what": 1}, grid=SIDE, survive=0.5),
}


def made(kind: str) -> WorldModel:
    """Untrained, with posteriors wider than priors: others have weights of infinite variance."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build(TINY[kind])
    for name, weight in model.named_parameters():
        if name.endswith("gates.bias"):
            weight.detach().fill_(-4.0)
    return model


@torch.no_grad()
def by_the_prior(model: WorldModel, video: torch.Tensor, samples: int) -> float:
    """log p(x) of one clip [1, T, C, H, W]: mean likelihood under frames drawn from the model itself."""
    world = model.init(samples, Scenery(SIDE, SIDE))
    drawn = imagine(model, world, video.shape[1], Knobs(hard=True, births=True, birth=BIRTH)).image
    total = sum(
        log_likelihood(video[:, t].expand(samples, -1, -1, -1), drawn[:, t], SIGMA) for t in range(video.shape[1])
    )
    return float(log_mean_exp(total.double()))


@pytest.mark.parametrize("kind", sorted(TINY))
def test_weights_of_the_posterior_agree_with_samples_of_the_prior(kind: str) -> None:
    model = made(kind)
    torch.manual_seed(1)
    world = model.init(1, Scenery(SIDE, SIDE))
    video = imagine(model, world, FRAMES, Knobs(hard=True, births=True, birth=0.9)).image.detach().clamp(0, 1)
    wanted = by_the_prior(model, video, 20_000)
    knobs = dataclasses.replace(PARTICLES, birth=BIRTH)
    weights = log_weights(model, video, particles=20_000, sigmas=[SIGMA], knobs=knobs)[SIGMA]
    # The constant of the Gaussian is hundreds of nats; what the model adds or takes is a few.
    assert float(log_mean_exp(weights)[0]) == pytest.approx(wanted, abs=0.1)
