"""`Sway`: what moves to and fro on its place, such as leaves, water or a clock's digits, is shown at rest.

A pixel that such a thing comes over shows now and then, all through the video, a colour that the empty scene has close
by (displacements of the background: Elgammal, Harwood and Davis, 2000). What passes has colours of its own.
"""

import numpy as np

from scalor.data.slopes import softened, widest

FARTHEST = 0.015
"""How far things sway, as a share of the longer side of the view."""
LEAST_FARTHEST = 4
"""The same in pixels, at least."""
FINE = 4
"""Places close by are looked at every so many pixels that there are at least this many on the way: things that sway are
larger in larger pictures, which are soft at that."""
LEAST_SHARE = 0.05
"""Share of the frames in which a pixel that things sway over shows a colour from close by."""
MOST = 0.8
"""What stands out in one piece sways where this share of its pixels is explained: of what passes only a part is."""


class Sway:
    """Brings to rest what sways.

    Args:
        image: uint8 [h, w, 3], the empty scene.
        reach: uint8 [h, w], the largest difference, in grey levels, of one colour to itself where things sway (see
            `swaying`), 0 elsewhere.
    """

    def __init__(self, image: np.ndarray, reach: np.ndarray) -> None:
        self.image = image
        self._reach = int(reach.max(initial=0))
        self._place = np.nonzero(reach)
        self._calm = softened(image)
        self._close = _close(self._calm, reach > 0)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """A frame uint8 [h, w, 3] with the scene where it only sways; itself where nothing does."""
        import cv2

        if not self._reach:
            return frame
        seen = softened(frame)
        lit = widest(cv2.absdiff(seen, self._calm)) > self._reach
        number, labels, stats, _ = cv2.connectedComponentsWithStats(lit.astype(np.uint8))
        least = MOST * stats[:, cv2.CC_STAT_AREA]
        piece = labels[self._place]
        could = np.bincount(piece, minlength=number) >= least
        could[0] = False
        picked = np.flatnonzero(could[piece])
        colors, own = (image[self._place][picked] for image in (seen, self._calm))
        known = _explained(colors, own, self._close, picked, self._reach)
        sways = could & (np.bincount(piece[picked][known], minlength=number) >= least)
        return np.where(sways[labels][..., None], self.image, frame) if sways.any() else frame


def swaying(image: np.ndarray, color: np.ndarray, count: np.ndarray, *, frames: int, reach: float) -> np.ndarray:
    """Where things sway: uint8 [h, w], ``reach`` there and 0 elsewhere.

    Args:
        image: uint8 [h, w, 3], the empty scene.
        color: float32 [K, h, w, 3], the colours that a pixel had for long, anything where ``count`` is 0.
        count: float32 [K, h, w], in how many of the ``frames`` it had them.
        reach: largest difference, in grey levels, of one colour to itself.
    """
    calm = softened(image)
    own = (widest(np.abs(color - calm.astype(np.float32))) <= reach) & (count > 0)
    away = np.where(own, 0.0, count)
    busy = away.sum(axis=0) >= LEAST_SHARE * frames
    out = np.zeros(busy.shape, np.uint8)
    if not busy.any():
        return out
    close = _close(calm, busy)
    swept = np.zeros(int(busy.sum()), np.float32)
    for colors, counts in zip(color[:, busy], away[:, busy], strict=True):
        there = np.flatnonzero(counts)
        swept[there] += counts[there] * _explained(colors[there], calm[busy][there], close, there, reach)
    strange = frames - np.where(own, count, 0.0).sum(axis=0)[busy] - swept
    out[busy] = np.where((swept >= LEAST_SHARE * frames) & (swept > strange), min(255, round(reach)), 0)
    return out


def _close(image: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Colours close by the P pixels of a mask, the nearest first: uint8 [S, P, 3]."""
    most = max(LEAST_FARTHEST, round(FARTHEST * max(where.shape)))
    apart = max(1, most // FINE)
    line = np.arange(-(most // apart), most // apart + 1) * apart
    steps = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    far = (steps**2).sum(axis=1)
    steps = steps[np.argsort(far, kind="stable")][1 : int((far <= most**2).sum())]
    rows, columns = np.nonzero(where)
    height, width = where.shape
    return np.stack([image[(rows + y).clip(0, height - 1), (columns + x).clip(0, width - 1)] for y, x in steps])


def _explained(colors: np.ndarray, own: np.ndarray, close: np.ndarray, picked: np.ndarray, reach: float) -> np.ndarray:
    """Which of the colours [P, 3] are, within ``reach``, mixtures of ``own`` ones [P, 3] and one of those close by the
    ``picked`` pixels [P], as where a leaf covers a part of a pixel: bool [P]."""
    out = np.zeros(len(colors), bool)
    left, base = np.arange(len(colors)), own.astype(np.float32)
    wanted = colors.astype(np.float32) - base
    for near in close:
        way, goal = near[picked[left]] - base[left], wanted[left]
        share = (goal * way).sum(axis=1) / np.maximum((way * way).sum(axis=1), 1e-6)
        match = widest(np.abs(goal - share.clip(0, 1)[:, None] * way)) <= reach
        out[left[match]] = True
        left = left[~match]
        if not len(left):
            break
    return out
