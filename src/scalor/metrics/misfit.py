"""Whether tracks would fit the truth better if their rows were read in another way; scores never depend on it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from scalor.core.tracks import Tracks
from scalor.metrics.boxes import box_iou, center_distance, rows_at

Boxes = np.ndarray
LOOKS = 300
"""Frames that tell, spread over those that are scored."""
NEAR = 0.3
"""Similarity from which on a true box is found in one reading or the other."""
LEAST, SHARE = 20, 0.3
"""True boxes that must be found so, and their least share of all: some fit by chance."""
LEFT = 0.6
"""Share of the misfit that a better reading may leave."""
GAIN = 0.02
"""Least gain of the mean similarity."""
PIXEL = 0.7, 1.3
"""How far tracks lie from the truth, in both directions, if what counts from 0 was taken to count from 1."""
LAG, UNSURE, OUTER = 0.4, 0.1, 4.0
"""How far from a whole frame a lag may be, its largest standard error, and how many medians away boxes count for it."""
HALF = np.array([0.5, 0.5, 0.0, 0.0])
ONE = np.array([1.0, 1.0, 0.0, 0.0])


def _as_corners(box: Boxes) -> Boxes:
    return np.column_stack([box[:, :2], np.clip(box[:, 2:] - box[:, :2], 0.0, None)])


FRAMES: Mapping[str, int] = {
    "one frame earlier: do both tables count frames from the same number?": -1,
    "one frame later: do both tables count frames from the same number?": 1,
}
"""What may be said of tracks that are moved by so many frames."""
PIXELS: Mapping[str, int] = {
    "one pixel to the left and up: see --tracks-box-base and --truth-box-base": -1,
    "one pixel to the right and down: see --tracks-box-base and --truth-box-base": 1,
}
"""The same for pixels."""
SHAPES: Mapping[str, Callable[[Boxes], Boxes]] = {
    "if their left and top were centres": lambda box: box - box[:, [2, 3, 2, 3]] * HALF,
    "half a box to the right and down: are the truth's left and top centres?": (
        lambda box: box + box[:, [2, 3, 2, 3]] * HALF
    ),
    "if x and y were swapped": lambda box: box[:, [1, 0, 3, 2]],
    "if their width and height were right and bottom (a header can name the columns x1,y1,x2,y2)": _as_corners,
    "at twice the size: were they made on smaller frames?": lambda box: 2 * box,
    "at half the size: were they made on larger frames?": lambda box: box / 2,
}
"""The same for what becomes of their boxes [R, 4]."""
COUNTED = "if frames missing before them were counted: does the truth count those?"
"""The same where frames are later by all that are missing before them."""


def misfit(
    truth: Tracks,
    tracks: Tracks,
    *,
    distance: float | None = None,
    frames: tuple[int, int] | None = None,
    missing: Mapping[int, int] | None = None,
) -> str | None:
    """One sentence on how the tracks would fit the truth better, None where they fit as they are, or never.

    The similarity of a true box is the IoU of the best box of its frame, or 1 - d / ``distance`` of the nearest one.
    ``frames`` as in `evaluate`; ``missing`` has {frame: how many pictures are missing before it}.
    """
    first, last = frames or (0, max(truth.length, tracks.length))
    known = np.unique(truth.frame[(truth.frame >= first) & (truth.frame < last)])
    if not len(known):
        return None
    looks = known[np.unique(np.linspace(0, len(known) - 1, LOOKS).round().astype(int))]
    there = [rows.box_tlwh for rows in rows_at(truth, looks)]

    def fit(
        shift: int = 0, read: Callable[[Boxes], Boxes] = lambda box: box, tracks: Tracks = tracks
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of every true box the similarity, float64 [B], and where the best box lies from it, [B, 2] in pixels."""
        found = (read(rows.box_tlwh) for rows in rows_at(tracks, looks - shift))
        best = [_best(*both, distance) for both in zip(there, found, strict=True)]
        return np.concatenate([each[0] for each in best]), np.concatenate([each[1] for each in best])

    present, away = fit()
    told, most = None, GAIN

    def weigh(words: str, similarity: np.ndarray, *, fits: bool) -> None:
        nonlocal told, most
        near = np.maximum(present, similarity) >= NEAR
        gain = (similarity - present)[near]
        if fits and near.sum() >= max(LEAST, SHARE * len(near)) and gain.mean() > most:
            most = float(gain.mean())
            what = "overlap" if distance is None else "nearness"
            told = f"{words} (mean {what} {similarity.mean():.2f} instead of {present.mean():.2f})"

    def leaves(similarity: np.ndarray) -> float:
        near = np.maximum(present, similarity) >= NEAR
        return float((1 - similarity[near]).sum() / max(1e-9, (1 - present[near]).sum()))

    for words, read in SHAPES.items():
        similarity, _ = fit(read=read)
        weigh(words, similarity, fits=leaves(similarity) <= LEFT)
    if missing:
        similarity, _ = fit(tracks=_spread(tracks, missing))
        weigh(COUNTED, similarity, fits=leaves(similarity) <= LEFT)
    found = present >= NEAR
    paces = _paces(truth, looks)[found]
    for words, shift in FRAMES.items():
        similarity, _ = fit(shift)
        weigh(words, similarity, fits=_are_ahead(away[found], paces, shift) or leaves(similarity) <= LEFT)
    middle = np.median(away[found], axis=0) if found.any() else np.zeros(2)
    for words, pixels in PIXELS.items():
        similarity, _ = fit(read=partial(np.add, pixels * ONE))
        weigh(words, similarity, fits=bool(((-pixels * middle >= PIXEL[0]) & (-pixels * middle <= PIXEL[1])).all()))
    if told is None:
        return None
    return f"the tracks would fit the truth better {told}; the scores are those of the tracks as they came"


