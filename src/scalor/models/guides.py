"""Guides: distributions over one set of objects, each site given the earlier ones; prior and posterior are guides."""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalor.core.geometry import crop
from scalor.core.sites import MIN_STD, Gaussian, bound
from scalor.core.types import Scenery, Slots
from scalor.models.appearance import GlimpseEncoder
from scalor.models.config import ModelConfig
from scalor.nets.heads import mlp
from scalor.nets.recurrent import GRUState, LSTMState


class Guide(Protocol):
    """Where, then what, then depth, then presence."""

    def where(self) -> Gaussian: ...

    def what(self, box: Tensor) -> Gaussian: ...

    def depth(self, what: Tensor) -> Gaussian: ...

    def presence(self, where: Tensor, box: Tensor, what: Tensor) -> Tensor: ...


def describe_box(box: Tensor, scenery: Scenery, config: ModelConfig) -> Tensor:
    """Boxes [B, N, 4] as network input [B, N, 4]: sizes around 0, centre in [-1, 1] (0 if position must not matter)."""
    size = box[..., 2:] / config.where.size - 1.0
    if not config.propagate.position:
        return torch.cat([torch.zeros_like(size), size], dim=-1)
    center = box[..., :2] * (2.0 / box.new_tensor([scenery.width, scenery.height])) - 1.0
    return torch.cat([center, size], dim=-1)


def anchor_where(slots: Slots) -> Tensor:
    """Where an object would be sampled if nothing changed: its raw size and its last step. [B, N, 4]"""
    return torch.cat([slots.size, slots.latents.where[..., 2:]], dim=-1)


class PriorView:
    """The prior's guide: every site follows from the dynamics memory alone."""

    def __init__(self, where: Gaussian, what: Gaussian, depth: Gaussian, logit: Tensor) -> None:
        self._where, self._what, self._depth, self._logit = where, what, depth, logit

    def where(self) -> Gaussian:
        return self._where

    def what(self, box: Tensor) -> Gaussian:
        return self._what

    def depth(self, what: Tensor) -> Gaussian:
        return self._depth

    def presence(self, where: Tensor, box: Tensor, what: Tensor) -> Tensor:
        return self._logit


class Dynamics(nn.Module):
    """The propagation prior p(z_t | z_<t): an LSTM that never sees a frame (spec A.3)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        part, code = config.propagate, config.glimpse.what
        self.enter = nn.Linear(code + 4 + 4 + 1 + 1, 128)
        self.memory = LSTMState(128, part.dynamics)
        self.heads = nn.Linear(part.dynamics, 8 + 2 * code + 2 + 1)

    def forward(self, slots: Slots, scenery: Scenery) -> tuple[PriorView, Tensor]:
        """The guide, and the new memory [B, N, 2 Hp]."""
        z, part, code = slots.latents, self.config.propagate, self.config.glimpse.what
        box = describe_box(slots.box, scenery, self.config)
        entered = self.enter(torch.cat([z.what, box, z.where, z.depth, z.pres.unsqueeze(-1)], dim=-1))
        state = self.memory(entered, slots.dynamics)
        raw = self.heads(state[..., : part.dynamics])
        where, what, depth, logit = raw.split([8, 2 * code, 2, 1], dim=-1)

        def around(site: Gaussian, anchor: Tensor) -> Gaussian:
            return Gaussian(site.mean + part.residual * anchor, site.std)

        view = PriorView(
            around(Gaussian.of(where), anchor_where(slots)),
            around(Gaussian.of(what), z.what),
            around(Gaussian.of(depth), z.depth),
            logit.squeeze(-1) + part.survival_bias,
        )
        return view, state


class TrackerView:
    """The posterior's guide for one frame."""

    def __init__(self, net: "Tracker", slots: Slots, frame: Tensor, scenery: Scenery, seen: tuple[Tensor, ...]) -> None:
        self.net, self.slots, self.frame, self.scenery = net, slots, frame, scenery
        self.attended, self.self_box, self.hidden = seen

    def where(self) -> Gaussian:
        return self.net.where_site(self)

    def what(self, box: Tensor) -> Gaussian:
        return self.net.what_site(self, box)

    def depth(self, what: Tensor) -> Gaussian:
        return self.net.depth_site(self, what)

    def presence(self, where: Tensor, box: Tensor, what: Tensor) -> Tensor:
        return self.net.presence_logit(self, where, box, what)


