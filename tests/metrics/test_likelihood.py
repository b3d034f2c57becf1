"""Importance sampling checked against a model whose likelihood is known, and squared errors by hand."""

import math

import pytest
import torch

from scalor.metrics import effective_samples, log_mean_exp, mse, mse_per_step, nll_per_pixel


def test_log_mean_exp_of_equal_weights_is_their_value_however_large():
    weights = torch.full((7, 2), -123456.0)
    assert torch.equal(log_mean_exp(weights), torch.full((2,), -123456.0))


def test_the_mean_is_taken_over_weights_and_not_over_logs():
    weights = torch.tensor([0.0, math.log(3.0)])
    assert log_mean_exp(weights) == pytest.approx(math.log(2.0))


def test_the_estimate_nears_the_true_likelihood_and_falls_with_k():
    # z ~ N(0, 1), x | z ~ N(z, 1): p(x) = N(0, 2). Guide N(0, 1), so the weight is p(x | z).
    generator = torch.Generator().manual_seed(0)
    x = 1.5
    truth = 0.5 * (math.log(2 * math.pi * 2) + x * x / 2)
    draws = torch.randn(200, 400, generator=generator, dtype=torch.float64)
    log_weights = -0.5 * (math.log(2 * math.pi) + (x - draws) ** 2)
    one, many = nll_per_pixel(log_weights[:1], 1).mean(), nll_per_pixel(log_weights, 1).mean()
    assert many == pytest.approx(truth, abs=0.01)
    assert one > many + 0.1


def test_nll_is_divided_by_pixels_only():
    assert nll_per_pixel(torch.tensor([-128.0]), 64) == 2.0


@pytest.mark.parametrize(("weights", "pixels"), [(torch.zeros(0, 2), 4), (torch.zeros(3), 0), (torch.tensor(1.0), 4)])
def test_no_samples_or_no_pixels_are_refused(weights, pixels):
    with pytest.raises(ValueError, match="at least one sample"):
        nll_per_pixel(weights, pixels)


def test_effective_samples_run_from_one_to_k():
    assert effective_samples(torch.zeros(5)) == pytest.approx(5.0)
    assert effective_samples(torch.tensor([0.0, -1000.0, -1000.0])) == pytest.approx(1.0)


def test_squared_errors_are_means_over_everything_or_over_all_but_time():
    video = torch.zeros(2, 3, 1, 4, 4)
    predicted = video + torch.tensor([0.0, 0.1, 0.2]).reshape(1, 3, 1, 1, 1)
    assert mse(video, predicted) == pytest.approx((0.01 + 0.04) / 3)
    assert mse_per_step(video, predicted).tolist() == pytest.approx([0.0, 0.01, 0.04])


def test_pictures_of_unequal_shape_are_refused_instead_of_broadcast():
    with pytest.raises(ValueError, match="equal shapes"):
        mse(torch.zeros(1, 2, 3, 4, 4), torch.zeros(1, 1, 3, 4, 4))
