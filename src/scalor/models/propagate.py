"""PROPAGATE: carry every object into the next frame (spec A.3)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scalor.core.geometry import box_iou, decode_size, in_view
from scalor.core.sites import Gaussian, kl_presence, log_bernoulli, sample_presence
from scalor.core.types import Knobs, Latents, Layers, Objects, Scenery, Slots, Terms
from scalor.models.appearance import GlimpseEncoder
from scalor.models.config import ModelConfig
from scalor.models.guides import Dynamics, Guide, Tracker
from scalor.models.painter import Painter, alike, tints


@dataclass(frozen=True)
class Draw:
    """Samples of all code sites of a set of objects with the distributions they came from: (sample, guide, prior)."""

    where: tuple[Tensor, Gaussian, Gaussian]
    what: tuple[Tensor, Gaussian, Gaussian]
    depth: tuple[Tensor, Gaussian, Gaussian]


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
    """Prior `Dynamics`, posterior `Tracker`; the survival rule; the end of double tracks."""

    def __init__(self, config: ModelConfig, glimpses: GlimpseEncoder, painter: Painter, features: int) -> None:
        super().__init__()
        self.config = config
        self.painter = painter
        self.dynamics = Dynamics(config)
        self.tracker = Tracker(config, glimpses, features)

    def forward(
        self, slots: Slots, frame: Tensor | None, features: Tensor | None, scenery: Scenery, knobs: Knobs
    ) -> Objects:
        """All slots one frame further. ``frame`` and ``features`` None: the prior guides and every KL is 0."""
        prior, dynamics = self.dynamics(slots, scenery)
        guide: Guide = prior
        tracker = slots.tracker
        if frame is not None and features is not None:
            guide, tracker = self.tracker(slots, frame, features, scenery)
        draw, box, after = self._draw(slots, guide, prior, scenery, knobs)
        where, what = draw.where[0], draw.what[0]
        logit = guide.presence(where, box, what)
        drawn = knobs.stochastic and not (knobs.keep_alive and guide is prior)
        sampled = sample_presence(logit, temperature=knobs.temperature, stochastic=drawn, hard=knobs.hard)
        if knobs.carry:  # no presence is drawn; its KL stays, and only keeps the two guides together meanwhile
            sampled = torch.ones_like(sampled)
        moved = slots.replace(
            latents=Latents(pres=sampled, where=after, what=what, depth=draw.depth[0]),
            box=box,
            size=where[..., :2],
            tracker=tracker,
            dynamics=dynamics,
            score=torch.sigmoid(logit.detach()),
        )
        survivors, layers, tight = self._survive(moved, scenery, knobs)
        here = slots.alive.to(logit.dtype)
        prior_logit = prior.presence(where, box, what)
        kl = here * kl_presence(logit, prior_logit) if guide is not prior else torch.zeros_like(logit)
        ratio = torch.zeros_like(logit)
        if knobs.weigh:
            ratio = here * (log_bernoulli(sampled, prior_logit) - log_bernoulli(sampled, logit))
        terms = charge(draw, here * survivors.latents.pres, (kl, ratio), knobs, here * sampled)
        return Objects(slots=survivors, layers=layers, tight=tight, terms=terms)

    def _draw(
        self, slots: Slots, guide: Guide, prior: Guide, scenery: Scenery, knobs: Knobs
    ) -> tuple[Draw, Tensor, Tensor]:
        """All codes but presence, the boxes, and where-codes with the direction that objects go on in."""
        q_where = guide.where()
        where = q_where.sample(knobs.stochastic)
        step = self.config.where.motion * torch.tanh(where[..., 2:])
        extent = where.new_tensor([scenery.width, scenery.height])
        size = decode_size(where[..., :2], self.config.where)
        part = self.config.propagate
        beyond = torch.full_like(size, self.config.where.size) if part.reflect else size.detach()
        margin = torch.maximum(0.025 * extent, part.leave * beyond)
        free = slots.box[..., :2] + step
        center = torch.minimum(free.maximum(-margin), extent + margin)
        after = where
        if part.reflect:
            turned = torch.where(free == center, 1.0, -1.0).to(where)
            center = 2.0 * center - free
            after = torch.cat([where[..., :2], turned * where[..., 2:]], dim=-1)
        box = torch.cat([center, size], dim=-1)
        q_what = guide.what(box)
        what = q_what.sample(knobs.stochastic)
        q_depth = guide.depth(what)
        depth = q_depth.sample(knobs.stochastic)
        sites = (where, q_where, prior.where()), (what, q_what, prior.what(box)), (depth, q_depth, prior.depth(what))
        return Draw(*sites), box, after

    def _survive(self, slots: Slots, scenery: Scenery, knobs: Knobs) -> tuple[Slots, Layers, Tensor]:
        """Deficit rule, leaving the view, merging of doubles: the slots that live on, all paint and tight boxes."""
        pres = slots.latents.pres
        deficit = slots.deficit * knobs.leak + (1 - pres)
        stop = self.config.propagate.stop if knobs.patience is None else knobs.patience
        lives = slots.alive & (deficit < stop)
        if not knobs.stochastic and not knobs.keep_alive:
            lives = lives & (in_view(slots.box, height=scenery.height, width=scenery.width) > 0.05)
        layers, tight = self.painter(slots.latents, slots.box, lives)
        doubled = self._doubled(slots, layers, tight, lives)
        over = lives & (doubled >= self.config.merge.frames)
        lives = lives & ~over
        mask = lives.to(pres.dtype)
        layers = layers.replace(pres=layers.pres * mask[layers.batch, layers.slot])
        latents = slots.latents.replace(pres=pres * mask)
        return slots.replace(latents=latents, deficit=deficit, doubled=doubled, alive=lives), layers, tight

    @torch.no_grad()
    def _doubled(self, slots: Slots, layers: Layers, tight: Tensor, lives: Tensor) -> Tensor:
        """Frames in a row that an older track of the same colour has covered this one: [B, N]."""
        if slots.count == 0:
            return slots.doubled
        older = slots.id.unsqueeze(1) < slots.id.unsqueeze(2)
        both = lives.unsqueeze(1) & lives.unsqueeze(2)
        near = (box_iou(tight, tight) > self.config.merge.iou) & older & both
        covered = alike(tints(layers, slots.alive.shape), self.config.merge.tint, near).any(-1)
        return torch.where(covered, slots.doubled + 1, torch.zeros_like(slots.doubled))
