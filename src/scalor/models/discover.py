"""DISCOVER: propose objects per grid cell, reject what is already explained (spec A.4, C.7)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalor.core.canvas import coverage, explained, placed
from scalor.core.fixed import fixed, longest
from scalor.core.geometry import box_iou, box_overlap, cell_centers, corners, crop, decode_size
from scalor.core.sites import REJECTED, Gaussian, bound, kl_presence, log_bernoulli, sample_presence, to_logit
from scalor.core.tensors import Struct, take
from scalor.core.types import Booked, Knobs, Latents, Layers, Objects, Scenery, Sight, Slots, Terms
from scalor.models.appearance import GlimpseEncoder
from scalor.models.config import ModelConfig
from scalor.models.guides import in_context, picture_of
from scalor.models.painter import LEAST, Paint, Painter, alike, tints
from scalor.models.propagate import Draw, charge
from scalor.nets.pointwise import Pointwise
from scalor.nets.pyramid import block, pyramid

CHAIN = 8
"""Links of the longest chain of proposals, each of which would suppress the next, that fixed shapes settle."""


@dataclass(frozen=True)
class Proposals(Struct):
    """All cells' distributions: logit [B, G], where parameters, depth parameters [B, G, .] and cell centres [G, 2]."""

    logit: Tensor
    where: Gaussian
    depth: Gaussian
    center: Tensor


@dataclass(frozen=True)
class Found(Booked):
    """What discovery hands over: its cost, new objects (None: there are none), and per batch element how many proposals
    were present and how many of these were rejected."""

    objects: Objects | None
    proposed: Tensor
    rejected: Tensor


class Detector(nn.Module):
    """The discovery posterior: a convolutional head on features and on the mask of what is explained."""

    def __init__(self, config: ModelConfig, features: int) -> None:
        super().__init__()
        self.config = config
        widths, style, ring = config.encoder.mask_widths, config.style, config.discover.ring
        self.mask_stack = pyramid(1, widths, cell=config.cell, style=style, refine=False) if widths else None
        inputs = features + (widths[-1] if widths else 0)
        # Cells outside the view see what is inside through their neighbours.
        first = nn.Conv2d(inputs, features, 3, padding=1) if ring else Pointwise(inputs, features)
        self.fuse = nn.Sequential(
            *block(first, features, style), *block(Pointwise(features, features), features, style)
        )
        self.head = Pointwise(features, 1 + 2 + 8)

    def forward(self, features: Tensor, explained: Tensor, foreground: Tensor | None = None) -> Proposals:
        """features [B, F, Gh, Gw], explained mask [B, H, W] and the foreground mask [B, 1, H, W] to all cells'."""
        if self.mask_stack is not None:
            features = torch.cat([features, self.mask_stack(explained.unsqueeze(1))], dim=1)
        raw = self.head(self.fuse(self.ringed(features)))
        logit, depth, where = raw.flatten(2).transpose(1, 2).split([1, 2, 8], dim=-1)
        logit = logit.squeeze(-1) + self.config.discover.presence_bias + self._evidence(foreground)
        return Proposals(
            logit=bound(logit, slope=self.config.presence_slope),
            where=Gaussian.of(where, shift=self.config.posterior_shift),
            depth=Gaussian.of(depth, shift=self.config.posterior_shift),
            center=cells_of(raw, self.config),
        )

    def ringed(self, grid: Tensor) -> Tensor:
        """A grid [B, F, Gh, Gw] with zeros for the cells outside the view that propose too."""
        ring = self.config.discover.ring
        return F.pad(grid, (ring, ring, ring, ring)) if ring else grid

    def _evidence(self, foreground: Tensor | None) -> Tensor | float:
        """-evidence where nothing stands out in the 3 x 3 cells around, +evidence where a quarter does. [B, G]"""
        if foreground is None or not self.config.discover.evidence:
            return 0.0
        share = F.avg_pool2d(self.ringed(F.avg_pool2d(foreground, self.config.cell)), 3, stride=1, padding=1)
        return self.config.discover.evidence * (2.0 * (4.0 * share).clamp(max=1.0) - 1.0).flatten(1)


