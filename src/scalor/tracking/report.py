"""From a `Step` of the model to numbers in source pixels: what a tracker reports about one frame."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.canvas import pixel_index, visibility
from scalor.core.fixed import fixed
from scalor.core.geometry import in_view
from scalor.core.tracks import Rle, Tracks
from scalor.core.types import Step
from scalor.data.steady import moved_back
from scalor.tracking.masks import SOLID, PatchMasks, owned
from scalor.tracking.view import View

Row = tuple[int, int, float, float, float, float, float, float]
"""frame, id, left, top, width, height, score, visibility"""


@dataclass(frozen=True)
class Pictures:
    """What the model sees, at the network's size: uint8 [h, w, 3] images and alpha float32 [h, w] in [0, 1]."""

    reconstruction: np.ndarray
    background: np.ndarray
    alpha: np.ndarray

    def moved(self, x: float, y: float) -> "Pictures":
        """What they show ``x`` pixels further right and ``y`` further down; their edges are continued."""
        shown = (moved_back(image, (-x, -y)) for image in (self.reconstruction, self.background, self.alpha))
        return Pictures(*shown)


@dataclass(frozen=True)
class FrameResult:
    """The N objects of one frame, sorted by id.

    index       0-based number of the frame since the tracker started (predictions count on)
    ids         int64   [N]     never reused
    box_tlwh    float64 [N, 4]  left, top, width, height in source pixels: the whole object, cut at the frame's edge
    score       float64 [N]     probability of presence
    visibility  float64 [N]     share of the object in view and in front (`visible_share`)
    masks       what is seen of each object
    decoded     False: there was no picture, the world went on without one and nothing is reported
    repeated    True: the frame shows once more what the one before showed; so does this
    pictures    on request
    looks       float32 [N, D]  what tells objects apart: mean colour and appearance code; D = 0 where nothing does
    evidence    float64 [N]     nats of the frame's likelihood that each object earned; of no rows where nothing
                measured it (a second pass, the classical method)
    alike       float64 [N]     correlation of the frame's slopes with those of the empty scene there; near 1: the scene
                itself under another light; of no rows where there is no empty scene
    shift       network pixels by which all of it has yet to move right and down to lie on the frame (`on_frame`): those
                of a shaking camera, where results were asked for in the scene's coordinates, else (0, 0)
    """

    index: int
    ids: np.ndarray
    box_tlwh: np.ndarray
    score: np.ndarray
    visibility: np.ndarray
    masks: PatchMasks
    decoded: bool = True
    pictures: Pictures | None = None
    looks: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    evidence: np.ndarray = field(default_factory=lambda: np.zeros(0))
    alike: np.ndarray = field(default_factory=lambda: np.zeros(0))
    repeated: bool = False
    shift: tuple[float, float] = (0.0, 0.0)

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def empty(cls, index: int, size: tuple[int, int], *, decoded: bool = True) -> "FrameResult":
        """A frame of ``size`` (height, width) in which nothing is reported."""
        none = np.zeros(0)
        return cls(index, none.astype(np.int64), np.zeros((0, 4)), none, none, PatchMasks.none(size), decoded)

    @property
    def box_xyxy(self) -> np.ndarray:
        """Left, top, right, bottom in source pixels, float64 [N, 4]."""
        return np.concatenate([self.box_tlwh[:, :2], self.box_tlwh[:, :2] + self.box_tlwh[:, 2:]], axis=1)

    def select(self, keep: np.ndarray) -> "FrameResult":
        """The objects where the boolean array ``keep`` says so."""
        return replace(
            self,
            ids=self.ids[keep],
            box_tlwh=self.box_tlwh[keep],
            score=self.score[keep],
            visibility=self.visibility[keep],
            masks=self.masks.select(keep),
            looks=self.looks[keep] if len(self.looks) else self.looks,
            evidence=self.evidence[keep] if len(self.evidence) else self.evidence,
            alike=self.alike[keep] if len(self.alike) else self.alike,
        )

    def moved(self, x: float, y: float) -> "FrameResult":
        """Objects and pictures ``x`` network pixels further right and ``y`` further down; boxes are cut at the frame's
        edge."""
        if (x, y) == (0.0, 0.0):
            return self
        height, width = self.masks.size
        rows, columns = self.masks.scale
        corners = self.box_xyxy + np.array([x * columns, y * rows] * 2)
        corners = np.clip(corners, 0.0, [width, height] * 2)
        box = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        pictures = None if self.pictures is None else self.pictures.moved(x, y)
        result = replace(self, box_tlwh=box, masks=self.masks.moved(x, y), pictures=pictures)
        return result.select(box[:, 2:].min(axis=1) > 0)

    def on_frame(self) -> "FrameResult":
        """The same where the frame shows it, not the scene: `moved` by ``shift``, which is (0, 0) then."""
        return replace(self.moved(*self.shift), shift=(0.0, 0.0)) if self.shift != (0.0, 0.0) else self

    def rows(self, frame: int | None = None) -> list[Row]:
        """Rows for `Tracks.from_rows`; ``frame`` replaces the frame's number."""
        number = self.index if frame is None else frame
        columns = (self.ids.tolist(), self.box_tlwh.tolist(), self.score.tolist(), self.visibility.tolist())
        return [(number, name, *box, score, seen) for name, box, score, seen in zip(*columns, strict=True)]

    def tracks(self, rles: list[Rle] | None = None) -> Tracks:
        """As a table of one frame, number 0, with the masks ``rles``."""
        rows: list[tuple[Any, ...]] = list(self.rows(0))
        if rles is not None:
            rows = [(*row, rle) for row, rle in zip(rows, rles, strict=True)]
        return Tracks.from_rows(rows, length=1, masks=rles is not None)

    def detections(self, *, masks: bool = True) -> Any:
        """As `supervision.Detections`; full-frame masks bool [N, H, W] if wanted. Evidence unknown is NaN."""
        import supervision as sv

        earned = self.evidence if len(self.evidence) else np.full(len(self), np.nan)
        return sv.Detections(
            xyxy=self.box_xyxy.astype(np.float32),
            mask=self.masks.dense() if masks else None,
            confidence=self.score.astype(np.float32),
            tracker_id=self.ids,
            class_id=np.zeros(len(self), dtype=int),
            data={"visibility": self.visibility.astype(np.float32), "evidence": earned.astype(np.float32)},
        )


