"""What busy places look like empty, grown from their shores.

At the far end of a road some car is always there. No frame shows the whole of the ground, and what most pixels show
most often are cars: roofs of all colours, and windows, which are dark in all of them. But each pixel did show the
ground now and then, and next to the busy place it is known. So the ground grows inwards: a pixel takes that of its own
colours which continues what is known beside it.
"""

import numpy as np

from scalor.data.candidates import Candidate, Modes
from scalor.data.slopes import widest

BUSY = 0.5
"""A pixel that shows the colour of the scene, or one like it, in a smaller share of the frames is in a busy place."""
ALIKE = 2.0
"""Reaches within which colours are alike: noise has several modes."""
UNLIKE = 3.0
"""Reaches from which colours are as different as can be: the other side of an edge must not draw them together."""
NEAR = 2
"""Pixels to each side that are beside a pixel."""
SETTLING = 10
"""Passes at most in which pixels are chosen again, now that all around them are."""


def grown(scene: Candidate, modes: Modes, frames: int) -> tuple[Candidate, np.ndarray]:
    """The scene with the colours of busy places grown from their shores, and where those are, bool [h, w].

    ``frames``: how many frames the modes are of.
    """
    alike = widest(np.abs(modes.color - scene.color)) <= ALIKE * modes.reach
    busy = (modes.count * alike).sum(axis=0) < BUSY * frames
    out, unknown = Candidate(scene.color.copy(), scene.count.copy()), busy.copy()
    while (front := _front(unknown)).any():
        _choose(out, modes, ~unknown, *np.nonzero(front))
        unknown &= ~front
    rows, columns = np.nonzero(busy)
    even, known = (rows + columns) % 2 == 0, np.ones_like(busy)
    for _ in range(SETTLING):
        if not sum([_choose(out, modes, known, rows[half], columns[half]) for half in (even, ~even)]):
            break
    return out, busy


def _front(unknown: np.ndarray) -> np.ndarray:
    """Unknown pixels beside known ones, bool [h, w]: those with two rows of them if any, so that corners fill last."""
    import cv2

    side = 2 * NEAR + 1
    known = cv2.boxFilter((~unknown).astype(np.float32), -1, (side, side), normalize=False, borderType=0)
    front = unknown & (known >= 2 * side)
    return front if front.any() else unknown & (known > 0)


def _choose(out: Candidate, modes: Modes, known: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> int:
    """Give pixels, in place, the lasting colours that fit best to what is known beside them; how many changed."""
    colors, counts = modes.color[:, rows, columns], modes.count[:, rows, columns]
    misfit = np.zeros(counts.shape, np.float32)
    for down in range(-NEAR, NEAR + 1):
        for right in range(-NEAR, NEAR + 1):
            y, x = rows + down, columns + right
            there = (y >= 0) & (x >= 0) & (y < known.shape[0]) & (x < known.shape[1])
            y, x = np.where(there, y, rows), np.where(there, x, columns)
            there &= known[y, x]
            if down or right:
                gap = np.minimum(widest(np.abs(colors - out.color[y, x])), UNLIKE * modes.reach)
                misfit += there / np.hypot(down, right) * gap
    misfit[counts < modes.least] = np.inf
    best, at = misfit.argmin(axis=0), np.nonzero(np.isfinite(misfit).any(axis=0))[0]
    best, rows, columns = best[at], rows[at], columns[at]
    changed = int((widest(np.abs(colors[best, at] - out.color[rows, columns])) > 1.0).sum())
    out.color[rows, columns] = colors[best, at]
    out.count[rows, columns] = counts[best, at]
    return changed
