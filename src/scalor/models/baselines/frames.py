"""Whole frames as codes and back, and the report of a model without objects: what VRNN and sequential VAE share."""

import torch
from torch import Tensor, nn

from scalor.core.sites import Gaussian
from scalor.core.types import Layers, Sight, Slots, Step, Terms, World
from scalor.models.background import log_likelihood
from scalor.nets.pyramid import ConvStyle, block, pyramid

STRIDE = 16
"""Frames are halved four times."""
STYLE = ConvStyle(act="relu", norm=False)


class FrameEncoder(nn.Module):
    """Frames [B, C, S, S] to features [B, out]: four strided convolutions and a linear layer."""

    def __init__(self, channels: int, side: int, out: int, *, width: int) -> None:
        super().__init__()
        widths = (width // 2, width, 2 * width, 2 * width)
        stack = pyramid(channels, widths, cell=STRIDE, style=STYLE, refine=False)
        self.net = nn.Sequential(stack, nn.Flatten(), nn.Linear(2 * width * (side // STRIDE) ** 2, out))

    def forward(self, frames: Tensor) -> Tensor:
        return self.net(frames.contiguous(memory_format=torch.channels_last))


class FrameDecoder(nn.Module):
    """Features [B, inputs] to images [B, C, S, S] in (0, 1): a linear layer and four sub-pixel convolutions."""

    def __init__(self, channels: int, side: int, inputs: int, *, width: int) -> None:
        super().__init__()
        rows = side // STRIDE
        layers: list[nn.Module] = [nn.Linear(inputs, 4 * width * rows**2), nn.ReLU()]
        layers.append(nn.Unflatten(1, (4 * width, rows, rows)))
        for below, above in ((4 * width, 2 * width), (2 * width, width), (width, width // 2)):
            layers += [*block(nn.Conv2d(below, 4 * above, 3, padding=1), 4 * above, STYLE), nn.PixelShuffle(2)]
        layers += [nn.Conv2d(width // 2, 4 * channels, 3, padding=1), nn.PixelShuffle(2)]
        self.net = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        return torch.sigmoid(self.net(features))


def refuse_other_sides(height: int, width: int, side: int) -> None:
    """Raises ValueError where a frame is not ``side`` x ``side``."""
    if (height, width) != (side, side):
        raise ValueError(
            f"frame is {height} x {width}; the model sees frames of {side} x {side}; crop or pad it, or train another "
            "with model.side"
        )


def books(sight: Sight | None, image: Tensor, code: Tensor, guide: Gaussian, prior: Gaussian, sigma: float) -> Terms:
    """The books of a frame with one code [B, D]: all zero where there is no frame to compare with and no guide."""
    kl, ratio = guide.kl(prior), prior.log_prob(code) - guide.log_prob(code)
    terms = Terms.zeros(image.shape[0], image).replace(kl_background=kl, log_ratio=ratio)
    if sight is None:
        return terms
    log_like = log_likelihood(sight.frame, image, sigma)
    return terms.replace(log_like=log_like, log_ratio=ratio + log_like)


def empty_layers(image: Tensor) -> Layers:
    """Paint of no objects for frames [B, C, H, W]."""
    none = torch.zeros(0, dtype=torch.int64, device=image.device)
    return Layers(
        batch=none,
        slot=none,
        patch=image.new_zeros(0, image.shape[1] + 1, 1, 1),
        corner=none.new_zeros(0, 2),
        pres=image.new_zeros(0),
        near=image.new_zeros(0),
    )


def report_of(image: Tensor, slots: Slots, terms: Terms) -> Step:
    """The report of a frame whose image [B, C, H, W] is all background."""
    batch, _, height, width = image.shape
    return Step(
        slots=slots,
        tight=image.new_zeros(batch, 0, 4),
        born=slots.alive,
        layers=empty_layers(image),
        origin=slots.id,
        image=image,
        background=image,
        alpha=image.new_zeros(batch, 1, height, width),
        total=image.new_zeros(batch, height, width),
        books=lambda: terms,
        rejected=image.new_zeros(batch),
        proposed=image.new_zeros(batch),
    )


def no_slots(batch: int, like: Tensor, *, what: int = 0, memory: int = 0) -> Slots:
    """N = 0 slots with codes and memories (posterior's and prior's) of these sizes."""
    slots = Slots.empty(batch, what=what, paint=(0, 0, 0), sizes=(memory, 0), like=like)
    return slots.replace(dynamics=slots.tracker)


def sights_of(video: Tensor, features: Tensor, world: World) -> list[Sight]:
    """One `Sight` per frame of [B, T, C, H, W] from its features [B, T, F]."""
    return [Sight(video[:, t], features[:, t, :, None, None], world.memory) for t in range(video.shape[1])]
