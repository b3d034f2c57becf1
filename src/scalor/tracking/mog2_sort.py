"""The classical competitor: MOG2 background subtraction, connected components and SORT.

It needs no training, but it assumes a fixed camera, cuts nothing apart that touches, and cannot look ahead.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from scalor.errors import UserError

FOREGROUND = 255
"""What MOG2 calls an object's pixel."""

PASSING = 25
"""Grey levels between a pixel and the median of the first frames from which it is taken to be an object."""


@dataclass(frozen=True)
class Mog2SortConfig:
    """Settings of the baseline; None means: worked out from the size of the frame or from the first frames.

    min_area        smallest blob in pixels; None: a fraction of the typical blob of the warm-up frames
    join            upright gap in pixels that is closed, so that head, trunk and legs are one blob (1 = none);
                    None: from the frame's shorter side. Gaps sideways stay, or neighbours would merge.
    history         frames that MOG2 remembers (its learning rate while tracking is 1 / history)
    steady          share of the memory a colour must hold to be background, so standing objects fade slowly
    var_threshold   squared Mahalanobis distance from which a pixel is foreground
    warm_up         frames read ahead to learn the background and the typical blob before tracking starts
    fps             frames per second of the source, for SORT's memory of lost tracks
    lost_seconds    how long SORT looks for a lost track
    min_hits        matches in a row before a track is reported
    min_iou         smallest overlap of a blob and a track's predicted box
    """

    min_area: float | None = None
    join: int | None = None
    history: int = 200
    steady: float = 0.1
    var_threshold: float = 50.0
    warm_up: int = 50
    fps: float = 10.0
    lost_seconds: float = 1.0
    min_hits: int = 2
    min_iou: float = 0.2


@dataclass(frozen=True)
class Blob:
    """One reported object of a frame: id, box (left, top, width, height) in pixels, score and mask bool [H, W]."""

    id: int
    box_tlwh: tuple[float, float, float, float]
    score: float
    mask: np.ndarray


@dataclass(frozen=True)
class _Components:
    """Connected foreground pieces: labels int32 [H, W] (0 = none), box_tlwh [N, 4], area [N], label number [N]."""

    labels: np.ndarray
    box_tlwh: np.ndarray
    area: np.ndarray
    number: np.ndarray


