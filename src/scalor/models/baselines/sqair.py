"""SQAIR (Kosiorek et al. 2018): objects are propagated, then found, one after the other."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from scalor.core.sites import Gaussian, kl_presence, log_bernoulli, sample_presence
from scalor.core.types import Knobs, Latents, Scenery, Sight, Slots, Step, Terms, World
from scalor.models.base import WorldModel
from scalor.models.baselines.finder import Finder, side_by_side
from scalor.models.baselines.frames import no_slots, refuse_other_sides
from scalor.models.baselines.objects import (
    Brush,
    Codes,
    DrawnTerms,
    Glimpses,
    Map,
    ObjectsConfig,
    box_of,
    charge_codes,
    finish,
    joined,
    named,
)
from scalor.nets.heads import mlp
from scalor.nets.recurrent import GRUState

LOOK = 0.1
"""How far the look region may lie from the last box, as a factor on what the network says."""


@dataclass(frozen=True)
class SqairConfig(ObjectsConfig):
    """survive, go_on: biases of the presence logits of propagation, in posterior and prior."""

    kind: Literal["sqair"] = "sqair"
    survive: float = 5.0
    go_on: float = 7.0


class Survivors(nn.Module):
    """Propagation: one object after the other, each told what the ones before it did (a relation memory)."""

    def __init__(self, config: SqairConfig, glimpses: Glimpses) -> None:
        super().__init__()
        self.config, self.glimpses = config, glimpses
        hidden, what = config.hidden, config.what
        latents = 4 + what + 1
        self.offset = mlp(hidden, hidden, 4, act="celu")
        self.gate = mlp(hidden, hidden, config.glimpse**2, act="celu")
        self.relation = nn.RNNCell(hidden + 2 * latents + hidden, hidden)
        self.where = mlp(hidden, hidden, 8, act="celu")
        self.code = nn.Linear(hidden, 2 * what)
        self.memory = GRUState(hidden + 4 + hidden, hidden)
        self.change = nn.Linear(hidden, 2 * what)
        self.gates = nn.Linear(hidden, 3 * what)
        self.presence = mlp(hidden + what, hidden, 1, act="celu")
        self.prior_memory = GRUState(4 + what, hidden)
        self.prior = mlp(hidden, hidden, 2 * (4 + what) + 1, act="celu")

    def forward(self, slots: Slots, frame: Tensor | None, knobs: Knobs) -> tuple[Slots, DrawnTerms]:
        """All slots one frame further; ``frame`` None: the prior guides."""
        count, batch, like = slots.count, slots.alive.shape[0], slots.deficit
        zeros = Terms.zeros(batch, like)
        if count == 0:
            return slots, DrawnTerms.of(zeros, zeros.log_like)
        here = slots.alive.to(like.dtype)
        dynamics, p_where, p_what, prior_logit = self._prior(slots)
        prior = p_where, p_what, prior_logit
        if frame is None:
            codes: Codes = {
                "where": (p_where.sample(knobs.stochastic), p_where, p_where),
                "what": (p_what.sample(knobs.stochastic), p_what, p_what),
            }
            logit, tracker = prior_logit, slots.tracker
            pres = _drawn(logit, knobs, imagined=True) * here
        else:
            codes, logit, pres, tracker = self._tracked(slots, frame, prior, knobs)
        where, what = codes["where"][0], codes["what"][0]
        after = slots.replace(
            latents=Latents(pres=pres, where=where, what=what, depth=slots.latents.depth),
            box=box_of(where, self.config),
            size=where[..., :2],
            tracker=tracker,
            dynamics=dynamics,
            confidence=torch.sigmoid(logit.detach()),
            alive=slots.alive & (pres > 0.5),
        )
        costs = charge_codes(codes, pres)
        if frame is None:
            return after, DrawnTerms.of(zeros, zeros.log_like)
        if knobs.carry:  # nobody was drawn to stay, so it costs nothing and teaches nothing
            return after, DrawnTerms.of(zeros.replace(**costs), zeros.log_like)
        drawn = log_bernoulli(pres.detach(), logit)
        ratio = (here * (log_bernoulli(pres, prior_logit) - log_bernoulli(pres, logit))).sum(1)
        costs["log_ratio"] = costs["log_ratio"] + ratio
        kl_pres = (here * kl_presence(logit, prior_logit)).sum(1)
        return after, DrawnTerms.of(zeros.replace(kl_pres=kl_pres, **costs), (here * drawn).sum(1))

    def _prior(self, slots: Slots) -> tuple[Tensor, Gaussian, Gaussian, Tensor]:
        """The prior's new memory and what it expects: changes of where and what, and survival."""
        latents, config = slots.latents, self.config
        dynamics = self.prior_memory(torch.cat([latents.where, latents.what], dim=-1), slots.dynamics)
        where, what, logit = self.prior(dynamics).split([8, 2 * config.what, 1], dim=-1)
        step, change = Gaussian.of(where, shift=config.posterior_shift), Gaussian.of(what)
        return (
            dynamics,
            step.replace(mean=latents.where + step.mean),
            change.replace(mean=latents.what + change.mean),
            logit.squeeze(-1) + config.go_on,
        )

    def _tracked(
        self, slots: Slots, frame: Tensor, prior: tuple[Gaussian, Gaussian, Tensor], knobs: Knobs
    ) -> tuple[Codes, Tensor, Tensor, Tensor]:
        """Codes, presence logits, presences and memories, from the posterior."""
        last = slots.latents
        look = box_of(last.where + LOOK * self.offset(slots.tracker), self.config)
        side = self.config.glimpse
        soft = torch.sigmoid(self.gate(slots.tracker) + 1.0).unflatten(-1, (1, side, side))
        seen = self.glimpses(frame, look, soft)
        before = torch.cat([last.where, last.what, last.pres.unsqueeze(-1)], dim=-1)
        state, told = torch.zeros_like(slots.tracker[:, 0]), torch.zeros_like(before[:, 0])
        rows = []
        for number in range(slots.count):
            state = self.relation(
                torch.cat([seen[:, number], told, before[:, number], slots.tracker[:, number]], dim=1), state
            )
            row = self._one(slots, number, frame, state, knobs)
            told = torch.cat([row[0][0], row[1][0], row[3].unsqueeze(1)], dim=1)
            rows.append(row)
        wheres, whats, logits, presences, trackers = zip(*rows, strict=True)
        codes = {}
        for name, found, expected in (("where", wheres, prior[0]), ("what", whats, prior[1])):
            sample, guide, _ = side_by_side([(*pair, pair[1]) for pair in found])
            codes[name] = (sample, guide, expected)
        logit, pres, tracker = (torch.stack(column, dim=1) for column in (logits, presences, trackers))
        return codes, logit, pres, tracker

    def _one(
        self, slots: Slots, number: int, frame: Tensor, state: Tensor, knobs: Knobs
    ) -> tuple[tuple[Tensor, Gaussian], tuple[Tensor, Gaussian], Tensor, Tensor, Tensor]:
        """The object in slot ``number``: where and what with their guides, presence logit and presence, memory."""
        config, old = self.config, slots.latents
        step = Gaussian.of(self.where(state), shift=config.posterior_shift)
        q_where = step.replace(mean=old.where[:, number] + step.mean)
        where = q_where.sample(knobs.stochastic)
        seen = self.glimpses(frame, box_of(where, config).unsqueeze(1)).squeeze(1)
        tracker = self.memory(torch.cat([state, where, seen], dim=1), slots.tracker[:, number])
        encoded, change = Gaussian.of(self.code(seen)), Gaussian.of(self.change(tracker))
        forget, skip, keep = torch.sigmoid(self.gates(tracker) + 1.0).chunk(3, dim=-1)
        q_what = Gaussian(
            forget * old.what[:, number] + (1 - skip) * encoded.mean + (1 - keep) * change.mean,
            (1 - skip) * encoded.std + (1 - keep) * change.std,
        )
        what = q_what.sample(knobs.stochastic)
        logit = self.presence(torch.cat([tracker, what], dim=1)).squeeze(-1) + config.survive
        stays = torch.ones_like(logit) if knobs.carry else _drawn(logit, knobs, imagined=False)
        pres = stays * slots.alive[:, number].to(logit.dtype)
        return (where, q_where), (what, q_what), logit, pres, tracker


