"""AIR (Eslami et al. 2016) on every frame alone, and identities by linking its detections."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from scalor.core.types import Knobs, Scenery, Sight, Slots, Step, World
from scalor.models.base import WorldModel
from scalor.models.baselines.finder import Finder
from scalor.models.baselines.frames import no_slots, refuse_other_sides
from scalor.models.baselines.objects import Brush, Glimpses, Map, ObjectsConfig, blank, finish, named


@dataclass(frozen=True)
class AirConfig(ObjectsConfig):
    """gate: detections of two frames are one object up to this distance of their centres, in sizes."""

    kind: Literal["air"] = "air"
    gate: float = 1.0


class Air(WorldModel):
    """Objects found one after the other in each frame, from nothing. Only identities know of the frame before.

    Imagined frames are independent draws where births are allowed, and empty where they are not.
    """

    def __init__(self, config: AirConfig) -> None:
        super().__init__()
        self.config: AirConfig = config
        self.map = Map(config)
        self.glimpses = Glimpses(config)
        self.finder = Finder(config, self.glimpses)
        self.brush = Brush(config)

    def init(self, batch: int, scenery: Scenery) -> World:
        refuse_other_sides(scenery.height, scenery.width, self.config.side)
        like = next(self.parameters()).detach()
        nothing = like.new_zeros(batch, 0)
        return World(
            slots=no_slots(batch, like, what=self.config.what),
            background=(nothing, nothing),
            memory=like.new_zeros(batch, 0, 1, 1),
            next_id=torch.zeros(batch, dtype=torch.int64, device=like.device),
            scenery=scenery,
        )

    def look(self, world: World, video: Tensor) -> list[Sight]:
        features = self.map(video.flatten(0, 1)).unflatten(0, video.shape[:2])
        return [Sight(video[:, t], features[:, t], world.memory) for t in range(video.shape[1])]

    def step(self, world: World, sight: Sight | None, knobs: Knobs) -> tuple[World, Step]:
        before = world.slots
        like = before.latents.what
        birth = like.new_full((like.shape[0],), knobs.birth if sight is not None or knobs.births else 0.0)
        looked = None if sight is None or sight.features is None else sight
        found, terms = self.finder(looked, blank(before, 0), knobs, birth)
        ids = linked(before, found, gate=self.config.gate * self.config.size)
        new = found.alive & (ids < 0)
        fresh, next_id = named(new, world.next_id)
        slots = found.replace(id=torch.where(new, fresh, ids))
        proposed = found.latents.pres.sum(1).detach()
        return finish(world, sight, slots, self.brush, terms, knobs, born=new, next_id=next_id, proposed=proposed)


@torch.no_grad()
def linked(before: Slots, found: Slots, *, gate: float) -> Tensor:
    """Identities [B, M] that the ``found`` take over from those of the frame before, -1: none.

    The nearest pair of centres first, none farther apart than ``gate`` pixels.
    """
    ids = torch.full_like(found.id, -1)
    if before.count == 0 or found.count == 0:
        return ids
    off = torch.cdist(before.box[..., :2].detach(), found.box[..., :2].detach())
    far = off.masked_fill(~(before.alive.unsqueeze(2) & found.alive.unsqueeze(1)), torch.inf)
    for _ in range(min(far.shape[1:])):
        distance, pair = far.flatten(1).min(1)
        old, new = pair // far.shape[2], pair % far.shape[2]
        row = (distance <= gate).nonzero()[:, 0]
        ids[row, new[row]] = before.id[row, old[row]]
        far[row, old[row]] = torch.inf
        far[row, :, new[row]] = torch.inf
    return ids
