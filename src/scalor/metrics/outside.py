"""Whether tracks go on where the truth says nothing; scores never depend on it."""

import numpy as np

from scalor.core.tracks import FIRST_FRAME, Tracks

SHARE = 0.25
"""Of the boxes; where fewer lie outside the truth's frames, nothing is said."""


def outside(truth: Tracks, tracks: Tracks) -> str | None:
    """One sentence where many boxes lie before the first or after the last frame with a true box, else None."""
    if not len(truth) or not len(tracks):
        return None
    first, last = truth.frame[[0, -1]] + FIRST_FRAME
    frame = tracks.frame + FIRST_FRAME
    if np.mean((frame < first) | (frame > last)) < SHARE:
        return None
    return (
        f"the truth has boxes in frames {first} to {last} only, the tracks in {frame[0]} to {frame[-1]}; "
        f"--frames {first}:{last} scores those alone"
    )
