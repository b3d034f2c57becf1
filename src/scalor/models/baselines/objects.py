"""What the object baselines share: glimpses, boxes, additive paint, and slots that are packed and named."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalor.core.canvas import composite, splat
from scalor.core.geometry import corners, crop, paste, tight_box
from scalor.core.sites import Gaussian
from scalor.core.tensors import cat, take
from scalor.core.types import Knobs, Latents, Layers, Sight, Slots, Step, Terms, World
from scalor.models.background import log_likelihood
from scalor.nets.heads import mlp
from scalor.nets.pyramid import ConvStyle, pad_to_multiple, pyramid

STRIDE = 4
"""Pixels per place of the map of features."""
STYLE = ConvStyle(act="celu", norm=False)
VISIBLE = 0.25
"""Paint brighter than this belongs to the object: there is no mask beside the colours."""


Codes = dict[str, tuple[Tensor, Gaussian, Gaussian]]
"""By site: sample, guide and prior."""
SHARPNESS = 4.0
"""Of depth in the importance exp(-4 depth); 1 where there is no depth."""
LEAST = 1e-3
"""Fainter objects change no pixel by more: they are not painted."""


@dataclass(frozen=True)
class ObjectsConfig:
    """What the configs of AIR and SQAIR share.

    side      of the frames, pixels
    slots     most objects at a time
    size      of a typical object, pixels; boxes have at most twice this
    glimpse   side of what is cut out of a frame
    what      numbers of the appearance code
    hidden    width of perceptrons and memories
    features  channels of the map of features
    posterior_shift   added before the softplus of posterior stds
    """

    channels: int = 3
    side: int = 64
    slots: int = 4
    size: float = 18.0
    glimpse: int = 20
    what: int = 32
    hidden: int = 128
    features: int = 32
    sigma: float = 0.2
    posterior_shift: float = -3.0

    needs_backdrop = False
    videos = 1

    @property
    def cell(self) -> int:
        """Frames have one size."""
        return self.side

    @property
    def largest(self) -> tuple[float, float]:
        """Width and height of the largest box, pixels."""
        return 2.0 * self.size, 2.0 * self.size


@dataclass(frozen=True)
class DrawnTerms(Terms):
    """`Terms` of a model whose presence is drawn and not relaxed: ``log_discrete`` [B] is log q of what was drawn."""

    log_discrete: Tensor = field(kw_only=True)

    @staticmethod
    def of(terms: Terms, log_discrete: Tensor) -> "DrawnTerms":
        """``terms`` with the log probability of the choices."""
        return DrawnTerms(**vars(terms), log_discrete=log_discrete)


def box_of(where: Tensor, config: ObjectsConfig) -> Tensor:
    """Codes (sx, sy, tx, ty) [..., 4] to boxes in pixels: sigmoid sizes, tanh centres that may leave by half a size."""
    half = config.side / 2
    center = half + (half + config.size / 2) * torch.tanh(where[..., 2:])
    return torch.cat([center, 2.0 * config.size * torch.sigmoid(where[..., :2])], dim=-1)


def code_of(center: Tensor, config: ObjectsConfig) -> Tensor:
    """The codes (tx, ty) of centres in pixels [..., 2], inverse of `box_of`."""
    half = config.side / 2
    return torch.atanh(((center - half) / (half + config.size / 2)).clamp(-0.99, 0.99))


class Glimpses(nn.Module):
    """Frames and boxes [B, N, 4] to features [B, N, hidden] of what is there: crop and perceptron."""

    def __init__(self, config: ObjectsConfig) -> None:
        super().__init__()
        self.side, self.out = config.glimpse, config.hidden
        self.net = mlp(config.channels * config.glimpse**2, config.hidden, config.hidden, act="celu")

    def forward(self, frame: Tensor, box: Tensor, gate: Tensor | None = None) -> Tensor:
        """``gate`` [B, N, 1, side, side] fades the glimpses."""
        glimpse = crop(frame, box, side=self.side)
        return F.celu(self.net((glimpse if gate is None else glimpse * gate).flatten(2)))


FAINT, OPAQUE = -2.0, 3.0
"""Logits of paint and of masks before anything is learned."""


class Brush(nn.Module):
    """`Latents` and boxes [B, N, 4] to `Layers` and tight boxes.

    masked  objects have a mask of their own, and the nearer hides the farther (SILOT); else paint adds up, and an
            object is where it is bright (AIR, SQAIR)
    """

    def __init__(self, config: ObjectsConfig, *, masked: bool = False) -> None:
        super().__init__()
        self.config, self.masked = config, masked
        side = config.glimpse
        self.shape = (config.channels + int(masked), side, side)
        self.patch = math.ceil(max(config.largest) * (1 + 1 / side)) + 2
        self.net = mlp(config.what, config.hidden, config.hidden, math.prod(self.shape), act="celu")
        last = self.net[-1]
        assert isinstance(last, nn.Linear)
        nn.init.constant_(last.bias, FAINT)
        if masked:  # A half-transparent object would be joined by a twin that makes up for what shines through.
            nn.init.constant_(last.bias[-side * side :], OPAQUE)

    def forward(self, latents: Latents, box: Tensor, visible: Tensor) -> tuple[Layers, Tensor]:
        """``visible`` [B, N] bool says which to paint; the others get their whole box as tight box."""
        batch, slot = visible.nonzero(as_tuple=True)
        boxes = box[batch, slot]
        paint = torch.sigmoid(self.net(latents.what[batch, slot])).view(-1, *self.shape)
        if self.masked:
            glimpse = torch.cat([paint[:, :-1] * paint[:, -1:], paint[:, -1:]], dim=1)
        else:
            glimpse = torch.cat([paint, paint.amax(1, keepdim=True)], dim=1)
        patch, corner = paste(glimpse, boxes, side=self.patch)
        layers = Layers(
            batch=batch,
            slot=slot,
            patch=patch,
            corner=corner,
            pres=latents.pres[batch, slot],
            near=torch.exp((-SHARPNESS * latents.depth[batch, slot, 0]).clamp(-12.0, 12.0)),
        )
        tight = corners(box.detach())
        tight[batch, slot] = tight_box(glimpse[:, -1].detach(), boxes.detach(), level=VISIBLE)
        return layers, tight

    def compose(self, layers: Layers, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Image [B, C, S, S], alpha [B, 1, S, S] and the sum of importances [B, S, S]."""
        side = self.config.side
        if self.masked:
            return composite(layers, batch=batch, height=side, width=side, convex=True)
        return added(layers, batch=batch, side=side)


