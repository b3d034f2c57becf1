"""SILOT (Crawford and Pineau 2020): discovery in cells, objects that attend to their neighbours, and a selection."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from scalor.core.geometry import box_overlap, cell_centers, corners
from scalor.core.sites import Gaussian, kl_presence, log_bernoulli, sample_presence, to_logit
from scalor.core.types import Knobs, Latents, Scenery, Sight, Slots, Step, Terms, World
from scalor.models.base import WorldModel
from scalor.models.baselines.frames import no_slots, refuse_other_sides
from scalor.models.baselines.objects import (
    STYLE,
    Brush,
    Codes,
    DrawnTerms,
    Glimpses,
    ObjectsConfig,
    blank,
    box_of,
    charge_codes,
    code_of,
    finish,
    joined,
    named,
)
from scalor.nets.heads import mlp
from scalor.nets.pyramid import pyramid
from scalor.nets.recurrent import GRUState

LIMIT = 4.0
SHARED, INSIDE = 0.5, 0.8
"""Intersection over union, or over the smaller box, from which the later of two slots is a twin of the earlier one."""


@dataclass(frozen=True)
class SilotConfig(ObjectsConfig):
    """grid: side of a cell in pixels; reach: std of the kernel of attention as a share of the frame."""

    kind: Literal["silot"] = "silot"
    slots: int = 16
    glimpse: int = 14
    grid: int = 8
    reach: float = 0.1
    survive: float = 3.0
    posterior_shift: float = -2.0


def facts(slots: Slots) -> Tensor:
    """What is known of each object, without its memory: [B, N, 4 + what + 2]."""
    latents = slots.latents
    return torch.cat([latents.where, latents.what, latents.depth, latents.pres.unsqueeze(-1)], dim=-1)


def bounded(logit: Tensor) -> Tensor:
    """Logits within +-LIMIT: presence that is beyond doubt would have no gradient."""
    return LIMIT * torch.tanh(logit / LIMIT)


class Neighbours(nn.Module):
    """Spatial attention: what the objects around some places are like, the nearer the more."""

    def __init__(self, config: SilotConfig) -> None:
        super().__init__()
        self.config = config
        self.net = mlp(4 + config.what + 2 + 2, config.hidden // 2, config.hidden // 2, act="celu")

    @property
    def out(self) -> int:
        """Width of the answer."""
        return self.config.hidden // 2

    def forward(self, places: Tensor, slots: Slots, *, own: bool) -> Tensor:
        """``places`` [B, P, 2] in pixels to [B, P, out].

        ``own``: the places are those of the slots, none of which sees itself.
        """
        if slots.count == 0:
            return places.new_zeros(*places.shape[:2], self.out)
        width = self.config.reach * self.config.side
        off = (places.unsqueeze(2) - slots.box[..., :2].unsqueeze(1)) / width
        weight = torch.exp(-0.5 * off.square().sum(-1)) * (slots.latents.pres * slots.alive).unsqueeze(1)
        if own:
            weight = weight * (1 - torch.eye(slots.count, device=weight.device, dtype=weight.dtype))
        told = facts(slots).unsqueeze(1).expand(-1, places.shape[1], -1, -1)
        return (weight.unsqueeze(-1) * self.net(torch.cat([told, off], dim=-1))).sum(2)


class Cells(nn.Module):
    """Discovery: one proposal per cell, told of the objects around it."""

    def __init__(self, config: SilotConfig, glimpses: Glimpses) -> None:
        super().__init__()
        self.config, self.glimpses = config, glimpses
        features, hidden = config.features, config.hidden
        widths = (features // 2, features, features)
        self.stack = pyramid(config.channels, widths, cell=config.grid, style=STYLE, refine=False)
        self.neighbours = Neighbours(config)
        self.head = mlp(features + self.neighbours.out, hidden, 1 + 8, act="celu")
        self.what = mlp(hidden, hidden, 2 * config.what, act="celu")
        self.depth = mlp(hidden + config.what, hidden, 2, act="celu")

    def forward(self, sight: Sight | None, propagated: Slots, knobs: Knobs, birth: Tensor) -> tuple[Slots, Terms]:
        """All cells as slots without identities, and what they cost; ``sight`` None: from the prior.

        Cells that touch propose one after the other, told of what has been proposed: every second of every second row.
        """
        rows = self.config.side // self.config.grid
        places = cell_centers(rows, rows, cell=self.config.grid, like=birth)
        number = torch.arange(len(places), device=birth.device)
        turn = 2 * (number // rows % 2) + number % rows % 2
        terms: Terms
        found, terms = self._proposed(sight, propagated, knobs, birth, places, number[turn == 0])
        for later in range(1, 4):
            known = joined(propagated, found)
            more, costs = self._proposed(sight, known, knobs, birth, places, number[turn == later])
            found, terms = joined(found, more), terms + costs
        return found, terms

    def _proposed(
        self, sight: Sight | None, known: Slots, knobs: Knobs, birth: Tensor, centers: Tensor, which: Tensor
    ) -> tuple[Slots, DrawnTerms]:
        """The cells ``which`` of all with these ``centers`` [G, 2]."""
        config, places = self.config, centers[which]
        prior_logit = to_logit(birth).to(birth.dtype).unsqueeze(1).expand(-1, len(places))
        if sight is None:
            codes, logit = self._imagined(prior_logit, knobs), prior_logit
        else:
            assert sight.features is not None
            around = self.neighbours(places.expand(len(birth), -1, -1), known, own=False)
            raw = self.head(torch.cat([sight.features.flatten(2)[..., which].transpose(1, 2), around], dim=-1))
            codes = self._seen(sight.frame, raw[..., 1:], places, knobs)
            logit = bounded(raw[..., 0] - 1.0)
        pres = sample_presence(logit, temperature=knobs.temperature, stochastic=knobs.stochastic, hard=knobs.hard)
        where = self._placed(codes["where"][0], places)
        latents = Latents(pres=pres, where=where, what=codes["what"][0], depth=codes["depth"][0])
        slots = blank(known, len(places)).replace(
            latents=latents,
            box=box_of(where, config),
            size=where[..., :2],
            confidence=torch.sigmoid(logit.detach()),
            alive=pres > 0.5,
        )
        zeros = Terms.zeros(len(birth), birth)
        if sight is None:
            return slots, DrawnTerms.of(zeros, zeros.log_like)
        costs = charge_codes(codes, pres)
        drawn = log_bernoulli(pres.detach(), logit)
        costs["log_ratio"] = costs["log_ratio"] + (log_bernoulli(pres, prior_logit) - log_bernoulli(pres, logit)).sum(1)
        kl_pres = kl_presence(logit, prior_logit).sum(1)
        return slots, DrawnTerms.of(zeros.replace(kl_pres=kl_pres, **costs), drawn.sum(1))

    def _placed(self, where: Tensor, places: Tensor) -> Tensor:
        """Codes within the cells, -0.5 to 1.5 cells, as codes in the frame."""
        off = self.config.grid * (2.0 * torch.sigmoid(where[..., 2:]) - 1.0)
        return torch.cat([where[..., :2], code_of(places + off, self.config)], dim=-1)

    def _seen(self, frame: Tensor, raw: Tensor, places: Tensor, knobs: Knobs) -> Codes:
        q_where = Gaussian.of(raw, shift=self.config.posterior_shift)
        where = q_where.sample(knobs.stochastic)
        seen = self.glimpses(frame, box_of(self._placed(where, places), self.config))
        q_what = Gaussian.of(self.what(seen), shift=self.config.posterior_shift)
        what = q_what.sample(knobs.stochastic)
        q_depth = Gaussian.of(self.depth(torch.cat([seen, what], dim=-1)), shift=self.config.posterior_shift)
        depth = q_depth.sample(knobs.stochastic)
        return {
            "where": (where, q_where, self._prior(where)),
            "what": (what, q_what, Gaussian.standard(what)),
            "depth": (depth, q_depth, Gaussian.standard(depth)),
        }

    def _imagined(self, logit: Tensor, knobs: Knobs) -> Codes:
        like = logit.unsqueeze(-1)
        p_where = self._prior(like.expand(-1, -1, 4))
        p_what, p_depth = Gaussian.standard(like.expand(-1, -1, self.config.what)), Gaussian.standard(like)
        sites = {"where": p_where, "what": p_what, "depth": p_depth}
        return {name: (prior.sample(knobs.stochastic), prior, prior) for name, prior in sites.items()}

    @staticmethod
    def _prior(like: Tensor) -> Gaussian:
        std = like.new_tensor((0.5, 0.5, 1.0, 1.0)).expand_as(like)
        return Gaussian(torch.zeros_like(like), std)


class Carried(nn.Module):
    """Propagation of all objects at once: two looks at the frame, a memory, changes of every code."""

    def __init__(self, config: SilotConfig, glimpses: Glimpses) -> None:
        super().__init__()
        self.config, self.glimpses = config, glimpses
        hidden, what = config.hidden, config.what
        self.neighbours = Neighbours(config)
        told = 4 + what + 2 + self.neighbours.out
        self.offset = mlp(hidden, hidden, 4, act="celu")
        self.where = mlp(2 * hidden + told, hidden, 8, act="celu")
        self.memory = GRUState(hidden + 4 + told, hidden)
        self.code = nn.Linear(hidden, 2 * what)
        self.change = nn.Linear(hidden, 2 * what + 2)
        self.gates = nn.Linear(hidden, 3 * what)
        self.presence = mlp(hidden + what, hidden, 1, act="celu")
        self.expect_around = Neighbours(config)
        self.expect_memory = GRUState(told, hidden)
        self.expect = mlp(hidden, hidden, 2 * (4 + what + 1) + 1, act="celu")

    def forward(self, slots: Slots, frame: Tensor | None, knobs: Knobs) -> tuple[Slots, DrawnTerms]:
        """All slots one frame further; ``frame`` None: the prior guides."""
        like = slots.deficit
        zeros = Terms.zeros(like.shape[0], like)
        if slots.count == 0:
            return slots, DrawnTerms.of(zeros, zeros.log_like)
        expected, prior_logit, dynamics = self._expected(slots)
        if frame is None:
            codes = {name: (prior.sample(knobs.stochastic), prior, prior) for name, prior in expected.items()}
            logit, tracker = prior_logit, slots.tracker
        else:
            codes, logit, tracker = self._tracked(slots, frame, expected, knobs)
        stochastic = knobs.stochastic and not (knobs.keep_alive and frame is None)
        stays = sample_presence(logit, temperature=knobs.temperature, stochastic=stochastic, hard=knobs.hard)
        pres = slots.latents.pres * slots.alive * stays
        where = codes["where"][0]
        after = slots.replace(
            latents=Latents(pres=pres, where=where, what=codes["what"][0], depth=codes["depth"][0]),
            box=box_of(where, self.config),
            size=where[..., :2],
            tracker=tracker,
            dynamics=dynamics,
            confidence=torch.sigmoid(logit.detach()),
            alive=slots.alive & (pres > 0.5),
        )
        if frame is None:
            return after, DrawnTerms.of(zeros, zeros.log_like)
        here = slots.alive.to(like.dtype)
        costs = charge_codes(codes, here * stays)
        ratio = here * (log_bernoulli(stays, prior_logit) - log_bernoulli(stays, logit))
        costs["log_ratio"] = costs["log_ratio"] + ratio.sum(1)
        kl_pres = (here * kl_presence(logit, prior_logit)).sum(1)
        drawn = (here * log_bernoulli(stays.detach(), logit)).sum(1)
        return after, DrawnTerms.of(zeros.replace(kl_pres=kl_pres, **costs), drawn)

    def _expected(self, slots: Slots) -> tuple[dict[str, Gaussian], Tensor, Tensor]:
        """The learned prior, a network of its own without the frame: codes, survival and its memory."""
        old, what = slots.latents, self.config.what
        around = self.expect_around(slots.box[..., :2], slots, own=True)
        dynamics = self.expect_memory(torch.cat([facts(slots), around], dim=-1), slots.dynamics)
        where, look, depth, logit = self.expect(dynamics).split([8, 2 * what, 2, 1], dim=-1)
        step, change = Gaussian.of(where, shift=self.config.posterior_shift), Gaussian.of(look)
        deeper = Gaussian.of(depth)
        expected = {
            "where": step.replace(mean=old.where + step.mean),
            "what": change.replace(mean=old.what + change.mean),
            "depth": deeper.replace(mean=old.depth + deeper.mean),
        }
        return expected, logit.squeeze(-1) + self.config.survive, dynamics

    def _tracked(
        self, slots: Slots, frame: Tensor, expected: dict[str, Gaussian], knobs: Knobs
    ) -> tuple[Codes, Tensor, Tensor]:
        """Codes, logits of staying and memories from the posterior."""
        old, shift = slots.latents, self.config.posterior_shift
        told = torch.cat([facts(slots), self.neighbours(slots.box[..., :2], slots, own=True)], dim=-1)
        first = self.glimpses(frame, box_of(old.where + 0.1 * self.offset(slots.tracker), self.config))
        step = Gaussian.of(self.where(torch.cat([first, slots.tracker, told], dim=-1)), shift=shift)
        q_where = step.replace(mean=old.where + step.mean)
        where = q_where.sample(knobs.stochastic)
        second = self.glimpses(frame, box_of(where, self.config))
        tracker = self.memory(torch.cat([second, where, told], dim=-1), slots.tracker)
        looks, deeper = self.change(tracker).split([2 * self.config.what, 2], dim=-1)
        encoded, change = Gaussian.of(self.code(second), shift=shift), Gaussian.of(looks, shift=shift)
        forget, skip, keep = torch.sigmoid(self.gates(tracker) + 1.0).chunk(3, dim=-1)
        q_what = Gaussian(
            forget * old.what + (1 - skip) * encoded.mean + (1 - keep) * change.mean,
            (1 - skip) * encoded.std + (1 - keep) * change.std,
        )
        what = q_what.sample(knobs.stochastic)
        farther = Gaussian.of(deeper, shift=shift)
        q_depth = farther.replace(mean=old.depth + farther.mean)
        depth = q_depth.sample(knobs.stochastic)
        logit = bounded(self.presence(torch.cat([tracker, what], dim=-1)).squeeze(-1) + self.config.survive)
        sites = {"where": (where, q_where), "what": (what, q_what), "depth": (depth, q_depth)}
        return {name: (*pair, expected[name]) for name, pair in sites.items()}, logit, tracker


@torch.no_grad()
def single(slots: Slots) -> Tensor:
    """0 for the twins of slots before them that are there, 1 for the others: [B, N]."""
    box = corners(slots.box)
    iou, inside = box_overlap(box, box)
    twins = (iou > SHARED) | (inside > INSIDE)
    earlier = torch.ones_like(twins[0]).tril(-1) & (slots.latents.pres > 0.5).unsqueeze(1)
    return 1.0 - (twins & earlier).any(2).to(slots.box.dtype)


@torch.no_grad()
def selected(pres: Tensor, most: int) -> Tensor:
    """1 for the ``most`` strongest of each row of ``pres`` [B, N], 0 for the others."""
    if pres.shape[1] <= most:
        return torch.ones_like(pres)
    return torch.zeros_like(pres).scatter(1, pres.topk(most, dim=1).indices, 1.0)


class Silot(WorldModel):
    """Propagate, discover in all cells, keep the ``slots`` strongest, paint with the nearer before the farther."""

    def __init__(self, config: SilotConfig) -> None:
        super().__init__()
        self.config: SilotConfig = config
        self.glimpses = Glimpses(config)
        self.carried = Carried(config, self.glimpses)
        self.cells = Cells(config, self.glimpses)
        self.brush = Brush(config, masked=True)

    def init(self, batch: int, scenery: Scenery) -> World:
        refuse_other_sides(scenery.height, scenery.width, self.config.side)
        like = next(self.parameters()).detach()
        nothing = like.new_zeros(batch, 0)
        return World(
            slots=no_slots(batch, like, what=self.config.what, memory=self.config.hidden),
            background=(nothing, nothing),
            memory=like.new_zeros(batch, 0, 1, 1),
            next_id=torch.zeros(batch, dtype=torch.int64, device=like.device),
            scenery=scenery,
        )

    def look(self, world: World, video: Tensor) -> list[Sight]:
        features = self.cells.stack(video.flatten(0, 1)).unflatten(0, video.shape[:2])
        return [Sight(video[:, t], features[:, t], world.memory) for t in range(video.shape[1])]

    def step(self, world: World, sight: Sight | None, knobs: Knobs) -> tuple[World, Step]:
        if knobs.detach:
            world = world.detach()
        looked = None if sight is None or sight.features is None else sight
        propagated, terms = self.carried(world.slots, None if looked is None else looked.frame, knobs)
        slots, next_id, born = propagated, world.next_id, torch.zeros_like(propagated.alive)
        proposed = torch.zeros_like(terms.log_like)
        if (looked is not None or knobs.births) and not self._dropped(propagated, knobs):
            birth = torch.full_like(terms.log_like, knobs.birth)
            if knobs.first_birth is not None:
                birth = torch.where(world.next_id == 0, knobs.first_birth, birth)
            found, more = self.cells(looked, propagated, knobs, birth)
            terms, proposed = terms + more, found.latents.pres.sum(1).detach()
            slots = joined(propagated, found)
            chosen = single(slots)
            chosen = chosen * selected(slots.latents.pres * chosen, self.config.slots)
            alive = slots.alive & (chosen > 0)
            latents = slots.latents.replace(pres=slots.latents.pres * chosen)
            new = torch.cat([born, torch.ones_like(found.alive)], dim=1) & alive
            fresh, next_id = named(new, next_id)
            slots = slots.replace(latents=latents, alive=alive, id=torch.where(new, fresh, slots.id))
            born = new
        return finish(world, sight, slots, self.brush, terms, knobs, born=born, next_id=next_id, proposed=proposed)

    @staticmethod
    def _dropped(propagated: Slots, knobs: Knobs) -> bool:
        """Discovery dropout: propagation must cope alone."""
        return bool(propagated.count and knobs.discover_dropout and float(torch.rand(())) < knobs.discover_dropout)
