"""PROPAGATE: carry every object into the next frame (spec A.3)."""

import math
from dataclasses import dataclass, replace
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalor.core.canvas import placed
from scalor.core.fixed import fixed, listed
from scalor.core.geometry import WhereConfig, corners, decode_size, decode_step, in_view, intersection
from scalor.core.sites import Gaussian, kl_presence, log_bernoulli, sample_presence
from scalor.core.tensors import constant
from scalor.core.types import Knobs, Objects, Scenery, Sight, Slots, Terms
from scalor.models.appearance import GlimpseEncoder
from scalor.models.config import ModelConfig
from scalor.models.guides import Dynamics, Guide, Prior, Tracker, View, expected_center, picture_of, used_to
from scalor.models.painter import Painter
from scalor.models.survival import Odds, Survival

GONE = 0.05
"""Share of a box in view below which an object has left."""
ASTRAY, ROOM = 0.5, 0.25
"""Share of the carried objects that are put aside in a frame of a disturbed step; one has room if no other box comes
within so much of its sides."""
MEMORY = 0.8
"""How much of an object's continuity is remembered a frame later."""


@dataclass(frozen=True)
class Draw:
    """Samples of all code sites of a set of objects with the distributions they came from: (sample, guide, prior)."""

    where: tuple[Tensor, Gaussian, Gaussian]
    what: tuple[Tensor, Gaussian, Gaussian]
    depth: tuple[Tensor, Gaussian, Gaussian]

    @torch.no_grad()
    def continuity(self) -> Tensor:
        """Nats by which codes are likelier for an object that goes on than for a new one in its place: [B, N].

        log p(z | its past) - log p(z | birth), a function of the sample alone. Where a new one would lie is taken to be
        as typical as births are: its log density is minus the entropy of the standard normal.
        """
        (where, _, where_prior), (what, _, what_prior) = self.where, self.what
        typical = 0.5 * where.shape[-1] * math.log(2 * math.pi * math.e)
        birth = -0.5 * (what.square().sum(-1) + what.shape[-1] * math.log(2 * math.pi))
        return where_prior.log_prob(where) + typical + what_prior.log_prob(what) - birth


def put_aside(slots: Slots, astray: Tensor, where: WhereConfig, share: float, beside: float = 0.0) -> Slots:
    """Slots of which those ``astray``, bool [B, N], have got another size and shape, by a ``share`` of their sides
    (std), and have moved by as much where they have room around them, by ``beside`` where they have not."""
    center, sides = slots.box.split(2, dim=-1)
    close = (_beside(slots.box) & slots.alive.unsqueeze(1)).any(2, keepdim=True)
    off, grown = (torch.randn_like(slots.box) * astray.unsqueeze(-1)).split(2, dim=-1)
    off, grown = off * torch.where(close, beside, share), grown * share
    # An object is as sure of a wrong size as of its own: what it is used to is wrong as well.
    wrong = grown / constant(*(steep or math.inf for steep in where.steepness), like=grown)  # a fixed size stays
    size, codes = slots.size + wrong, torch.cat([wrong, torch.zeros_like(wrong)], dim=-1)
    habit = torch.cat([slots.habit[..., :2] + wrong, slots.habit[..., 2:]], dim=-1)
    known = (decode_size(size, where) / decode_size(slots.size, where)).detach()
    box = torch.cat([center + off * sides.detach(), sides * known], dim=-1)
    latents = slots.latents.replace(where=slots.latents.where + codes)
    return slots.replace(box=box, size=size, habit=habit, latents=latents)


@torch.no_grad()
def _beside(box: Tensor) -> Tensor:
    """Which other boxes [B, N, 4] come within `ROOM` of each: bool [B, N, N]."""
    center, sides = box.split(2, dim=-1)
    around = torch.cat([center, sides * (1 + 2 * ROOM)], dim=-1)
    near = intersection(corners(around), corners(box))[0] > 0
    return near & ~torch.eye(near.shape[1], dtype=torch.bool, device=near.device)


