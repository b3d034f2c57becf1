"""Limbs: legs, tails, antennas and the edges of wings, which are thin, faint, and move with the body.

Smoothed masks of what stands out hold none of them. Here what differs from the empty scene beyond the noise, hangs
together with an object and is thinner than the object becomes a part of it; a shadow is as broad as what casts it.
"""

import numpy as np

THIN = 0.6
"""How thick a limb may be, as a share of the thickness of its object."""
BLUR = 1.0
"""Pixels by which what is faint is wider on every side than what is solid."""
FRINGE = 1
"""What reaches no further than so many pixels is the blurred edge of a body."""
CLUTTER = 0.25
"""Limbs hang on bodies: what is seen away from them more than so many times as often as beside them is clutter."""


# More arguments than the house allows: the pictures are one view of one frame.
def with_limbs(
    labels: np.ndarray, near: tuple[np.ndarray, np.ndarray], *, faint: np.ndarray, bare: np.ndarray, reach: np.ndarray
) -> np.ndarray:
    """Labels int32 [h, w] of objects with their limbs, given those of their bodies (0: none).

    Of two objects that touch one limb each gets what is nearer to it along the limb. Where as thin and faint things are
    everywhere, nobody has limbs.

    Args:
        labels: of the bodies, int32 [h, w].
        near: how far from each pixel the nearest body is, and its label, int32 [h, w].
        faint: bool [h, w], what differs from the empty scene, shadows left out.
        bare: bool [h, w], the same with shadows, which tell how broad things are.
        reach: pixels by which each object's limbs may be long, [N + 1].
    """
    free = faint & (labels == 0)
    if not free.any():
        return labels
    distance, nearest = near
    radius = THIN * (_thickness(labels, len(reach)) + BLUR)
    free &= _slender(bare | (labels > 0), radius[nearest])
    far = reach[nearest]
    away, beside = free[distance > far], free[(distance <= np.maximum(2.0, 0.5 * far)) & (labels == 0)]
    if away.size and beside.size and away.mean() > CLUTTER * beside.mean():
        return labels
    grown = _spread(labels, free, reach)
    return np.where(_fringe(labels > 0, grown > 0), 0, grown)


def _thickness(labels: np.ndarray, count: int) -> np.ndarray:
    """Radius in pixels of the largest disc in each body, float32 [count]; 0 where there is no body."""
    thickness = np.zeros(count, np.float32)
    # Bodies that touch are kept apart.
    apart = labels > 0
    apart[:, 1:] &= (labels[:, 1:] == labels[:, :-1]) | (labels[:, :-1] == 0)
    apart[1:] &= (labels[1:] == labels[:-1]) | (labels[:-1] == 0)
    inside = _depth(apart)
    at = np.flatnonzero(inside)
    np.maximum.at(thickness, labels.ravel()[at], inside.ravel()[at])
    return thickness


def _slender(shape: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """What vanishes of a shape, bool [h, w], when it is opened by a disc of each place's radius [h, w]."""
    import cv2

    return cv2.distanceTransform((_depth(shape) <= radius).view(np.uint8), cv2.DIST_L2, 5) > radius


def _depth(shape: np.ndarray) -> np.ndarray:
    """Distance of each pixel to the outside of a shape, bool [h, w], which goes on beyond the view: float32 [h, w]."""
    import cv2

    return cv2.distanceTransform(shape.view(np.uint8), cv2.DIST_L2, 5)


def _fringe(bodies: np.ndarray, grown: np.ndarray) -> np.ndarray:
    """What was added to bodies and lies beside them, but for the roots of limbs: bool [h, w] all."""
    beside = _wider(bodies, FRINGE)
    # Beside a round body the root of a limb is longer than the fringe is wide.
    return grown & beside & ~bodies & ~_wider(grown & ~beside, 2 * FRINGE)


def _wider(mask: np.ndarray, by: int) -> np.ndarray:
    import cv2

    return cv2.dilate(mask.view(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0


def _spread(labels: np.ndarray, free: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Labels that have gone on into ``free`` pixels, one pixel further at a time, at most ``reach`` [N + 1] far."""
    import cv2

    rows, columns = (np.flatnonzero(free.any(axis=1 - axis)) for axis in (0, 1))
    if not len(rows):
        return labels
    grown = labels.copy()
    part = slice(max(0, rows[0] - 1), rows[-1] + 2), slice(max(0, columns[0] - 1), columns[-1] + 2)
    here, left, around = grown[part].astype(np.uint16), free[part].copy(), np.ones((3, 3), np.uint8)
    for step in range(1, int(reach.max()) + 1):
        near = cv2.dilate(here, around)
        new = left & (near > 0) & (reach[near] >= step)
        if not new.any():
            break
        here[new] = near[new]
        left ^= new
    grown[part] = here
    return grown
