"""VIMCO: its baseline leaves the particle out, and its gradient is that of the bound it stands for, in expectation."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from scalor.core.types import Terms
from scalor.models.baselines.objects import DrawnTerms
from scalor.objectives.vimco import leave_one_out, loss_of, vimco_loss

PRIOR = 0.3
SEEN = torch.tensor([-4.0, -0.5])
"""log p(x | z) of z = 0 and z = 1."""


def log_weight(choice: Tensor, logit: Tensor) -> tuple[Tensor, Tensor]:
    """log p(x, z) / q(z) and log q(z) of choices in {0, 1}."""
    log_q = torch.where(choice > 0, torch.nn.functional.logsigmoid(logit), torch.nn.functional.logsigmoid(-logit))
    log_p = torch.where(choice > 0, math.log(PRIOR), math.log(1 - PRIOR)) + SEEN.double()[choice.long()]
    return log_p - log_q, log_q


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_expected_gradient_is_that_of_the_bound(count: int) -> None:
    """Summed over all choices of all particles with their probabilities, nothing is sampled."""
    logit = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    exact, expected = torch.zeros(()).double(), torch.zeros(()).double()
    for choices in itertools.product([0.0, 1.0], repeat=count):
        weights, log_q = log_weight(torch.tensor(choices).unsqueeze(1), logit)
        chance = log_q.sum().exp()
        bound = (torch.logsumexp(weights, 0) - math.log(count)).squeeze()
        exact = exact + chance * bound
        (grad,) = torch.autograd.grad(vimco_loss(weights, log_q).sum(), logit, retain_graph=True)
        expected = expected - chance.detach() * grad
    (wanted,) = torch.autograd.grad(exact, logit)
    assert float(wanted) != 0
    assert float(expected) == pytest.approx(float(wanted), rel=1e-9)


def test_the_value_is_the_bound() -> None:
    weights = torch.tensor([[1.0], [3.0], [-2.0]]).double()
    wanted = -math.log((math.e + math.e**3 + math.e**-2) / 3)
    assert float(vimco_loss(weights, torch.zeros(3, 1).double())) == pytest.approx(wanted)


def test_the_baseline_of_a_particle_is_brute_force_over_the_others() -> None:
    torch.manual_seed(0)
    weights = 5 * torch.randn(4, 3, dtype=torch.float64)
    found = leave_one_out(weights)
    for particle in range(4):
        for clip in range(3):
            others = [float(weights[i, clip]) for i in range(4) if i != particle]
            stand_in = sum(others) / 3
            wanted = math.log((sum(map(math.exp, others)) + math.exp(stand_in)) / 4)
            assert float(found[particle, clip]) == pytest.approx(wanted)


def test_the_baseline_does_not_know_its_own_particle() -> None:
    weights = torch.tensor([[1.0], [2.0], [3.0]]).double()
    changed = weights.clone()
    changed[1] = 50.0
    assert float(leave_one_out(changed)[1]) == float(leave_one_out(weights)[1])
    assert float(leave_one_out(changed)[0]) != float(leave_one_out(weights)[0])


def test_weights_of_any_size_stay_finite() -> None:
    weights = torch.tensor([[-9e4], [-8e4]]).requires_grad_(True)
    loss = vimco_loss(weights, torch.zeros(2, 1))
    loss.sum().backward()
    assert float(loss.detach()) == pytest.approx(8e4 + math.log(2), rel=1e-6) and bool(weights.grad.isfinite().all())


def test_one_particle_has_no_others() -> None:
    with pytest.raises(ValueError, match="2 or more are wanted"):
        vimco_loss(torch.zeros(1, 2), torch.zeros(1, 2))


def test_the_loss_of_a_rollout_groups_repeats_of_a_clip() -> None:
    """Two clips of three particles and two frames: log weights are sums over frames, the bound is per frame."""
    ratio = torch.tensor([1.0, 2.0, 3.0, 10.0, 20.0, 30.0])
    terms = DrawnTerms.of(Terms.zeros(6, ratio).replace(log_ratio=ratio), torch.zeros(6))
    found = loss_of(SimpleNamespace(terms=terms, steps=(None, None)), 3)
    bounds = [torch.logsumexp(2 * part, 0) - math.log(3) for part in (ratio[:3], ratio[3:])]
    assert float(found) == pytest.approx(-float(sum(bounds)) / 2 / 2)
