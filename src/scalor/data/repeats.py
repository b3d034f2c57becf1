"""`Repeats`: frames of a film that show once more what was shown before.

Cameras of 15 frames per second whose films have 30, films brought from 24 to 30, dropped frames that were filled, and
cameras that hang show a picture several times. Nothing happens in between: it takes no time.
"""

from collections import deque

import numpy as np

SPREAD = 2.0
"""Std in pixels of the Gaussian by which differences are smoothed: what coding leaves is thinner than what moves."""
LEFT = 5.0
"""Grey levels that a repeated picture differs by at most, smoothed: x264 leaves up to 2.3 at a constant rate factor of
23 and 5.0 at 30, MPEG-4 0.8."""
SHARE = 0.2
"""And at most this share of what the last new picture brought: of twelve films without repeats not one frame in a
hundred does so, though from one to the next of them as little as 0.1 may change."""
RECENT = 5
"""New pictures, of whose changes the median counts where it is less: after a flash all others are small."""


class Repeats:
    """Tells repeated pictures of a film from new ones, one after the other.

    Always in comparison with the last new one, so that what creeps adds up.
    """

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._brought = deque[float](maxlen=RECENT)

    def again(self, picture: np.ndarray) -> bool:
        """Whether a picture uint8 [h, w, C], which is kept and must not be changed, repeats the last new one.

        What does so to the last bit always does. What coding has touched does where it differs by so little as coding
        leaves, and by much less than things had moved just before.
        """
        before, self._last = self._last, picture
        if before is None:
            return False
        left = _difference(picture, before)
        usual = min(self._brought[-1], float(np.median(self._brought))) if self._brought else 0.0
        if left > min(LEFT, SHARE * usual):
            self._brought.append(left)
            return False
        self._last = before
        return True

    def missed(self) -> None:
        """A frame of which nothing was seen: the next picture is new whatever it shows."""
        self._last = None


def _difference(picture: np.ndarray, before: np.ndarray) -> float:
    """The largest difference of two pictures uint8 [h, w, C] in grey levels, smoothed; 0: they are the same."""
    import cv2

    if np.array_equal(picture, before):
        return 0.0
    apart = (picture.astype(np.int16) - before).mean(axis=2, dtype=np.float32)
    # More than nothing also where the channels make up for each other.
    return max(1e-6, float(np.abs(cv2.GaussianBlur(apart, (0, 0), SPREAD)).max()))
