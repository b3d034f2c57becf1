"""Scores of multi-object tracking: CLEAR-MOT, IDF1, HOTA, counting and double boxes, behind one function.

CLEAR-MOT and HOTA are computed by the `trackers` library (a port of TrackEval) from similarity matrices, so that one
code path serves both gates: the IoU of boxes, and the distance of centres that the SCALOR paper uses.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from numbers import Real
from typing import Any

import numpy as np

from scalor.core.arguments import plainly
from scalor.core.tracks import Tracks
from scalor.errors import UserError
from scalor.metrics.boxes import FrameRows, box_iou, center_distance, rows_at, without_hidden
from scalor.metrics.fragments import fragments

Gate = float | Mapping[int, float]
"""A distance in pixels for all objects of a clip, or one for each truth id."""

DISTANCE_THRESHOLD = 0.5
"""Distances are scaled to similarities so that every gate lies here."""

TOLERANCE = 1e-9
"""So far below a gate a similarity may lie for rounding: that of boxes with decimals is seldom exact."""

DOUBLE_IOU = 0.5
"""Two predicted boxes count as a double above this overlap."""


@dataclass(frozen=True)
class MotScores:
    """Scores of one clip, or of the totals over many clips; a ratio of nothing by nothing is NaN.

    mota                 1 - (fn + fp + id_switches) / truth_count
    motp                 mean similarity of the matched pairs: their IoU, or 1 - d / (2 gate), so 0.5 .. 1
    precision, recall    tp / (tp + fp), tp / truth_count
    idf1                 2 IDTP / (truth boxes + predicted boxes)
    hota                 mean over the 19 thresholds 0.05 .. 0.95 of the similarity, whatever the gate on IoU is
    id_switches          matches whose truth object was last matched to another id
    fragments            times a truth object is found again after frames in which it is there and was not found
    tp, fp, fn           matched pairs, predicted boxes and truth boxes left over
    truth_count          truth boxes
    count_mae            mean over frames with truth of |predicted - truth| / truth
    duplicates_per_frame predicted boxes beyond the first on one object (see `count_doubles`)
    tracks, truth_tracks number of identities
    frames               number of frames that were scored
    """

    mota: float
    motp: float
    precision: float
    recall: float
    idf1: float
    hota: float
    id_switches: int
    fragments: int
    tp: int
    fp: int
    fn: int
    truth_count: int
    count_mae: float
    duplicates_per_frame: float
    tracks: int
    truth_tracks: int
    frames: int

    def as_dict(self) -> dict[str, float | int | None]:
        """The scores by name, fit for JSON: NaN becomes None."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class _Tally:
    """Counts of one clip that can be added up; `clear` and `hota` are the library's own dictionaries."""

    clear: dict[str, Any]
    hota: dict[str, Any]
    id_true_positives: int
    fragments: int
    truth_count: int
    predicted_count: int
    count_error: float
    frames_with_truth: int
    doubles: int
    tracks: int
    truth_tracks: int
    frames: int


@plainly
def evaluate(
    truth: Tracks,
    tracks: Tracks,
    *,
    iou: float | None = None,
    distance: Gate | None = None,
    min_visibility: float = 0.25,
    frames: tuple[int, int] | None = None,
    strict: bool = False,
) -> MotScores:
    """Score `tracks` against `truth`; give exactly one gate.

    iou             smallest IoU of a match, in (0, 1); similarity is the IoU itself
    distance        largest distance of centres in pixels (inclusive), for the clip or by truth id;
                    similarity is 1 - d / (2 distance), which is 0.5 at the gate
    min_visibility  rows of *both* tables below it are left out, so that what a tracker itself reports as hidden
                    is treated as hidden truth is
    frames          (first, past the last) frame to score, cut at the end of the longer table; by default from 0 to
                    that end, so a truth that annotates only a part of a video needs its range here
    strict          reports that sit on truth left out for its visibility are false; otherwise they are no errors, as
                    in MOTChallenge (`boxes.without_hidden`)

    A pair matched in the frame before is kept while it is inside the gate; all other pairs are matched to the
    largest total similarity. Raises UserError for no or two gates, numbers out of range, an id twice in a frame, or
    boxes that are not finite or have negative sides.
    """
    for name, table in {"truth": truth, "tracks": tracks}.items():
        if not isinstance(table, Tracks):
            raise UserError(
                f"{name} is a {type(table).__name__}; a table is wanted: scalor.data.motchallenge.read_mot reads files"
            )
    gate = _check_gate(iou, distance)
    if frames is not None and not (all(isinstance(each, int | np.integer) for each in frames) and _is_range(*frames)):
        raise UserError(f"frames is {frames}; two whole numbers are wanted: the first, from 0, and one past the last")
    if not strict:
        tracks = without_hidden(truth, tracks, min_visibility=min_visibility)
    return _ratios([_tally(truth, tracks, gate, min_visibility=min_visibility, frames=frames)])


