"""Negative log-likelihood by importance sampling from the posterior (paper, Table 2)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from scalor.core.types import Knobs
from scalor.metrics.likelihood import nll_per_pixel
from scalor.models.background import log_likelihood
from scalor.models.base import WorldModel
from scalor.rollout import scenery_of

PARTICLES = Knobs(stochastic=True, hard=True, weigh=True)
"""Posterior samples whose presence is there or not, with their importance weights."""


@torch.no_grad()
def log_weights(
    model: WorldModel, video: Tensor, *, particles: int, sigmas: Sequence[float], knobs: Knobs = PARTICLES
) -> dict[float, Tensor]:
    """Log importance weights of posterior samples, in nats, summed over frames, channels and pixels.

    log w = sum over t of log p(x | z) + log p(z) - log q(z), of independent samples of all latents of a clip. The
    posterior does not know the likelihood's width, so one set of samples serves all of them.

    Args:
        video: [B, T, C, H, W] in [0, 1].
        particles: samples K per clip.
        sigmas: standard deviations of the Gaussian likelihood.
        knobs: of the samples; ``birth`` is the prior presence per cell.

    Returns:
        sigma -> [K, B]. Raises ValueError for fewer than one particle.
    """
    if particles < 1:
        raise ValueError(f"{particles} particles came; at least 1 is wanted; raise it")
    batch = video.shape[0]
    median = video.median(dim=1).values if model.config.needs_backdrop else None
    world = model.init(batch, scenery_of(video, median))
    sights = model.look(world, video)  # the same for all particles
    world = world.map(lambda tensor: tensor.repeat_interleave(particles, dim=0))
    found = {sigma: video.new_zeros(batch * particles, dtype=torch.float64) for sigma in sigmas}
    for sight in sights:
        sight = sight.map(lambda tensor: tensor.repeat_interleave(particles, dim=0))
        world, step = model.step(world, sight, knobs)
        own = log_likelihood(sight.frame, step.image, knobs.sigma or model.config.sigma)
        for sigma in sigmas:
            seen = log_likelihood(sight.frame, step.image, sigma)
            found[sigma] += step.terms.log_ratio.double() - own.double() + seen.double()
    return {sigma: value.unflatten(0, (batch, particles)).transpose(0, 1) for sigma, value in found.items()}


def importance_nll(
    model: WorldModel, video: Tensor, *, particles: int = 50, sigma: float = 1.0, knobs: Knobs = PARTICLES
) -> Tensor:
    """NLL in nats per pixel, [B] float64: summed over frames and channels and divided by H * W.

    An upper bound in expectation, the tighter the more ``particles``. Frames are those of ``video`` [B, T, C, H, W] in
    [0, 1]; the paper's toy sets use 8.
    """
    weights = log_weights(model, video, particles=particles, sigmas=[sigma], knobs=knobs)[sigma]
    return nll_per_pixel(weights, video.shape[-2] * video.shape[-1])
