"""Adversarial losses: a critic learns to tell reconstructed frames from real ones, and the model to deceive it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from scalor.core.schedule import Recipe
from scalor.models.base import WorldConfig
from scalor.objectives.plug import Critic
from scalor.rollout import Rollout

WIDTHS = (32, 64, 128, 256)
GRID = 8
"""Side of the last feature map; that of 128 px frames, to which others are pooled."""


def bce(logits: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy with the answer "real", or "made", mean over frames."""
    return F.softplus(-logits if real else logits).mean()


class LiteralAdversarial(Critic):
    """The study's (spec C.3): a plain GAN on frames, every tenth step, summed over a clip's frames.

    Four strided convolutions with dropout and batch normalisation, whose eps of 0.8 is the study's own slip.
    """

    names = ("adversarial",)
    every = 10

    def __init__(self, recipe: Recipe, model: WorldConfig) -> None:
        super().__init__(recipe, model)
        layers: list[nn.Module] = []
        below = model.channels
        for width in WIDTHS:
            layers += [nn.Conv2d(below, width, 3, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)]
            layers += [nn.BatchNorm2d(width, 0.8)] if below != model.channels else []
            below = width
        self.net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(GRID), nn.Flatten(), nn.Linear(below * GRID**2, 1))
        self.said: dict[str, float] = {}

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(self.parameters(), lr=4e-5)

    def forward(self, video: Tensor, rollout: Rollout, step: int) -> dict[str, Tensor]:
        if step % self.every:
            return {"adversarial": video.new_zeros(())}
        image = rollout.image
        return {"adversarial": image.shape[1] * bce(self.net(image.flatten(0, 1)), True)}

    def own_loss(self, video: Tensor, image: Tensor, step: int) -> Tensor | None:
        if step % self.every:
            return None
        real, made = self.net(video.flatten(0, 1)), self.net(image.flatten(0, 1))
        self.said = _answers(real, made)
        return 0.5 * video.shape[1] * (bce(real, True) + bce(made, False))

    def report(self) -> dict[str, float]:
        return self.said


class Adversarial(Critic):
    """The stabilised one: spectral norm, one frame per clip and step, and a weight that follows the pixel term's.

    With weight 0.1 its gradient on the reconstruction, over as many steps as a clip has frames, is a tenth as long as
    that of the pixel term, whatever the critic has learned. A critic that is right too often waits.
    """

    names = ("adversarial",)
    waits = 0.85
    longest = 1e7  # of frames of 64 to 128 px 2e4 to 7e5 are met: only a critic that says nothing any more is bounded

    def __init__(self, recipe: Recipe, model: WorldConfig) -> None:
        super().__init__(recipe, model)
        layers: list[nn.Module] = []
        below = model.channels
        for width in WIDTHS:
            layers += [spectral_norm(nn.Conv2d(below, width, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
            below = width
        self.net = nn.Sequential(*layers, spectral_norm(nn.Conv2d(below, 1, 3, padding=1)))
        self.sigma = model.sigma
        self.said: dict[str, float] = {}

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def forward(self, video: Tensor, rollout: Rollout, step: int) -> dict[str, Tensor]:
        image = rollout.image
        number = step % video.shape[1]
        frame, made = video[:, number], image[:, number]
        deceived = bce(self.net(made), True)
        (pull,) = torch.autograd.grad(deceived, made, retain_graph=True)
        # The gradient of the pixel term, which the loss takes as mean over the batch and the frames: this frame stands
        # for all of them.
        pixel = (made.detach() - frame) / self.sigma**2 / video.shape[0]
        scale = (pixel.norm() / (pull.norm() + 1e-6)).clamp(max=self.longest)
        return {"adversarial": scale * deceived}

    def own_loss(self, video: Tensor, image: Tensor, step: int) -> Tensor | None:
        number = step % video.shape[1]
        real, made = self.net(video[:, number]), self.net(image[:, number])
        self.said = _answers(real, made)
        if self.said["critic_accuracy"] > self.waits:
            return None
        return 0.5 * (bce(real, True) + bce(made, False))

    def report(self) -> dict[str, float]:
        return self.said


def _answers(real: Tensor, made: Tensor) -> dict[str, float]:
    """Mean probabilities of "real", and the share of right answers."""
    right = torch.cat([(real > 0).float().flatten(), (made <= 0).float().flatten()]).mean()
    return {
        "critic_real": float(torch.sigmoid(real.detach()).mean()),
        "critic_made": float(torch.sigmoid(made.detach()).mean()),
        "critic_accuracy": float(right),
    }
