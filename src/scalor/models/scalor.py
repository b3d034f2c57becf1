"""SCALOR: one verb, step(world, sight | None, knobs) -> (world, step)."""

import torch
from torch import Tensor

from scalor.core.canvas import composite, explained
from scalor.core.shade import shade, standing_out
from scalor.core.tensors import cat, take
from scalor.core.types import Knobs, Objects, Scenery, Sight, Slots, Step, Terms, World
from scalor.models.appearance import GlimpseEncoder
from scalor.models.background import background, log_likelihood
from scalor.models.base import WorldModel
from scalor.models.config import ModelConfig
from scalor.models.discover import Discover
from scalor.models.encoder import Encoder
from scalor.models.painter import Painter
from scalor.models.propagate import Propagate


class Scalor(WorldModel):
    """The world model of Jiang et al. (ICLR 2020) with the deviations listed in docs/model.md."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config: ModelConfig = config
        self.encoder = Encoder(config, backdrop=config.background.family == "median")
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
        grid = (scenery.height // cell, scenery.width // cell)
        return World(
            slots=Slots.empty(
                batch,
                what=part.glimpse.what,
                tracker=part.propagate.tracker,
                dynamics=part.propagate.dynamics,
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
            backdrop = backdrop.unsqueeze(1).expand(-1, length, -1, -1, -1).flatten(0, 1)
            if self.config.background.shade:
                backdrop = backdrop * shade(flat, backdrop)
                grounds = backdrop.unflatten(0, (batch, length))
            if self._asks_what_moves():
                moving = standing_out(flat, backdrop, level=self.config.render.stand_out)
                masks = moving.unflatten(0, (batch, length))
        features = self.encoder(flat, backdrop).unflatten(0, (batch, length))
        features, memories = self.encoder.remember(features, world.memory)
        return [
            Sight(
                frame=video[:, t],
                features=features[:, t],
                memory=memories[t],
                backdrop=None if grounds is None else grounds[:, t],
                moving=None if masks is None else masks[:, t],
            )
            for t in range(length)
        ]

    def _asks_what_moves(self) -> bool:
        return self.config.render.stand_out_sigma < float("inf") or self.config.discover.evidence != 0.0

    def step(self, world: World, sight: Sight | None, knobs: Knobs) -> tuple[World, Step]:
        """One frame: propagate, discover, reject, compose, background, likelihood."""
        if knobs.detach:
            world = world.detach()
        scenery, memory = world.scenery, world.memory
        batch = world.next_id.shape[0]
        frame, features, moving, ground = None, None, None, scenery
        if sight is not None:
            frame, features, memory, moving = sight.frame, sight.features, sight.memory, sight.moving
            ground = scenery if sight.backdrop is None else scenery.replace(backdrop=sight.backdrop)
        kept = self.propagate(world.slots, frame, features, scenery, knobs)
        found, rejected, proposed = self._find(kept, sight, world, knobs)
        layers = kept.layers
        if found is not None:
            shifted = found.layers.replace(slot=found.layers.slot + kept.slots.count)
            layers = cat([layers, shifted], dim=0)
        size = {"batch": batch, "height": scenery.height, "width": scenery.width}
        color, alpha, total = composite(layers, **size, convex=self.config.render.convex)
        if knobs.show is not None:
            alpha = torch.full_like(alpha, knobs.show)
        looked = frame if sight is not None and sight.features is not None else None
        backdrop, code, kl_background, ratio = self.background(looked, alpha, world.background, ground, knobs)
        image = color + (1 - alpha) * backdrop
        terms = kept.terms if found is None else kept.terms + found.terms
        terms = self._close(terms, frame, image, kl_background, ratio, knobs)
        if moving is not None and self.config.render.stand_out_sigma < float("inf"):
            terms = terms.replace(log_mask=log_likelihood(moving, alpha, self.config.render.stand_out_sigma))
        slots, tight, born, origin, next_id = self._pack(kept, found, world.next_id)
        after = World(slots=slots, background=code, memory=memory, next_id=next_id, scenery=scenery)
        report = Step(
            slots=slots,
            tight=tight,
            born=born,
            layers=layers,
            origin=origin,
            image=image,
            background=backdrop.expand_as(image),
            alpha=alpha,
            total=total,
            terms=terms,
            rejected=rejected,
            proposed=proposed,
        )
        return after, report

    def _find(
        self, kept: Objects, sight: Sight | None, world: World, knobs: Knobs
    ) -> tuple[Objects | None, Tensor, Tensor]:
        batch, scenery = kept.slots.alive.shape[0], world.scenery
        none = kept.terms.log_like.new_zeros(batch)
        if not knobs.births if sight is None else sight.features is None:
            return None, none, none
        if kept.slots.count and knobs.discover_dropout and float(torch.rand(())) < knobs.discover_dropout:
            return None, none, none
        births = torch.full_like(none, knobs.birth)
        if knobs.first_birth is not None:
            births = torch.where(world.next_id == 0, knobs.first_birth, births)
        mask = explained(kept.layers, batch=batch, height=scenery.height, width=scenery.width)
        if sight is None:
            cell = self.config.cell
            grid = none.new_zeros(batch, 1, scenery.height // cell, scenery.width // cell)
            return self.discover(None, (grid, None), kept, (mask, births), knobs)
        assert sight.features is not None
        return self.discover(sight.frame, (sight.features, sight.moving), kept, (mask, births), knobs)

    def _close(
        self, terms: Terms, frame: Tensor | None, image: Tensor, kl: Tensor, ratio: Tensor, knobs: Knobs
    ) -> Terms:
        """Add likelihood and background to the books."""
        terms = terms.replace(kl_background=kl)
        if frame is None:
            return terms
        log_like = log_likelihood(frame, image, knobs.soften * (knobs.sigma or self.config.render.sigma))
        return terms.replace(log_like=log_like, log_ratio=terms.log_ratio + log_like + ratio)

    def _pack(
        self, kept: Objects, found: Objects | None, next_id: Tensor
    ) -> tuple[Slots, Tensor, Tensor, Tensor, Tensor]:
        """Survivors and accepted discoveries, padded to the longest list; new ids; no Python loop over the batch."""
        slots, tight = kept.slots, kept.tight
        born = torch.zeros_like(slots.alive)
        if found is not None:
            new = found.slots.alive
            fresh = next_id.unsqueeze(1) + new.long().cumsum(1) - 1
            named = found.slots.replace(id=torch.where(new, fresh, torch.full_like(fresh, -1)))
            next_id = next_id + new.sum(1)
            slots = cat([slots, named], dim=1)
            tight = torch.cat([tight, found.tight], dim=1)
            born = torch.cat([born, new], dim=1)
        count = int(slots.alive.sum(1).max()) if slots.count else 0
        order = torch.argsort((~slots.alive).to(torch.uint8), dim=1, stable=True)[:, :count]
        packed = take(slots, order)
        packed = packed.replace(id=torch.where(packed.alive, packed.id, torch.full_like(packed.id, -1)))
        index = order.unsqueeze(-1).expand(-1, -1, 4)
        return packed, tight.gather(1, index), born.gather(1, order), order, next_id