def cells_of(grid: Tensor, config: ModelConfig) -> Tensor:
    """Centres (x, y) in pixels of the cells of ``grid`` [B, F, Gh, Gw], the ring outside the view included: [G, 2]."""
    return cell_centers(*grid.shape[-2:], cell=config.cell, like=grid, ring=config.discover.ring)


class Discover(nn.Module):
    """Prior Birth (N(0, 1) codes, presence = births), posterior `Detector`, rejection, slot cap."""

    def __init__(self, config: ModelConfig, glimpses: GlimpseEncoder, painter: Painter, features: int) -> None:
        super().__init__()
        self.config = config
        self.painter = painter
        self.glimpses = glimpses
        self.detector = Detector(config, features)

    def forward(
        self, sight: Sight | None, propagated: Objects, births: Tensor, scenery: Scenery, knobs: Knobs
    ) -> Found:
        """New objects beside the ``propagated`` ones; ``births`` [B] is the prior presence per cell.

        Without a sight births are drawn from the prior, which is the guide then: every cost is 0.
        """
        covered = explained(propagated.layers, batch=len(births), height=scenery.height, width=scenery.width)
        cells = self._birth(births, scenery) if sight is None else self._seen(sight, covered)
        relaxed = sample_presence(
            cells.logit, temperature=knobs.temperature, stochastic=knobs.stochastic, hard=knobs.hard
        )
        depths = cells.depth.sample(knobs.stochastic)
        pick = self._pick(relaxed, depths, capped=sight is not None)
        if pick.shape[1] == 0:
            return self._none(cells.logit, relaxed, births, sight, knobs)
        chosen = relaxed.gather(1, pick)
        chosen = chosen * self._room(chosen, propagated.slots)
        picture = None if sight is None else self._picture(picture_of(sight, self.config), covered)
        draw, box = self._draw(picture, cells, pick, depths, scenery.first_row, knobs)
        latents = Latents(pres=chosen, where=draw.where[0], what=draw.what[0], depth=draw.depth[0])
        paint = self.painter(latents, box, chosen > LEAST, scenery if knobs.patience is None else None)
        layers = placed(paint.layers, batch=len(births), height=scenery.height, width=scenery.width)
        duplicate = self._already_explained(layers, box, chosen > LEAST, covered, propagated.slots)
        rejected = self._verdict(paint, box, chosen, duplicate)
        final = chosen * (1 - rejected)
        proposed, refused = chosen.sum(1).detach(), (rejected * chosen).sum(1).detach()

        def books() -> Terms:
            verdict = torch.zeros_like(relaxed).scatter(1, pick, rejected)
            weight = chosen * (chosen > LEAST)
            if sight is None:
                return charge(draw, weight, (0 * relaxed, 0 * relaxed), knobs, weight)
            kl, ratio = self._books(cells.logit, relaxed, births, verdict, knobs)
            if knobs.weigh:
                left = relaxed * (relaxed > LEAST) - torch.zeros_like(relaxed).scatter(1, pick, weight)
                ratio = ratio + left * (Gaussian.standard(depths).log_prob(depths) - cells.depth.log_prob(depths))
            return charge(draw, weight, (kl, ratio), knobs, weight)

        if not fixed() and not bool(final.any()):
            return Found(books, None, proposed, refused)
        layers = layers.replace(pres=final[layers.batch, layers.slot])
        slots = self._slots(latents.replace(pres=final), box, paint.glimpse, propagated.slots)
        slots = slots.replace(confidence=torch.sigmoid(cells.logit.detach()).gather(1, pick))
        found = Objects(books, slots=slots, layers=layers, tight=paint.tight)
        return Found(books, found, proposed, refused)

    def _none(self, logit: Tensor, relaxed: Tensor, births: Tensor, sight: Sight | None, knobs: Knobs) -> Found:
        """No proposal is present."""
        zero = torch.zeros_like(births)

        def books() -> Terms:
            if sight is None:
                return Terms.zeros(len(births), births)
            kl, ratio = self._books(logit, relaxed, births, torch.zeros_like(relaxed), knobs)
            return Terms.zeros(len(births), births).replace(kl_pres=kl.sum(1), log_ratio=ratio.sum(1))

        return Found(books, None, zero, zero)

    def nothing(self, births: Tensor, scenery: Scenery) -> Found:
        """No cell has an object, for certain: what that costs under ``births`` [B]."""
        ring = 2 * self.config.discover.ring
        cells = (scenery.height // self.config.cell + ring) * (scenery.width // self.config.cell + ring)
        zero = torch.zeros_like(births)

        def books() -> Terms:
            price = -cells * torch.log1p(-births)
            return Terms.zeros(len(births), births).replace(kl_pres=price, log_ratio=-price)

        return Found(books, None, zero, zero)

    def _books(
        self, logit: Tensor, relaxed: Tensor, births: Tensor, verdict: Tensor, knobs: Knobs
    ) -> tuple[Tensor, Tensor]:
        """KL of presence and importance ratio per cell [B, G]; a rejected proposal should not have been made."""
        prior = to_logit(births).to(logit.dtype).unsqueeze(1).expand_as(logit)
        kl = kl_presence(logit, torch.where(verdict > 0, float(to_logit(REJECTED)), prior))
        ratio = log_bernoulli(relaxed, prior) - log_bernoulli(relaxed, logit) if knobs.weigh else torch.zeros_like(kl)
        return kl, ratio

    def _seen(self, sight: Sight, covered: Tensor) -> Proposals:
        assert sight.features is not None
        return self.detector(sight.features, covered, sight.foreground)

    def _picture(self, seen: Tensor, covered: Tensor) -> Tensor:
        return torch.cat([seen, covered.unsqueeze(1)], dim=1) if self.config.glimpse.context else seen

    def _birth(self, births: Tensor, scenery: Scenery) -> Proposals:
        cell, ring = self.config.cell, 2 * self.config.discover.ring
        grid = births.new_zeros(len(births), 1, scenery.height // cell + ring, scenery.width // cell + ring)
        zeros = births.new_zeros(len(births), grid[0].numel(), 5)
        return Proposals(
            logit=to_logit(births).to(births.dtype).unsqueeze(1).expand_as(zeros[..., 0]),
            where=Gaussian.standard(zeros[..., 1:]),
            depth=Gaussian.standard(zeros[..., :1]),
            center=cells_of(grid, self.config),
        )

    @torch.no_grad()
    def _pick(self, relaxed: Tensor, depths: Tensor, *, capped: bool) -> Tensor:
        """Cells worth decoding: as many as any element has above LEAST, the strongest first, under the cap. [B, K]

        Relaxed samples saturate at 1; the nearer one goes first then. Nothing but the sample decides, so that the
        likelihood is a function of the latents alone; the depths of those left out are among them, and pay (spec A.8).
        """
        count = relaxed.shape[1]
        cap = min(count, max(8, self.config.discover.proposals * count // 64)) if capped else count
        # In float64: beside 1 a thousandth of a depth has few digits, and ties would fall as they like.
        rank = relaxed.double() + 1e-3 * torch.sigmoid(-depths.squeeze(-1)).double()
        return rank.topk(longest((relaxed > LEAST).sum(1), most=cap), dim=1).indices

    def _room(self, chosen: Tensor, propagated: Slots) -> Tensor:
        """1 for the picks, strongest first, that find room beside ``propagated`` under the cap on objects. [B, K]"""
        if not self.config.discover.slots:
            return torch.ones_like(chosen)
        room = self.config.discover.slots - propagated.alive.sum(1, keepdim=True)
        return (torch.arange(chosen.shape[1], device=chosen.device) < room).to(chosen.dtype)

    def _draw(
        self,
        picture: Tensor | None,
        cells: Proposals,
        pick: Tensor,
        depths: Tensor,
        top: Tensor | float,
        knobs: Knobs,
    ) -> tuple[Draw, Tensor]:
        config = self.config
        q_where, q_depth = take(cells.where, pick), take(cells.depth, pick)
        where, depth = q_where.sample(knobs.stochastic), depths.gather(1, pick.unsqueeze(-1))
        box = self.placed(cells.center[pick], where, top)
        if picture is None:
            q_what = Gaussian.standard(where.new_zeros(*pick.shape, config.glimpse.what))
            births = (q_where, q_what, q_depth)
        else:
            glimpse = crop(picture, box, side=config.glimpse.side)
            if config.glimpse.context:
                glimpse = in_context(glimpse, None, foreground=config.glimpse.foreground)
            raw = self.glimpses(glimpse)
            q_what = Gaussian.of(raw, shift=config.posterior_shift)
            births = (Gaussian.standard(q_where.mean), Gaussian.standard(q_what.mean), Gaussian.standard(q_depth.mean))
        what = q_what.sample(knobs.stochastic)
        draw = Draw((where, q_where, births[0]), (what, q_what, births[1]), (depth, q_depth, births[2]))
        return draw, box

    def placed(self, center: Tensor, where: Tensor, top: Tensor | float = 0.0) -> Tensor:
        """The boxes that where-codes mean in cells with these centres, in clips whose first row is row ``top``."""
        moved = center + self.config.cell * self.config.where.reach * torch.tanh(where[..., 2:])
        size = decode_size(where[..., :2], self.config.where, moved[..., 1].detach() + top)
        return torch.cat([moved, size], dim=-1)

    @torch.no_grad()
    def _already_explained(
        self, layers: Layers, box: Tensor, present: Tensor, explained: Tensor, propagated: Slots
    ) -> Tensor:
        """1 where propagated objects already explain what a present proposal [B, K] would, or sit in its place."""
        config = self.config.discover
        duplicate = torch.zeros_like(box[..., 0])
        if propagated.count == 0:
            return duplicate
        if config.overlap < float("inf"):
            duplicate = (coverage(layers, explained, duplicate.shape) >= config.overlap).to(box.dtype)
        if config.twin_box < float("inf"):
            near = box_iou(corners(box), corners(propagated.box)) > config.twin_box
            sits = (near & propagated.alive.unsqueeze(1)).any(-1)
            duplicate = torch.maximum(duplicate, sits.to(box.dtype))
        return duplicate * present

    @torch.no_grad()
    def _verdict(self, paint: Paint, box: Tensor, chosen: Tensor, rejected: Tensor) -> Tensor:
        """``rejected`` [B, K] with the proposals added that give way to a nearer one: it would hide them."""
        config = self.config.discover
        count = chosen.shape[1]
        if count < 2 or min(config.twin_iou, config.twin_box) == float("inf"):
            return rejected
        layers = paint.layers
        weight = torch.full_like(chosen, -1.0)
        weight[layers.batch, layers.slot] = layers.near
        weight = torch.where((rejected > 0) | (chosen <= LEAST), -1.0, weight)
        rank = torch.arange(count, device=chosen.device)
        above, below = weight.unsqueeze(1), weight.unsqueeze(2)
        stronger = (above > below) | ((above == below) & (rank.unsqueeze(0) < rank.unsqueeze(1)))
        same = torch.zeros_like(stronger)
        if config.twin_iou < float("inf"):
            iou, inside = box_overlap(paint.tight, paint.tight)
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
        for _ in range(CHAIN if fixed() else clash.shape[1] + 1):
            before = out
            out = (torch.bmm(clash, (1 - out).unsqueeze(-1)).squeeze(-1) > 0).to(clash.dtype)
            if not fixed() and torch.equal(out, before):
                break
        return out

    def _slots(self, latents: Latents, box: Tensor, paint: Tensor, propagated: Slots) -> Slots:
        batch, count = latents.pres.shape
        zeros = latents.pres.new_zeros(batch, count)
        still = torch.cat([latents.where[..., :2], torch.zeros_like(latents.where[..., 2:])], dim=-1)
        return Slots(
            latents=latents.replace(where=torch.zeros_like(latents.where)),
            habit=torch.cat([still, latents.what, latents.depth], dim=-1),
            age=torch.ones_like(zeros),
            box=box,
            size=latents.where[..., :2],
            paint=paint if self.config.glimpse.context else paint[..., :0, :0],
            tracker=zeros.unsqueeze(-1).expand(-1, -1, propagated.tracker.shape[-1]),
            dynamics=zeros.unsqueeze(-1).expand(-1, -1, propagated.dynamics.shape[-1]),
            deficit=zeros,
            doubt=zeros,
            asleep=zeros.bool(),
            duplicate_frames=zeros,
            continuity=zeros,
            evidence=zeros,
            confidence=zeros,
            id=torch.full_like(zeros, -1).long(),
            alive=latents.pres > self.config.discover.keep,
        )
