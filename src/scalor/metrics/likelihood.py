"""Negative log-likelihood by importance sampling and squared errors of pictures."""

import math

import torch
from torch import Tensor


def log_mean_exp(log_weights: Tensor) -> Tensor:
    """Log of the mean of exp over the first axis: [K, *b] nats -> [*b] nats; stable for any size of weight."""
    return torch.logsumexp(log_weights, dim=0) - math.log(log_weights.shape[0])


def nll_per_pixel(log_weights: Tensor, pixels: int) -> Tensor:
    """Importance-sampled NLL per pixel: log weights [K, *b] (summed over time, channels and pixels) -> [*b].

    ``pixels`` is H * W: the sum over frames and channels is kept, as in the paper's Table 2. K samples give an upper
    bound in expectation that falls with K. Raises ValueError when K or ``pixels`` is 0.
    """
    if log_weights.ndim == 0 or log_weights.shape[0] == 0 or pixels <= 0:
        raise ValueError(
            f"log weights of shape {tuple(log_weights.shape)} over {pixels} pixels came; "
            "at least one sample on the first axis and one pixel were wanted; check the axes"
        )
    return -log_mean_exp(log_weights.double()) / pixels


def effective_samples(log_weights: Tensor) -> Tensor:
    """Effective number of samples 1 / sum of squared normalised weights: [K, *b] -> [*b] in [1, K].

    Near 1, one sample dominates and the NLL is a loose bound.
    """
    weights = torch.softmax(log_weights.double(), dim=0)
    return 1.0 / weights.square().sum(dim=0)


def mse(video: Tensor, reconstruction: Tensor) -> float:
    """Mean squared error over all axes; both [*b, C, H, W] in 0..1."""
    return float((video.double() - _checked(reconstruction, video)).square().mean())


def mse_per_step(video: Tensor, predicted: Tensor) -> Tensor:
    """Mean squared error per frame, float64 [T]; both [B, T, C, H, W] in 0..1."""
    return (video.double() - _checked(predicted, video)).square().mean(dim=(0, 2, 3, 4))


def _checked(picture: Tensor, like: Tensor) -> Tensor:
    if picture.shape != like.shape:
        raise ValueError(f"pictures of {tuple(picture.shape)} and {tuple(like.shape)} came; equal shapes were wanted")
    return picture.double()
