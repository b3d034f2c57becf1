"""BACKGROUND families: none, encoder (paper), mixture, lattice, fixed, per_video, median with or without residual."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalor.core.sites import Gaussian
from scalor.core.types import Knobs, Scenery
from scalor.errors import UserError
from scalor.models.config import BackgroundConfig, ModelConfig
from scalor.nets.pointwise import Pointwise
from scalor.nets.pyramid import ConvStyle, block, pad_to_multiple, pyramid
from scalor.nets.recurrent import ConvGRU

Memory = tuple[Tensor, Tensor]
Price = Callable[[], tuple[Tensor, Tensor]]
"""Computes the KL [B] and the importance ratio [B] of a frame's code when they are asked for."""

SHRINK = 16
"""The coded background's encoder halves its input down to a 16th; smaller frames are padded to this side."""


FILL = 4
"""The lattice's encoder sees, and its decoder paints, squares of so many pixels."""

SPREADS = (0.4, 0.3, 0.2, 0.1)
"""Differences, in the colour cube, beyond which the rounds of `prevailing` forget a pixel."""

TRUST = 0.1
"""Weight of a square of which this share is seen: half of its mean is its own, half its surroundings'."""


class Painted(nn.Module):
    """Decodes a code [B, Db] to an image of any size: spatial broadcast on an 8 px lattice, then upsampling."""

    def __init__(self, channels: int, config: BackgroundConfig, style: ConvStyle) -> None:
        super().__init__()
        width = config.width
        layers: list[nn.Module] = block(Pointwise(config.code + 2, 2 * width), 2 * width, style)
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


def free(like: Tensor) -> Price:
    """The price of no code for a batch like ``like`` [B, ...]."""
    return lambda: (like.new_zeros(len(like)), like.new_zeros(len(like)))


class NoBackground(nn.Module):
    """Black, free of charge."""

    code = hidden = 0
    still = True
    """Whatever a frame shows, its background is the expected one."""

    def initial(self, batch: int, scenery: Scenery, like: Tensor) -> Memory:
        """Memory before the first frame: zeros [B, code] and [B, hidden]."""
        return like.new_zeros(batch, self.code), like.new_zeros(batch, self.hidden)

    def expected(self, memory: Memory, scenery: Scenery) -> Tensor:
        """What the next frame's background is expected to be: [B, C, H, W], or one channel of it."""
        return memory[0].new_zeros(len(memory[0]), 1, scenery.height, scenery.width)

    def forward(
        self, frame: Tensor | None, alpha: Tensor, memory: Memory, scenery: Scenery, knobs: Knobs
    ) -> tuple[Tensor, Memory, Price]:
        """Image [B, C, H, W], or one channel of it, the new memory, and what the code cost."""
        return self.expected(memory, scenery), memory, free(alpha)