MOSTLY = 0.7
"""An object of whose box so much is in view shows how much of their boxes objects fill."""


@torch.no_grad()
def visible_share(step: Step, *, height: int, width: int) -> Tensor:
    """Share of each carried object inside the top left ``height`` x ``width`` and in front of the others: [B, N].

    What an object is like beyond the edge is a guess, and the mask of a newcomer is often little more than what is seen
    of it. So an object whose box crosses the edge is taken to fill its box at least as much as those objects do whose
    boxes are mostly in view (their median), and what is seen of it counts as a share of that. An object without a pixel
    that its mask would claim is not seen.
    """
    layers = step.layers
    share = visibility(layers, step.total[:, :height, :width]).clamp(0.0, 1.0)
    faded = layers.patch[:, -1] * layers.pres[:, None, None]
    share = share * (faded.amax((1, 2)) >= SOLID)
    own = faded.sum((1, 2))
    table = share.new_zeros(2, step.origin.shape[0], _unpacked(step))
    table[:, layers.batch, layers.slot] = torch.stack([share, own])
    share, own = table.gather(2, step.origin.expand(2, -1, -1)) * step.slots.shown
    center, extent = step.slots.box[..., :2], step.slots.box[..., 2:]
    edge = center.new_tensor([width, height])
    inside = ((center - extent / 2 >= 0) & (center + extent / 2 <= edge)).all(-1) & (share > 0)
    area = extent.prod(-1).clamp(min=1e-6)
    known = (in_view(step.slots.box, height=height, width=width) > MOSTLY) & (share > 0)
    fill = _median(own / area, known)
    full = torch.where(inside, own, torch.maximum(own, fill * area)).clamp(min=1e-6)
    return share * own / full


def _median(values: Tensor, known: Tensor) -> Tensor:
    """The lower median of the ``known`` of the values [B, N], 0 where none is: [B, 1]."""
    ranked = F.pad(torch.where(known, values, math.inf), (0, 1), value=math.inf).sort(dim=1).values
    count = known.sum(1, keepdim=True)
    middle = ranked.gather(1, torch.div((count - 1).clamp(min=0), 2, rounding_mode="floor"))
    return torch.where(count > 0, middle, 0.0)


