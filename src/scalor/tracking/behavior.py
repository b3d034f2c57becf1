"""Laws of behaviour, measured: what weights do when a scene empties, is cut, flashes, or a bar hides its objects."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from scalor.core.types import TRACKING, Step
from scalor.data.clip import Truth
from scalor.data.loader import ClipData, CutToLength
from scalor.data.sprites import Sprites
from scalor.errors import UserError
from scalor.models.base import WorldModel
from scalor.rollout import observe

CALM = 6
"""Frames before anything happens."""
LATER = 4
"""Frames after which what has ended must have been let go."""
HIDDEN = 5
"""Frames for which a thing that stands still is hidden by the bar."""
GREY = 0.5


@dataclass(frozen=True)
class Behavior:
    """Shares of objects, 0 .. 1; NaN where the clips show no case.

    emptied     of the objects before the scene emptied, those still known four frames later
    cut         the same after a cut to another clip
    found       of the other clip's objects (mostly in view), those reported four frames after the cut
    flash       of the objects before and after one black frame, those that kept their identity
    hidden      of the objects that a passing bar hid, those that came back under their identity
    hidden_cases, hidden_sort   how many these were, and the share that SORT with a Kalman filter brings back when it is
                given the true boxes of all that can be seen
    """

    emptied: float
    cut: float
    found: float
    flash: float
    hidden: float
    hidden_cases: int
    hidden_sort: float


@torch.no_grad()
def behavior(model: WorldModel, data: ClipData, *, clips: int = 16) -> Behavior:
    """Measure `Behavior` on the first ``2 * clips`` clips of a data set of moving sprites or digits.

    Raises UserError where clips cannot be made longer than they are, or have no truth.
    """
    if not isinstance(data, CutToLength):
        raise UserError("behaviour is measured on made clips of any length; sprites or digits are wanted")
    length = CALM + LATER + 2
    one, two = _clips(data, range(clips), length), _clips(data, range(clips, 2 * clips), length)
    video, other = (_video(part) for part in (one, two))
    first = CALM
    emptied = torch.cat([video[:, :first], _empty(data, video)[:, first:]], dim=1)
    cut = torch.cat([video[:, :first], other[:, first:]], dim=1)
    flash = video.clone()
    flash[:, first] = 0.0
    after_cut = observe(model, cut, TRACKING).steps
    hidden, cases, sort = _hidden(model, data, clips)
    return Behavior(
        emptied=_carried(observe(model, emptied, TRACKING).steps),
        cut=_carried(after_cut),
        found=_found(after_cut[first + LATER], two, first + LATER),
        flash=_kept(observe(model, flash, TRACKING).steps, one),
        hidden=hidden,
        hidden_cases=cases,
        hidden_sort=sort,
    )


def _clips(data: CutToLength, numbers: range, length: int) -> list[tuple[Tensor, Truth]]:
    clips = [data.clip(number, frames=length) for number in numbers]
    if any(clip.truth is None for clip in clips):
        raise UserError("a clip has no truth; clips with truth are wanted to measure behaviour")
    return [(clip.video, clip.truth) for clip in clips if clip.truth is not None]


def _video(clips: list[tuple[Tensor, Truth]]) -> Tensor:
    return torch.stack([video for video, _ in clips]).float() / 255


def _empty(data: CutToLength, video: Tensor) -> Tensor:
    """The scene without objects: black, or the same grounds where the clips have one."""
    if isinstance(data, Sprites) and data.config.background != "black":
        bare = Sprites(replace(data.config, count=(0, 0)), seed=data.seed)
        return torch.stack([bare.clip(number, frames=video.shape[1]).video for number in range(len(video))]) / 255
    return torch.zeros_like(video)


def _carried(steps: tuple[Step, ...]) -> float:
    """Of the objects known in the last calm frame, the share known `LATER` frames after it, sleeping or not."""
    before, after = steps[CALM - 1].slots, steps[CALM - 1 + LATER].slots
    names = torch.where(before.alive, before.id, -1)
    stays = (after.id.unsqueeze(2) == names.unsqueeze(1)).any(-1) & after.alive
    return float(stays.sum()) / max(1, int(before.alive.sum()))


def _nearest(step: Step, element: int, truth: Truth, frame: int) -> Iterator[tuple[int, int]]:
    """(true identity, reported identity or -1) of the objects that are mostly in view, gate: the object's size."""
    shown = step.slots.shown[element]
    boxes, names = step.tight[element][shown], step.slots.id[element][shown]
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    for column in np.flatnonzero((truth.id[frame] >= 0) & (truth.visibility[frame] > 0.5)):
        far = (center - torch.as_tensor(truth.center[frame, column]).to(center)).norm(dim=-1)
        near = bool(len(far)) and float(far.min()) < float(truth.size[column])
        yield int(truth.id[frame, column]), int(names[far.argmin()]) if near else -1


def _found(step: Step, clips: list[tuple[Tensor, Truth]], frame: int) -> float:
    hits = [name >= 0 for element, (_, truth) in enumerate(clips) for _, name in _nearest(step, element, truth, frame)]
    return float(np.mean(hits)) if hits else float("nan")