class Walk(NoBackground, ABC):
    """Codes with a random-walk prior: standard normal in the first frame, then the last code plus a learned step."""

    still = False

    @abstractmethod
    def _walked(self, code: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Parameters of the step that follows ``code``, on its last axis, and the new hidden state."""

    @abstractmethod
    def _decoded(self, code: Tensor, scenery: Scenery) -> Tensor:
        """The image [B, C, H, W] of codes."""

    def expected(self, memory: Memory, scenery: Scenery) -> Tensor:
        return self._decoded(self._prior(memory)[0].mean, scenery)

    def _prior(self, memory: Memory) -> tuple[Gaussian, Tensor]:
        code, hidden = memory
        fresh = (hidden.abs().flatten(1).sum(1) == 0) & (code.abs().flatten(1).sum(1) == 0)
        fresh = fresh.view(-1, *[1] * (code.dim() - 1))
        params, hidden = self._walked(code, hidden)
        step = Gaussian.of(params)
        mean = torch.where(fresh, torch.zeros_like(code), code + step.mean)
        std = torch.where(fresh, torch.ones_like(code), step.std)
        return Gaussian(mean, std), hidden

    @staticmethod
    def _price(code: Tensor, guide: Gaussian, prior: Gaussian) -> Price:
        def price() -> tuple[Tensor, Tensor]:
            ratio = prior.log_prob(code) - guide.log_prob(code)
            return guide.kl(prior).reshape(len(code), -1).sum(1), ratio.reshape(len(code), -1).sum(1)

        return price


class CodedBackground(Walk):
    """The paper's: a code per frame from [frame; 1 - alpha], a random-walk prior with GRU memory, a decoder.

    With ``residual`` its output is added, in logits, to the clip's backdrop.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        part = config.background
        self.code, self.hidden = part.code, part.hidden
        self.residual, self.shift = part.residual, config.posterior_shift
        w = part.width // 2
        stack = pyramid(config.channels + 1, (w, 2 * w, 2 * w), cell=SHRINK, style=config.style, refine=False)
        self.encoder = nn.Sequential(stack, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(2 * w * 16, 2 * part.code))
        self.painted = Painted(config.channels, part, config.style)
        self.walk = nn.GRUCell(part.code, part.hidden)
        self.drift = nn.Linear(part.hidden, 2 * part.code)

    def _walked(self, code: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.walk(code, hidden)
        return self.drift(hidden), hidden

    def _posterior(self, seen: Tensor) -> Gaussian:
        if min(seen.shape[-2:]) < SHRINK:
            seen = pad_to_multiple(seen, SHRINK)
        return Gaussian.of(self.encoder(seen), shift=self.shift)

    def forward(
        self, frame: Tensor | None, alpha: Tensor, memory: Memory, scenery: Scenery, knobs: Knobs
    ) -> tuple[Tensor, Memory, Price]:
        prior, hidden = self._prior(memory)
        guide = prior if frame is None else self._posterior(torch.cat([frame, 1 - alpha], dim=1))
        code = guide.sample(knobs.stochastic)
        return self._decoded(code, scenery), (code, hidden), self._price(code, guide, prior)

    def _decoded(self, code: Tensor, scenery: Scenery) -> Tensor:
        logits = self.painted(code, scenery)
        if self.residual and scenery.backdrop is not None:
            logits = logits + torch.logit(scenery.backdrop.clamp(0.01, 0.99))
        return torch.sigmoid(logits)


class MixtureBackground(CodedBackground):
    """Several pictures, each of a code of its own, and masks that say which of them is seen where.

    A spatial mixture, as in GENESIS (Engelcke et al. 2020) and SPACE (Lin et al. 2020): the decoder, the same for all
    components, paints a picture and one more channel, of which a softmax over the components makes the masks. Codes,
    prior and memory are those of the paper's background, side by side.
    """

    def __init__(self, config: ModelConfig) -> None:
        part = config.background
        if part.components < 2:
            raise ValueError(f"background components is {part.components}; a mixture wants 2 or more; raise it")
        super().__init__(replace(config, background=replace(part, code=part.code * part.components)))
        self.components = part.components
        self.painted = Painted(config.channels + 1, part, config.style)

    def _decoded(self, code: Tensor, scenery: Scenery) -> Tensor:
        codes = code.unflatten(1, (self.components, -1)).flatten(0, 1)
        painted = self.painted(codes, scenery).unflatten(0, (-1, self.components))
        masks = torch.softmax(painted[:, :, -1:], dim=1)
        return (masks * torch.sigmoid(painted[:, :, :-1])).sum(1)


def filled(frame: Tensor, weight: Tensor, side: int) -> Tensor:
    """Means of ``frame`` [B, C, H, W] over squares of ``side`` pixels that count pixels by ``weight`` [B, 1, H, W].

    Where little weight lies the mean of a wider surrounding takes over, so that holes are filled from their rims.
    Returns the means and the weights' means, [B, C + 1, H / side, W / side].
    """
    level = F.avg_pool2d(torch.cat([frame * weight, weight], dim=1), side)
    levels = [level]
    while max(level.shape[-2:]) > 1:
        level = F.avg_pool2d(level, 2, ceil_mode=True)
        levels.append(level)
    fill = level[:, :-1] / (level[:, -1:] + 1e-4)
    for level in reversed(levels[:-1]):
        wider = F.interpolate(fill, scale_factor=2, mode="bilinear")[..., : level.shape[-2], : level.shape[-1]]
        fill = (level[:, :-1] + TRUST * wider) / (level[:, -1:] + TRUST)
    return torch.cat([fill, levels[0][:, -1:]], dim=1)


def prevailing(frame: Tensor, side: int) -> Tensor:
    """What most of each square of ``side`` pixels shows, smooth in between: [N, C, H, W], as ``frame``.

    Means that forget, in rounds, what differs from them: things that fill less than half of a square are not in it.
    """
    height, width = frame.shape[-2:]
    low = (-height % side, -width % side)
    seen = F.pad(frame, (0, low[1], 0, low[0]), mode="replicate") if any(low) else frame
    weight = torch.ones_like(seen[:, :1])
    for spread in (*SPREADS, 0.0):
        means = filled(seen, weight, side)[:, :-1]
        ground = F.interpolate(means, scale_factor=side, mode="bilinear")
        if spread:
            off = (seen - ground).pow(2).sum(1, keepdim=True)
            weight = torch.exp(-0.5 * off / spread**2).clamp(min=1e-4)
    return ground[..., :height, :width]


class LatticeBackground(Walk):
    """Ours: a small code per square of ``lattice`` pixels, for frames of any size and patterns coarser than a square.

    The posterior looks at what the objects leave over, averaged over squares of 4 pixels and filled in behind them. The
    first numbers of a code are its square's colour, in logits, from the first step of the training on; what else there
    is to it the networks learn. Prior and memory as the paper's, by 3 x 3 convolutions: code and hidden state are
    [B, h, w, code] and [B, hidden, h, w].
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        part, style = config.background, config.style
        if part.lattice not in (4, 8, 16, 32):
            raise ValueError(f"background lattice is {part.lattice}; wanted 4, 8, 16 or 32 px; correct it")
        if part.code < config.channels:
            raise ValueError(f"background code is {part.code}; a lattice wants {config.channels} or more; raise it")
        if min(part.hidden, part.width) < 1:
            raise ValueError(f"background hidden, width are {part.hidden}, {part.width}; wanted 1 or more; raise them")
        self.channels = config.channels
        self.code, self.hidden, self.lattice = part.code, part.hidden, part.lattice
        self.fold, self.shift = part.lattice // FILL, config.posterior_shift
        width = part.width
        self.encoder = nn.Sequential(
            *block(nn.Conv2d((config.channels + 1) * self.fold**2, width, 3, padding=1), width, style),
            *block(nn.Conv2d(width, width, 3, padding=1), width, style),
            Pointwise(width, 2 * part.code),
        )
        layers = block(nn.Conv2d(part.code, width, 3, padding=1), width, style)
        for _ in range(int(math.log2(self.fold))):
            layers.append(nn.Upsample(scale_factor=2, mode="bilinear"))
            layers += block(nn.Conv2d(width, width, 3, padding=1), width, style)
        self.painted = nn.Sequential(*layers, nn.Conv2d(width, config.channels, 3, padding=1))
        self.walk = ConvGRU(part.code, part.hidden)
        self.drift = Pointwise(part.hidden, 2 * part.code)

    def initial(self, batch: int, scenery: Scenery, like: Tensor) -> Memory:
        """Memory before the first frame: zeros [B, h, w, code] and [B, hidden, h, w]."""
        grid = -(-scenery.height // self.lattice), -(-scenery.width // self.lattice)
        return like.new_zeros(batch, *grid, self.code), like.new_zeros(batch, self.hidden, *grid)

    def _walked(self, code: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.walk(code.movedim(-1, 1), hidden)
        return self.drift(hidden).movedim(1, -1), hidden

    def _posterior(self, frame: Tensor, clear: Tensor) -> Gaussian:
        seen = pad_to_multiple(torch.cat([frame, clear], dim=1), self.lattice)
        means = filled(seen[:, :-1], seen[:, -1:], FILL)
        colors = torch.logit(F.avg_pool2d(means[:, :-1], self.fold).clamp(0.01, 0.99))
        learned = self.encoder(F.pixel_unshuffle(means, self.fold))
        codes = learned + F.pad(colors, (0, 0, 0, 0, 0, learned.shape[1] - self.channels))
        return Gaussian.of(codes.movedim(1, -1), shift=self.shift)

    def forward(
        self, frame: Tensor | None, alpha: Tensor, memory: Memory, scenery: Scenery, knobs: Knobs
    ) -> tuple[Tensor, Memory, Price]:
        prior, hidden = self._prior(memory)
        # What is left over weighs pixels; masks must not learn to choose which ones.
        guide = prior if frame is None else self._posterior(frame, 1 - alpha.detach())
        code = guide.sample(knobs.stochastic)
        return self._decoded(code, scenery), (code, hidden), self._price(code, guide, prior)

    def _decoded(self, code: Tensor, scenery: Scenery) -> Tensor:
        codes = code.movedim(-1, 1)
        logits = F.interpolate(self.painted(codes), scale_factor=FILL, mode="bilinear")
        logits = logits + F.interpolate(codes[:, : self.channels], scale_factor=self.lattice, mode="bilinear")
        return torch.sigmoid(logits[..., : scenery.height, : scenery.width])


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

    def initial(self, batch: int, scenery: Scenery, like: Tensor) -> Memory:
        """As everywhere. Raises UserError where the videos have vectors of their own and none is meant."""
        if len(self.vectors) > 1 and scenery.video is None:
            raise UserError(
                f"the model has a background for each of its {len(self.vectors)} videos and these clips do not say "
                "which one they are of; use scalor track on the videos, or weights with another model.background.family"
            )
        return super().initial(batch, scenery, like)

    def expected(self, memory: Memory, scenery: Scenery) -> Tensor:
        like = memory[0]
        video = torch.zeros(len(like), dtype=torch.int64, device=like.device)
        if scenery.video is not None and len(self.vectors) > 1:
            video = scenery.video
        return torch.sigmoid(self.painted(self.vectors[video], scenery))


class MedianBackground(NoBackground):
    """The clip's median image, given as the scenery's backdrop; for fixed cameras."""

    def expected(self, memory: Memory, scenery: Scenery) -> Tensor:
        if scenery.backdrop is None:
            raise ValueError("background family 'median' came without a backdrop; give Scenery a median image")
        return scenery.backdrop


def background(config: ModelConfig) -> NoBackground:
    """The background module that ``config.background.family`` names."""
    part = config.background
    families = {"none": NoBackground, "median": MedianBackground}
    if part.family in families and not part.residual:
        return families[part.family]()
    if part.family == "encoder" or (part.family == "median" and part.residual):
        return CodedBackground(config)
    if part.residual:
        raise ValueError(f"background residual is on for the family {part.family!r}; it goes with median; set it false")
    own: dict[str, Callable[[ModelConfig], NoBackground]] = {
        "mixture": MixtureBackground,
        "lattice": LatticeBackground,
        "fixed": FixedBackground,
        "per_video": FixedBackground,
    }
    if part.family in own:
        return own[part.family](config)
    known = ", ".join((*families, "encoder", *own))
    raise ValueError(f"background family is {part.family!r}; one of {known} is wanted; choose one")


def log_likelihood(frame: Tensor, image: Tensor, sigma: float) -> Tensor:
    """sum over channels and pixels of log N(frame; image, sigma), with the constant: [B]."""
    count = frame[0].numel()
    error = F.mse_loss(image, frame, reduction="none").flatten(1).sum(1)
    return -0.5 * error / sigma**2 - count * (math.log(sigma) + 0.5 * math.log(2 * math.pi))
