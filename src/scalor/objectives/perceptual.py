"""Perceptual losses: frames and reconstructions compared by the features of a network that knows pictures.

Features are costly, so one frame per clip is compared in a step, another one each time, and stands for all.
"""

import torch
from torch import Tensor

from scalor.core.schedule import Recipe
from scalor.models.base import WorldConfig
from scalor.objectives.features import Vgg
from scalor.objectives.plug import Objective
from scalor.rollout import Rollout

LAYERS = ("conv1_2", "conv2_2")
"""relu1_2 and relu2_2, as in the study."""
FEATURE_STD = 0.1
"""The study's likelihood std of features."""


def chosen_frame(video: Tensor, image: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """One frame of every clip and of its reconstruction, [B, C, H, W] each; clip b's is frame (7 step + b) mod T."""
    length = video.shape[1]
    number = (7 * step + torch.arange(video.shape[0], device=video.device)) % length
    rows = torch.arange(video.shape[0], device=video.device)
    return video[rows, number], image[rows, number]


def feature_distance(vgg: Vgg, frame: Tensor, image: Tensor) -> Tensor:
    """Squared distance of features of unit length over channels, mean over places and layers: [B], in 0 .. 2."""
    with torch.no_grad():
        wanted = [_unit(part) for part in vgg(frame)]
    pairs = zip(vgg(image), wanted, strict=True)
    return torch.stack([(_unit(part) - other).square().sum(1).mean((1, 2)) for part, other in pairs]).mean(0)


def _unit(features: Tensor) -> Tensor:
    return features * torch.rsqrt(features.square().sum(1, keepdim=True) + 1e-6)


class Perceptual(Objective):
    """The calibrated one: with weight 0.01, a feature distance of 1 counts as a mean squared error of 0.01 does.

    In nats per frame like the pixel term, whose weight and the KL's are left alone.
    """

    names = ("perceptual",)

    def __init__(self, recipe: Recipe, model: WorldConfig) -> None:
        super().__init__(recipe, model)
        self.vgg = Vgg(recipe.features, LAYERS)
        self.sigma = model.sigma

    def forward(self, video: Tensor, rollout: Rollout, step: int) -> dict[str, Tensor]:
        frame, image = chosen_frame(video, rollout.image, step)
        distance = feature_distance(self.vgg, frame, image).mean()
        return {"perceptual": distance * frame[0].numel() / (2 * self.sigma**2)}


class LiteralPerceptual(Objective):
    """The study's: -log N(phi(x); phi(y), 0.1) without its constant, summed over frames, channels and places, mean over
    clips and layers; pictures in [0, 1] as they are (spec C.2)."""

    names = ("perceptual",)

    def __init__(self, recipe: Recipe, model: WorldConfig) -> None:
        super().__init__(recipe, model)
        self.vgg = Vgg(recipe.features, LAYERS, centred=False)

    def forward(self, video: Tensor, rollout: Rollout, step: int) -> dict[str, Tensor]:
        frame, image = chosen_frame(video, rollout.image, step)
        with torch.no_grad():
            wanted = self.vgg(frame)
        errors = [
            (part - other).square().flatten(1).sum(1) for part, other in zip(self.vgg(image), wanted, strict=True)
        ]
        total = torch.stack(errors).mean() * video.shape[1] / (2 * FEATURE_STD**2)
        return {"perceptual": total}
