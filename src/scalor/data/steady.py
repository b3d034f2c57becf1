"""`Steady`: every frame as if the camera had not shaken and the light had not changed; blank frames are found.

All is measured against one reference image of the place, so that the same code serves a training on the whole video and
a tracker that sees one frame after the other.
"""

from dataclasses import dataclass

import numpy as np

from scalor.data.sway import Sway

SMALL_SIDE = 256
"""Shifts are measured in images of at most this side."""
NEAR = 2.0
"""Pixels of them up to which a shift is found from rest."""
IN_PLACE = 0.5
"""Correlation of the steep edges from which a frame that no small shift makes fit better is in its place."""
STEEP = 0.25
"""Share of the pixels, the steepest, that tell shifts."""
ROUNDS = 6
STILL = 0.02
"""Pixels of the small image below which a shift is not measured better."""
THUMB = 64
"""Side of the images in which light is measured."""
BLANK = 0.1
"""A frame with less than this share of the reference's contrast is blank."""
LEAST_SHIFT = 0.4
"""Smaller shifts, in pixels, are left alone: resampling would blur for nothing."""
LEAST_LIGHT = 1.5
"""Smaller corrections, in grey levels, are left alone."""
GAINS = (0.33, 3.0)
PRIOR = 9.0
LEFT = 0.95
"""Share of the misfit of the scene's edges that a shift may leave in any half of the view: what moves in front of a
still scene is on one side of it."""
TREMBLING = 0.005
"""Share of the frame's side up to which a camera trembles. What is farther off must show it by its pixels, too:"""
MOST_BETTER = 0.65
"""share of the scene's edges that must fit better then, also where little but moving things has edges."""
BETTER, TREMBLING_PX = 0.5, 1.0
"""For a shift of up to so many pixels it is enough that more of them fit better than worse: in small views (138 pixels
of `traffic`) that is found to a twentieth of a pixel, and moves few edges far enough to show."""
MOST_SHIFT = 0.1
"""Share of the frame's side that a shaking camera may be off; beyond that it pans."""


@dataclass(frozen=True)
class Change:
    """How a frame differs from the reference as a whole.

    shift   (x, y) pixels by which its contents lie further right and below than in the reference
    gain, offset   float32 [3]: frame = gain * reference + offset
    """

    shift: tuple[float, float]
    gain: np.ndarray
    offset: np.ndarray


