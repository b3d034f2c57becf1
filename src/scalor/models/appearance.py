"""What an object looks like: glimpse -> what distribution, and what -> colour and mask (spec A.11)."""

import math

import torch
from torch import Tensor, nn

from scalor.models.config import GlimpseConfig
from scalor.nets.heads import mlp
from scalor.nets.pointwise import Pointwise
from scalor.nets.pyramid import ConvStyle, activation, block

PATCH = 4
"""The light stacks cut glimpses into patches of this side; the glimpse's side must be a multiple of it."""


class GlimpseEncoder(nn.Module):
    """[..., C, g, g] glimpses (context adds 2 channels, the foreground 1) to raw what parameters [..., 2 Dw]."""

    def __init__(self, channels: int, config: GlimpseConfig, style: ConvStyle) -> None:
        super().__init__()
        side, out = config.side, 2 * config.what
        self.side, self.out, self.context = side, out, config.context
        channels += 2 * config.context + config.foreground
        light = config.kind == "light"
        self.net = self._light(channels, config, style) if light else self._conv(channels, side, out, style)

    @staticmethod
    def _light(channels: int, config: GlimpseConfig, style: ConvStyle) -> nn.Module:
        """4 x 4 patches to ``patch`` channels, then a perceptron: nearly all work is in large matrix products."""
        cells = (config.side // PATCH) ** 2
        return nn.Sequential(
            nn.PixelUnshuffle(PATCH),
            Pointwise(channels * PATCH**2, config.patch),
            activation(style.act),
            nn.Flatten(),
            mlp(config.patch * cells, *config.hidden, 2 * config.what, act=style.act),
        )

    @staticmethod
    def _conv(channels: int, side: int, out: int, style: ConvStyle) -> nn.Module:
        layers: list[nn.Module] = []
        below, width = channels, 16
        while side > 4:
            layers += block(nn.Conv2d(below, width, 4, stride=2, padding=1), width, style)
            below, width, side = width, min(2 * width, 128), side // 2
        layers += block(nn.Conv2d(below, 128, side), 128, style)
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128, out))

    def forward(self, glimpse: Tensor) -> Tensor:
        lead = glimpse.shape[:-3]
        if glimpse.numel() == 0:  # pixel_unshuffle does not reshape an empty batch
            return glimpse.new_zeros(*lead, self.out)
        flat = glimpse.reshape(math.prod(lead), *glimpse.shape[-3:])
        return self.net(flat).reshape(*lead, self.out)


class GlimpseDecoder(nn.Module):
    """what [M, Dw] to paint [M, C + 1, g, g]: alpha * colour and alpha."""

    def __init__(self, channels: int, config: GlimpseConfig, style: ConvStyle) -> None:
        super().__init__()
        self.shape = (channels + 1, config.side, config.side)
        self.alpha_gain, self.alpha_bias = config.alpha_gain, config.alpha_bias
        light = config.kind == "light"
        self.base = nn.Linear(config.what, channels + 1) if light else None
        if self.base is not None and config.level != 0.5:
            with torch.no_grad():
                self.base.bias[:channels] += math.log(config.level / (1 - config.level))
        self.net = self._light(channels, config, style) if light else self._conv(channels, config, style)

    @staticmethod
    def _light(channels: int, config: GlimpseConfig, style: ConvStyle) -> nn.Module:
        """The encoder's mirror image."""
        rows = config.side // PATCH
        return nn.Sequential(
            mlp(config.what, *reversed(config.hidden), config.patch * rows**2, act=style.act),
            activation(style.act),
            nn.Unflatten(1, (config.patch, rows, rows)),
            Pointwise(config.patch, (channels + 1) * PATCH**2),
            nn.PixelShuffle(PATCH),
        )

    @staticmethod
    def _conv(channels: int, config: GlimpseConfig, style: ConvStyle) -> nn.Module:
        layers: list[nn.Module] = [nn.Unflatten(1, (config.what, 1, 1))]
        layers += block(nn.Conv2d(config.what, 128, 1), 128, style)
        side, below = 1, 128
        while side < config.side:
            factor = 4 if side == 1 else 2
            width = max(16, 64 // max(1, side // 4))
            layers += [nn.Conv2d(below, width * factor**2, 1 if side == 1 else 3, padding=0 if side == 1 else 1)]
            layers += block(nn.PixelShuffle(factor), width, style)
            side, below = side * factor, width
        layers += block(nn.Conv2d(below, 16, 3, padding=1), 16, style)
        return nn.Sequential(*layers, nn.Conv2d(16, channels + 1, 3, padding=1))

    def forward(self, what: Tensor) -> Tensor:
        if what.shape[0] == 0:  # pixel_shuffle has no backward for an empty batch
            return what.new_zeros(0, *self.shape)
        raw = self.net(what).reshape(what.shape[0], *self.shape)
        if self.base is not None:  # one colour for the whole object, which the map then details
            raw = raw + self.base(what)[:, :, None, None]
        alpha = torch.sigmoid(self.alpha_gain * raw[:, -1:] + self.alpha_bias)
        return torch.cat([alpha * torch.sigmoid(raw[:, :-1]), alpha], dim=1)
