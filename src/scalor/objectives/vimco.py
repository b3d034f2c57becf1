"""Bounds of many particles, and the gradient of those with discrete choices (Mnih and Rezende 2016, VIMCO)."""

import math

import torch
from torch import Tensor

from scalor.metrics.likelihood import log_mean_exp
from scalor.models.baselines.objects import DrawnTerms
from scalor.rollout import Rollout


def leave_one_out(log_weights: Tensor) -> Tensor:
    """The bound of K - 1 particles, the missing one replaced by the others' geometric mean: [K, B] -> [K, B].

    What a particle is compared with: it must not know the particle itself.
    """
    count = log_weights.shape[0]
    others = (log_weights.sum(0) - log_weights) / (count - 1)
    table = log_weights.unsqueeze(0).expand(count, -1, -1).clone()
    index = torch.arange(count, device=log_weights.device)
    table[index, index] = others
    return torch.logsumexp(table, dim=1) - math.log(count)


def vimco_loss(log_weights: Tensor, log_discrete: Tensor) -> Tensor:
    """A value whose gradient is that of the negative IWAE bound: [K, B] nats, [K, B] -> [B].

    log_weights   log p(x, z) - log q(z | x) of K >= 2 particles, differentiable through reparametrised samples
    log_discrete  log q of the particles' discrete choices, with gradient

    Without choices (``log_discrete`` 0) it is the negative bound itself. Raises ValueError for fewer than 2 particles.
    """
    if log_weights.shape[0] < 2:
        raise ValueError(f"{log_weights.shape[0]} particle came; 2 or more are wanted; raise particles")
    bound = log_mean_exp(log_weights)
    signal = (bound - leave_one_out(log_weights)).detach()
    score = (signal * (log_discrete - log_discrete.detach())).sum(0)
    return -(bound + score)


def loss_of(rollout: Rollout, particles: int) -> Tensor:
    """The loss of a training step in nats per frame and clip: minus `Terms.objective` for one particle, else VIMCO.

    The clips of a rollout of K particles are repeated K times one by one, as by ``repeat_interleave``.
    """
    terms = rollout.terms
    if particles == 1:
        return -terms.objective.mean()
    frames = len(rollout.steps)
    weights = (frames * terms.log_ratio).unflatten(0, (-1, particles)).transpose(0, 1)
    drawn = terms.log_discrete if isinstance(terms, DrawnTerms) else torch.zeros_like(terms.log_ratio)
    choices = (frames * drawn).unflatten(0, (-1, particles)).transpose(0, 1)
    return vimco_loss(weights, choices).mean() / frames
