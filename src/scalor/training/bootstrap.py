"""Pseudo-labels from motion: a lone blob of the foreground that has an object's size is one object.

What an object is worth can only be learned from objects that are proposed and kept. On footage with few, varied things
they die out before that, or what moves is explained in pieces; the empty scene tells where whole things are. Blobs of
another size, as of things that touch, say nothing: what these are is left to the model.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.geometry import corners
from scalor.core.types import Scenery, Step
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
    frames, where = min(FRAMES, video.shape[1]), model.config.where
    foreground = model.foreground_masks(video if layers is None else video[:, :frames], scenery)
    sizes = [ANY_SIZE] * len(video) if usual is None else usual.tolist()
    outlines = [None] * len(video) if outline is None else [one if one.any() else None for one in outline.cpu().numpy()]
    known = list(zip(sizes, outlines, strict=True))
    if layers is None:
        clips = zip((foreground > 0.5).cpu().numpy(), known, strict=True)
        blobs = [[blobs_of(mask, where, *rule) for mask in clip] for clip, rule in clips]
    else:
        masks = zip((layers.front > 0.5).cpu().numpy(), (layers.back > 0.5).cpu().numpy(), known, strict=True)
        blobs = [
            [layered(*pair, where, *rule) for pair in zip(front, back, strict=True)] for front, back, rule in masks
        ]
    firsts = [blob for clip in blobs for blob in clip[:frames]]
    first = _proposed(model, (video[:, :frames], foreground[:, :frames]), scenery, firsts)
    carried = [_carried(step, [clip[t] for clip in blobs]) for t, step in enumerate(rollout.steps)]
    return first + torch.stack(carried).mean()


def _proposed(model: Scalor, seen: tuple[Tensor, Tensor], scenery: Scenery, blobs: list[Blobs]) -> Tensor:
    """What the proposals of the first frames of clips lack, of which ``seen`` are the frames and what moves in them."""
    video, foreground = seen[0], seen[1].flatten(0, 1)
    sights = model.look(model.init(len(video), scenery), video)
    features = torch.stack([sight.features for sight in sights if sight.features is not None], 1).flatten(0, 1)
    center = cells_of(model.discover.detector.ringed(features), model.config)
    labels = labels_of(blobs, center, cell=model.config.cell)
    cells = model.discover.detector(features, torch.zeros_like(foreground), foreground.unsqueeze(1))
    lacking = F.binary_cross_entropy_with_logits(cells.logit, labels.present, labels.weight, reduction="sum")
    frame, cell = labels.owner.unbind(1)
    top = 0.0 if scenery.top is None else scenery.top[frame // video.shape[1]]
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
    surplus = off = slots.box.new_zeros(())
    middle, there = slots.box[..., :2].detach().cpu().numpy(), slots.shown.cpu().numpy()
    for clip, found in enumerate(blobs):
        whose = _nearest(middle[clip], found.single)
        unsure = _in_any(middle[clip], found.hidden)
        for number in np.flatnonzero(found.known.all(1)):
            box = found.single[number]
            mine = (_outside(middle[clip], box) < 0) & (whose == number) & ~unsure
            inside = np.flatnonzero(mine & there[clip])
            if not len(inside):
                continue
            best = inside[np.abs(middle[clip, inside] - box[:2]).sum(1).argmin()]
            others = torch.from_numpy(inside[inside != best]).to(slots.box.device)
            off = off + misplaced(slots.box[clip, best], slots.box.new_tensor(box * LARGER)).sum()
            surplus = surplus + slots.latents.pres[clip, others].sum()
    return (RARE * surplus + PLACE * off) / len(blobs)


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