class Map(nn.Module):
    """Frames [B, C, S, S] to a map of features [B, F, h, w] with a place every 4 pixels."""

    def __init__(self, config: ObjectsConfig) -> None:
        super().__init__()
        widths = (config.features // 2, config.features)
        self.stack = pyramid(config.channels, widths, cell=STRIDE, style=STYLE, refine=False)

    def forward(self, frames: Tensor) -> Tensor:
        return self.stack(pad_to_multiple(frames, STRIDE))


def added(layers: Layers, *, batch: int, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """The sum of all paint [B, C, S, S], of all masks clamped to 1 [B, 1, S, S], and of importances [B, S, S]."""
    paint = (layers.patch * layers.pres[:, None, None, None]).transpose(0, 1)
    canvas = splat(paint, layers, batch=batch, height=side, width=side)
    total = canvas[-1]
    return canvas[:-1].transpose(0, 1), total.clamp(max=1.0).unsqueeze(1), total


def blank(like: Slots, count: int) -> Slots:
    """``count`` empty slots for the batch and with the sizes of others."""
    return like.map(lambda tensor: tensor.new_zeros(tensor.shape[0], count, *tensor.shape[2:]))


def charge_codes(pairs: Codes, pres: Tensor) -> dict[str, Tensor]:
    """KLs of the codes (sample, guide, prior) by site, weighted with presence [B, N], and their ratio log p / q."""
    found = {f"kl_{name}": (pres * q.kl(p)).sum(1) for name, (_, q, p) in pairs.items()}
    ratios = [(pres * (p.log_prob(sample) - q.log_prob(sample))).sum(1) for sample, q, p in pairs.values()]
    return found | {"log_ratio": sum(ratios, torch.zeros_like(ratios[0]))}


def packed(slots: Slots, *others: Tensor) -> tuple[Slots, Tensor, tuple[Tensor, ...]]:
    """The living slots in front, as many as the longest list has; where each was; the ``others`` [B, N, ...] alike."""
    count = int(slots.alive.sum(1).max()) if slots.count else 0
    order = torch.argsort((~slots.alive).to(torch.uint8), dim=1, stable=True)[:, :count]
    living = take(slots, order)
    living = living.replace(id=torch.where(living.alive, living.id, -1))
    picked = [
        other.gather(1, order.reshape(*order.shape, *[1] * (other.dim() - 2)).expand(*order.shape, *other.shape[2:]))
        for other in others
    ]
    return living, order, tuple(picked)


def named(new: Tensor, next_id: Tensor) -> tuple[Tensor, Tensor]:
    """Fresh identities for the ``new`` [B, N] (-1 for the others), and the next free ones [B]."""
    fresh = next_id.unsqueeze(1) + new.long().cumsum(1) - 1
    return torch.where(new, fresh, -1), next_id + new.sum(1)


def joined(first: Slots, second: Slots) -> Slots:
    """Two sets side by side."""
    return cat([first, second], dim=1)


def finish(
    world: World, sight: Sight | None, slots: Slots, brush: Brush, terms: Terms, knobs: Knobs, **extra: Any
) -> tuple[World, Step]:
    """Paint the unpacked ``slots`` that are there, close the books, pack, and report.

    ``extra``: ``born`` [B, N] bool and ``next_id`` [B] of the unpacked set; ``proposed`` [B].
    """
    config, batch = brush.config, slots.alive.shape[0]
    layers, tight = brush(slots.latents, slots.box, slots.latents.pres > LEAST)
    image, alpha, total = brush.compose(layers, batch)

    def books() -> Terms:
        if sight is None:
            return terms
        log_like = log_likelihood(sight.frame, image, knobs.soften * (knobs.sigma or config.sigma))
        return terms.replace(log_like=log_like, log_ratio=terms.log_ratio + log_like)

    carried, order, (tight, born) = packed(slots, tight, extra["born"])
    after = world.replace(slots=carried, next_id=extra["next_id"])
    report = Step(
        slots=carried,
        tight=tight,
        born=born,
        layers=layers,
        origin=order,
        image=image,
        background=torch.zeros_like(image),
        alpha=alpha,
        total=total,
        books=books,
        rejected=torch.zeros_like(extra["proposed"]),
        proposed=extra["proposed"],
    )
    return after, report
