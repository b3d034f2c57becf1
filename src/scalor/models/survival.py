"""When tracks end, and when they sleep: known, but not shown, since nothing in the frame speaks for them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.canvas import placed
from scalor.core.evidence import evidence
from scalor.core.fixed import fixed
from scalor.core.geometry import box_iou
from scalor.core.tensors import Struct, select, zip_map
from scalor.core.types import Layers, Scenery, Slots
from scalor.models.config import ModelConfig
from scalor.models.painter import Paint, Painter, alike, tints

LEAST = 2.0
"""Nats that an object must explain to be found, or to wake up."""
AGAIN = 0.25
"""Share of what it explained when last seen that a sleeper must explain, looking as it did, to wake up."""
AGAINST = -2.0
"""One that explains less than this is not where it is painted."""
FORGOTTEN = 0.25
"""Nats that speak against an object for each frame in which it earns nothing, however well it may be hidden."""
OPEN = 3.0
"""Doubt that one frame before visible background leaves; to one that is hidden all the time a dozen frames do."""
LEFT = 0.1
"""Share of an object's mask in view below which it has left."""
SURELY = 0.05
"""Probability that an object which should stand before visible background is there all the same."""
CUT = 1e-4
"""Prior probability that a frame does not follow from the last one: a cut, or a flash."""
SWERVE = 1e-3
"""Prior probability that one object goes on as nothing in its past foretells: only several at once are a cut."""


@dataclass(frozen=True)
class Odds(Struct):
    """What is known of every object before its evidence: [B, N] each, in nats.

    present     logit of presence, from what is seen
    survival    logit of presence, from its past
    continuity  for its going on, against a new object in its place (see `propagate.continuity`)
    """

    present: Tensor
    survival: Tensor
    continuity: Tensor


@torch.no_grad()
def there(odds: Odds, nats: Tensor) -> Tensor:
    """Presence [B, N] is likelier than not, and the frame does not speak against it by the ``nats`` it explains.

    One that is merely hidden by others, and explains nothing, goes on.
    """
    return (odds.present > 0) & (nats > AGAINST)


@torch.no_grad()
def is_cut(slots: Slots, odds: Odds, nats: Tensor, foreseen: Tensor | None = None) -> Tensor:
    """Whether the frame does not follow from the last one, so that nobody goes on: [B, 1].

    Either all shown objects together are likelier to be new, or gone, than to go on (one alone that does what nothing
    in its past foretells is no cut), or all together explain a fraction of what they did. In both cases the scene as it
    was expected must explain less than nothing of the frame: ``foreseen`` [B, N] are the nats of the expected objects.
    """
    going = torch.where(there(odds, nats), odds.continuity, F.logsigmoid(-odds.survival))
    going = torch.where(slots.shown, going, 0.0)
    several = (going < math.log(SWERVE)).sum(1, keepdim=True) > 1
    cut = several & (going.sum(1, keepdim=True) < math.log(CUT))
    cut = cut | (_total(slots, nats) < AGAIN * _total(slots, slots.evidence))
    return cut if foreseen is None else cut & (_total(slots, foreseen) < 0)


def _total(slots: Slots, nats: Tensor) -> Tensor:
    """Nats [B, N] of all shown objects, [B, 1]."""
    return torch.where(slots.shown, nats, 0.0).sum(1, keepdim=True)


@torch.no_grad()
def awake(slots: Slots, odds: Odds, nats: Tensor, cut: Tensor) -> Tensor:
    """Those of the slots [B, N] that are seen, given the ``nats`` [B, N] that they explain; nobody after a cut.

    A sleeper, painted as it looked when it was last seen, must earn its place. Those that were missed in the open, as
    all are after a cut or a flash, wake if together they explain something: one by one some always fit.
    """
    missed = slots.asleep & (slots.doubt > OPEN)
    back = torch.where(missed, nats, 0.0).sum(1, keepdim=True) > 0
    wakes = (nats > (AGAIN * slots.evidence).clamp(min=LEAST)) & (back | ~missed)
    return slots.alive & select(slots.asleep, wakes, there(odds, nats) & ~cut)


@torch.no_grad()
def doubt(slots: Slots, seen: Tensor, earn: Tensor, hidden: Tensor) -> Tensor:
    """Nats that speak against each object's still being there after this frame: [B, N].

    0 for those that are ``seen`` and ``earn`` something, bool [B, N]. Each other one is either gone, or ``hidden``
    [B, N] (the share of its place where it could be): FORGOTTEN - log(hidden + SURELY). Things hide one at a time:
    where most of three or more are missed at once, something happened to the scene, and none of them is hidden; nor
    is one that was missed in the open before.
    """
    shown = slots.shown
    lost = (shown & ~seen).sum(1, keepdim=True)
    scene = (lost >= 3) & (2 * lost > shown.sum(1, keepdim=True))
    chance = torch.where(scene | (slots.doubt > OPEN), 0.0, hidden)
    more = FORGOTTEN - torch.log(chance + SURELY).clamp(max=0.0)
    return torch.where(slots.alive & ~(seen & earn), slots.doubt + more, torch.zeros_like(slots.doubt))


