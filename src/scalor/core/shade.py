"""What differs from the empty scene, and shadows, which do but belong to the background."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.tensors import once

DARKEST, LIGHTEST = 0.35, 0.95
"""Brightness, as a share of the empty scene's, that a shadow may leave."""

TINT = 0.02
"""How far colours of 0..1 may be off from the darkened scene's; up to 1.5 times that counts by degrees."""

EVEN = (1.0, 1.0, 1.0)
"""Tint of shadows that take as large a part of every colour's light."""

GREY = 0.005
"""Channels that nowhere differ by more than this, about a grey level, are one channel stored three times."""

LEAST = 1e-4
"""Difference in 0..1 that is none."""

JITTER = 0.5
"""Pixels by which a still camera and its compression may move edges without anything standing out."""

FAINT, NOISY, SHAKE = 0.5, 4.0, 1.0
"""What is thin differs from the empty scene by this share of the level, by so many standard deviations of noise, and by
more than so many pixels of shake do: a shaken edge is thin as well."""

SIGMAS, EVERY = 1.4826, 3
"""Standard deviations per median of absolute differences, which are looked at in every third row and column."""


@dataclass(frozen=True)
class Outline:
    """What differs from the empty scene of a fixed camera: three times bool [B, H, W].

    solid  by as much as objects do, shadows left out
    faint  by more than noise, shadows left out
    bare   by more than noise, shadows and all
    """

    solid: Tensor
    faint: Tensor
    bare: Tensor


@torch.no_grad()
def shade(frame: Tensor, backdrop: Tensor, darkest: float = DARKEST, tint: Sequence[float] = EVEN) -> Tensor:
    """What is left of the light of the background under each pixel, 0..1: [..., C, H, W] as both images in 0..1.

    A shadow takes the share q of the light, of channel c the share q ``tint``_c: what the sun does not reach the sky
    does, and it is blue. q is the least squares solution of frame = (1 - q tint) backdrop over the channels of 3 x 3
    means; where that has the frame's colour and is darker, but leaves ``darkest``, the pixel is in shade, else 1.
    Without colours every darker pixel would be in shade: it gives 1.
    """
    if frame.shape[-3] < 2:
        return torch.ones_like(frame)
    colors = backdrop.new_tensor(tint).view(-1, 1, 1)
    grey = (backdrop.amax(-3, keepdim=True) - backdrop.amin(-3, keepdim=True)).amax((-2, -1), keepdim=True) < GREY
    seen, empty = _mean(frame), _mean(backdrop)
    taken = empty * colors
    share = (empty - seen).mul_(taken).sum(-3, keepdim=True) / (taken * taken).sum(-3, keepdim=True).clamp(min=1e-4)
    off = (empty - share * taken).sub_(seen).abs_().amax(-3, keepdim=True)
    sure = (3.0 - 2.0 * off / TINT).clamp(0.0, 1.0)
    darker = (share < 1.0 - darkest) & (share > 1.0 - LIGHTEST) & ~grey
    return 1.0 - sure * share * darker * colors


@torch.no_grad()
def standing_out(frame: Tensor, backdrop: Tensor, *, level: float) -> Tensor:
    """Mask in 0..1 of what differs from the backdrop by about ``level`` in some channel: [B, 1, H, W].

    Up to half the level is 0, from 1.5 times the level is 1; on edges of the backdrop, half a pixel of shake is no
    difference. Gaps of up to 4 px are closed: a dark window of a dark car on a dark road is part of the car.
    """
    off = (frame - backdrop).abs_().amax(1, keepdim=True)
    mask = (_mean(off) / least_difference(backdrop, level) - 0.5).clamp(0.0, 1.0)
    return -_largest(-_largest(mask, 2), 2)


# More arguments than the house allows: four pictures of one place.
@torch.no_grad()
def outlined(
    frame: Tensor, backdrop: Tensor, ground: Tensor, mask: Tensor, *, level: float, noise: Tensor | None = None
) -> Outline:
    """What stands out of a backdrop, or of the ``ground``, which is the backdrop as it is in shade.

    Solid are pixels of a mask that stand out by themselves; smoothing widens it by a pixel a side. A thin thing leaves
    little in a pixel, so that for what is faint a share of the level is enough, where the noise allows it. That is the
    ``noise`` of each pixel over time [B, H, W], where it is known, and at least the median difference of the frame to
    the backdrop: most of a view is empty.
    """
    off = (frame - ground).abs().amax(1)
    plain = off if ground is backdrop else (frame - backdrop).abs().amax(1)
    steep = 2.0 * steepness(ground)[:, 0]
    usual = SIGMAS * plain[:, ::EVERY, ::EVERY].flatten(1).median(dim=1).values.view(-1, 1, 1)
    usual = usual if noise is None else torch.maximum(usual, noise)
    least = torch.maximum(SHAKE * steep, (NOISY * usual).clamp(min=FAINT * level))
    faint = off > least
    return Outline(
        solid=(off > (JITTER * steep).clamp(min=level)) & (mask[:, 0] > 0.5),
        faint=faint,
        bare=faint if plain is off else plain > least,
    )


def least_difference(backdrop: Tensor, level: float) -> Tensor:
    """What pixels of a backdrop [B, C, H, W] must differ by to stand out, at least ``level``: [B, 1, H, W]."""
    return (2.0 * JITTER * steepness(backdrop)).clamp(min=max(level, LEAST))


def steepness(image: Tensor) -> Tensor:
    """Largest difference of pixels [B, C, H, W] to the next, over channels and 3 x 3 neighbours: [B, 1, H, W]."""
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]).abs_().amax(1, keepdim=True)
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]).abs_().amax(1, keepdim=True)
    return _largest(0.5 * torch.maximum(across, down), 1)


# Pooling layers of torch look at all pixels of a window one by one; on a CPU these take a tenth of the time or less.


def _mean(image: Tensor) -> Tensor:
    """The mean of the up to 3 x 3 pixels around each of [..., H, W]."""
    height, width = image.shape[-2:]
    padded = F.pad(image, (1, 1, 1, 1))
    rows = (padded[..., :-2, :] + padded[..., 1:-1, :]).add_(padded[..., 2:, :])
    total = (rows[..., :-2] + rows[..., 1:-1]).add_(rows[..., 2:])
    return total.div_(_around(height, width, image.dtype, image.device))


@once
def _around(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """How many of the 3 x 3 pixels around each are in view: [H, W]."""
    ones = torch.ones(1, 1, height, width, dtype=dtype, device=device)
    return (9.0 * F.avg_pool2d(ones, 3, stride=1, padding=1))[0, 0].round()


def _largest(image: Tensor, reach: int) -> Tensor:
    """The largest pixel of [B, C, H, W] up to ``reach`` rows and columns away from each."""
    padded = F.pad(image, (reach, reach, reach, reach), mode="replicate")
    for axis in (-2, -1):
        known = 1
        while known < 2 * reach + 1:
            step = min(known, 2 * reach + 1 - known)
            rest = padded.shape[axis] - step
            padded = torch.maximum(padded.narrow(axis, 0, rest), padded.narrow(axis, step, rest))
            known += step
    return padded