def _kept(steps: tuple[Step, ...], clips: list[tuple[Tensor, Truth]]) -> float:
    """Of the objects reported right before and right after the flash, the share with one identity."""
    same: list[bool] = []
    for element, (_, truth) in enumerate(clips):
        before = dict(_nearest(steps[CALM - 1], element, truth, CALM - 1))
        after = dict(_nearest(steps[CALM + 1], element, truth, CALM + 1))
        same += [name == after[true] for true, name in before.items() if name >= 0 and after.get(true, -1) >= 0]
    return float(np.mean(same)) if same else float("nan")


@dataclass(frozen=True)
class Bar:
    """An upright grey bar that crosses the view from left to right and hides what stands still for `HIDDEN` frames."""

    thick: int
    width: int

    @property
    def frames(self) -> int:
        """Until it has left."""
        return CALM + int((self.width + self.thick) * HIDDEN / self.thick) + 2

    def left(self, frame: int) -> int:
        """Its left edge; outside the view until the calm is over."""
        return round(-self.thick + max(0, frame - CALM) * self.thick / HIDDEN)

    def paint(self, video: Tensor) -> None:
        """Onto clips [B, T, C, H, W], in place."""
        for frame in range(video.shape[1]):
            start = self.left(frame)
            video[:, frame, :, :, max(0, start) : max(0, start + self.thick)] = GREY

    def free(self, box: Tensor, frame: int) -> Tensor:
        """Share of the width of boxes [N, 4] (left, top, width, height) that it leaves free."""
        start = self.left(frame)
        over = torch.minimum(box[:, 0] + box[:, 2], box.new_tensor(start + self.thick)) - box[:, 0].clamp(min=start)
        return 1 - over.clamp(min=0) / box[:, 2].clamp(min=1e-6)


def _hidden(model: WorldModel, data: CutToLength, clips: int) -> tuple[float, int, float]:
    """Share of hidden objects that come back under their identity, their number, and SORT's share."""
    probe = data.clip(0, frames=1)
    assert probe.truth is not None
    bar = Bar(thick=round(1.5 * float(probe.truth.size.mean())), width=probe.video.shape[-1])
    made = _clips(data, range(clips), bar.frames)
    video = _video(made)
    bar.paint(video)
    steps = observe(model, video, TRACKING).steps
    ours: list[bool] = []
    theirs: list[bool] = []
    for element, (_, truth) in enumerate(made):
        names = [dict(_nearest(step, element, truth, frame)) for frame, step in enumerate(steps)]
        sort = _sort_names(truth, bar)
        for true, before, after in _passages(truth, bar):
            ours.append(names[before].get(true, -1) == names[after].get(true, -2) >= 0)
            theirs.append(sort[before].get(true, -1) == sort[after].get(true, -2) >= 0)
    if not ours:
        return float("nan"), 0, float("nan")
    return float(np.mean(ours)), len(ours), float(np.mean(theirs))


def _passages(truth: Truth, bar: Bar) -> Iterator[tuple[int, int, int]]:
    """(identity, last frame before, first frame after) of objects that the bar hid in between, and nothing else did."""
    for column in range(truth.id.shape[1]):
        free = torch.stack([bar.free(truth.box_tlwh[t, column : column + 1], t)[0] for t in range(bar.frames)])
        clear = (truth.visibility[:, column] > 0.9) & (truth.id[:, column] >= 0)
        dark = (free <= 0.05).nonzero()[:, 0]
        if len(dark) < 2:
            continue
        before, after = int(dark[0]) - 1, int(dark[-1]) + 1
        while before > 0 and free[before] < 1:
            before -= 1
        while after < bar.frames - 1 and free[after] < 1:
            after += 1
        one = len(truth.id[before : after + 1, column].unique()) == 1
        if one and clear[before : after + 1].all() and free[before] == 1 and free[after] == 1 and before >= 2:
            yield int(truth.id[before, column]), before, after


def _sort_names(truth: Truth, bar: Bar) -> list[dict[int, int]]:
    """What SORT calls each true identity in each frame when it sees the boxes of all objects that are half in view."""
    import supervision as sv
    from trackers import SORTTracker

    tracker = SORTTracker(lost_track_buffer=30, frame_rate=30, minimum_consecutive_frames=1, minimum_iou_threshold=0.1)
    names: list[dict[int, int]] = []
    for frame in range(bar.frames):
        box = truth.box_tlwh[frame]
        seen = (truth.id[frame] >= 0) & (truth.visibility[frame] > 0.5) & (bar.free(box, frame) > 0.5)
        corners = torch.cat([box[seen, :2], box[seen, :2] + box[seen, 2:]], dim=1).numpy()
        numbers = truth.id[frame][seen].numpy()
        detections = sv.Detections(xyxy=corners, confidence=np.ones(len(corners)), class_id=numbers.astype(int))
        found = tracker.update(detections) if len(corners) else detections
        named = found.tracker_id if found.tracker_id is not None else np.full(len(found), -1)
        names.append(dict(zip(np.asarray(found.class_id).tolist(), named.tolist(), strict=True)))
    return names