@torch.no_grad()
def owner_ids(step: Step, *, height: int, width: int) -> Tensor:
    """The identity that each pixel of the top left ``height`` x ``width`` shows, -1 for background: int64 [B, H, W]."""
    layers, batch = step.layers, step.slots.alive.shape[0]
    mine = owned(layers, batch=batch, height=height, width=width)
    names = step.origin.new_full((batch, _unpacked(step)), -1).scatter(1, step.origin, step.slots.id)
    name = names[layers.batch, layers.slot]
    index = pixel_index(layers, batch=batch, height=height, width=width).view(mine.shape)
    # Pixels are disjoint over objects; what is nobody's, or outside, goes behind the last one.
    pixels = batch * height * width
    index = torch.where(mine & (name >= 0)[:, None, None], index, pixels).reshape(-1)
    flat = names.new_full((pixels + 1,), -1)
    flat[index] = name[:, None, None].expand(mine.shape).reshape(-1)
    flat[pixels] = -1
    return flat[:pixels].view(batch, height, width)


@torch.no_grad()
def tight_tlwh(step: Step, *, height: int, width: int) -> Tensor:
    """Tight boxes cut to the top left ``height`` x ``width``: left, top, width, height in network pixels, [B, N, 4]."""
    edge = step.tight.new_tensor([width, height])
    low = torch.minimum(step.tight[..., :2].clamp(min=0), edge)
    high = torch.minimum(step.tight[..., 2:].clamp(min=0), edge)
    return torch.cat([low, high - low], dim=-1)


def results_of(step: Step, view: View, *, index: int, pictures: bool = False) -> list[FrameResult]:
    """All objects of every batch element that are awake and touch the view, hidden ones included."""
    size = {"height": view.rows, "width": view.columns}
    box = tight_tlwh(step, **size)
    here = step.slots.shown & (box[..., 2:] > 0).all(-1)
    share = visible_share(step, **size)
    batch = step.slots.alive.shape[0]
    height, width = view.padded
    mine = owned(step.layers, batch=batch, height=height, width=width)
    layer = torch.full((batch, _unpacked(step)), -1, dtype=torch.int64, device=mine.device)
    layer[step.layers.batch, step.layers.slot] = torch.arange(len(mine), device=mine.device)
    layer = layer.gather(1, step.origin)
    paint = step.layers.patch.sum((2, 3))
    tint = paint[:, :-1] / paint[:, -1:].clamp(min=1e-3)
    results = []
    for element in range(batch):
        slot = (here[element] & (layer[element] >= 0)).nonzero()[:, 0]
        slot = slot[step.slots.id[element, slot].argsort()]
        row = layer[element, slot]
        result = FrameResult(
            index=index,
            ids=_numpy(step.slots.id[element, slot]),
            box_tlwh=_numpy(box[element, slot]).astype(np.float64) * ([view.scale_x, view.scale_y] * 2),
            score=_numpy(step.slots.confidence[element, slot]).astype(np.float64),
            evidence=_numpy(step.slots.evidence[element, slot]).astype(np.float64),
            visibility=_numpy(share[element, slot]).astype(np.float64),
            masks=PatchMasks(
                patch=_numpy(mine[row]),
                corner=_numpy(step.layers.corner[row]),
                size=(view.height, view.width),
                scale=(view.scale_y, view.scale_x),
            ),
            pictures=pictures_of(step, view, element) if pictures else None,
            looks=_numpy(torch.cat([tint[row], step.slots.latents.what[element, slot]], dim=-1).float()),
        )
        results.append(result)
    return results


def pictures_of(step: Step, view: View, element: int) -> Pictures:
    """Reconstruction, background and alpha of one batch element, without the padding."""
    return Pictures(
        reconstruction=to_picture(view.cut(step.image[element])),
        background=to_picture(view.cut(step.background[element])),
        alpha=_numpy(view.cut(step.alpha[element, 0]).float()),
    )


def to_picture(image: Tensor) -> np.ndarray:
    """[C, h, w] in [0, 1] as uint8 [h, w, 3]; one channel becomes grey."""
    picture = _numpy((image.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0))
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))


def _unpacked(step: Step) -> int:
    """Number of objects in the set that the layers and `origin` speak of, at least 1."""
    if fixed():  # every object has a layer
        return len(step.layers.slot) // len(step.origin)
    largest = [int(index.max()) for index in (step.layers.slot, step.origin) if index.numel()]
    return max(largest, default=0) + 1


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()
