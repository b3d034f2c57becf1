"""DISCOVER: propose objects per grid cell, reject what is already explained (spec A.4, C.7)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalor.core.canvas import coverage
from scalor.core.geometry import box_iou, box_overlap, cell_centers, corners, crop, decode_size
from scalor.core.sites import REJECTED, Gaussian, bound, kl_presence, log_bernoulli, sample_presence, to_logit
from scalor.core.tensors import Struct
from scalor.core.types import Knobs, Latents, Layers, Objects, Slots
from scalor.models.appearance import GlimpseEncoder
from scalor.models.config import ModelConfig
from scalor.models.painter import LEAST, Painter, alike, tints
from scalor.models.propagate import Draw, charge
from scalor.nets.pyramid import block, pyramid


@dataclass(frozen=True)
class Proposals(Struct):
    """All cells' distributions: logit [B, G], where parameters, depth parameters [B, G, .] and cell centres [G, 2]."""

    logit: Tensor
    where: Gaussian
    depth: Gaussian
    center: Tensor


class Detector(nn.Module):
    """The discovery posterior: a convolutional head on features and on the mask of what is explained."""

    def __init__(self, config: ModelConfig, features: int) -> None:
        super().__init__()
        self.config = config
        widths, style = config.encoder.mask_widths, config.style
        self.mask_stack = pyramid(1, widths, cell=config.cell, style=style, refine=False) if widths else None
        inputs = features + (widths[-1] if widths else 0)
        self.fuse = nn.Sequential(
            *block(nn.Conv2d(inputs, features, 1), features, style),
            *block(nn.Conv2d(features, features, 1), features, style),
        )
        self.head = nn.Conv2d(features, 1 + 2 + 8, 1)

    def forward(self, features: Tensor, explained: Tensor, moving: Tensor | None = None) -> Proposals:
        """features [B, F, Gh, Gw], explained mask [B, H, W] and the mask of what moves [B, 1, H, W] to all cells'."""
        if self.mask_stack is not None:
            features = torch.cat([features, self.mask_stack(explained.unsqueeze(1))], dim=1)
        raw = self.head(self.fuse(features))
        rows, columns = raw.shape[-2:]
        logit, depth, where = raw.flatten(2).transpose(1, 2).split([1, 2, 8], dim=-1)
        return Proposals(
            logit=bound(logit.squeeze(-1) + self.config.discover.presence_bias + self._evidence(moving)),
            where=Gaussian.of(where, shift=self.config.posterior_shift),
            depth=Gaussian.of(depth, shift=self.config.posterior_shift),
            center=cell_centers(rows, columns, cell=self.config.cell, like=raw),
        )

    def _evidence(self, moving: Tensor | None) -> Tensor | float:
        """-evidence where nothing stands out in the 3 x 3 cells around, +evidence where a quarter does. [B, G]"""
        if moving is None or not self.config.discover.evidence:
            return 0.0
        share = F.avg_pool2d(F.avg_pool2d(moving, self.config.cell), 3, stride=1, padding=1)
        return self.config.discover.evidence * (2.0 * (4.0 * share).clamp(max=1.0) - 1.0).flatten(1)


