"""More than 8 bits made 8: one range of grey levels for a whole source, which a hot pixel cannot widen."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

CORE = (0.05, 99.95)
"""Percentiles between which almost all of a picture lies."""
REACH = 4.0
"""What lies further from the core than this many times its width is clipped: small bright beads stay brighter than all
else, and a burnt-in mark does not darken everything."""


@dataclass(frozen=True)
class Levels:
    """``low`` becomes 0 and ``high`` 255."""

    low: float
    high: float

    @classmethod
    def of(cls, pictures: Iterable[np.ndarray]) -> "Levels":
        """The range of some pictures [H, W] or [H, W, 3] of a source."""
        found = [each for each in map(_range, pictures) if each is not None]
        if not found:
            return cls(0.0, 1.0)
        least, first, last, most = np.array(found, np.float64).T
        low, high = float(first.min()), float(last.max())
        reach = REACH * (high - low) if high > low else np.inf
        low, high = max(float(least.min()), low - reach), min(float(most.max()), high + reach)
        return cls(low, high if high > low else low + 1.0)

    def applied(self, picture: np.ndarray) -> np.ndarray:
        """As uint8; what is no number is black."""
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (picture.astype(np.float64) - self.low) / (self.high - self.low) * 255.0
        return np.clip(np.nan_to_num(scaled, posinf=255.0, neginf=0.0) + 0.5, 0, 255).astype(np.uint8)

    def words(self) -> str:
        """For the report."""
        return f"grey levels {self.low:.6g} to {self.high:.6g} became 0 to 255"


def _range(picture: np.ndarray) -> tuple[float, float, float, float] | None:
    """Least, lower and upper end of the core, and most, of a picture without its single pixels."""
    import cv2

    values = picture.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.any():
        return None
    values = np.where(finite, values, np.median(values[finite]))
    # A median of 3 x 3 takes away hot pixels, hot pairs and hot lines, but no object of 3 x 2 pixels.
    calm = cv2.medianBlur(np.ascontiguousarray(values), 3)
    low, high = np.percentile(calm, CORE)
    return float(calm.min()), float(low), float(high), float(calm.max())