class Mog2Sort:
    """Streaming tracker with constant memory: `update` takes one frame and gives the objects seen in it.

    `learn` may be called first with some frames of the same camera: without it, the first frame is taken for the
    background, and whatever stands in it leaves a ghost when it walks away.
    """

    def __init__(self, config: Mog2SortConfig | None = None) -> None:
        import cv2
        from trackers import SORTTracker

        self.config = config or Mog2SortConfig()
        self._subtractor = cv2.createBackgroundSubtractorMOG2(
            history=self.config.history, varThreshold=self.config.var_threshold, detectShadows=True
        )
        self._subtractor.setBackgroundRatio(1.0 - self.config.steady)
        self._sort = SORTTracker(
            # The library counts its buffer in frames of a 30 fps video.
            lost_track_buffer=round(self.config.lost_seconds * 30),
            frame_rate=self.config.fps,
            minimum_consecutive_frames=self.config.min_hits,
            minimum_iou_threshold=self.config.min_iou,
            track_activation_threshold=0.0,
        )
        self._learned_area: float | None = None
        self._shape: tuple[int, ...] | None = None

    def learn(self, frames: Iterable[np.ndarray]) -> None:
        """Learn the background and the size of a typical blob from uint8 [H, W, 3] (or [H, W]) frames; no tracks."""
        kept = [_checked(frame) for frame in frames]
        if not kept:
            return
        backdrop = _median(kept)
        for frame in kept:
            # What passes by must not become a second background: short clips would lose half of their objects.
            self._subtractor.apply(np.where(_differs(frame, backdrop), backdrop, frame))
        # A second look, with everything learned, tells real blobs from the ghosts of the first frames.
        sizes = [self._components(frame, learn=False, min_area=_speck(frame)).area for frame in kept]
        areas = np.sort(np.concatenate(sizes))
        if len(areas):
            # The blob in which the median foreground pixel lies: specks are many, but hold few pixels.
            typical = areas[np.searchsorted(np.cumsum(areas), areas.sum() / 2)]
            self._learned_area = 0.15 * float(typical)

    def update(self, frame: np.ndarray) -> list[Blob]:
        """Objects of the next frame, uint8 [H, W, 3] RGB (or [H, W] grey), by rising id.

        Raises UserError for another kind of frame, or another size than the first frame's.
        """
        import supervision as sv

        first = self._shape is None
        self._shape = self._shape or frame.shape
        if frame.shape != self._shape:
            raise UserError(f"a frame of {frame.shape} came after {self._shape}; one size was wanted; split the video")

        found = self._components(frame, learn=True, min_area=self._min_area(frame))
        corners = np.concatenate([found.box_tlwh[:, :2], found.box_tlwh[:, :2] + found.box_tlwh[:, 2:]], axis=1)
        score = found.area / np.maximum(found.box_tlwh[:, 2:].prod(axis=1), 1.0)
        rows = np.arange(len(found.area))
        detections = (
            sv.Detections(xyxy=corners, confidence=score, class_id=rows) if len(rows) else sv.Detections.empty()
        )
        if first:
            # SORT names a track at its second sighting: shown twice, frame 0 is not lost.
            self._sort.update(detections)
        tracked = self._sort.update(detections)
        ids = tracked.tracker_id if tracked.tracker_id is not None else np.zeros(0, dtype=int)
        picked = tracked.class_id if tracked.class_id is not None else np.zeros(0, dtype=int)
        blobs = [
            Blob(
                id=int(number),
                box_tlwh=tuple(found.box_tlwh[row].tolist()),
                score=float(min(score[row], 1.0)),
                mask=found.labels == found.number[row],
            )
            for number, row in zip(ids, picked, strict=True)
            if number >= 0
        ]
        return sorted(blobs, key=lambda blob: blob.id)

    def _min_area(self, frame: np.ndarray) -> float:
        if self.config.min_area is not None:
            return self.config.min_area
        return max(_speck(frame), self._learned_area or 0.0)

    def _components(self, frame: np.ndarray, *, learn: bool, min_area: float) -> _Components:
        import cv2

        raw = self._subtractor.apply(_checked(frame), learningRate=1.0 / self.config.history if learn else 0.0)
        solid = self._clean((raw == FOREGROUND).astype(np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
        number = np.arange(1, count)
        number = number[stats[1:, cv2.CC_STAT_AREA] >= min_area]
        return _Components(
            labels=labels,
            box_tlwh=stats[number, :4].astype(np.float64),
            area=stats[number, cv2.CC_STAT_AREA].astype(np.float64),
            number=number,
        )

    def _clean(self, solid: np.ndarray) -> np.ndarray:
        import cv2

        height = self.config.join or max(1, round(min(solid.shape) / 64))
        if height < 2:
            return solid
        bar = cv2.getStructuringElement(cv2.MORPH_RECT, (1, height))
        return cv2.morphologyEx(solid, cv2.MORPH_CLOSE, bar)


def _speck(frame: np.ndarray) -> float:
    """Area in pixels below which a blob is noise whatever the video shows."""
    return max(6.0, 5e-5 * frame.shape[0] * frame.shape[1])


def _median(frames: list[np.ndarray]) -> np.ndarray:
    """Per-pixel median of equal uint8 frames, strip by strip: a stack of all in floats would not fit for 4K video."""
    if len({frame.shape for frame in frames}) > 1:
        raise UserError("frames of several sizes came; one size was wanted; resize them or split the video")
    strips = range(0, frames[0].shape[0], 64)
    return np.concatenate([np.median([f[row : row + 64] for f in frames], axis=0) for row in strips]).astype(np.uint8)


def _differs(frame: np.ndarray, backdrop: np.ndarray) -> np.ndarray:
    """Pixels that are clearly not background: bool [H, W, 1] (or [H, W] for grey)."""
    gap = np.abs(frame.astype(np.int16) - backdrop)
    return gap > PASSING if frame.ndim == 2 else gap.max(axis=2, keepdims=True) > PASSING


def _checked(frame: np.ndarray) -> np.ndarray:
    good = frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 3)
    if frame.dtype != np.uint8 or not good or frame.size == 0:
        raise UserError(
            f"a frame of {frame.dtype} {frame.shape} came; uint8 [H, W, 3] or [H, W] was wanted; convert it to RGB"
        )
    return np.ascontiguousarray(frame)
