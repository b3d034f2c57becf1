"""Scores: tracking, counting, masks, likelihood and predicted trajectories."""

from scalor.metrics.counting import CountingScores, counting, propagation_rate
from scalor.metrics.likelihood import effective_samples, log_mean_exp, mse, mse_per_step, nll_per_pixel
from scalor.metrics.mot import MotScores, count_doubles, evaluate, evaluate_many
from scalor.metrics.segmentation import fg_ari, mean_iou
from scalor.metrics.trajectory import (
    TrajectoryError,
    best_of,
    constant_velocity,
    copy_last_frame,
    mean_per_step,
    trajectory_error,
)

__all__ = [
    "CountingScores",
    "MotScores",
    "TrajectoryError",
    "best_of",
    "constant_velocity",
    "copy_last_frame",
    "count_doubles",
    "counting",
    "effective_samples",
    "evaluate",
    "evaluate_many",
    "fg_ari",
    "log_mean_exp",
    "mean_iou",
    "mean_per_step",
    "mse",
    "mse_per_step",
    "nll_per_pixel",
    "propagation_rate",
    "trajectory_error",
]
