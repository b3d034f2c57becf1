"""The importance-sampled likelihood against enumeration, against the prior, and against itself."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from scalor.core.geometry import WhereConfig
from scalor.core.types import Knobs, Scenery, Sight, Terms
from scalor.metrics.likelihood import log_mean_exp
from scalor.models.background import log_likelihood
from scalor.models.config import DiscoverConfig, EncoderConfig, GlimpseConfig, ModelConfig, PropagateConfig
from scalor.models.scalor import Scalor
from scalor.objectives.particles import PARTICLES, importance_nll, log_weights
from scalor.rollout import imagine

PRIOR, GUESS, BRIGHT = 0.2, 0.6, 0.7


class Coin:
    """A world whose frames are BRIGHT with probability PRIOR, else black; its posterior guesses GUESS."""

    config = SimpleNamespace(needs_backdrop=False, sigma=0.5, channels=1, cell=4)

    def init(self, batch: int, scenery: Scenery) -> Scenery:
        return scenery

    def look(self, world: Scenery, video: torch.Tensor) -> list[Sight]:
        return [Sight(frame, frame, frame) for frame in video.unbind(1)]

    def step(self, world: Scenery, sight: Sight, knobs: Knobs) -> tuple[Scenery, Any]:
        frame = sight.frame
        heads = (torch.rand(len(frame)) < GUESS).float()
        ratio = heads * math.log(PRIOR / GUESS) + (1 - heads) * math.log((1 - PRIOR) / (1 - GUESS))
        image = (BRIGHT * heads).view(-1, 1, 1, 1).expand_as(frame)
        terms = Terms.zeros(len(frame), frame).replace(log_ratio=ratio + log_likelihood(frame, image, 0.5))
        return world, SimpleNamespace(image=image, terms=terms)


def enumerated(video: torch.Tensor, sigma: float) -> torch.Tensor:
    """Exact NLL per pixel of `Coin`: frames are independent, each has two causes."""
    total = torch.zeros(len(video), dtype=torch.float64)
    for frame in video.unbind(1):
        causes = [(PRIOR, BRIGHT * torch.ones_like(frame)), (1 - PRIOR, torch.zeros_like(frame))]
        total += torch.stack([math.log(p) + log_likelihood(frame, image, sigma) for p, image in causes]).logsumexp(0)
    return -total / video[0, 0, 0].numel()


@pytest.mark.parametrize("sigma", [0.5, 1.0])
def test_the_estimate_is_the_exact_likelihood_of_a_world_that_can_be_enumerated(sigma):
    torch.manual_seed(0)
    video = 0.8 * torch.rand(3, 2, 1, 4, 4)
    found = importance_nll(Coin(), video, particles=20_000, sigma=sigma)  # type: ignore[arg-type]
    assert torch.allclose(found, enumerated(video, sigma), atol=2e-3)


def one_cell(*, presence_bias: float = 0.0) -> Scalor:
    """A tiny grey world of one 8 px cell, quiet enough that the prior can be sampled exhaustively."""
    config = ModelConfig(
        channels=1,
        cell=8,
        posterior_shift=0.7,  # as wide as the prior: a narrow proposal would need too many particles
        where=WhereConfig(size=5.0, size_range=2.0, ratio=1.0, ratio_range=0.2, reach=0.8),
        encoder=EncoderConfig(widths=(4, 4), memory=4, memory_stride=1, mask_widths=(4, 4)),
        glimpse=GlimpseConfig(side=8, hidden=(8,), what=2),
        # A posterior times the prior is narrower than the prior, and its weights have no bound.
        propagate=PropagateConfig(
            tracker=4, dynamics=4, attended=4, window=1, where_shift=0.7, update="gated", slow=math.inf
        ),
        discover=DiscoverConfig(presence_bias=presence_bias, ring=0),
    )
    torch.manual_seed(1)
    return Scalor(config).eval()


@pytest.mark.parametrize("frames", [1, 2])
@torch.no_grad()
def test_samples_from_the_posterior_and_from_the_prior_tell_the_same_likelihood(frames):
    model, sigma = one_cell(), 1.0
    knobs = Knobs(stochastic=True, hard=True, weigh=True, births=True, birth=0.3)
    video = torch.rand(1, frames, 1, 8, 8)
    torch.manual_seed(0)
    ours = importance_nll(model, video, particles=10_000, sigma=sigma, knobs=knobs)
    count = 10_000
    drawn = imagine(model, model.init(count, Scenery(height=8, width=8)), frames, knobs)
    like = sum(log_likelihood(video[:, t].expand_as(s.image), s.image, sigma) for t, s in enumerate(drawn.steps))
    assert isinstance(like, torch.Tensor)
    blind = -log_mean_exp(like.double()) / 64
    assert abs(float(ours) - float(blind)) < 4e-3


@torch.no_grad()
def test_more_particles_make_the_bound_tighter():
    model = one_cell(presence_bias=1.0)
    video = torch.rand(16, 2, 1, 8, 8)
    torch.manual_seed(0)
    loose, tight = (float(importance_nll(model, video, particles=k, sigma=0.2).mean()) for k in (1, 200))
    assert tight < loose - 0.01


@torch.no_grad()
def test_one_set_of_samples_serves_every_width_and_the_models_own_is_among_them():
    model = one_cell()
    video = torch.rand(2, 2, 1, 8, 8)
    torch.manual_seed(0)
    both = log_weights(model, video, particles=3, sigmas=[1.0, model.config.render.sigma])
    for sigma, weights in both.items():
        torch.manual_seed(0)
        alone = log_weights(model, video, particles=3, sigmas=[sigma], knobs=PARTICLES)[sigma]
        assert weights.shape == (3, 2) and torch.equal(weights, alone)


def test_no_particles_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        importance_nll(one_cell(), torch.rand(1, 1, 1, 8, 8), particles=0)
