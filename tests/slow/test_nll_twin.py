"""The books against enumeration: a world of one cell, where log p(x) can be had without any posterior."""

import functools
import math

import pytest
import torch
from torch import Tensor

from scalor.core.geometry import WhereConfig
from scalor.core.types import Knobs, Scenery
from scalor.metrics.likelihood import log_mean_exp
from scalor.models.background import log_likelihood
from scalor.models.config import (
    DiscoverConfig,
    EncoderConfig,
    GlimpseConfig,
    ModelConfig,
    PropagateConfig,
    RenderConfig,
)
from scalor.models.scalor import Scalor
from scalor.rollout import Rollout, imagine, observe

SAMPLES, BIRTH, SIGMA = 40_000, 0.3, 1.0


@functools.cache
def one_cell() -> Scalor:
    """Posteriors wider than the priors, so that importance weights are bounded."""
    config = ModelConfig(
        channels=1,
        cell=8,
        posterior_shift=1.0,
        where=WhereConfig(size=5.0, size_range=1.0, ratio_range=0.1, reach=0.5, motion=2.0),
        encoder=EncoderConfig(widths=(4,), memory=4, mask_widths=(4,)),
        glimpse=GlimpseConfig(side=4, patch=4, hidden=(8,), what=2, alpha_bias=1.0),
        propagate=PropagateConfig(
            tracker=8,
            dynamics=8,
            attended=8,
            window=1,
            update="gated",
            slow=math.inf,
            presence_bias=0.1,
            survival_bias=0.5,
            where_shift=1.0,
        ),
        discover=DiscoverConfig(presence_bias=-0.3, ring=0),
        render=RenderConfig(sigma=SIGMA),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Scalor(config).requires_grad_(False)


def clip(frames: int) -> Tensor:
    """A bright block on black: [1, T, 1, 8, 8]."""
    video = torch.zeros(1, frames, 1, 8, 8)
    for time in range(frames):
        video[:, time, :, 2:6, 2 + time : 6 + time] = 0.8
    return video


def log_weights(frames: int) -> Tensor:
    """log p(x, z) / q(z | x) of SAMPLES posterior samples, summed over time."""
    torch.manual_seed(1)
    knobs = Knobs(hard=True, weigh=True, birth=BIRTH)
    rollout = observe(one_cell(), clip(frames).expand(SAMPLES, -1, -1, -1, -1), knobs)
    return torch.stack([step.terms.log_ratio for step in rollout.steps]).sum(0)


def from_the_prior(frames: int, birth: float) -> tuple[Rollout, Tensor]:
    """SAMPLES worlds from the prior and log p(x | z) of each."""
    torch.manual_seed(2)
    model = one_cell()
    start = model.init(SAMPLES, Scenery(8, 8))
    rollout = imagine(model, start, frames, Knobs(hard=True, births=True, birth=birth))
    video = clip(frames).expand(SAMPLES, -1, -1, -1, -1)
    each = [log_likelihood(video[:, time], step.image, SIGMA) for time, step in enumerate(rollout.steps)]
    return rollout, torch.stack(each).sum(0)


def test_one_frame_equals_the_sum_over_presence() -> None:
    """p(x) = (1 - birth) N(x; black) + birth E_codes N(x; object): the books know nothing of this sum."""
    empty = log_likelihood(clip(1)[:, 0], torch.zeros(1, 1, 8, 8), SIGMA)
    rollout, like = from_the_prior(1, birth=1.0)
    # A birth probability is held below 1 by a millionth.
    assert rollout.steps[0].proposed.mean() > 0.999
    present = log_mean_exp(like)
    exact = torch.logaddexp(math.log(1 - BIRTH) + empty[0], math.log(BIRTH) + present)
    estimate = log_mean_exp(log_weights(1))
    assert float(estimate) == pytest.approx(float(exact), abs=0.03)
    assert abs(float(empty[0] - present)) > 0.5, "presence must matter, or the sum says nothing"


def test_two_frames_equal_sampling_the_prior() -> None:
    """With propagation, survival and rejection in between."""
    rollout, like = from_the_prior(2, birth=BIRTH)
    kept = rollout.world.slots.alive & ~rollout.steps[1].born
    assert 0.05 < float(kept.any(1).float().mean()) < 0.5
    assert float(log_mean_exp(log_weights(2))) == pytest.approx(float(log_mean_exp(like)), abs=0.12)


def test_the_bound_rises_with_the_number_of_samples_and_starts_at_the_elbo() -> None:
    weights = log_weights(1)
    bounds = [float(log_mean_exp(weights.view(k, -1)).mean()) for k in (1, 4, 40, 400)]
    assert bounds == sorted(bounds)
    assert bounds[-1] - bounds[0] > 0.1
    # With hard presence the expected single-sample weight is the ELBO with analytic KLs.
    torch.manual_seed(3)
    knobs = Knobs(hard=True, birth=BIRTH)
    rollout = observe(one_cell(), clip(1).expand(SAMPLES, -1, -1, -1, -1), knobs)
    assert float(rollout.terms.elbo.mean()) == pytest.approx(bounds[0], abs=0.05)
