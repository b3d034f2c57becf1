"""Loops over the one verb: observe, imagine, generate (track lives in `scalor.tracking`)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from scalor.core.types import Knobs, Scenery, Sight, Step, Terms, World
from scalor.models.base import WorldModel


@dataclass(frozen=True)
class Rollout:
    """The report of a clip: one `Step` per frame, the world after the last, and what was seen of the frames (nothing of
    imagined ones)."""

    steps: tuple[Step, ...]
    world: World
    sights: tuple[Sight, ...] = ()

    @property
    def image(self) -> Tensor:
        """Reconstructions or predictions [B, T, C, H, W]."""
        return torch.stack([step.image for step in self.steps], dim=1)

    @property
    def background(self) -> Tensor:
        """Backgrounds [B, T, C, H, W]."""
        return torch.stack([step.background for step in self.steps], dim=1)

    @property
    def terms(self) -> Terms:
        """The books, mean over time (spec A.7), [B]."""
        total = self.steps[0].terms
        for step in self.steps[1:]:
            total = total + step.terms
        return total.map(lambda value: value / len(self.steps))


def scenery_of(
    video: Tensor, backdrop: Tensor | None = None, which: Tensor | None = None, top: Tensor | None = None
) -> Scenery:
    """The `Scenery` of clips [B, T, C, H, W]."""
    return Scenery(height=video.shape[-2], width=video.shape[-1], backdrop=backdrop, video=which, top=top)


def observe(
    model: WorldModel, video: Tensor, knobs: Knobs, scenery: Scenery | None = None, *, shown: Tensor | None = None
) -> Rollout:
    """Infer all frames of ``video`` [B, T, C, H, W] in [0, 1], in order.

    Where only ``shown`` is looked at, of the same shape, the likelihood is still that of ``video``: a bound on it too,
    since a posterior may depend on anything.
    """
    scenery = scenery or scenery_of(video)
    world = model.init(video.shape[0], scenery)
    sights = model.look(world, video if shown is None else shown)
    if shown is not None:
        sights = [sight.replace(target=video[:, number]) for number, sight in enumerate(sights)]
    steps = []
    for number, sight in enumerate(sights):
        blind = knobs.sighted is not None and number >= knobs.sighted
        world, step = model.step(world, sight.replace(features=None) if blind else sight, knobs)
        steps.append(step)
    return Rollout(tuple(steps), world, tuple(sights))


def imagine(model: WorldModel, world: World, length: int, knobs: Knobs) -> Rollout:
    """``length`` frames after ``world`` with the prior as guide; never touches a frame."""
    steps = []
    for _ in range(length):
        world, step = model.step(world, None, knobs)
        steps.append(step)
    return Rollout(tuple(steps), world)


def generate(
    model: WorldModel, batch: int, length: int, scenery: Scenery, knobs: Knobs, *, first_birth: float = 0.2
) -> Rollout:
    """From nothing: births with probability ``first_birth`` per cell in the first frame, then the prior (spec A.10)."""
    first = imagine(model, model.init(batch, scenery), 1, Knobs(hard=True, births=True, birth=first_birth))
    rest = imagine(model, first.world, length - 1, knobs)
    return Rollout(first.steps + rest.steps, rest.world)
