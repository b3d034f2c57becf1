"""The two families of random sites: diagonal Gaussians and (relaxed) Bernoulli presence (paper, section 3)."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.tensors import Struct

LOGIT_BOUND = 8.8
"""Presence logits live in (-8.8, 8.8): probabilities stay in [1.5e-4, 1 - 1.5e-4]."""
MIN_STD = 1e-4
REJECTED = 1e-8
"""Prior presence of a proposal that the rejection verdict rules out."""


@dataclass(frozen=True)
class Gaussian(Struct):
    """Diagonal Normal over the last axis: ``mean``, ``std`` of one shape ``[..., D]``."""

    mean: Tensor
    std: Tensor

    @staticmethod
    def of(params: Tensor, *, shift: float = 0.0, most: float = math.inf) -> "Gaussian":
        """From raw network output ``[..., 2 D]``: mean and softplus(raw + shift), or most * sigmoid(raw), + 1e-4."""
        mean, raw = params.chunk(2, dim=-1)
        std = F.softplus(raw + shift if shift else raw) if most == math.inf else most * torch.sigmoid(raw)
        return Gaussian(mean, std + MIN_STD)

    @staticmethod
    def standard(like: Tensor) -> "Gaussian":
        return Gaussian(torch.zeros_like(like), torch.ones_like(like))

    def sample(self, stochastic: bool) -> Tensor:
        """A reparametrised sample, or the mean."""
        return self.mean + self.std * torch.randn_like(self.std) if stochastic else self.mean

    def kl(self, prior: "Gaussian") -> Tensor:
        """KL(self || prior), summed over the last axis, in nats. Exactly 0.0 when both are the same object."""
        if self is prior:
            return self.mean.new_zeros(self.mean.shape[:-1])
        ratio = (self.std / prior.std) ** 2
        shift = ((self.mean - prior.mean) / prior.std) ** 2
        return 0.5 * (ratio + shift - 1.0 - ratio.log()).sum(-1)

    def combined(self, seen: "Gaussian") -> "Gaussian":
        """The normalised product of two densities: each number of the mean counts by its precision."""
        own, other = self.std**-2, seen.std**-2
        total = own + other
        return Gaussian(torch.lerp(self.mean, seen.mean, other / total), total.rsqrt())

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of ``value``, summed over the last axis."""
        z = (value - self.mean) / self.std
        constant = 0.5 * math.log(2 * math.pi) * value.shape[-1]
        return -(0.5 * z.square() + self.std.log()).sum(-1) - constant


def bound(logit: Tensor, *, slope: float = 1.0) -> Tensor:
    """8.8 tanh(slope logit / 8.8), the identity around 0 for slope 1.

    The official code's 8.8 tanh(logit) is slope 8.8: its gradient is exactly 0 in float32 where presence is certain.
    """
    return LOGIT_BOUND * torch.tanh(logit * (slope / LOGIT_BOUND))


def sample_presence(logit: Tensor, *, temperature: float, stochastic: bool, hard: bool) -> Tensor:
    """A BinConcrete sample sg((logit + L) / tau); hard: its 0/1 rounding; not stochastic: 1[sg(logit) > 0.5]."""
    if not stochastic:
        return (logit > 0).to(logit.dtype)
    u = torch.rand_like(logit).clamp(1e-6, 1 - 1e-6)
    y = logit + u.log() - torch.log1p(-u)
    return (y > 0).to(logit.dtype) if hard else torch.sigmoid(y / temperature)


def kl_presence(logit: Tensor, prior_logit: Tensor) -> Tensor:
    """KL(Bern(sg(logit)) || Bern(sg(prior_logit))) per element, nats; in logit form: never log of a rounded 0 or 1."""
    q = torch.sigmoid(logit)
    positive = F.logsigmoid(logit) - F.logsigmoid(prior_logit)
    negative = F.logsigmoid(-logit) - F.logsigmoid(-prior_logit)
    return q * positive + (1 - q) * negative


def log_bernoulli(value: Tensor, logit: Tensor) -> Tensor:
    """log Bern(value; sg(logit)) per element for values in {0, 1}."""
    return value * F.logsigmoid(logit) + (1 - value) * F.logsigmoid(-logit)


def to_logit(probability: Tensor | float) -> Tensor:
    p = torch.as_tensor(probability, dtype=torch.float32).clamp(REJECTED, 1 - 1e-6)
    return torch.log(p) - torch.log1p(-p)
