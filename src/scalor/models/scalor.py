"""The world model SCALOR: step(world, sight | None, knobs) -> (world, step)."""

import math

import torch
from torch import Tensor

from scalor.core.canvas import composite, widened
from scalor.core.evidence import evidence
from scalor.core.fixed import fixed, longest
from scalor.core.shade import Outline, outlined, shade, standing_out
from scalor.core.tensors import cat, ramp, take
from scalor.core.types import Knobs, Layers, Objects, Scenery, Sight, Slots, Step, Terms, World
from scalor.models.appearance import GlimpseEncoder
from scalor.models.background import background, log_likelihood, prevailing
from scalor.models.base import WorldModel
from scalor.models.config import ModelConfig
from scalor.models.discover import Discover, Found
from scalor.models.encoder import Encoder
from scalor.models.painter import Painter
from scalor.models.propagate import Propagate
from scalor.models.survival import LEAST


class Scalor(WorldModel):
    """The world model of Jiang et al. (ICLR 2020) with the deviations listed in docs/model.md."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config: ModelConfig = config
        self.encoder = Encoder(config, backdrop=config.needs_backdrop or config.glances)
        self.glimpses = GlimpseEncoder(config.channels, config.glimpse, config.style)
        self.painter = Painter(config)
        self.propagate = Propagate(config, self.glimpses, self.painter, self.encoder.features)
        self.discover = Discover(config, self.glimpses, self.painter, self.encoder.features)
        self.background = background(config)

    def init(self, batch: int, scenery: Scenery) -> World:
        """An empty world. Raises ValueError when height or width is not a multiple of the cell."""
        cell, part = self.config.cell, self.config
        if scenery.height % cell or scenery.width % cell:
            raise ValueError(
                f"frame is {scenery.height} x {scenery.width}; "
                f"both must be multiples of the cell, {cell}; crop or pad it"
            )
        like = next(self.parameters())
        side = part.glimpse.side if part.glimpse.context else 0
        grid = (scenery.height // cell, scenery.width // cell)
        return World(
            slots=Slots.empty(
                batch,
                what=part.glimpse.what,
                paint=(part.channels + 1, side, side),
                sizes=(part.propagate.tracker, part.propagate.dynamics),
                like=like.detach(),
            ),
            background=self.background.initial(batch, scenery, like.detach()),
            memory=self.encoder.initial(batch, grid, like.detach()),
            next_id=torch.zeros(batch, dtype=torch.int64, device=like.device),
            scenery=scenery,
        )

    def look(self, world: World, video: Tensor) -> list[Sight]:
        """Features of all frames [B, T, C, H, W] that follow ``world``, batched over time but for the recurrence.

        The encoder's memory depends on frames alone, so a whole clip can be looked at before the first step.
        """
        batch, length = video.shape[:2]
        backdrop = world.scenery.backdrop
        flat, grounds, masks = video.flatten(0, 1), None, None
        if backdrop is not None:
            grounds = self._in_shade(video, backdrop)
            backdrop = grounds.flatten(0, 1)
        elif self.config.glances:
            backdrop = prevailing(flat, self.config.background.lattice)
        if backdrop is not None and self._needs_foreground():
            foreground = standing_out(flat, backdrop, level=self.config.render.stand_out)
            masks = foreground.unflatten(0, (batch, length))
        features = self.encoder(flat, backdrop).unflatten(0, (batch, length))
        features, memories = self.encoder.remember(features, world.memory)
        # Taken apart in one piece: the gradient of one frame's slice is as large as all frames.
        return [
            Sight(
                frame=video[:, t],
                features=each,
                memory=memories[t],
                backdrop=grounds[:, t] if grounds is not None and self.config.background.shade else None,
                foreground=None if masks is None else masks[:, t],
            )
            for t, each in enumerate(features.unbind(1))
        ]

    def foreground_masks(self, video: Tensor, scenery: Scenery) -> Tensor:
        """Masks [B, T, H, W] in 0..1 of what stands out of the backdrop in clips [B, T, C, H, W], shadows left out."""
        assert scenery.backdrop is not None
        ground = self._in_shade(video, scenery.backdrop).flatten(0, 1)
        masks = standing_out(video.flatten(0, 1), ground, level=self.config.render.stand_out)
        return masks[:, 0].unflatten(0, video.shape[:2])

    def outline(self, world: World, sight: Sight, noise: Tensor | None = None) -> Outline | None:
        backdrop = world.scenery.backdrop
        if sight.foreground is None or backdrop is None:
            return None
        ground = backdrop if sight.backdrop is None else sight.backdrop
        level = self.config.render.stand_out
        return outlined(sight.frame, backdrop, ground, sight.foreground, level=level, noise=noise)

    def _in_shade(self, video: Tensor, backdrop: Tensor) -> Tensor:
        """What is behind clips [B, T, C, H, W]: backdrops [B, C, H, W], darkened where the clips' frames show them in
        shade, if shadows are background."""
        part, backdrop = self.config.background, backdrop.unsqueeze(1)
        return backdrop * shade(video, backdrop, part.darkest, part.tint) if part.shade else backdrop.expand_as(video)

    def _needs_foreground(self) -> bool:
        part = self.config
        return part.render.stand_out_sigma < math.inf or part.discover.evidence != 0.0 or part.glimpse.foreground

    def step(self, world: World, sight: Sight | None, knobs: Knobs) -> tuple[World, Step]:
        """One frame: propagate, discover, reject, compose, background, likelihood."""
        if knobs.detach:
            world = world.detach()
        scenery, memory = world.scenery, world.memory
        batch = world.next_id.shape[0]
        frame, ground = None, scenery
        if sight is not None:
            frame, memory = sight.frame if sight.target is None else sight.target, sight.memory
            ground = scenery if sight.backdrop is None else scenery.replace(backdrop=sight.backdrop)
        watching = sight is not None and sight.features is not None and knobs.patience is not None
        expected = self.background.expected(world.background, ground) if watching else None
        propagated = self.propagate(world.slots, sight, expected, scenery, knobs)
        found = self._find(propagated, sight, world, knobs)
        slots, tight, layers = self._joined(propagated, found.objects)
        size = {"batch": batch, "height": scenery.height, "width": scenery.width}
        color, alpha, total = composite(layers, **size, convex=self.config.render.convex)
        if knobs.alpha_override is not None:
            alpha = torch.full_like(alpha, knobs.alpha_override)
        looked = sight.frame if sight is not None and sight.features is not None else None
        backdrop, code, price = self.background(looked, alpha, world.background, ground, knobs)
        image = color + (1 - alpha) * backdrop
        if watching and frame is not None:
            known = propagated.nats if found.objects is None and self.background.still and frame is looked else None
            slots = self._judged(slots, self._nats(slots, layers, frame, backdrop) if known is None else known)
        most = world.slots.count if fixed() else slots.count
        slots, tight, origin, next_id = self._pack(slots, tight, world.next_id, most)
        after = World(slots=slots, background=code, memory=memory, next_id=next_id, scenery=scenery)
        report = Step(
            books=lambda: self._close(propagated.terms + found.terms, price(), sight, (image, alpha), knobs),
            slots=slots,
            tight=tight,
            born=slots.alive & (slots.id >= world.next_id.unsqueeze(1)),
            layers=layers,
            origin=origin,
            image=image,
            background=backdrop.expand_as(image),
            alpha=alpha,
            total=total,
            rejected=found.rejected,
            proposed=found.proposed,
        )
        return after, report

    def _find(self, propagated: Objects, sight: Sight | None, world: World, knobs: Knobs) -> Found:
        zero = propagated.tight.new_zeros(len(world.next_id))
        if not knobs.births if sight is None else sight.features is None:
            return Found(lambda: Terms.zeros(len(zero), zero), None, zero, zero)
        births = torch.full_like(zero, knobs.birth)
        if knobs.first_birth is not None:
            births = torch.where(world.next_id == 0, knobs.first_birth, births)
        if propagated.slots.count and knobs.discover_dropout and float(torch.rand(())) < knobs.discover_dropout:
            return self.discover.nothing(births, world.scenery)
        return self.discover(sight, propagated, births, world.scenery, knobs)

    def _close(
        self,
        terms: Terms,
        background: tuple[Tensor, Tensor],
        sight: Sight | None,
        made: tuple[Tensor, Tensor],
        knobs: Knobs,
    ) -> Terms:
        """Add the background's KL and ratio to the books, and what the image and the alpha ``made`` are worth."""
        (kl, ratio), (image, alpha), render = background, made, self.config.render
        terms = terms.replace(kl_background=kl)
        if sight is None:
            return terms
        frame = sight.frame if sight.target is None else sight.target
        log_like = log_likelihood(frame, image, knobs.soften * (knobs.sigma or render.sigma))
        terms = terms.replace(log_like=log_like, log_ratio=terms.log_ratio + log_like + ratio)
        if sight.foreground is None or render.stand_out_sigma == float("inf"):
            return terms
        return terms.replace(log_mask=log_likelihood(sight.foreground, alpha, render.stand_out_sigma))

    def _joined(self, propagated: Objects, found: Objects | None) -> tuple[Slots, Tensor, Layers]:
        """One set of carried and new objects: slots, tight boxes and layers."""
        if found is None:
            return propagated.slots, propagated.tight, propagated.layers
        side = max(propagated.layers.patch.shape[-1], found.layers.patch.shape[-1])
        new = found.layers.replace(slot=found.layers.slot + propagated.slots.count)
        layers = cat([widened(propagated.layers, side), widened(new, side)], dim=0)
        return cat([propagated.slots, found.slots], dim=1), torch.cat([propagated.tight, found.tight], dim=1), layers

    def _nats(self, slots: Slots, layers: Layers, frame: Tensor, backdrop: Tensor) -> Tensor:
        """The nats [B, N] that objects explain; 0 without a layer."""
        render = self.config.render
        found = evidence(layers, frame, backdrop, sigma=render.sigma, convex=render.convex)
        nats = torch.zeros_like(slots.evidence)
        nats[layers.batch, layers.slot] = found.nats
        return nats

    def _judged(self, slots: Slots, nats: Tensor) -> Slots:
        """Slots with the evidence for them (sleepers: the last); new ones that explain too little are not carried."""
        nats = torch.where(slots.latents.pres * ~slots.asleep > 0, nats, torch.where(slots.asleep, slots.evidence, 0.0))
        offset, slope = self.config.confidence
        confidence = torch.sigmoid(offset + slope * torch.log1p(nats.clamp(min=0.0)))
        carried = slots.alive & ((slots.id >= 0) | (nats > LEAST))
        return slots.replace(evidence=nats, confidence=confidence, alive=carried)

    def _pack(self, slots: Slots, tight: Tensor, next_id: Tensor, most: int) -> tuple[Slots, Tensor, Tensor, Tensor]:
        """Survivors and accepted discoveries, padded to the longest list; new ids; no Python loop over the batch."""
        new = slots.alive & (slots.id < 0)
        fresh = next_id.unsqueeze(1) + new.long().cumsum(1) - 1
        slots = slots.replace(id=torch.where(new, fresh, torch.where(slots.alive, slots.id, -1)))
        count = longest(slots.alive.sum(1), most=most)
        if not fixed() and len(tight) == 1 and count == slots.count:  # nobody is gone: all stay where they are
            return slots, tight, ramp(count, like=slots.id).unsqueeze(0), next_id + new.sum(1)
        # The living in their order, then the others in theirs.
        order = (slots.count * slots.alive - ramp(slots.count, like=slots.id)).topk(count, dim=1).indices
        tight = tight[torch.arange(len(order), device=order.device).unsqueeze(1), order]
        return take(slots, order), tight, order, next_id + new.sum(1)
