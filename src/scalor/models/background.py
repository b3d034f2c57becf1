"""BACKGROUND families: none, encoder (paper), fixed, per_video, median with optional residual (spec A.5, C.5)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalor.core.sites import Gaussian
from scalor.core.types import Knobs, Scenery
from scalor.models.config import BackgroundConfig, ModelConfig
from scalor.nets.pyramid import ConvStyle, block, pad_to_multiple, pyramid

Memory = tuple[Tensor, Tensor]

SHRINK = 16
"""The coded background's encoder halves its input down to a 16th; smaller frames are padded to this side."""


class Painted(nn.Module):
    """Decodes a code [B, Db] to an image of any size: spatial broadcast on an 8 px lattice, then upsampling."""

    def __init__(self, channels: int, config: BackgroundConfig, style: ConvStyle) -> None:
        super().__init__()
        width = config.width
        layers: list[nn.Module] = block(nn.Conv2d(config.code + 2, 2 * width, 1), 2 * width, style)
        for below, above in ((2 * width, width), (width, width), (width, width // 2)):
            layers += block(nn.Conv2d(below, 4 * above, 3, padding=1), 4 * above, style) + [nn.PixelShuffle(2)]
        self.net = nn.Sequential(*layers, nn.Conv2d(width // 2, channels, 3, padding=1))

    def forward(self, code: Tensor, scenery: Scenery) -> Tensor:
        """Logits [B, C, H, W]."""
        rows, columns = -(-scenery.height // 8), -(-scenery.width // 8)
        y = torch.linspace(-1, 1, rows, device=code.device).view(1, 1, rows, 1).expand(code.shape[0], 1, rows, columns)
        x = torch.linspace(-1, 1, columns, device=code.device).view(1, 1, 1, columns).expand_as(y)
        flat = code[:, :, None, None].expand(-1, -1, rows, columns)
        return self.net(torch.cat([flat, x, y], dim=1))[..., : scenery.height, : scenery.width]


class NoBackground(nn.Module):
    """Black, free of charge."""

    code = hidden = 0

    def forward(
        self, frame: Tensor | None, alpha: Tensor, memory: Memory, scenery: Scenery, knobs: Knobs
    ) -> tuple[Tensor, Memory, Tensor, Tensor]:
        """Image [B, C, H, W] or a scalar 0 image, the new memory, the KL [B] and the importance ratio [B]."""
        zero = alpha.new_zeros(alpha.shape[0])
        return torch.zeros_like(alpha), memory, zero, zero


class CodedBackground(NoBackground):
    """The paper's: a code per frame from [frame; 1 - alpha], a random-walk prior with GRU memory, a decoder.

    With ``residual`` its output is added, in logits, to the clip's backdrop.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        part = config.background
        self.code, self.hidden = part.code, part.hidden
        self.residual = part.residual
        w = part.width // 2
        stack = pyramid(config.channels + 1, (w, 2 * w, 2 * w), cell=SHRINK, style=config.style, refine=False)
        self.encoder = nn.Sequential(stack, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(2 * w * 16, 2 * part.code))
        self.painted = Painted(config.channels, part, config.style)
        self.walk = nn.GRUCell(part.code, part.hidden)
        self.drift = nn.Linear(part.hidden, 2 * part.code)

    def _prior(self, memory: Memory) -> tuple[Gaussian, Tensor]:
        code, hidden = memory
        fresh = (hidden.abs().sum(1, keepdim=True) == 0) & (code.abs().sum(1, keepdim=True) == 0)
        hidden = self.walk(code, hidden)
        step = Gaussian.of(self.drift(hidden))
        mean = torch.where(fresh, torch.zeros_like(code), code + step.mean)
        std = torch.where(fresh, torch.ones_like(code), step.std)
        return Gaussian(mean, std), hidden

    def _posterior(self, seen: Tensor) -> Gaussian:
        if min(seen.shape[-2:]) < SHRINK:
            seen = pad_to_multiple(seen, SHRINK)
        return Gaussian.of(self.encoder(seen))

    def forward(
        self, frame: Tensor | None, alpha: Tensor, memory: Memory, scenery: Scenery, knobs: Knobs
    ) -> tuple[Tensor, Memory, Tensor, Tensor]:
        prior, hidden = self._prior(memory)
        guide = prior if frame is None else self._posterior(torch.cat([frame, 1 - alpha], dim=1))
        code = guide.sample(knobs.stochastic)
        logits = self.painted(code, scenery)
        if self.residual and scenery.backdrop is not None:
            logits = logits + torch.logit(scenery.backdrop.clamp(0.01, 0.99))
        ratio = prior.log_prob(code) - guide.log_prob(code)
        return torch.sigmoid(logits), (code, hidden), guide.kl(prior), ratio


class FixedBackground(NoBackground):
    """One learned vector (fixed) or one per video, decoded; part of p(x | z), so it costs nothing (spec C.4).

    Decoded once per frame size and clip set; the vector is a parameter and therefore saved.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        part = config.background
        generator = torch.Generator().manual_seed(0)
        count = part.videos if part.family == "per_video" else 1
        self.vectors = nn.Parameter(torch.randn(count, part.code, generator=generator))
        self.painted = Painted(config.channels, part, config.style)

    def forward(
        self, frame: Tensor | None, alpha: Tensor, memory: Memory, scenery: Scenery, knobs: Knobs
    ) -> tuple[Tensor, Memory, Tensor, Tensor]:
        batch = alpha.shape[0]
        video = torch.zeros(batch, dtype=torch.int64, device=alpha.device) if scenery.video is None else scenery.video
        image = torch.sigmoid(self.painted(self.vectors[video.clamp(max=len(self.vectors) - 1)], scenery))
        zero = alpha.new_zeros(batch)
        return image, memory, zero, zero


class MedianBackground(NoBackground):
    """The clip's median image, given as the scenery's backdrop; for fixed cameras."""

    def forward(
        self, frame: Tensor | None, alpha: Tensor, memory: Memory, scenery: Scenery, knobs: Knobs
    ) -> tuple[Tensor, Memory, Tensor, Tensor]:
        if scenery.backdrop is None:
            raise ValueError("background family 'median' came without a backdrop; give Scenery a median image")
        zero = alpha.new_zeros(alpha.shape[0])
        return scenery.backdrop, memory, zero, zero


def background(config: ModelConfig) -> NoBackground:
    """The background module that ``config.background.family`` names."""
    part = config.background
    families = {"none": NoBackground, "median": MedianBackground}
    if part.family in families and not part.residual:
        return families[part.family]()
    if part.family == "encoder" or (part.family == "median" and part.residual):
        return CodedBackground(config)
    if part.family in ("fixed", "per_video"):
        return FixedBackground(config)
    raise ValueError(f"background family is {part.family!r}; wanted none, encoder, fixed, per_video or median")


def log_likelihood(frame: Tensor, image: Tensor, sigma: float) -> Tensor:
    """sum over channels and pixels of log N(frame; image, sigma), with the constant: [B]."""
    count = frame[0].numel()
    error = F.mse_loss(image, frame, reduction="none").flatten(1).sum(1)
    return -0.5 * error / sigma**2 - count * (math.log(sigma) + 0.5 * math.log(2 * math.pi))
