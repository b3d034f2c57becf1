"""Random sites against torch.distributions and against their own statistics."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Normal, RelaxedBernoulli, kl_divergence

from scalor.core.sites import (
    LOGIT_BOUND,
    REJECTED,
    Gaussian,
    bound,
    kl_presence,
    log_bernoulli,
    sample_presence,
    to_logit,
)


def gaussian(seed: int) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    raw = torch.randn(5, 3, 8, generator=generator, dtype=torch.float64)
    return Gaussian.of(raw)


def test_gaussian_kl_and_density_equal_torch() -> None:
    q, p = gaussian(0), gaussian(1)
    value = torch.randn(5, 3, 4, dtype=torch.float64)
    theirs = kl_divergence(Normal(q.mean, q.std), Normal(p.mean, p.std)).sum(-1)
    torch.testing.assert_close(q.kl(p), theirs)
    torch.testing.assert_close(q.log_prob(value), Normal(q.mean, q.std).log_prob(value).sum(-1))


def test_gaussian_kl_with_itself_is_exactly_zero() -> None:
    q = gaussian(0)
    assert (q.kl(q) == 0).all() and q.kl(q).shape == (5, 3)


def test_gaussian_samples_have_its_moments_and_its_gradient() -> None:
    torch.manual_seed(0)
    mean = torch.full((200_000,), 0.7, requires_grad=True)
    std = torch.full((200_000,), 0.4, requires_grad=True)
    sample = Gaussian(mean, std).sample(True)
    seen = sample.detach()
    assert float(seen.mean()) == pytest.approx(0.7, abs=0.005) and float(seen.std()) == pytest.approx(0.4, abs=0.005)
    sample.square().mean().backward()
    assert mean.grad is not None and std.grad is not None
    # d E[x^2] = 2 mean and 2 std
    assert float(mean.grad.sum()) == pytest.approx(1.4, abs=0.01) and float(std.grad.sum()) == pytest.approx(
        0.8, abs=0.01
    )
    assert Gaussian(mean, std).sample(False) is mean


@settings(max_examples=50, deadline=None)
@given(q=st.floats(-8.8, 8.8), p=st.floats(-8.8, 8.8))
def test_presence_kl_and_log_probability_equal_torch(q: float, p: float) -> None:
    a, b = torch.tensor(q, dtype=torch.float64), torch.tensor(p, dtype=torch.float64)
    theirs = kl_divergence(Bernoulli(logits=a), Bernoulli(logits=b))
    assert float(kl_presence(a, b)) == pytest.approx(float(theirs), abs=1e-9)
    for value in (0.0, 1.0):
        got = log_bernoulli(torch.tensor(value, dtype=torch.float64), a)
        assert float(got) == pytest.approx(float(Bernoulli(logits=a).log_prob(torch.tensor(value).double())), abs=1e-9)


def test_presence_kl_stays_finite_against_a_rejected_prior() -> None:
    logit = torch.tensor([-LOGIT_BOUND, 0.0, LOGIT_BOUND], requires_grad=True)
    kl = kl_presence(logit, to_logit(REJECTED))
    kl.sum().backward()
    assert logit.grad is not None and torch.isfinite(logit.grad).all()
    assert float(kl[2].detach()) == pytest.approx(18.42, abs=0.02), "a certain object against 1e-8 costs log 1e8 nats"


@pytest.mark.parametrize("logit", [-2.0, 0.0, 1.5])
@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_relaxed_presence_has_the_statistics_of_torchs_relaxed_bernoulli(logit: float, temperature: float) -> None:
    torch.manual_seed(0)
    logits = torch.full((200_000,), logit)
    ours = sample_presence(logits, temperature=temperature, stochastic=True, hard=False)
    theirs = RelaxedBernoulli(torch.tensor(temperature), logits=logits).sample()
    assert (ours >= 0).all() and (ours <= 1).all()
    assert float(ours.mean()) == pytest.approx(float(theirs.mean()), abs=0.005)
    assert float(ours.std()) == pytest.approx(float(theirs.std()), abs=0.005)
    share = float((ours > 0.5).float().mean())
    assert share == pytest.approx(float(torch.sigmoid(torch.tensor(logit))), abs=0.005)


def test_hard_presence_is_the_rounded_relaxed_sample() -> None:
    logits = torch.linspace(-3, 3, 1000)
    pair = []
    for hard in (False, True):
        torch.manual_seed(0)
        pair.append(sample_presence(logits, temperature=0.5, stochastic=True, hard=hard))
    assert torch.equal(pair[0].round(), pair[1]) and set(pair[1].tolist()) == {0.0, 1.0}


def test_presence_without_chance_is_the_verdict_of_its_probability() -> None:
    logits = torch.tensor([-8.0, -1e-3, 1e-3, 8.0])
    torch.manual_seed(0)
    before = torch.get_rng_state()
    got = sample_presence(logits, temperature=0.3, stochastic=False, hard=True)
    assert got.tolist() == [0, 0, 1, 1] and torch.equal(before, torch.get_rng_state()), "no random number is drawn"


def test_presence_logits_are_bounded_and_probabilities_are_too() -> None:
    logits = bound(torch.tensor([-1e9, 0.0, 1e9]))
    assert logits.tolist() == pytest.approx([-LOGIT_BOUND, 0.0, LOGIT_BOUND])
    assert float(torch.sigmoid(to_logit(0.25))) == pytest.approx(0.25)
    assert torch.isfinite(to_logit(torch.tensor([0.0, 1.0]))).all()
