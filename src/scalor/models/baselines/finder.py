"""Finding objects one after the other (Eslami et al. 2016): a memory points at places until it says that it is done."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalor.core.geometry import cell_centers
from scalor.core.sites import Gaussian, kl_presence, log_bernoulli, sample_presence, to_logit
from scalor.core.tensors import zip_map
from scalor.core.types import Knobs, Latents, Sight, Slots, Terms
from scalor.models.baselines.objects import (
    STRIDE,
    Codes,
    DrawnTerms,
    Glimpses,
    ObjectsConfig,
    blank,
    box_of,
    charge_codes,
    code_of,
)
from scalor.nets.heads import mlp
from scalor.nets.recurrent import GRUState

SHARP = 8.0
"""Factor on the logits of attention: a place between two objects is no object."""
SPREAD = (0.5, 0.5, 1.0, 1.0)
"""Prior std of (sx, sy, tx, ty): sizes around the typical one, centres over the whole view."""


@dataclass(frozen=True)
class Chain:
    """Presence that stops at the first absence.

    pres        [B] the product of all samples so far; confidence [B] the product of their probabilities
    kl, ratio   [B] KL and log p / q of the samples that were drawn; log_q [B] their log probability
    """

    pres: Tensor
    confidence: Tensor
    kl: Tensor
    ratio: Tensor
    log_q: Tensor

    @staticmethod
    def start(batch: int, like: Tensor) -> "Chain":
        """Nothing drawn yet."""
        zero = like.new_zeros(batch)
        return Chain(zero + 1.0, zero + 1.0, zero, zero, zero)

    def draw(self, logit: Tensor, prior_logit: Tensor, room: Tensor, knobs: Knobs) -> "Chain":
        """One sample more, where the chain goes on and there is ``room`` [B] in {0, 1}: else none is drawn or paid."""
        sample = sample_presence(logit, temperature=knobs.temperature, stochastic=knobs.stochastic, hard=knobs.hard)
        goes_on = self.pres * room
        free = logit is prior_logit
        kl = torch.zeros_like(logit) if free else kl_presence(logit, prior_logit)
        ratio = torch.zeros_like(logit) if free else log_bernoulli(sample, prior_logit) - log_bernoulli(sample, logit)
        return Chain(
            pres=goes_on * sample,
            confidence=self.confidence * room * torch.sigmoid(logit.detach()),
            kl=self.kl + goes_on * kl,
            ratio=self.ratio + goes_on.detach() * ratio,
            log_q=self.log_q
            + goes_on.detach() * (torch.zeros_like(logit) if free else log_bernoulli(sample.detach(), logit)),
        )


class Finder(nn.Module):
    """Up to ``config.slots`` new objects of a frame, beside those that are there."""

    def __init__(self, config: ObjectsConfig, glimpses: Glimpses) -> None:
        super().__init__()
        self.config = config
        self.glimpses = glimpses
        hidden, features = config.hidden, config.features
        self.query = nn.Linear(hidden, features)
        self.told = nn.Conv2d(1, features, 1)
        self.point = nn.Sequential(nn.Conv2d(features, features, 3, padding=1), nn.CELU(), nn.Conv2d(features, 1, 1))
        self.taken = nn.Parameter(torch.tensor(1.0))
        self.memory = GRUState(features + 2 + 4 + config.what + 1, hidden)
        self.presence = mlp(hidden, hidden, 1, act="celu")
        self.where = mlp(hidden, hidden, 8, act="celu")
        self.what = mlp(hidden, hidden, 2 * config.what, act="celu")

    def forward(self, sight: Sight | None, propagated: Slots, knobs: Knobs, birth: Tensor) -> tuple[Slots, DrawnTerms]:
        """New `Slots` [B, K] without identities beside the ``propagated`` ones, and what they cost.

        ``sight`` None: from the prior. ``birth`` [B] is the prior probability of one more.
        """
        config, batch = self.config, birth.shape[0]
        state, there = birth.new_zeros(batch, config.hidden), propagated.alive.sum(1)
        prior_logit = to_logit(birth).to(birth.dtype)
        chain = Chain.start(batch, birth)
        found: list[tuple[Chain, Codes]] = []
        covered = None if sight is None else self._covered(propagated.box, propagated.latents.pres * propagated.alive)
        last = torch.cat([birth.new_zeros(batch, 4 + config.what), birth.new_ones(batch, 1)], dim=1)
        for number in range(config.slots):
            room = (there + number < config.slots).to(birth.dtype)
            if not bool((chain.pres * room).any()):
                break
            if sight is None:
                chain = chain.draw(prior_logit, prior_logit, room, knobs)
                codes = self._imagined(batch, birth, knobs)
            else:
                assert sight.features is not None and covered is not None
                place, state = self._pointed(sight.features, covered, state, last)
                chain = chain.draw(self.presence(state).squeeze(-1) + 1.0, prior_logit, room, knobs)
                codes = self._seen(sight.frame, place, state, knobs)
            where, what = codes["where"][0], codes["what"][0]
            found.append((chain, codes))
            last = torch.cat([where, what, chain.pres.unsqueeze(-1)], dim=1)
            if covered is not None:
                box = box_of(where, config).unsqueeze(1)
                covered = covered + self._covered(box, chain.pres.unsqueeze(1))
        return self._slots(found, chain, propagated)

    def _covered(self, box: Tensor, pres: Tensor) -> Tensor:
        """How much of each place the objects [B, N] have: [B, 1, h, w]; a bell in each box."""
        rows = -(-self.config.side // STRIDE)
        center = cell_centers(rows, rows, cell=STRIDE, like=box)
        off = (center - box[..., None, :2]) / (0.4 * box[..., None, 2:])
        bells = pres.unsqueeze(-1) * torch.exp(-0.5 * off.square().sum(-1))
        return bells.sum(1).detach().unflatten(1, (1, rows, rows))

    def _pointed(self, features: Tensor, covered: Tensor, state: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """The place [B, 2] (as a code) that the memory points at, and the memory that has seen what is there."""
        asked = F.celu(features + self.query(state)[:, :, None, None] + self.told(covered))
        # From the first step on it is kept away from what is taken: else all objects are found on one place.
        logits = (self.point(asked) - self.taken * covered).flatten(1)
        weight = torch.softmax(SHARP * logits, dim=1)
        rows = features.shape[-1]
        places = code_of(cell_centers(rows, rows, cell=STRIDE, like=features), self.config)
        place = weight @ places
        there = torch.einsum("bp,bfp->bf", weight, asked.flatten(2))
        return place, self.memory(torch.cat([there, place, last], dim=1), state)

    def _seen(self, frame: Tensor, place: Tensor, state: Tensor, knobs: Knobs) -> Codes:
        shift = self.config.posterior_shift
        raw = Gaussian.of(self.where(state), shift=shift)
        q_where = raw.replace(mean=raw.mean + F.pad(place, (2, 0)))
        where = q_where.sample(knobs.stochastic)
        glimpse = self.glimpses(frame, box_of(where, self.config).unsqueeze(1)).squeeze(1)
        q_what = Gaussian.of(self.what(glimpse), shift=shift)
        what = q_what.sample(knobs.stochastic)
        return {"where": (where, q_where, self._prior(where)), "what": (what, q_what, Gaussian.standard(what))}

    def _imagined(self, batch: int, like: Tensor, knobs: Knobs) -> Codes:
        p_where = self._prior(like.new_zeros(batch, 4))
        p_what = Gaussian.standard(like.new_zeros(batch, self.config.what))
        return {
            "where": (p_where.sample(knobs.stochastic), p_where, p_where),
            "what": (p_what.sample(knobs.stochastic), p_what, p_what),
        }

    @staticmethod
    def _prior(like: Tensor) -> Gaussian:
        std = like.new_tensor(SPREAD).expand_as(like)
        return Gaussian(torch.zeros_like(like), std)

    def _slots(self, found: list[tuple[Chain, Codes]], chain: Chain, propagated: Slots) -> tuple[Slots, DrawnTerms]:
        zeros = Terms.zeros(chain.kl.shape[0], chain.kl)
        slots = blank(propagated, len(found))
        if not found:
            return slots, DrawnTerms.of(zeros, chain.log_q)
        pres = torch.stack([each.pres for each, _ in found], dim=1)
        codes = {name: side_by_side([each[name] for _, each in found]) for name in ("where", "what")}
        where, what = codes["where"][0], codes["what"][0]
        slots = slots.replace(
            latents=Latents(pres=pres, where=where, what=what, depth=torch.zeros_like(where[..., :1])),
            box=box_of(where, self.config),
            size=where[..., :2],
            confidence=torch.stack([each.confidence for each, _ in found], dim=1),
            alive=pres > 0.5,
        )
        costs = charge_codes(codes, pres)
        costs["log_ratio"] = costs["log_ratio"] + chain.ratio
        return slots, DrawnTerms.of(zeros.replace(kl_pres=chain.kl, **costs), chain.log_q)


def side_by_side(parts: list[tuple[Tensor, Gaussian, Gaussian]]) -> tuple[Tensor, Gaussian, Gaussian]:
    """(sample, guide, prior) of several objects [B, D] as one of [B, N, D]."""
    samples, guides, priors = zip(*parts, strict=True)
    return _stacked(*samples), zip_map(_stacked, *guides), zip_map(_stacked, *priors)


def _stacked(*tensors: Tensor) -> Tensor:
    return torch.stack(tensors, dim=1)