class Discover(nn.Module):
    """Prior Birth (N(0, 1) codes, presence = knobs.birth), posterior `Detector`, rejection, slot cap."""

    def __init__(self, config: ModelConfig, glimpses: GlimpseEncoder, painter: Painter, features: int) -> None:
        super().__init__()
        self.config = config
        self.painter = painter
        self.glimpses = glimpses
        self.detector = Detector(config, features)

    def forward(
        self,
        frame: Tensor | None,
        sight: tuple[Tensor, Tensor | None],
        kept: Objects,
        given: tuple[Tensor, Tensor],
        knobs: Knobs,
    ) -> tuple[Objects, Tensor, Tensor]:
        """New objects beside ``kept``; also the number of proposals rejected and present, [B] each.

        ``sight`` are the features and the mask of what moves, if it is known; ``given`` the mask of what is explained
        [B, H, W] and the prior presence per cell [B]. The features only give the grid when ``frame`` is None
        (imagining): births are then drawn from the prior.
        """
        features, moving = sight
        explained, births = given
        cells = self._birth(features) if frame is None else self.detector(features, explained, moving)
        prior_logit = to_logit(births).to(cells.logit.dtype).unsqueeze(1).expand_as(cells.logit)
        logit = prior_logit if frame is None else cells.logit
        relaxed = sample_presence(logit, temperature=knobs.temperature, stochastic=knobs.stochastic, hard=knobs.hard)
        pick = self._pick(relaxed, cells, born=frame is None)
        chosen = relaxed.gather(1, pick)
        chosen = chosen * self._room(chosen, kept.slots)
        draw, box = self._draw(frame, cells, pick, knobs)
        latents = Latents(pres=chosen, where=draw.where[0], what=draw.what[0], depth=draw.depth[0])
        layers, tight = self.painter(latents, box, chosen > LEAST)
        score = torch.sigmoid(logit.detach()).gather(1, pick)
        taken = self._taken(layers, box, chosen > LEAST, explained, kept.slots)
        rejected = self._verdict(layers, tight, box, score, chosen, taken)
        final = chosen * (1 - rejected)
        layers = layers.replace(pres=final[layers.batch, layers.slot])
        slots = self._slots(latents.replace(pres=final), box, score, kept.slots)
        verdict = torch.zeros_like(relaxed).scatter(1, pick, rejected)
        if frame is None:
            kl, ratio = torch.zeros_like(relaxed), torch.zeros_like(relaxed)
        else:
            ruled = torch.where(verdict > 0, float(to_logit(REJECTED)), prior_logit)
            kl = kl_presence(logit, ruled)
            ratio = log_bernoulli(relaxed, prior_logit) - log_bernoulli(relaxed, logit) if knobs.weigh else 0 * kl
        weight = chosen * (chosen > LEAST)
        terms = charge(draw, weight, (kl, ratio), knobs, weight)
        found = Objects(slots=slots, layers=layers, tight=tight, terms=terms)
        return found, (rejected * chosen).sum(1).detach(), chosen.sum(1).detach()

    def _birth(self, features: Tensor) -> Proposals:
        batch, _, rows, columns = features.shape
        zeros = features.new_zeros(batch, rows * columns, 5)
        return Proposals(
            logit=zeros[..., 0],
            where=Gaussian.standard(zeros[..., 1:]),
            depth=Gaussian.standard(zeros[..., :1]),
            center=cell_centers(rows, columns, cell=self.config.cell, like=features),
        )

    @torch.no_grad()
    def _pick(self, relaxed: Tensor, cells: Proposals, *, born: bool) -> Tensor:
        """Cells worth decoding: as many as any element has above LEAST, the strongest first, under the cap. [B, K]"""
        config = self.config.discover
        count = relaxed.shape[1]
        cap = max(8, config.proposals * count // 64)
        wanted = int((relaxed > LEAST).sum(1).max()) if count else 0
        # Relaxed samples saturate at 1: the logit breaks ties, so that a cut keeps what the network believes in
        # (where births from the prior have no favourite place).
        tie = torch.rand_like(relaxed) if born else torch.sigmoid(cells.logit)
        rank = relaxed + 1e-3 * tie
        return rank.topk(min(cap, wanted, count), dim=1).indices

    def _room(self, chosen: Tensor, kept: Slots) -> Tensor:
        """1 for the picks, strongest first, that find room beside ``kept`` under the cap on carried objects. [B, K]"""
        if not self.config.discover.slots:
            return torch.ones_like(chosen)
        room = self.config.discover.slots - kept.alive.sum(1, keepdim=True)
        return (torch.arange(chosen.shape[1], device=chosen.device) < room).to(chosen.dtype)

    def _draw(self, frame: Tensor | None, cells: Proposals, pick: Tensor, knobs: Knobs) -> tuple[Draw, Tensor]:
        def choose(site: Gaussian) -> Gaussian:
            index = pick.unsqueeze(-1).expand(*pick.shape, site.mean.shape[-1])
            return Gaussian(site.mean.gather(1, index), site.std.gather(1, index))

        config = self.config
        q_where, q_depth = choose(cells.where), choose(cells.depth)
        where, depth = q_where.sample(knobs.stochastic), q_depth.sample(knobs.stochastic)
        center = cells.center[pick] + config.cell * config.where.reach * torch.tanh(where[..., 2:])
        box = torch.cat([center, decode_size(where[..., :2], config.where)], dim=-1)
        if frame is None:
            q_what = Gaussian.standard(where.new_zeros(*pick.shape, config.glimpse.what))
            births = (q_where, q_what, q_depth)
        else:
            raw = self.glimpses(crop(frame, box, side=config.glimpse.side))
            q_what = Gaussian.of(raw, shift=config.posterior_shift)
            births = (Gaussian.standard(q_where.mean), Gaussian.standard(q_what.mean), Gaussian.standard(q_depth.mean))
        what = q_what.sample(knobs.stochastic)
        draw = Draw((where, q_where, births[0]), (what, q_what, births[1]), (depth, q_depth, births[2]))
        return draw, box

    @torch.no_grad()
    def _taken(self, layers: Layers, box: Tensor, present: Tensor, explained: Tensor, kept: Slots) -> Tensor:
        """1 where propagated objects already explain what a present proposal [B, K] would, or sit in its place."""
        config = self.config.discover
        taken = torch.zeros_like(box[..., 0])
        if kept.count == 0:
            return taken
        if config.overlap < float("inf"):
            taken[layers.batch, layers.slot] = (coverage(layers, explained) >= config.overlap).to(box.dtype)
        if config.twin_box < float("inf"):
            sits = ((box_iou(corners(box), corners(kept.box)) > config.twin_box) & kept.alive.unsqueeze(1)).any(-1)
            taken = torch.maximum(taken, (sits & present).to(box.dtype))
        return taken

    @torch.no_grad()
    def _verdict(
        self, layers: Layers, tight: Tensor, box: Tensor, score: Tensor, chosen: Tensor, rejected: Tensor
    ) -> Tensor:
        """``rejected`` [B, K] with the proposals added that give way to a stronger one."""
        config = self.config.discover
        count = chosen.shape[1]
        if count == 0 or min(config.twin_iou, config.twin_box) == float("inf"):
            return rejected
        weight = torch.where((rejected > 0) | (chosen <= LEAST), torch.full_like(score, -1.0), score)
        rank = torch.arange(count, device=score.device)
        above, below = weight.unsqueeze(1), weight.unsqueeze(2)
        stronger = (above > below) | ((above == below) & (rank.unsqueeze(0) < rank.unsqueeze(1)))
        same = torch.zeros_like(stronger)
        if config.twin_iou < float("inf"):
            iou, inside = box_overlap(tight, tight)
            near = (iou > config.twin_iou) | (inside > config.twin_inside)
            same = alike(tints(layers, chosen.shape), config.twin_tint, near) | (iou > config.twin_certain)
        if config.twin_box < float("inf"):
            same = same | (box_iou(corners(box), corners(box)) > config.twin_box)
        clash = (same & stronger & (above >= 0) & (below >= 0)).to(chosen.dtype)
        return torch.maximum(rejected, self._greedy(clash))

    @staticmethod
    def _greedy(clash: Tensor) -> Tensor:
        """Greedy suppression in parallel; clash[i, j] = 1 when the stronger j would suppress i.

        A suppressed j does not count. Each round settles one more link of every chain, and few chains are long.
        """
        out = torch.zeros_like(clash[..., 0])
        while True:
            before = out
            out = (torch.bmm(clash, (1 - out).unsqueeze(-1)).squeeze(-1) > 0).to(clash.dtype)
            if torch.equal(out, before):
                return out

    def _slots(self, latents: Latents, box: Tensor, score: Tensor, kept: Slots) -> Slots:
        batch, count = latents.pres.shape
        zeros = latents.pres.new_zeros(batch, count)
        return Slots(
            latents=latents.replace(where=torch.zeros_like(latents.where)),
            box=box,
            size=latents.where[..., :2],
            tracker=zeros.unsqueeze(-1).expand(-1, -1, kept.tracker.shape[-1]),
            dynamics=zeros.unsqueeze(-1).expand(-1, -1, kept.dynamics.shape[-1]),
            deficit=zeros,
            doubled=zeros,
            score=score,
            id=torch.full_like(zeros, -1).long(),
            alive=latents.pres > self.config.discover.keep,
        )