class Steady:
    """Brings frames uint8 [h, w, 3] into the place and the light of a reference image of that size.

    ``sways`` is uint8 [h, w], where things move to and fro, which it shows at rest (`scalor.data.sway`).
    """

    def __init__(self, reference: np.ndarray, sways: np.ndarray | None = None) -> None:
        import cv2

        self.reference = reference
        self._sway = None if sways is None else Sway(reference, sways)
        self._grey = _small(reference)
        self._edges = _steepness(self._grey)
        x, y = (cv2.Sobel(self._grey, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
        self._halves = self._steepest_of_halves()
        self._steep = np.flatnonzero(self._edges >= np.quantile(self._edges, 1 - STEEP))
        columns = (x, y, self._grey - self._grey.mean(), np.ones_like(x))
        self._slopes = np.stack([column.ravel()[self._steep] for column in columns], axis=1)
        self._window = cv2.createHanningWindow(self._edges.shape[::-1], cv2.CV_32F)
        self._thumb = _thumb(reference)
        self._contrast = float(self._thumb.mean(axis=2).std())

    def blank(self, frame: np.ndarray) -> bool:
        """Whether a frame is black, white or of one colour where the reference is not."""
        return self._contrast > 1.0 and float(_thumb(frame).mean(axis=2).std()) < BLANK * self._contrast

    def change(self, frame: np.ndarray) -> Change:
        """What has to be undone in a frame."""
        shift = self._shift(frame)
        gain, offset = _light(_thumb(moved_back(frame, shift)), self._thumb)
        return Change(shift, gain, offset)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """The frame as the reference's camera and light would have shown it; itself where nothing has to be done."""
        return self.seen(frame)[0]

    def seen(self, frame: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
        """As a call, and how far (x, y) the frame's contents lie right of and below the reference's."""
        change = self.change(frame)
        steady = relit(moved_back(frame, change.shift), change)
        return steady if self._sway is None else self._sway(steady), change.shift

    def fits(self, frame: np.ndarray, *, level: float | None = None) -> float:
        """Correlation, -1..1, of a frame's edges with the reference's after the shift is undone.

        ``level``: what differs by more grey levels is left out with its surroundings, as things before the scene.
        """
        edges, (height, width) = _edges(frame), self.reference.shape[:2]
        x, y = self._shift(frame)
        moved = moved_back(edges, (x * edges.shape[1] / width, y * edges.shape[0] / height))
        bare = slice(None) if level is None else self._bare(moved_back(frame, (x, y)), level)
        return _correlation(moved.ravel()[bare], self._edges.ravel()[bare])

    def _bare(self, frame: np.ndarray, level: float) -> np.ndarray:
        """Where nothing differs by more grey levels from the reference: flat indices into the small image."""
        import cv2

        gap = np.abs(frame.mean(axis=2) - self.reference.mean(axis=2))
        near = cv2.dilate((gap > level).astype(np.uint8), np.ones((3, 3), np.uint8))
        return np.flatnonzero(cv2.resize(near, self._edges.shape[::-1], interpolation=cv2.INTER_NEAREST) == 0)

    def alike(self, frame: np.ndarray) -> float:
        """Correlation, -1..1, of the edges of a frame that lies in its place with the reference's."""
        return _correlation(_edges(frame).ravel(), self._edges.ravel())

    def _shift(self, frame: np.ndarray, *, strict: bool = False) -> tuple[float, float]:
        """The shift that lays the scene's edges onto each other best, believed where it does so all over the view.

        From rest, as a trembling camera wants it, and, where that leaves most as it is, from where phase correlation
        says that the frame lies. ``strict``: the edges must show a small shift as they must show a large one.
        """
        import cv2

        small = _small(frame)
        edges = _steepness(small)
        factor = self.reference.shape[0] / edges.shape[0]
        found = self._register(small, (0.0, 0.0))
        left = self._left(edges, found)
        if max(map(abs, found)) > NEAR or left > LEFT and self._at_the_steepest(edges) < IN_PLACE:
            # Copies: the function multiplies its arguments by the window, in place.
            (right, down), _ = cv2.phaseCorrelate(self._edges.copy(), edges.copy(), self._window)
            other = self._register(small, (right, down)) if max(abs(right), abs(down)) > NEAR else found
            other_left = self._left(edges, other)
            found, left = (other, other_left) if other_left < left else (found, left)
        x, y = found[0] * factor, found[1] * factor
        most = max(abs(x) / self.reference.shape[1], abs(y) / self.reference.shape[0])
        if max(abs(x), abs(y)) < LEAST_SHIFT or most > MOST_SHIFT or left > LEFT:
            return 0.0, 0.0
        enough = BETTER if max(abs(x), abs(y)) <= TREMBLING_PX and not strict else MOST_BETTER
        sure = (most <= TREMBLING and not strict) or self._better(edges, found) > enough
        return (x, y) if sure else (0.0, 0.0)

    def _at_the_steepest(self, edges: np.ndarray) -> float:
        """Correlation of a frame's edges with the scene's where those are steep."""
        return _correlation(edges.ravel()[self._steep], self._edges.ravel()[self._steep])

    def _left(self, edges: np.ndarray, shift: tuple[float, float]) -> float:
        """Of the misfit of the scene's edges, the share that is left after a shift, in the half where most is."""
        before, after = (np.abs(each - self._edges).ravel() for each in (edges, moved_back(edges, shift)))
        sums = [(float(after[half].sum()), float(before[half].sum())) for half in self._halves]
        return max(one / two if two else np.inf for one, two in sums)

    def _better(self, edges: np.ndarray, shift: tuple[float, float]) -> float:
        """Share of the scene's edges that fit better after a shift, in the half where least do."""
        better = (np.abs(moved_back(edges, shift) - self._edges) < np.abs(edges - self._edges)).ravel()
        return min(float(better[half].mean()) for half in self._halves)

    def _register(self, small: np.ndarray, start: tuple[float, float]) -> tuple[float, float]:
        """Shift of a small grey image, in its pixels: robust least squares with gain and offset (Lucas, Kanade 1981).

        What moves differs more than the scene does, and counts for little.
        """
        import cv2

        at, light = np.array(start, np.float64), np.zeros(2)
        for _ in range(ROUNDS):
            way = np.array([[1, 0, at[0]], [0, 1, at[1]]], np.float32)
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            moved = cv2.warpAffine(small, way, small.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
            off = moved.ravel()[self._steep] - self._grey.ravel()[self._steep]
            rest = np.abs(off - self._slopes[:, 2:] @ light)
            weight = 1 / (1 + (rest / (3 * np.median(rest) + 0.5)) ** 2) ** 2
            weighed = self._slopes * weight[:, None]
            step = np.linalg.solve(weighed.T @ self._slopes + 1e-3 * np.eye(4), weighed.T @ off)
            at, light = at - step[:2], step[2:]
            if np.abs(step[:2]).max() < STILL:
                break
        return float(at[0]), float(at[1])

    def _steepest_of_halves(self) -> list[np.ndarray]:
        """Where the steepest fifth of each half of the view is, left, right, upper, lower: flat indices."""
        height, width = self._edges.shape
        rows, columns = np.indices((height, width))
        halves = (columns < width // 2, columns >= width // 2, rows < height // 2, rows >= height // 2)
        return [np.flatnonzero(half & (self._edges >= np.quantile(self._edges[half], 0.8))) for half in halves]


def pans(frames: np.ndarray, index: np.ndarray) -> bool:
    """Whether the camera moves on: most neighbours in time are shifted, and most frames show other places.

    A camera that only shakes shows one place all the time.

    Args:
        frames: uint8 [N, h, w, 3], some of them neighbours.
        index: their numbers [N].
    """
    neighbours = np.flatnonzero(np.diff(index) == 1)[:: max(1, len(frames) // 40)]
    moving = [Steady(frames[i])._shift(frames[i + 1], strict=True) != (0.0, 0.0) for i in neighbours]
    if not moving or np.mean(moving) < 0.5:
        return False
    middle = Steady(frames[len(frames) // 2])
    return float(np.mean([middle.fits(frame) < 0.5 for frame in frames[:: max(1, len(frames) // 20)]])) > 0.5


def steadied(frames: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Bring frames uint8 [N, h, w, 3] into the reference's place and light, in place; bool [N], which are not blank."""
    steady = Steady(reference)
    seen = np.array([not steady.blank(frame) for frame in frames], bool)
    if not seen.any():  # the reference itself is blank, mostly
        return ~seen
    for row in np.flatnonzero(seen):
        frames[row] = steady(frames[row])
    return seen


def relit(frame: np.ndarray, change: Change) -> np.ndarray:
    """A frame in the reference's light; itself where the correction is below `LEAST_LIGHT`."""
    levels = np.array([[64.0], [192.0]], np.float32)
    if np.abs((change.gain - 1.0) * levels + change.offset).max() < LEAST_LIGHT:
        return frame
    ramp = np.arange(256, dtype=np.float32)[:, None]
    table = np.clip((ramp - change.offset) / change.gain + 0.5, 0, 255).astype(np.uint8)
    return np.stack([table[frame[..., c], c] for c in range(frame.shape[2])], axis=2)


def moved_back(image: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """The image with its contents moved back by ``shift``; its edges are continued."""
    import cv2

    if shift == (0.0, 0.0):
        return image
    matrix = np.array([[1, 0, -shift[0]], [0, 1, -shift[1]]], np.float32)
    return cv2.warpAffine(
        image, matrix, (image.shape[1], image.shape[0]), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    """-1..1; 0 where one of the two is the same everywhere, or empty."""
    if not one.size:
        return 0.0
    one, two = one - one.mean(), two - two.mean()
    size = float(np.sqrt((one**2).sum() * (two**2).sum()))
    return float((one * two).sum()) / size if size else 0.0


def _edges(frame: np.ndarray) -> np.ndarray:
    """Steepness of the small grey image, float32: light that changes hardly changes it."""
    return _steepness(_small(frame))


def _small(frame: np.ndarray) -> np.ndarray:
    """The grey image at most `SMALL_SIDE` large, smoothed, float32 in grey levels."""
    import cv2

    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.shape[2] == 3 else frame.mean(axis=2, dtype=np.float32)
    factor = min(1.0, SMALL_SIDE / max(grey.shape))
    size = (max(8, round(grey.shape[1] * factor)), max(8, round(grey.shape[0] * factor)))
    return cv2.GaussianBlur(cv2.resize(grey.astype(np.float32), size, interpolation=cv2.INTER_AREA), (0, 0), 1.0)


def _steepness(small: np.ndarray) -> np.ndarray:
    import cv2

    return np.hypot(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))


def _thumb(frame: np.ndarray) -> np.ndarray:
    import cv2

    height, width = frame.shape[:2]
    factor = min(1.0, THUMB / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _light(frame: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset of each channel by a robust line (Tukey's biweight) through the pixels of two thumbnails."""
    gains, offsets = np.ones(3, np.float32), np.zeros(3, np.float32)
    for channel in range(3):
        x, y = reference[..., channel].ravel(), frame[..., channel].ravel()
        good = (y > 3) & (y < 252) & (x > 3) & (x < 252)
        if good.sum() >= 0.2 * good.size:
            gains[channel], offsets[channel] = _line(x[good], y[good])
    return gains, offsets


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """y = a x + b, robustly; a is held near the ratio of the medians where x has little contrast."""
    ratio = min(max(_median(y / x), GAINS[0]), GAINS[1])
    start = min((1.0, _median(y - x)), (ratio, 0.0), key=lambda ab: _median(np.abs(y - ab[0] * x - ab[1])))
    a, b = start
    for _ in range(6):
        rest = y - a * x - b
        width = 4.685 * max(1.5, 1.4826 * _median(np.abs(rest)))
        weight = np.maximum(1 - (rest / width) ** 2, 0.0) ** 2
        total = float(weight.sum())
        if total < 0.2 * len(x):
            return 1.0, 0.0
        mx, my = float(weight @ x) / total, float(weight @ y) / total
        weighed = weight * (x - mx)
        spread, common = float(weighed @ (x - mx)) / total, float(weighed @ (y - my)) / total
        # A prior worth a contrast of 3 grey levels keeps the gain where the scene cannot tell it from an offset.
        a = min(max((common + PRIOR * start[0]) / (spread + PRIOR), GAINS[0]), GAINS[1])
        b = my - a * mx
    return a, b


def _median(values: np.ndarray) -> float:
    """As numpy's, whose checks take longer than to find it."""
    half = len(values) // 2
    ranked = np.partition(values, half)
    return float(ranked[half]) if len(values) % 2 else float(ranked[:half].max() + ranked[half]) / 2