class Tracker(nn.Module):
    """The propagation posterior q(z_t | z_<t, x_<=t): attention, a GRU per object, gated what (spec A.3)."""

    def __init__(self, config: ModelConfig, glimpses: GlimpseEncoder, features: int) -> None:
        super().__init__()
        self.config = config
        self.glimpses = glimpses
        part, code, act = config.propagate, config.glimpse.what, config.style.act
        side = part.window or 4
        hid, att = part.tracker, part.attended
        self.attend = nn.Sequential(nn.Linear(features * side * side, att), nn.ReLU() if act == "relu" else nn.CELU())
        self.enter = nn.Linear(4 + 1 + code + 4 + att, hid)
        self.memory = GRUState(hid, hid)
        self.where_net = mlp(hid + code + 4 + 4 + att, hid, 8, act=act)
        self.what_net = mlp(hid, 64, 2 * code, act=act)
        self.gate_net = mlp(hid + att, 64, 2, act=act)
        self.depth_net = mlp(hid + code + att, 64, 2, act=act)
        self.pres_net = mlp(hid + 4 + 4 + code, 64, 1, act=act)

    def forward(self, slots: Slots, frame: Tensor, features: Tensor, scenery: Scenery) -> tuple[TrackerView, Tensor]:
        """The guide, and the new memory [B, N, Ht]."""
        z = slots.latents
        attended = self._attention(slots, features)
        self_box = describe_box(slots.box, scenery, self.config)
        entered = self.enter(torch.cat([self_box, z.pres.unsqueeze(-1), z.what, z.where, attended], dim=-1))
        hidden = self.memory(entered, slots.tracker)
        return TrackerView(self, slots, frame, scenery, (attended, self_box, hidden)), hidden

    def _attention(self, slots: Slots, features: Tensor) -> Tensor:
        """Features around where the object is expected; its place is not differentiated (spec A.13-3)."""
        part, cell = self.config.propagate, self.config.cell
        batch, count = slots.alive.shape
        if part.window == 0:
            whole = F.adaptive_avg_pool2d(features, 4).flatten(1)
            return self.attend(whole).unsqueeze(1).expand(batch, count, -1)
        ahead = part.residual * self.config.where.motion * torch.tanh(slots.latents.where[..., 2:])
        center = (slots.box[..., :2] + ahead).detach() / cell
        window = torch.cat([center, torch.full_like(center, part.window)], dim=-1)
        return self.attend(crop(features, window, side=part.window).flatten(2))

    def where_site(self, view: TrackerView) -> Gaussian:
        z = view.slots.latents
        raw = self.where_net(torch.cat([view.hidden, z.what, view.self_box, z.where, view.attended], dim=-1))
        site = Gaussian.of(raw, shift=self.config.propagate.where_shift)
        return Gaussian(site.mean + self.config.propagate.residual * anchor_where(view.slots), site.std)

    def what_site(self, view: TrackerView, box: Tensor) -> Gaussian:
        part = self.config.propagate
        seen_mean, seen_raw = self.glimpses(crop(view.frame, box, side=self.config.glimpse.side)).chunk(2, dim=-1)
        kept_mean, kept_raw = self.what_net(view.hidden).chunk(2, dim=-1)
        gates = torch.sigmoid(self.gate_net(torch.cat([view.hidden, view.attended], dim=-1)))
        keep, see = gates[..., :1], gates[..., 1:]
        mean = see * seen_mean + keep * (kept_mean + part.residual * view.slots.latents.what)
        if part.legacy_what_std:
            std = F.softplus(see * F.softplus(seen_raw) + keep * F.softplus(kept_raw))
        else:
            shift = self.config.posterior_shift
            std = see * F.softplus(seen_raw + shift) + keep * F.softplus(kept_raw + shift)
        return Gaussian(mean, std + MIN_STD)

    def depth_site(self, view: TrackerView, what: Tensor) -> Gaussian:
        raw = self.depth_net(torch.cat([view.hidden, what, view.attended], dim=-1))
        site = Gaussian.of(raw, shift=self.config.posterior_shift)
        return Gaussian(site.mean + self.config.propagate.residual * view.slots.latents.depth, site.std)

    def presence_logit(self, view: TrackerView, where: Tensor, box: Tensor, what: Tensor) -> Tensor:
        now = describe_box(box, view.scenery, self.config)
        raw = self.pres_net(torch.cat([view.hidden, now, where, what], dim=-1)).squeeze(-1)
        return bound(raw + self.config.propagate.presence_bias)