class Survival:
    """The rules by which objects end: absence or, in tracking, evidence; and doubles."""

    def __init__(self, config: ModelConfig, painter: Painter) -> None:
        self.config, self.painter = config, painter

    def count(self, slots: Slots, learning: Scenery | None = None) -> tuple[Slots, Paint]:
        """The paper's rule: who was absent for ``propagate.stop`` frames in all has ended (spec A.3)."""
        pres = slots.latents.pres
        deficit = slots.deficit + (1 - pres)
        lives = slots.alive & (deficit < self.config.propagate.stop)
        paint = self.painter(slots.latents, slots.box, lives, learning)
        codes = slots.latents.replace(pres=pres * lives)
        looks = self._paint(slots, paint, lives)
        return slots.replace(latents=codes, paint=looks, deficit=deficit, alive=lives), paint

    def watch(
        self, moved: Slots, dreamt: Callable[[], Slots], odds: Odds, seen: tuple[Tensor, Tensor], patience: float
    ) -> tuple[Slots, Paint, Tensor]:
        """Tracking: the frame decides who is seen, and who is not follows the prior in the dark. Also the nats [B, N]
        that all explain beside those that were shown before.

        Args:
            moved: the slots where the posterior has them.
            dreamt: gives them where the prior expects them; not asked where all are seen.
            odds: of presence and identity.
            seen: the frame and the background behind it [B, C, H, W].
            patience: the doubt at which an object ends.
        """
        here = moved.shown.to(moved.box.dtype)
        codes = moved.latents.replace(pres=here)
        if fixed() or bool(moved.asleep.any()):  # of a sleeper only its usual looks are known
            codes = codes.replace(what=select(moved.asleep, dreamt().habit[..., 4:-1], codes.what))
        paint = self.painter(codes, moved.box, moved.alive)
        paint = paint.replace(layers=self._within(paint.layers, seen))
        nats, hidden, inside = self._weighed(paint.layers, seen, here)
        cut = is_cut(moved, odds, nats)
        if fixed() or bool(cut.any()):
            dark = dreamt()
            expected, _ = self.painter.layers(dark.latents.replace(pres=here), dark.box, moved.alive)
            cut = cut & is_cut(moved, odds, nats, self._weighed(self._within(expected, seen), seen, here)[0])
        shown = awake(moved, odds, nats, cut)
        doubts = doubt(moved, shown, nats > LEAST, hidden)
        lives = moved.alive & (doubts < patience) & (inside > LEFT)
        both = moved
        if fixed() or not bool(shown.all()):
            both = zip_map(lambda here, dark: select(shown, here, dark), moved, dreamt())
        slots = both.replace(
            latents=both.latents.replace(pres=lives.to(here.dtype)),
            paint=self._paint(moved, paint, shown),
            doubt=doubts,
            asleep=lives & ~shown,
            confidence=moved.confidence,
            alive=lives,
        )
        return slots, paint, nats

    def _within(self, layers: Layers, seen: tuple[Tensor, Tensor]) -> Layers:
        """Layers that know their pixels of the frame."""
        height, width = seen[0].shape[-2:]
        return placed(layers, batch=len(seen[0]), height=height, width=width)

    def _weighed(self, layers: Layers, seen: tuple[Tensor, Tensor], like: Tensor) -> Tensor:
        """Nats, hidden share and share in view (see `Evidence`) of every slot, 0 where there is no paint: [3, B, N]."""
        render = self.config.render
        found = evidence(layers, *seen, sigma=render.sigma, convex=render.convex)
        table = like.new_zeros(3, *like.shape)
        table[:, layers.batch, layers.slot] = torch.stack([found.nats, found.hidden, found.inside])
        return table

    def merge(self, slots: Slots, paint: Paint) -> Slots:
        """End the one of two shown tracks of one colour that have lain on each other for ``merge.frames`` frames.

        The one of less continuity ends: it was drawn to what belongs to the other.
        """
        duplicate_frames = self._duplicate_frames(slots, paint)
        lives = slots.alive & (duplicate_frames < self.config.merge.frames)
        codes = slots.latents.replace(pres=slots.latents.pres * lives)
        return slots.replace(latents=codes, duplicate_frames=duplicate_frames, alive=lives, asleep=slots.asleep & lives)

    @torch.no_grad()
    def _duplicate_frames(self, slots: Slots, paint: Paint) -> Tensor:
        """Frames in a row that a track of more continuity and the same colour has covered this one: [B, N]."""
        if slots.count == 0:
            return slots.duplicate_frames
        mine, others = slots.continuity.unsqueeze(2), slots.continuity.unsqueeze(1)
        older = slots.id.unsqueeze(1) < slots.id.unsqueeze(2)
        stronger = (others > mine) | ((others == mine) & older)
        shown = slots.shown
        both = shown.unsqueeze(1) & shown.unsqueeze(2)
        near = (box_iou(paint.tight, paint.tight) > self.config.merge.iou) & stronger & both
        covered = alike(tints(paint.layers, slots.alive.shape), self.config.merge.tint, near).any(-1)
        return torch.where(covered, slots.duplicate_frames + 1, torch.zeros_like(slots.duplicate_frames))

    def _paint(self, slots: Slots, paint: Paint, shown: Tensor) -> Tensor:
        """The paint that slots remember: today's where they are shown, if the glimpses ask for it."""
        return select(shown, paint.glimpse, slots.paint) if self.config.glimpse.context else slots.paint