def evaluate_many(
    pairs: Sequence[tuple[Tracks, Tracks]],
    *,
    iou: float | None = None,
    distance: Gate | Sequence[Gate] | None = None,
    min_visibility: float = 0.25,
) -> MotScores:
    """Score many (truth, tracks) pairs as one: totals over all clips, then ratios, so large clips weigh more.

    `distance` may be a sequence with one gate per clip. Identities of different clips never meet. Otherwise as a strict
    `evaluate`; raises UserError also when there is no clip or the gates are not as many as the clips.
    """
    if not pairs:
        raise UserError("no clips came; at least one pair of truth and tracks was wanted; check the list of clips")
    gates = list(distance) if isinstance(distance, Sequence) else [distance] * len(pairs)
    if len(gates) != len(pairs):
        raise UserError(
            f"{len(gates)} distance gates came for {len(pairs)} clips; one number or one gate per clip was wanted; "
            "make the lengths equal"
        )
    return _ratios(
        [
            _tally(truth, tracks, _check_gate(iou, gate), min_visibility=min_visibility)
            for (truth, tracks), gate in zip(pairs, gates, strict=True)
        ]
    )


def count_doubles(truth_boxes: np.ndarray, boxes: np.ndarray) -> int:
    """Number of predicted boxes beyond the first on one object, in one frame; boxes are tlwh [N, 4] and [M, 4].

    Every box is given to the truth box it overlaps most, if by IoU > 0.5. Two boxes belong together when they have
    the same truth box, or when they overlap each other by IoU > 0.5 - unless they belong to two different truth
    boxes: people who cross are no doubles. A group of k boxes that belong together has k - 1 doubles.
    """
    from scipy.sparse.csgraph import connected_components

    if len(boxes) < 2:
        return 0
    owner = np.full(len(boxes), -1)
    if len(truth_boxes):
        overlap = box_iou(truth_boxes, boxes)
        owner = np.where(overlap.max(axis=0) > DOUBLE_IOU, overlap.argmax(axis=0), -1)
    both_owned = (owner[:, None] >= 0) & (owner[None] >= 0)
    same = owner[:, None] == owner[None]
    linked = np.where(both_owned, same, box_iou(boxes, boxes) > DOUBLE_IOU)
    return len(boxes) - int(connected_components(linked, directed=False)[0])


def id_true_positives(
    truth_ids: Sequence[np.ndarray], ids: Sequence[np.ndarray], similarity: Sequence[np.ndarray], threshold: float
) -> int:
    """Boxes explained by the best one-to-one assignment of whole tracks to whole truth tracks (IDTP).

    The same number as `trackers.eval.compute_identity_metrics` gives, whose square cost matrix over all identities
    of both sides is out of reach for a tracker that renames everything in every frame of a long video.
    """
    from scipy.optimize import linear_sum_assignment

    row_of, col_of = _index(truth_ids), _index(ids)
    shared = np.zeros((len(row_of), len(col_of)))
    for row_ids, col_ids, scores in zip(truth_ids, ids, similarity, strict=True):
        rows, cols = np.nonzero(scores >= threshold)
        shared[np.searchsorted(row_of, row_ids[rows]), np.searchsorted(col_of, col_ids[cols])] += 1
    best = linear_sum_assignment(shared, maximize=True)
    return int(shared[best].sum())