def charge(draw: Draw, weight: Tensor, presence: tuple[Tensor, Tensor], knobs: Knobs, drawn: Tensor) -> Terms:
    """The books of one set of objects (spec A.7, A.8).

    weight    [B, N] charge per object's code; presence = (KL [B, K], importance ratio [B, K]) already masked.
    drawn     [B, N] the same for the importance ratio: a track that a rule ended was drawn all the same.
    """
    kl_pres, ratio_pres = presence
    kls = {name: (weight * q.kl(p)).sum(1) for name, (_, q, p) in vars(draw).items()}
    ratio = ratio_pres.sum(1)
    if knobs.weigh:
        for sample, q, p in vars(draw).values():
            ratio = ratio + (drawn * (p.log_prob(sample) - q.log_prob(sample))).sum(1)
    zero = torch.zeros_like(ratio)
    return Terms(
        log_like=zero,
        log_mask=zero,
        kl_pres=kl_pres.sum(1),
        kl_where=kls["where"],
        kl_what=kls["what"],
        kl_depth=kls["depth"],
        kl_background=zero,
        log_ratio=ratio,
    )


class Propagate(nn.Module):
    """Prior `Dynamics`, posterior `Tracker`; who lives on; the end of double tracks."""

    def __init__(self, config: ModelConfig, glimpses: GlimpseEncoder, painter: Painter, features: int) -> None:
        super().__init__()
        self.config = config
        self.painter = painter
        self.dynamics = Dynamics(config)
        self.tracker = Tracker(config, glimpses, features)
        self.survival = Survival(config, painter)

    def forward(
        self, slots: Slots, sight: Sight | None, ground: Tensor | None, scenery: Scenery, knobs: Knobs
    ) -> Objects:
        """All slots one frame further; without a sight, or features in it, the prior guides and every KL is 0.

        ``ground`` [B, C, H, W] is the background that is expected behind them; tracking asks for it.
        """
        looked = sight is not None and sight.features is not None
        disturbed = knobs.disturbed and looked
        if disturbed:
            slots = self._disturbed(slots, knobs)
        prior, dynamics = self.dynamics(slots, scenery, taught=not disturbed, looked=looked)
        guide: Guide = prior
        slots = slots.replace(dynamics=dynamics)
        tracker = slots.tracker
        if sight is not None and sight.features is not None:
            context, center = self.config.glimpse.context, expected_center(slots, self.config, scenery)
            expected = self.painter.expected(slots, center, scenery) if context else None
            view = View(picture_of(sight, self.config), sight.features, center, expected)
            guide, tracker = self.tracker(slots, prior, view, scenery)
        draw, moved, continuity = self._move(slots, guide, prior, scenery, knobs)
        logit = guide.presence(draw.where[0], moved.box, draw.what[0])
        drawn = knobs.stochastic and not (knobs.keep_alive and guide is prior)
        sampled = sample_presence(logit, temperature=knobs.temperature, stochastic=drawn, hard=knobs.hard)
        if knobs.carry:  # no presence is drawn; its KL stays, and only keeps the two guides together meanwhile
            sampled = torch.ones_like(sampled)
        moved = moved.replace(
            latents=moved.latents.replace(pres=sampled), tracker=tracker, confidence=torch.sigmoid(logit.detach())
        )
        # A frame that is only compared with says nothing about where its objects went.
        if not knobs.keep_alive and (guide is not prior or sight is None):
            inside = in_view(moved.box, height=scenery.height, width=scenery.width) > GONE
            moved = moved.replace(alive=moved.alive & inside)
        nats = None
        if knobs.patience is not None and guide is not prior:
            assert sight is not None and ground is not None
            dreamt = cache(lambda: self._move(slots, prior, prior, scenery, replace(knobs, stochastic=False))[1])
            odds = Odds(present=logit, survival=prior.logit, continuity=continuity)
            survivors, paint, nats = self.survival.watch(moved, dreamt, odds, (sight.frame, ground), knobs.patience)
        else:
            survivors, paint = self.survival.count(moved, scenery)
        survivors = self.survival.merge(survivors, paint)
        shown = survivors.latents.pres * ~survivors.asleep
        layers = placed(paint.layers, batch=len(shown), height=scenery.height, width=scenery.width)
        layers = layers.replace(pres=shown[layers.batch, layers.slot])

        def books() -> Terms:
            here, prior_logit = slots.alive.to(logit.dtype), prior.logit
            kl = here * kl_presence(logit, prior_logit) if guide is not prior else torch.zeros_like(logit)
            ratio = torch.zeros_like(logit)
            if knobs.weigh:
                ratio = here * (log_bernoulli(sampled, prior_logit) - log_bernoulli(sampled, logit))
            return charge(draw, here * survivors.latents.pres, (kl, ratio), knobs, here * sampled)

        # Evidence holds as long as everybody is shown who was when it was weighed, and nobody else.
        known = nats is not None and not fixed() and torch.equal(shown, moved.shown.to(shown.dtype))
        return Objects(books, slots=survivors, layers=layers, tight=paint.tight, nats=nats if known else None)

    def _disturbed(self, slots: Slots, knobs: Knobs) -> Slots:
        """Slots of which half have another size, shape, place and looks than they had, as far as the knobs say."""
        astray = torch.rand_like(slots.age) < ASTRAY
        if knobs.jitter or knobs.jitter_beside:
            slots = put_aside(slots, astray, self.config.where, knobs.jitter, knobs.jitter_beside)
        if not knobs.jitter_looks:
            return slots
        wrong = knobs.jitter_looks * torch.randn_like(slots.latents.what) * astray.unsqueeze(-1)
        what, paint = slots.latents.what + wrong, slots.paint
        if self.config.glimpse.context:
            at, paint = listed(astray & slots.alive), paint.clone()
            with torch.no_grad():
                paint[at] = self.painter.decoder(what[at])
        habit = slots.habit + F.pad(wrong, (4, 1))
        return slots.replace(latents=slots.latents.replace(what=what), habit=habit, paint=paint)

    def _move(
        self, slots: Slots, guide: Guide, prior: Prior, scenery: Scenery, knobs: Knobs
    ) -> tuple[Draw, Slots, Tensor]:
        """All codes but presence, the slots where they lead, facing the direction that objects go on in, and their
        `Draw.continuity`."""
        q_where = guide.where()
        where = q_where.sample(knobs.stochastic)
        box, after = self._placed(slots, where, scenery)
        q_what = guide.what(box)
        what = q_what.sample(knobs.stochastic)
        q_depth = guide.depth(what)
        depth = q_depth.sample(knobs.stochastic)
        sites = (where, q_where, prior.where()), (what, q_what, prior.what(box)), (depth, q_depth, prior.depth(what))
        draw = Draw(*sites)
        known = slots
        if after is not where:  # at a wall, what an object is used to turns with it
            turned = torch.where(after == where, 1.0, -1.0)
            known = slots.replace(habit=torch.cat([slots.habit[..., :4] * turned, slots.habit[..., 4:]], dim=-1))
        part = self.config.propagate
        habit, age = used_to(known, after, what, depth, window=part.habit, pace=part.pace)
        continuity = draw.continuity()
        moved = slots.replace(
            habit=habit,
            age=age,
            latents=slots.latents.replace(where=after, what=what, depth=depth),
            box=box,
            size=where[..., :2],
            continuity=MEMORY * slots.continuity + continuity,
        )
        return draw, moved, continuity

    def _placed(self, slots: Slots, where: Tensor, scenery: Scenery) -> tuple[Tensor, Tensor]:
        """The boxes that where-codes [B, N, 4] mean, and the codes with the direction that objects go on in."""
        shape, speed = where.split(2, dim=-1)
        row = slots.box[..., 1].detach() + scenery.first_row
        free = slots.box[..., :2] + decode_step(speed, self.config.where, row)
        part, view = self.config.propagate, (scenery.width, scenery.height)
        if not part.reflect:
            limit = part.leave * self._size(shape, free, scenery).detach()
            low = torch.minimum(constant(*(-0.025 * side for side in view), like=limit), -limit)
            center, after = torch.minimum(free.maximum(low), constant(*view, like=low) - low), where
        else:
            beyond = part.leave * self.config.where.size
            wall = constant(*(side + beyond for side in view), like=free)
            stopped = torch.minimum(free.clamp(min=-beyond), wall)
            center = 2.0 * stopped - free
            after = torch.cat([shape, torch.where(free == stopped, speed, -speed)], dim=-1)
        return torch.cat([center, self._size(shape, center, scenery)], dim=-1), after

    def _size(self, shape: Tensor, center: Tensor, scenery: Scenery) -> Tensor:
        """Width and height that size codes mean in these places, [B, N, 2]."""
        return decode_size(shape, self.config.where, center[..., 1].detach() + scenery.first_row)