def _drawn(logit: Tensor, knobs: Knobs, *, imagined: bool) -> Tensor:
    stochastic = knobs.stochastic and not (knobs.keep_alive and imagined)
    return sample_presence(logit, temperature=knobs.temperature, stochastic=stochastic, hard=knobs.hard)


class Sqair(WorldModel):
    """Propagation, then discovery of up to ``slots`` objects in all, on a black ground."""

    def __init__(self, config: SqairConfig) -> None:
        super().__init__()
        self.config: SqairConfig = config
        self.map = Map(config)
        self.glimpses = Glimpses(config)
        self.survivors = Survivors(config, self.glimpses)
        self.finder = Finder(config, self.glimpses)
        self.brush = Brush(config)

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
        features = self.map(video.flatten(0, 1)).unflatten(0, video.shape[:2])
        return [Sight(video[:, t], features[:, t], world.memory) for t in range(video.shape[1])]

    def step(self, world: World, sight: Sight | None, knobs: Knobs) -> tuple[World, Step]:
        if knobs.detach:
            world = world.detach()
        looked = None if sight is None or sight.features is None else sight
        propagated, terms = self.survivors(world.slots, None if looked is None else looked.frame, knobs)
        found = None
        if looked is not None or knobs.births:
            birth = torch.full_like(terms.log_like, knobs.birth)
            if knobs.first_birth is not None:
                birth = torch.where(world.next_id == 0, knobs.first_birth, birth)
            found, more = self.finder(looked, propagated, knobs, birth)
            terms = terms + more
        slots, next_id = propagated, world.next_id
        born = torch.zeros_like(propagated.alive)
        proposed = torch.zeros_like(terms.log_like)
        if found is not None:
            fresh, next_id = named(found.alive, next_id)
            slots = joined(propagated, found.replace(id=fresh))
            born = torch.cat([born, found.alive], dim=1)
            proposed = found.latents.pres.sum(1).detach()
        return finish(world, sight, slots, self.brush, terms, knobs, born=born, next_id=next_id, proposed=proposed)
