"""Error of predicted centres per future step, and the two predictors that any world model has to beat."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scalor.core.tracks import Tracks
from scalor.metrics.boxes import FrameRows, center_distance, frames_of

Walls = tuple[float, float, float, float]
"""Left, top, right, bottom of the space that centres may move in, in pixels."""


@dataclass(frozen=True)
class TrajectoryError:
    """Distances between predicted and true centres after the last observed frame.

    truth_id  int64 [N]           truth objects of the last observed frame
    distance  float64 [N, steps]  pixels; NaN where the truth is gone or the object was not matched
    matched   bool [N]            had a partner in the last observed frame
    """

    truth_id: np.ndarray
    distance: np.ndarray
    matched: np.ndarray

    @property
    def per_step(self) -> np.ndarray:
        """Mean distance per future step, float64 [steps]; NaN where nothing can be compared."""
        return mean_per_step([self])


def trajectory_error(
    truth: Tracks, predicted: Tracks, *, observed: int, steps: int, gate: float = np.inf, min_visibility: float = 0.25
) -> TrajectoryError:
    """Centre error at frames observed .. observed + steps - 1, for objects matched in frame observed - 1.

    Matching is one to one by least total distance among pairs within ``gate`` pixels. A predicted object that
    vanishes counts where it was last seen, so that dropping hard objects does not pay. Hidden truth rows are left out.
    """
    visible = truth.select(truth.visibility >= min_visibility)
    true_frames = list(frames_of(visible, observed - 1, observed + steps))
    found_frames = list(frames_of(predicted, observed - 1, observed + steps))
    start, guess = true_frames[0], found_frames[0]
    rows, cols = _match(start, guess, gate)
    where = np.full((len(start), 2), np.nan)
    partner = np.full(len(start), -1, dtype=np.int64)
    where[rows], partner[rows] = guess.center[cols], guess.id[cols]
    matched = np.zeros(len(start), dtype=bool)
    matched[rows] = True
    distance = np.full((len(start), steps), np.nan)
    for step in range(steps):
        where = _look_up(found_frames[step + 1], partner, where, used=matched)
        now = _look_up(true_frames[step + 1], start.id, np.full_like(where, np.nan), used=matched)
        distance[:, step] = np.linalg.norm(where - now, axis=1)
    return TrajectoryError(truth_id=start.id, distance=distance, matched=matched)


def mean_per_step(errors: Sequence[TrajectoryError]) -> np.ndarray:
    """Mean distance per future step over all objects of all clips, float64 [steps]; NaN where there are none."""
    distance = np.concatenate([error.distance for error in errors], axis=0)
    count = (~np.isnan(distance)).sum(axis=0)
    return np.divide(np.nansum(distance, axis=0), count, out=np.full(len(count), np.nan), where=count > 0)


def best_of(samples: Sequence[TrajectoryError]) -> TrajectoryError:
    """For every object the sampled future with the least mean distance; all samples are of one truth."""
    if any(not np.array_equal(sample.truth_id, samples[0].truth_id) for sample in samples):
        raise ValueError("samples of different truth objects came; samples of one clip were wanted; group them by clip")
    stack = np.stack([sample.distance for sample in samples])
    count = (~np.isnan(stack)).sum(axis=2)
    mean = np.divide(np.nansum(stack, axis=2), count, out=np.full(count.shape, np.inf), where=count > 0)
    pick = mean.argmin(axis=0)
    objects = np.arange(len(pick))
    matched = np.stack([sample.matched for sample in samples])
    return replace(samples[0], distance=stack[pick, objects], matched=matched[pick, objects])


def copy_last_frame(tracks: Tracks, *, observed: int, steps: int) -> Tracks:
    """Every object of frame observed - 1 stays where it is for ``steps`` frames; earlier rows are kept."""
    return constant_velocity(tracks, observed=observed, steps=steps, history=0)


def constant_velocity(
    tracks: Tracks, *, observed: int, steps: int, history: int = 1, walls: Walls | None = None
) -> Tracks:
    """Every object of frame observed - 1 goes on with its mean velocity over the last ``history`` frame pairs.

    An object seen for a shorter time uses the oldest frame within reach; one seen once stays. With ``walls`` centres
    bounce at them. Rows of the observed frames are kept, so that the result can be matched at the last of them.
    """
    past = tracks.select(tracks.frame < observed)
    last = past.select(past.frame == observed - 1)
    speed = np.full((len(last), 2), np.nan)
    for back in range(history, 0, -1):
        before = next(iter(frames_of(past, observed - 1 - back, observed - back)))
        then = _look_up(before, last.id, np.full((len(last), 2), np.nan), used=np.ones(len(last), dtype=bool))
        speed = np.where(np.isnan(speed), (last.center - then) / back, speed)
    speed = np.nan_to_num(speed)
    parts = [past]
    for step in range(1, steps + 1):
        center = last.center + step * speed
        center = center if walls is None else _bounce(center, walls)
        box = np.concatenate([center - last.box_tlwh[:, 2:] / 2, last.box_tlwh[:, 2:]], axis=1)
        parts.append(replace(last, frame=np.full(len(last), observed - 1 + step), box_tlwh=box))
    return _stack(parts, length=observed + steps)


def _match(truth: FrameRows, predicted: FrameRows, gate: float) -> tuple[np.ndarray, np.ndarray]:
    from scipy.optimize import linear_sum_assignment

    cost = center_distance(truth.center, predicted.center)
    # A pair outside the gate costs more than all pairs inside together, so it never displaces one of them.
    forbidden = 1.0 + cost[cost <= gate].sum()
    rows, cols = linear_sum_assignment(np.where(cost <= gate, cost, forbidden))
    inside = cost[rows, cols] <= gate
    return rows[inside], cols[inside]


def _look_up(frame: FrameRows, ids: np.ndarray, otherwise: np.ndarray, *, used: np.ndarray) -> np.ndarray:
    """Centres [N, 2] of ``ids`` in a frame; ``otherwise`` where an id is absent or not used."""
    order = np.argsort(frame.id)
    place = np.searchsorted(frame.id[order], ids)
    found = np.zeros(len(ids), dtype=bool)
    inside = place < len(frame)
    found[inside] = frame.id[order][place[inside]] == ids[inside]
    result = otherwise.copy()
    result[found & used] = frame.center[order[place[found & used]]]
    return result


def _bounce(center: np.ndarray, walls: Walls) -> np.ndarray:
    low, high = np.array(walls[:2]), np.array(walls[2:])
    span = high - low
    folded = np.mod(center - low, 2 * span)
    return low + np.where(folded > span, 2 * span - folded, folded)


def _stack(parts: Sequence[Tracks], *, length: int) -> Tracks:
    return Tracks(
        frame=np.concatenate([part.frame for part in parts]),
        id=np.concatenate([part.id for part in parts]),
        box_tlwh=np.concatenate([part.box_tlwh for part in parts]),
        score=np.concatenate([part.score for part in parts]),
        visibility=np.concatenate([part.visibility for part in parts]),
        length=length,
    )