def _spread(tracks: Tracks, missing: Mapping[int, int]) -> Tracks:
    """The table with later frames as much later as there are frames missing before them."""
    at = np.array(sorted(missing))
    before = np.cumsum([0, *(missing[index] for index in at.tolist())])
    return replace(
        tracks,
        frame=tracks.frame + before[np.searchsorted(at, tracks.frame, side="right")],
        length=tracks.length + int(before[-1]),
    )


def _paces(truth: Tracks, looks: np.ndarray) -> np.ndarray:
    """Pixels per frame, (x, y), of the true boxes of these frames, [B, 2]; NaN where one is not there on both sides."""
    near = truth.select(np.isin(truth.frame, np.concatenate([looks - 1, looks, looks + 1])))
    known = dict(zip(zip(near.frame.tolist(), near.id.tolist(), strict=True), near.center, strict=True))
    nowhere = np.full(2, np.nan)
    paces = [
        (known.get((frame + 1, each), nowhere) - known.get((frame - 1, each), nowhere)) / 2
        for frame, there in zip(looks.tolist(), rows_at(near, looks), strict=True)
        for each in there.id.tolist()
    ]
    return np.array(paces)


def _are_ahead(away: np.ndarray, pace: np.ndarray, frames: int) -> bool:
    """Whether boxes run so many frames ahead of the truth, by the slope of where they lie over how fast it moves, both
    [B, 2]: a lag of less than half a frame is none."""
    known = np.isfinite(pace).all(axis=1)
    if known.sum() < LEAST:
        return False
    away, pace = away[known] - np.median(away[known], axis=0), pace[known] - pace[known].mean(axis=0)
    off = np.minimum(np.abs(away), np.abs(away - frames * pace))
    inner = (off < OUTER * np.median(off) + 1).all(axis=1)
    away, pace = away[inner], pace[inner]
    power = float((pace**2).sum())
    if power == 0:
        return False
    slope = float((away * pace).sum()) / power
    unsure = float(((away - slope * pace) ** 2).mean()) / power
    return abs(slope - frames) <= LAG and unsure <= UNSURE**2


def _best(truth: Boxes, tracks: Boxes, distance: float | None) -> tuple[np.ndarray, np.ndarray]:
    """The similarity of each true box to the best of a frame's tracks, and the way to its centre: [N, 4] and [M, 4] ->
    [N] and [N, 2]."""
    if not len(tracks):
        return np.zeros(len(truth)), np.zeros((len(truth), 2))
    middles = truth[:, :2] + truth[:, 2:] / 2, tracks[:, :2] + tracks[:, 2:] / 2
    if distance is None:
        similarity = box_iou(truth, tracks)
    else:
        similarity = np.clip(1 - center_distance(*middles) / distance, 0.0, None)
    best = similarity.argmax(axis=1)
    return similarity[np.arange(len(truth)), best], middles[1][best] - middles[0]