def _index(ids: Sequence[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate(ids)) if len(ids) else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class _Similarity:
    """Turns a pair of frames into a matrix [truth, predicted]; a pair may match from `threshold` upwards."""

    iou: float | None = None
    distance: Gate | None = None

    @property
    def threshold(self) -> float:
        return DISTANCE_THRESHOLD if self.iou is None else self.iou

    def __call__(self, truth: FrameRows, predicted: FrameRows) -> np.ndarray:
        if self.distance is None:
            return box_iou(truth.box_tlwh, predicted.box_tlwh)
        if isinstance(self.distance, Mapping):
            reach = np.array([self._gate_of(int(number)) for number in truth.id], dtype=np.float64)[:, None]
        else:
            reach = np.full((len(truth), 1), float(self.distance))
        return np.clip(1.0 - center_distance(truth.center, predicted.center) / (2.0 * reach), 0.0, 1.0)

    def _gate_of(self, number: int) -> float:
        assert isinstance(self.distance, Mapping)
        if number not in self.distance:
            raise UserError(f"truth id {number} has no distance gate; one gate per truth id was wanted; add it")
        return self.distance[number]


def _check_gate(iou: float | None, distance: Any) -> _Similarity:
    if (iou is None) == (distance is None):
        came = "no gate" if iou is None else "both an IoU and a distance"
        raise UserError(f"{came} came; exactly one was wanted; give iou=0.5, or distance=pixels")
    if iou is not None and not 0.0 < iou < 1.0:
        raise UserError(f"the IoU gate is {iou}; a number between 0 and 1 was wanted; 0.5 is usual")
    reaches = list(distance.values()) if isinstance(distance, Mapping) else [distance]
    if iou is None and not all(isinstance(reach, Real) and 0 < float(reach) < math.inf for reach in reaches):
        raise UserError(f"the distance gate is {distance}; pixels above 0 were wanted; the paper uses 2 x object size")
    return _Similarity(iou=iou, distance=distance)


def _is_range(first: int, past: int) -> bool:
    return 0 <= first < past


def _tally(
    truth: Tracks,
    tracks: Tracks,
    similarity: _Similarity,
    *,
    min_visibility: float,
    frames: tuple[int, int] | None = None,
) -> _Tally:
    from trackers.eval import compute_clear_metrics, compute_hota_metrics

    if not 0 <= min_visibility <= 1:
        raise UserError(f"min_visibility is {min_visibility}; a number from 0 to 1 is wanted; 0.25 is usual")
    for name, table in {"truth": truth, "tracks": tracks}.items():
        wrong = ~(np.isfinite(table.box_tlwh).all(axis=1) & (table.box_tlwh[:, 2:] >= 0).all(axis=1))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise UserError(
                f"the {name} have a box {table.box_tlwh[row].tolist()} in frame {table.frame[row]}; finite left, top, "
                "width and height are wanted, sides from 0; correct it"
            )
    end = max(truth.length, tracks.length, *_ends(truth, tracks))
    first, last = (0, end) if frames is None else (min(frames[0], end), min(frames[1], end))
    # Frames in which neither has anything change no score, and a slip in a file may name a very late frame.
    numbers = np.union1d(truth.frame, tracks.frame)
    numbers = numbers[(numbers >= first) & (numbers < last)]
    truth_frames = _visible_frames(truth, numbers, min_visibility, name="truth")
    found_frames = _visible_frames(tracks, numbers, min_visibility, name="tracks")
    scores = [similarity(a, b) for a, b in zip(truth_frames, found_frames, strict=True)]
    truth_ids, ids = [rows.id for rows in truth_frames], [rows.id for rows in found_frames]
    threshold = similarity.threshold - TOLERANCE
    seen = [(len(a), len(b)) for a, b in zip(truth_frames, found_frames, strict=True) if len(a)]
    return _Tally(
        clear=compute_clear_metrics(truth_ids, ids, scores, threshold),
        hota=compute_hota_metrics(truth_ids, ids, [np.where(each > 0, each + TOLERANCE, 0.0) for each in scores]),
        id_true_positives=id_true_positives(truth_ids, ids, scores, threshold),
        fragments=fragments(truth_ids, ids, scores, threshold),
        truth_count=sum(len(rows) for rows in truth_frames),
        predicted_count=sum(len(rows) for rows in found_frames),
        count_error=sum(abs(count - wanted) / wanted for wanted, count in seen),
        frames_with_truth=len(seen),
        doubles=sum(count_doubles(a.box_tlwh, b.box_tlwh) for a, b in zip(truth_frames, found_frames, strict=True)),
        tracks=len(_index(ids)),
        truth_tracks=len(_index(truth_ids)),
        frames=last - first,
    )


def _ends(*tables: Tracks) -> list[int]:
    return [int(table.frame.max()) + 1 if len(table) else 0 for table in tables]


def _visible_frames(tracks: Tracks, numbers: np.ndarray, min_visibility: float, *, name: str) -> list[FrameRows]:
    frames = list(rows_at(tracks.select(tracks.visibility >= min_visibility), numbers))
    for number, rows in zip(numbers.tolist(), frames, strict=True):
        if len(np.unique(rows.id)) < len(rows):
            raise UserError(
                f"the {name} name one id twice in frame {number}; each id at most once per frame was wanted; "
                "merge or rename those rows"
            )
    return frames


def _ratios(tallies: list[_Tally]) -> MotScores:
    from trackers.eval import aggregate_clear_metrics, aggregate_hota_metrics

    sums = {item.name: sum(getattr(tally, item.name) for tally in tallies) for item in fields(_Tally)[2:]}
    clear = aggregate_clear_metrics([tally.clear for tally in tallies])
    hota = aggregate_hota_metrics([tally.hota for tally in tallies])
    tp, fp, fn, switches = (int(clear[key]) for key in ("CLR_TP", "CLR_FP", "CLR_FN", "IDSW"))
    wanted, found = sums["truth_count"], sums["predicted_count"]
    return MotScores(
        mota=1.0 - _ratio(fn + fp + switches, wanted),
        motp=_ratio(float(clear["MOTP_sum"]), tp),
        precision=_ratio(tp, found),
        recall=_ratio(tp, wanted),
        idf1=_ratio(2 * sums["id_true_positives"], wanted + found),
        hota=float(hota["HOTA"]) if wanted + found else math.nan,
        id_switches=switches,
        fragments=sums["fragments"],
        tp=tp,
        fp=fp,
        fn=fn,
        truth_count=wanted,
        count_mae=_ratio(sums["count_error"], sums["frames_with_truth"]),
        duplicates_per_frame=_ratio(sums["doubles"], sums["frames"]),
        tracks=sums["tracks"],
        truth_tracks=sums["truth_tracks"],
        frames=sums["frames"],
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
