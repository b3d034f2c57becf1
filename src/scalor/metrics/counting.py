"""How well objects are carried from frame to frame, read off a table of tracks alone (no truth needed)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from scalor.core.tracks import Tracks


@dataclass(frozen=True)
class CountingScores:
    """Carrying and discovering, from totals over clips; a rate of nothing is NaN.

    propagation_rate       objects of frame t that are still there in t + 1 / objects of frame t, over all frame pairs
    birth_survival         identities born before the last frame that live in the next one / those born before the last
    discoveries_per_clip   new identities per clip, the first frame's included
    rediscoveries_per_clip new identities per clip after the first frame
    """

    propagation_rate: float
    birth_survival: float
    discoveries_per_clip: float
    rediscoveries_per_clip: float

    def as_dict(self) -> dict[str, float | None]:
        """The scores by name, fit for JSON: NaN becomes None."""
        return {name: None if np.isnan(value) else value for name, value in asdict(self).items()}


def counting(clips: Sequence[Tracks]) -> CountingScores:
    """Propagation rate, survival of births and number of discoveries over clips (each table with its own ids).

    An object that leaves the view counts as not carried, so even a perfect tracker stays a little below 1: compare
    with the truth's own rate.
    """
    carried = survivors = births = living = discoveries = late = 0
    for tracks in clips:
        pairs = np.unique(np.stack([tracks.id, tracks.frame], axis=1), axis=0)
        before_last = pairs[:, 1] < tracks.length - 1
        goes_on = _continues(pairs)
        born = np.r_[True, pairs[1:, 0] != pairs[:-1, 0]][: len(pairs)]
        carried += int(before_last.sum())
        survivors += int((before_last & goes_on).sum())
        births += int((before_last & born).sum())
        living += int((before_last & born & goes_on).sum())
        discoveries += int(born.sum())
        late += int((born & (pairs[:, 1] > 0)).sum())
    return CountingScores(
        propagation_rate=survivors / carried if carried else float("nan"),
        birth_survival=living / births if births else float("nan"),
        discoveries_per_clip=discoveries / len(clips) if clips else float("nan"),
        rediscoveries_per_clip=late / len(clips) if clips else float("nan"),
    )


def propagation_rate(tracks: Tracks) -> float:
    """Objects of frame t still there in t + 1 / objects of frame t, over all frame pairs of one clip."""
    return counting([tracks]).propagation_rate


def count_accuracy(pairs: Sequence[tuple[Tracks, Tracks]], *, min_visibility: float = 0.0) -> float:
    """Share of frames with as many objects reported as there are, over pairs (truth, found); NaN without frames.

    Objects and reports of which less than ``min_visibility`` is seen do not count, as in `mot.evaluate`.
    """
    right = frames = 0
    for truth, found in pairs:
        seen = [tracks.frame[tracks.visibility >= min_visibility] for tracks in (truth, found)]
        there, reported = (np.bincount(frame, minlength=truth.length) for frame in seen)
        right += int((there == reported).sum())
        frames += truth.length
    return right / frames if frames else float("nan")


def _continues(pairs: np.ndarray) -> np.ndarray:
    """For (id, frame) rows sorted by id, then frame: is the same id there in the very next frame?"""
    following = np.zeros(len(pairs), dtype=bool)
    following[:-1] = (pairs[1:, 0] == pairs[:-1, 0]) & (pairs[1:, 1] == pairs[:-1, 1] + 1)
    return following
