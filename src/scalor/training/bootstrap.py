"""Pseudo-labels from motion: a lone blob of the foreground that has an object's size is one object.

What an object is worth can only be learned from objects that are proposed and kept. On footage with few, varied things
they die out before that, or what moves is explained in pieces; the empty scene tells where whole things are. Blobs of
another size, as of things that touch, say nothing: what these are is left to the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.geometry import WhereConfig, corners
from scalor.core.types import Scenery, Sight, Step
from scalor.models.base import WorldModel
from scalor.models.discover import cells_of
from scalor.models.scalor import Scalor
from scalor.rollout import Rollout
from scalor.training.copy_paste import ForegroundLayers
from scalor.training.foreground_blobs import ANY_SIZE, LARGER, Blobs, blobs_of, layered

FRAMES = 2
"""First frames of a clip that proposals are taught from: later ones hardly differ."""
RARE = 10.0
"""A cell of a blob counts as much as so many cells where nothing is."""
PLACE = 5.0
"""A box that is off by its own size counts as much as so many nats of presence."""

Rule = tuple[Sequence[float], np.ndarray | None]
"""How large single objects are in a clip, and their outline (see `foreground_blobs.blobs_of`)."""


@dataclass(frozen=True)
class Labels:
    """Pseudo-labels of the cells of B frames.

    present  float32 [B, G], 1: the cell nearest to the middle of a blob
    weight   float32 [B, G], how much a cell counts; 0: nothing is known, as near blobs that are no single object
    owner    int64 [K, 2], (frame, cell) of the blobs
    box      float32 [K, 4], their boxes
    known    bool [K, 4], which of their edges are known
    """

    present: Tensor
    weight: Tensor
    owner: Tensor
    box: Tensor
    known: Tensor


def bootstrap_loss(
    model: WorldModel,
    video: Tensor,
    scenery: Scenery,
    rollout: Rollout,
    layers: ForegroundLayers | None = None,
    usual: Tensor | None = None,
    outline: Tensor | None = None,
) -> Tensor:
    """Mean over the frames of clips [B, T, C, H, W]: what proposals and objects lack of the blobs, in nats.

    ``layers``: what moves in them, where things were put before others. ``usual`` [B, 5]: how large single objects are
    (see `UsualBox.within`), and their ``outline`` [B, 12, 6], 0 over where it is not known. Of a model without an
    empty scene to compare with: 0.
    """
    if not (isinstance(model, Scalor) and model.config.needs_backdrop):
        return video.new_zeros(())
    frames = min(FRAMES, video.shape[1])
    seen = [sight for sight in rollout.sights if sight.target is None]
    masks = [sight.foreground for sight in seen if sight.foreground is not None]
    foreground = torch.cat(masks, dim=1) if masks else model.foreground_masks(video, scenery)
    firsts = seen[:frames] or model.look(model.init(len(video), scenery), video[:, :frames])
    blobs = _blobs((foreground > 0.5).cpu().numpy(), layers, model.config.where, _rules(len(video), usual, outline))
    teaching = [blob for clip in blobs for blob in clip[:frames]]
    first = _proposed(model, (firsts, foreground[:, :frames]), scenery, teaching)
    carried = [_carried(step, [clip[t] for clip in blobs]) for t, step in enumerate(rollout.steps)]
    return first + torch.stack(carried).mean()


def _rules(clips: int, usual: Tensor | None, outline: Tensor | None) -> list[Rule]:
    """How large single objects are in each of the clips, and what they fill of their boxes, as far as it is known."""
    sizes = [ANY_SIZE] * clips if usual is None else usual.tolist()
    outlines = [None] * clips if outline is None else [one if one.any() else None for one in outline.cpu().numpy()]
    return list(zip(sizes, outlines, strict=True))


def _blobs(
    masks: np.ndarray, layers: ForegroundLayers | None, where: WhereConfig, rules: list[Rule]
) -> list[list[Blobs]]:
    """The blobs of each frame of clips with foreground masks bool [B, T, H, W], of which some have ``layers``."""
    if layers is None:
        return [[blobs_of(mask, where, *rule) for mask in clip] for clip, rule in zip(masks, rules, strict=True)]
    clips, front, back = layers.clips.cpu().numpy(), np.zeros_like(masks), masks.copy()
    front[clips], back[clips] = (layers.front > 0.5).cpu().numpy(), (layers.back > 0.5).cpu().numpy()
    pairs = zip(zip(front, back, strict=True), rules, strict=True)
    return [[layered(near, far, where, *rule) for near, far in zip(*pair, strict=True)] for pair, rule in pairs]


def _proposed(model: Scalor, seen: tuple[list[Sight], Tensor], scenery: Scenery, blobs: list[Blobs]) -> Tensor:
    """What the proposals of the first frames of clips lack, of which ``seen`` are the sights and what moves in them."""
    sights, foreground = seen[0], seen[1].flatten(0, 1)
    features = torch.stack([sight.features for sight in sights if sight.features is not None], 1).flatten(0, 1)
    center = cells_of(model.discover.detector.ringed(features), model.config)
    labels = labels_of(blobs, center, cell=model.config.cell)
    cells = model.discover.detector(features, torch.zeros_like(foreground), foreground.unsqueeze(1))
    lacking = F.binary_cross_entropy_with_logits(cells.logit, labels.present, labels.weight, reduction="sum")
    frame, cell = labels.owner.unbind(1)
    top = 0.0 if scenery.top is None else scenery.top[frame // len(sights)]
    box = model.discover.placed(cells.center[cell], cells.where.mean[frame, cell], top)
    return (lacking + PLACE * misplaced(box, labels.box, labels.known).sum()) / len(blobs)


@torch.no_grad()
def labels_of(blobs: list[Blobs], center: Tensor, *, cell: int) -> Labels:
    """Labels of cells with centres [G, 2] of frames with such blobs."""
    places = center.cpu().numpy()
    present, weight = np.zeros((2, len(blobs), len(places)), np.float32)
    owners, boxes, known = [], [], []
    for frame, found in enumerate(blobs):
        weight[frame] = 1.0
        for box in found.every:
            weight[frame, _outside(places, box) < cell / 2] = 0.0
        for box, edges in zip(found.single, found.known, strict=True):
            off = np.abs(places - box[:2])
            # Things that touch can have their middles in one cell; then the next one is the second thing's.
            nearest = int((off.sum(1) + np.where(present[frame] > 0, cell, 0.0)).argmin())
            if present[frame, nearest]:
                continue
            weight[frame, (_outside(places, box) < 0) & (off.max(1) > cell)] = RARE
            present[frame, nearest], weight[frame, nearest] = 1.0, RARE
            owners.append((frame, nearest))
            boxes.append(box * LARGER)
            known.append(edges)
    parts = (
        present,
        weight,
        np.array(owners, np.int64).reshape(-1, 2),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(known, bool).reshape(-1, 4),
    )
    return Labels(*(torch.from_numpy(part).to(center.device) for part in parts))


def _carried(step: Step, blobs: list[Blobs]) -> Tensor:
    """What the objects of a frame lack: of each single blob there is one, in its place."""
    slots = step.slots
    middle, there = slots.box[..., :2].detach().cpu().numpy(), slots.shown.cpu().numpy()
    owners: list[tuple[int, int]] = []
    others: list[tuple[int, int]] = []
    targets = []
    for clip, found in enumerate(blobs):
        whose = _nearest(middle[clip], found.single)
        sure = there[clip] & ~_in_any(middle[clip], found.hidden)
        for number in np.flatnonzero(found.known.all(1)):
            box = found.single[number]
            inside = np.flatnonzero(sure & (whose == number) & (_outside(middle[clip], box) < 0)).tolist()
            if not inside:
                continue
            best = inside[int(np.abs(middle[clip, inside] - box[:2]).sum(1).argmin())]
            owners.append((clip, best))
            targets.append(box * LARGER)
            others += [(clip, other) for other in inside if other != best]
    box = slots.box.new_tensor(np.array(targets, np.float32).reshape(-1, 4))
    off = misplaced(slots.box[_pairs(owners, box)], box).sum()
    surplus = slots.latents.pres[_pairs(others, box)].sum()
    return (RARE * surplus + PLACE * off) / len(blobs)


def _pairs(pairs: list[tuple[int, int]], like: Tensor) -> tuple[Tensor, Tensor]:
    """(clip, object) pairs as an index."""
    clip, number = torch.from_numpy(np.array(pairs, np.int64).reshape(-1, 2)).to(like.device).unbind(1)
    return clip, number


def _nearest(places: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Which of boxes [S, 4] each of the places [G, 2] is most in the middle of: int [G], -1 without boxes."""
    if not len(boxes):
        return np.full(len(places), -1)
    off = np.abs(places[:, None] - boxes[None, :, :2]) / boxes[None, :, 2:]
    return off.max(-1).argmin(1)


def _in_any(places: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Which of the places [G, 2] lie within one of boxes [U, 4]: bool [G]."""
    return (np.abs(places[:, None] - boxes[None, :, :2]) < boxes[None, :, 2:] / 2).all(-1).any(1)


def misplaced(box: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
    """How far the edges of boxes [..., 4] are off, in sizes of targets: [..., 4]; 0 where they are not ``known``."""
    off = (corners(box) - corners(target)) / torch.cat([target[..., 2:], target[..., 2:]], dim=-1)
    lost = F.smooth_l1_loss(off, torch.zeros_like(off), beta=0.1, reduction="none")
    return lost if known is None else torch.where(known, lost, 0.0)


def _outside(places: np.ndarray, box: np.ndarray) -> np.ndarray:
    """How far places [G, 2] lie outside a box, along the worse axis; negative inside: [G]."""
    return (np.abs(places - box[:2]) - box[2:] / 2).max(1)
