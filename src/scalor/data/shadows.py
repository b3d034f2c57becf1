"""How dark shadows are, and of what tint: where a darker background is one, its texture is seen through it.

A dark part of an object has the colour of darkened ground as well, but the ground's texture ends at its edge.
"""

import numpy as np

from scalor.core.shade import DARKEST, EVEN, LIGHTEST

AROUND = 7
"""Side in pixels of the surroundings against which texture is compared."""
FULL = 0.4
"""Share of the surroundings that must be in shade as well."""
BIN = 0.1
"""Width of the ranges of brightness that are told apart, which overlap by half."""
THROUGH = 0.5
"""Share of the texture that is seen through what is mostly shadow."""
SURE, ENOUGH = 0.1, 3000
"""Standard error of that share with which it is known, and numbers (three per pixel) that it takes: pixels beside each
other say the same."""
MOST = 20_000
"""Pixels of a frame that are looked at, spread over it."""
LEAST = 0.5
"""Standard deviation of the ground's texture, in grey levels: less is rounding."""
CORRELATED, SAME = 0.8, 0.15
"""Under less light the surroundings of a pixel look as they did, and their contrast falls as much as their mean."""
PER_FRAME, WINDOWS = 100, 1000
"""Pixels of a frame that are looked at for the tint of shadows, and how many it takes."""
AGREED, NEAR, PLAIN = 0.9, 0.1, 0.05
"""One light gives all shadows one tint: so many of them lie so near the median. Less than the last is none."""
RARE = 3.0
"""Texture counts up to so many times its median: markings on a road are no more evidence than its grain."""


class Texture:
    """How much of the ground's texture is seen in what is darker than the ground, by its brightness.

    Each frame is added by `add`; `darkest` is the answer.
    """

    def __init__(self) -> None:
        self.edges = np.arange(DARKEST, LIGHTEST - BIN / 2, BIN / 2).round(2)
        self.seen: list[np.ndarray] = []

    def add(self, frame: np.ndarray, background: np.ndarray, shaded: np.ndarray) -> None:
        """One uint8 [H, W, 3] frame, its background, and which pixels, bool [H, W], may be in shade."""
        import cv2

        frame, background = frame.astype(np.float32), background.astype(np.float32)
        inner = cv2.erode(shaded.astype(np.uint8), np.ones((3, 3), np.uint8))
        count = _sums(inner.astype(np.float32))
        there = np.nonzero((inner > 0) & (count >= FULL * AROUND**2))
        there = tuple(place[:: 1 + len(place) // MOST] for place in there)
        weight, number = inner[..., None].astype(np.float32), np.maximum(count, 1.0)[..., None]
        means = [_sums(picture * weight) / number for picture in (frame, background)]
        ratio = means[0].sum(-1) / np.maximum(means[1].sum(-1), 1.0)
        ground = (ratio[..., None] * (background - means[1]))[there]
        here = (frame - means[0])[there]
        self.seen.append(
            np.stack([np.broadcast_to(ratio[there][:, None], here.shape), ground, here], -1).reshape(-1, 3)
        )

    def darkest(self) -> float | None:
        """Brightness, as a share of the ground's, of the darkest shadows; 1: there are none; None: nobody can tell."""
        rows = np.concatenate(self.seen) if self.seen else np.zeros((0, 3), np.float32)
        known, best, run = False, (0.0, 1.0), (0.0, 1.0)
        for edge in self.edges:
            amount, share = _seen_through(rows[(rows[:, 0] >= edge) & (rows[:, 0] < edge + BIN)])
            known = known or amount > 0
            # The darkest of those ranges beside each other that have the most texture.
            run = (run[0] + amount, min(run[1], float(edge))) if amount > 0 and share >= THROUGH else (0.0, 1.0)
            best = max(best, run)
        return best[1] if known else None


class Light:
    """How much of each channel's light shadows take, beside the mean of the three.

    In the open the sky lights what the sun does not reach, and shadows are blue. Each frame is added by `add`; `tint`
    is the answer.
    """

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def add(self, frame: np.ndarray, background: np.ndarray, lit: np.ndarray) -> None:
        """One uint8 [H, W, 3] frame, its background, and which pixels, bool [H, W], stand out."""
        now, empty = (picture.astype(np.float32) for picture in (frame, background))
        here, there, number = _sums(now), _sums(empty), float(AROUND**2)
        both, varied = _sums(now * empty) - here * there / number, _sums(empty * empty) - there**2 / number
        own = _sums(now * now) - here**2 / number
        left, slope = here / np.maximum(there, 1.0), both / np.maximum(varied, 1e-3)
        alike = both.sum(-1) > CORRELATED * np.sqrt(np.maximum(own.sum(-1) * varied.sum(-1), 1.0))
        darker = (left.mean(-1) > DARKEST) & (left.max(-1) < LIGHTEST)
        enough = varied.min(-1) > number * LEAST**2
        places = np.nonzero(lit & alike & darker & enough & (np.abs(slope - left).max(-1) < SAME))
        taken = 1.0 - left[tuple(place[:: 1 + len(place) // PER_FRAME] for place in places)]
        self.seen.append(taken / taken.mean(-1, keepdims=True))

    def tint(self) -> tuple[float, float, float]:
        """The tint, of mean 1; `EVEN` where none is seen."""
        rows = np.concatenate(self.seen) if self.seen else np.zeros((0, 3))
        if len(rows) < WINDOWS:
            return EVEN
        usual = np.median(rows, axis=0)
        usual /= usual.mean()
        agreed = float((np.abs(rows - usual).max(-1) < NEAR).mean())
        if agreed < AGREED or np.abs(usual - 1).max() < PLAIN:
            return EVEN
        red, green, blue = usual.tolist()
        return red, green, blue


def _seen_through(rows: np.ndarray) -> tuple[float, float]:
    """How much texture the ground has there, 0 where it is too little to tell, and the share that is seen."""
    if len(rows) < ENOUGH:
        return 0.0, 0.0
    _, ground, here = rows.T
    most = RARE * float(np.median(np.abs(ground)))
    ground, here = np.clip(ground, -most, most), np.clip(here, -RARE * most, RARE * most)
    amount = float((ground**2).sum())
    if amount < LEAST**2 * len(rows) or (float((here**2).mean()) / amount) ** 0.5 > SURE:
        return 0.0, 0.0
    return amount, float((ground * here).sum()) / amount


def _sums(picture: np.ndarray) -> np.ndarray:
    import cv2

    return np.asarray(cv2.boxFilter(picture, -1, (AROUND, AROUND), normalize=False))
