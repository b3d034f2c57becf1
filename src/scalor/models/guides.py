"""Guides: distributions over one set of objects, each site given the earlier ones; prior and posterior are guides."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalor.core.geometry import crop, decode_step
from scalor.core.sites import MIN_STD, Gaussian, bound
from scalor.core.tensors import constant
from scalor.core.types import Scenery, Sight, Slots
from scalor.models.appearance import PATCH, GlimpseEncoder
from scalor.models.config import ModelConfig
from scalor.models.neighbors import SUMMARY, Neighbors
from scalor.nets.heads import mlp
from scalor.nets.pointwise import Pointwise
from scalor.nets.pyramid import activation
from scalor.nets.recurrent import GRUState, LSTMState

COMPARED = 32
"""Channels per patch of the comparison of what is seen with what was expected."""
WIDER = 1.5
"""Side of the compared surroundings in boxes."""


class Guide(Protocol):
    """Where, then what, then depth, then presence."""

    def where(self) -> Gaussian: ...

    def what(self, box: Tensor) -> Gaussian: ...

    def depth(self, what: Tensor) -> Gaussian: ...

    def presence(self, where: Tensor, box: Tensor, what: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class View:
    """What the tracker is shown of a frame.

    picture   [B, C', H, W] the frame, and the foreground where glimpses show it (see `picture_of`)
    features  [B, F, Gh, Gw]
    center    [B, N, 2] where objects are expected (see `expected_center`)
    expected  [B, C + 1, H, W] the scene as its objects are expected to make it (see `Painter.expected`); None: glimpses
              show no context
    """

    picture: Tensor
    features: Tensor
    center: Tensor
    expected: Tensor | None


def describe_box(box: Tensor, scenery: Scenery, config: ModelConfig) -> Tensor:
    """Boxes [B, N, 4] as network input [B, N, 4]: sizes around 0, centre in [-1, 1] (0 if position must not matter)."""
    size, seen = 1.0 / config.where.size, float(config.propagate.position)
    scale = constant(2.0 * seen / scenery.width, 2.0 * seen / scenery.height, size, size, like=box)
    return torch.addcmul(constant(-seen, -seen, -1.0, -1.0, like=box), box, scale)


def anchor_where(slots: Slots) -> Tensor:
    """Where an object would be sampled if nothing changed: its raw size and its last step. [B, N, 4]"""
    return torch.cat([slots.size, slots.latents.where[..., 2:]], dim=-1)


# More arguments than the house allows: three codes.
def used_to(
    slots: Slots, where: Tensor, what: Tensor, depth: Tensor, *, window: int, pace: int
) -> tuple[Tensor, Tensor]:
    """Running means of codes [B, N, 4 + D + 1] with one sample more, and the number of frames they count [B, N].

    The mean of all samples so far, of at most ``window`` frames' weight (velocities: ``pace``, as they change where
    objects turn).
    """
    age = slots.age + 1.0
    usual = age.reciprocal().clamp(min=1.0 / window)
    # The velocity of a newcomer is not known yet: its first sample counts alone.
    recent = slots.age.clamp(min=1.0).reciprocal().clamp(min=1.0 / min(window, pace))
    codes = torch.cat([where, what, depth], dim=-1)
    velocity = constant(*[0.0, 0.0, 1.0, 1.0], *[0.0] * (what.shape[-1] + 1), like=age)
    weight = torch.lerp(usual.unsqueeze(-1), recent.unsqueeze(-1), velocity)
    return torch.lerp(slots.habit, codes, weight), age


def expected_center(slots: Slots, config: ModelConfig, scenery: Scenery) -> Tensor:
    """Where objects are if they go on as in the last step (paper: where they were), not differentiated: [B, N, 2]."""
    center, speed = slots.box[..., :2].detach(), slots.latents.where[..., 2:].detach()
    ahead = decode_step(speed, config.where, center[..., 1] + scenery.first_row)
    return center + config.propagate.residual * ahead


def picture_of(sight: Sight, config: ModelConfig) -> Tensor:
    """What glimpses are cut from: the frame, with the mask of what stands out where it is asked for. [B, C', H, W]"""
    if not config.glimpse.foreground:
        return sight.frame
    mask = torch.zeros_like(sight.frame[:, :1]) if sight.foreground is None else sight.foreground
    return torch.cat([sight.frame, mask], dim=1)


def in_context(glimpse: Tensor, own: Tensor | None, *, foreground: bool = False) -> Tensor:
    """Glimpses [B, N, C' + 1, g, g] whose last channel is what is explained: that channel parted into what others
    explain and what the object itself does, ``own`` [B, N, g, g] (None: nothing, it is new). [B, N, C' + 2, g, g]

    Of the ``foreground``, the channel before, only what others do not explain is left: it is theirs.
    """
    seen, explained = glimpse.split([glimpse.shape[2] - 1, 1], dim=2)
    mine = torch.zeros_like(explained) if own is None else own.unsqueeze(2)
    others = (explained - mine).clamp(min=0.0)
    if foreground:
        frame, mask = seen.split([seen.shape[2] - 1, 1], dim=2)
        seen = torch.cat([frame, mask * (1.0 - others)], dim=2)
    return torch.cat([seen, others, mine], dim=2)


@dataclass(frozen=True)
class Prior:
    """The prior's guide: every site follows from the dynamics memory alone."""

    site_where: Gaussian
    site_what: Gaussian
    site_depth: Gaussian
    logit: Tensor

    def where(self) -> Gaussian:
        return self.site_where

    def what(self, box: Tensor) -> Gaussian:
        return self.site_what

    def depth(self, what: Tensor) -> Gaussian:
        return self.site_depth

    def presence(self, where: Tensor, box: Tensor, what: Tensor) -> Tensor:
        return self.logit


class Dynamics(nn.Module):
    """The propagation prior p(z_t | z_<t): an LSTM that never sees a frame (spec A.3), and may know who is near."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        part, code = config.propagate, config.glimpse.what
        self.neighbors = Neighbors(config) if part.neighbors else None
        others = SUMMARY if part.neighbors else 0
        self.enter = nn.Linear(code + 4 + 4 + 1 + 1 + others, 128)
        self.memory = LSTMState(128, part.dynamics, cell_clip=part.cell_clip)
        self.heads = nn.Linear(part.dynamics + others, 8 + 2 * code + 2 + 1)
        if not part.slack >= 0:
            raise ValueError(f"propagate.slack is {part.slack}; wanted is a number, 0 or more; correct it")
        steep = (*config.where.steepness, *2 * [config.where.motion / config.where.size if part.slack else 0.0])
        self.slack = [part.slack / each if each else 0.0 for each in steep]

    def forward(
        self, slots: Slots, scenery: Scenery, *, taught: bool = True, looked: bool = True
    ) -> tuple[Prior, Tensor]:
        """The guide, and the new memory [B, N, 2 Hp].

        ``taught``: nothing was done to the slots, so that their codes teach the prior, and what is known of them is to
        be a good guess of what they will be. ``looked``: the frame is looked at, so that boxes may be put right.
        """
        z, part, code = slots.latents, self.config.propagate, self.config.glimpse.what
        box = describe_box(slots.box, scenery, self.config)
        known = [z.what, box, z.where, z.depth, z.pres.unsqueeze(-1)]
        others = None if self.neighbors is None else self.neighbors(slots)
        if others is not None:
            known.append(others)
        state = self.memory(self.enter(torch.cat(known, dim=-1)), slots.dynamics)
        hidden = state[..., : part.dynamics]
        raw = self.heads(hidden if others is None else torch.cat([hidden, others], dim=-1))
        codes, logit = raw.split([8 + 2 * code + 2, 1], dim=-1)
        where, what, depth = (codes if taught else codes.detach()).split([8, 2 * code, 2], dim=-1)
        halves = [half for site in (where, what, depth) for half in site.chunk(2, dim=-1)]
        change, spread = torch.cat(halves[::2], dim=-1), torch.cat(halves[1::2], dim=-1)
        moves = constant(*[0.0, 0.0, 1.0, 1.0], *[0.0] * (code + 1), like=change)
        if part.steady:
            change = change * moves
        if part.constant_velocity:
            change = change * (1.0 - moves)
        mean = change + part.residual * (slots.habit if taught else slots.habit.detach())
        std = F.softplus(spread)
        if part.slow < math.inf:
            std = torch.lerp(part.slow * torch.sigmoid(spread), std, moves)
        if looked and part.slack:
            std = std + constant(*self.slack, *[0.0] * (code + 1), like=std)
        sizes = [4, code, 1]
        means, stds = mean.split(sizes, dim=-1), (std + MIN_STD).split(sizes, dim=-1)
        place, looks, far = (Gaussian(*each) for each in zip(means, stds, strict=True))
        return Prior(place, looks, far, logit.squeeze(-1) + part.survival_bias), state


class Tracker(nn.Module):
    """The propagation posterior q(z_t | z_<t, x_<=t): attention and a GRU per object (spec A.3)."""

    def __init__(self, config: ModelConfig, glimpses: GlimpseEncoder, features: int) -> None:
        super().__init__()
        part, code, act = config.propagate, config.glimpse.what, config.style.act
        if part.update not in ("precision", "gated"):
            raise ValueError(f"propagate.update is {part.update!r}; wanted precision or gated; correct it")
        self.config, self.glimpses, self.gated = config, glimpses, part.update == "gated"
        side, glimpse = part.window or 4, config.glimpse
        hid, att = part.tracker, part.attended
        self.attend = nn.Sequential(nn.Linear(features * side * side, att), activation(act))
        if glimpse.context:
            inputs = (2 * config.channels + 2 + glimpse.foreground) * PATCH**2
            self.compare = nn.Sequential(
                nn.PixelUnshuffle(PATCH),
                Pointwise(inputs, COMPARED),
                activation(act),
                nn.Flatten(),
                nn.Linear(COMPARED * (glimpse.side // PATCH) ** 2, att),
                activation(act),
            )
            att = 2 * att
        self.enter = nn.Linear(4 + 1 + code + 4 + att, hid)
        self.memory = GRUState(hid, hid)
        self.where_net = mlp(hid + code + 4 + 4 + att, hid, 8, act=act)
        self.what_net = mlp(hid, 64, 2 * code, act=act) if self.gated else None
        self.gate_net = mlp(hid + att, 64, 2 if self.gated else 1, act=act)
        self.depth_net = mlp(hid + code + att, 64, 2, act=act)
        self.pres_net = mlp(hid + 4 + 4 + code, 64, 1, act=act)

    def forward(self, slots: Slots, prior: Prior, view: View, scenery: Scenery) -> tuple["Posterior", Tensor]:
        """The guide, and the new memory [B, N, Ht]."""
        z = slots.latents
        attended = self._attention(slots, view)
        if view.expected is not None:
            attended = torch.cat([attended, self._comparison(slots, view, view.expected)], dim=-1)
        box = describe_box(slots.box, scenery, self.config)
        entered = self.enter(torch.cat([box, z.pres.unsqueeze(-1), z.what, z.where, attended], dim=-1))
        hidden = self.memory(entered, slots.tracker)
        return Posterior(self, slots, prior, (view, scenery), (attended, box, hidden)), hidden

    def _comparison(self, slots: Slots, view: View, expected: Tensor) -> Tensor:
        """The surroundings of where each object is expected, as they are, as they should be, and which part it is."""
        side, (batch, count) = self.config.glimpse.side, slots.alive.shape
        around = torch.cat([view.center, WIDER * slots.box[..., 2:].detach()], dim=-1)
        seen = crop(torch.cat([view.picture, expected], dim=1), around, side=side).flatten(0, 1)
        middle = constant(side / 2, side / 2, WIDER * side, WIDER * side, like=slots.box).expand(len(seen), 1, 4)
        own = crop(slots.paint[:, :, -1:].flatten(0, 1), middle, side=side).squeeze(1)
        if len(seen) == 0:  # pixel_unshuffle does not reshape an empty batch
            return seen.new_zeros(batch, count, self.config.propagate.attended)
        return self.compare(torch.cat([seen, own], dim=1)).unflatten(0, (batch, count))

    def _attention(self, slots: Slots, view: View) -> Tensor:
        """Features around where the object is expected; its place is not differentiated (spec A.13-3)."""
        part = self.config.propagate
        batch, count = slots.alive.shape
        if part.window == 0:
            whole = F.adaptive_avg_pool2d(view.features, 4).flatten(1)
            return self.attend(whole).unsqueeze(1).expand(batch, count, -1)
        center = view.center / self.config.cell
        window = torch.cat([center, torch.full_like(center, part.window)], dim=-1)
        return self.attend(crop(view.features, window, side=part.window).flatten(2))


@dataclass(frozen=True)
class Posterior:
    """The posterior's guide for one frame.

    shown  the `View` and the scenery
    known  what is attended to [B, N, Ha], the last box as network input [B, N, 4], the tracker's memory [B, N, Ht]
    """

    net: Tracker
    slots: Slots
    prior: Prior
    shown: tuple[View, Scenery]
    known: tuple[Tensor, Tensor, Tensor]

    def where(self) -> Gaussian:
        net, z, (attended, box, hidden) = self.net, self.slots.latents, self.known
        part = net.config.propagate
        raw = net.where_net(torch.cat([hidden, z.what, box, z.where, attended], dim=-1))
        site = Gaussian.of(raw, shift=part.where_shift)
        seen = Gaussian(site.mean + part.residual * anchor_where(self.slots), site.std)
        return seen if net.gated else self.prior.site_where.combined(seen)

    def what(self, box: Tensor) -> Gaussian:
        net, (attended, _, hidden) = self.net, self.known
        shift = net.config.posterior_shift
        raw = net.glimpses(self._glimpse(box))
        gates = torch.sigmoid(net.gate_net(torch.cat([hidden, attended], dim=-1)))
        if net.gated:
            return self._mixed(raw, gates)
        seen = Gaussian.of(raw, shift=shift)
        # How much of what is in the glimpse belongs to the object: the precision of what is seen goes with it.
        return self.prior.site_what.combined(Gaussian(seen.mean, seen.std * gates.clamp(min=MIN_STD).rsqrt()))

    def _glimpse(self, box: Tensor) -> Tensor:
        view, side = self.shown[0], self.net.config.glimpse.side
        if view.expected is None:
            return crop(view.picture, box, side=side)
        picture = torch.cat([view.picture, view.expected[:, -1:]], dim=1)
        foreground = self.net.config.glimpse.foreground
        return in_context(crop(picture, box, side=side), self.slots.paint[:, :, -1], foreground=foreground)

    def _mixed(self, raw: Tensor, gates: Tensor) -> Gaussian:
        """The paper's: gates for what is remembered and what is seen."""
        net = self.net
        assert net.what_net is not None
        part, shift = net.config.propagate, net.config.posterior_shift
        seen_mean, seen_raw = raw.chunk(2, dim=-1)
        remembered_mean, remembered_raw = net.what_net(self.known[2]).chunk(2, dim=-1)
        keep, see = gates[..., :1], gates[..., 1:]
        mean = see * seen_mean + keep * (remembered_mean + part.residual * self.slots.latents.what)
        if part.legacy_what_std:
            std = F.softplus(see * F.softplus(seen_raw) + keep * F.softplus(remembered_raw))
        else:
            std = see * F.softplus(seen_raw + shift) + keep * F.softplus(remembered_raw + shift)
        return Gaussian(mean, std + MIN_STD)

    def depth(self, what: Tensor) -> Gaussian:
        net, (attended, _, hidden) = self.net, self.known
        site = Gaussian.of(net.depth_net(torch.cat([hidden, what, attended], dim=-1)), shift=net.config.posterior_shift)
        seen = Gaussian(site.mean + net.config.propagate.residual * self.slots.latents.depth, site.std)
        return seen if net.gated else self.prior.site_depth.combined(seen)

    def presence(self, where: Tensor, box: Tensor, what: Tensor) -> Tensor:
        net = self.net
        now = describe_box(box, self.shown[1], net.config)
        raw = net.pres_net(torch.cat([self.known[2], now, where, what], dim=-1)).squeeze(-1)
        before = 0.0 if net.gated else self.prior.logit
        return bound(before + raw + net.config.propagate.presence_bias, slope=net.config.presence_slope)
