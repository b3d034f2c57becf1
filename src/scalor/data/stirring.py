"""`stirring`: things that never leave their place and hardly move there, such as cells, or a spider in its web.

A median over time holds them, and no frame shows the ground below them. They are told from furniture by motion of
their own, however small: every compact region that stands out from a smooth ground is followed by least squares (Lucas
and Kanade) through the frames, a quarter of it at a time, so that what turns or changes its shape is seen to move too.
"""

from dataclasses import dataclass

import numpy as np

from scalor.data.slopes import slope_of, slopes, softened, widest

GROUND_SIDE = 200
"""Side of the image in which the ground is looked for."""
LEAST_CONTRAST = 5.0
"""Grey levels by which a region must differ from the ground, and by `CONTRAST` times the ground's own deviation."""
CONTRAST = 4.0
LEAST_PX = 16
LARGEST = 0.1
"""Share of the view that one region may take."""
SMOOTH_SHORE = 0.4
"""The ground around a region must be flatter than the region by this factor."""
FARTHEST = 0.9
"""Of the distances between two frames the one that counts: what seldom moves does move."""
SURE = 5.0
"""It must exceed what noise would feign by this factor."""
LEAST_MOTION = 0.5
"""Pixels; compression and light move the outlines of furniture by up to 0.4."""
MOST_STIR = 0.5
"""Where this share of the enclosed regions stirs, those at the edge of the view, and faint ones, are of their kind."""
ALIKE = 0.2
"""They have at least this share of the usual area, and are at most as many times larger."""
CALM_PAIR = 0.1
"""Two frames are compared where the ground beside a region changes less than it by this factor: nothing passes."""
LEAST_PAIRS = 0.3
"""Share of the pairs of frames that must be comparable."""
SAME = 0.8
"""Correlation with the picture at rest from which a region is there in a frame."""
STAYS = 0.9
"""Share of the frames in which it must be."""
MOST_LEFT = 0.5
"""What passes before a region changes it, too. Of what motion changes, noise aside, motion and light leave no more."""
STEEP = 1.25
"""It changes no pixel by more than noise and this times what the steepest slope makes of the motion and a pixel."""
MARGIN = 12
"""Pixels around a region that are looked at."""
GRID = 12
"""A shake of the camera is measured in so many rows and columns of places."""
LEAST_PLACES = 8
"""From how many of them it is known."""
EXACT = 0.2
"""Pixels by which noise of one grey level may be off there."""
BLURRED = 4.0 * np.pi
"""Pixels of a softened frame whose noise is as good as one."""


Outlines = tuple[tuple[tuple[float, float], ...], ...]
"""Outlines of places as points (x, y)."""


@dataclass(frozen=True)
class _Region:
    """A compact region of an image that stands out from smooth ground.

    mask      bool [h, w] within ``place``
    place     rows and columns of the image
    enclosed  whether ground is all around it; else the edge of the view cuts it off
    """

    mask: np.ndarray
    place: tuple[slice, slice]
    enclosed: bool


@dataclass(frozen=True)
class _Motion:
    """How much a region moves, and how much noise would feign, in pixels; nan where nothing can be compared."""

    pixels: float
    feigned: float
    stays: bool

    @property
    def stirs(self) -> bool:
        return self.stays and self.pixels > max(SURE * self.feigned, LEAST_MOTION)

    @property
    def sure(self) -> bool:
        """Whether motion would have been noticed."""
        return not SURE * self.feigned > LEAST_MOTION


def stirring(frames: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Where an image of the scene at rest shows things that stay but stir: bool [h, w].

    Args:
        frames: uint8 [N, h, w, 3], softened, in the order of time.
        image: uint8 [h, w, 3], their median or like it.
    """
    out = np.zeros(image.shape[:2], bool)
    ground = ground_of(image)
    rest = softened(image).astype(np.float32)
    regions = _regions(image, rest, ground)
    if not regions or len(frames) < 4:
        return out
    taken = np.zeros(out.shape, bool)
    for region in regions:
        taken[region.place] |= _grown(region.mask, 5)
    steep = slopes(image)
    shake = _shake(frames, rest, steep, taken)
    motions = [_motion(region, frames, rest, ground, steep, shake, taken) for region in regions]
    pairs = list(zip(regions, motions, strict=True))
    stir = [region.mask.sum() for region, motion in pairs if region.enclosed and motion.stirs]
    still = [region for region, motion in pairs if region.enclosed and motion.sure and not motion.stirs]
    many = len(stir) > MOST_STIR * (len(stir) + len(still))
    for region, motion in pairs:
        alike = many and ALIKE < region.mask.sum() / np.median(stir) < 1 / ALIKE and (motion.stirs or not motion.sure)
        if alike or (region.enclosed and motion.stirs):
            out[region.place] |= _grown(region.mask, 2)
    return out


def outlines_of(mask: np.ndarray | None) -> Outlines:
    """Outlines of a mask [h, w], none of None; points are pixels' middles."""
    import cv2

    if mask is None:
        return ()
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return tuple(tuple((x + 0.5, y + 0.5) for x, y in outline[:, 0].tolist()) for outline in found)


def scaled(outlines: Outlines, x: float, y: float) -> Outlines:
    """Outlines of the same places in pixels of another size."""
    return tuple(tuple((across * x, down * y) for across, down in outline) for outline in outlines)


def mask_of(outlines: Outlines, size: tuple[int, int]) -> np.ndarray:
    """The places as a mask bool [h, w], a pixel wider: a point is anywhere in its pixel."""
    import cv2

    mask = np.zeros(size, np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [np.floor(np.array(outline)).astype(np.int32)], 1)
    return _grown(mask > 0, 1) if outlines else mask > 0


def ground_of(image: np.ndarray) -> np.ndarray:
    """The smooth ground of an image, continued below what stands out from it: float32 [h, w, 3]."""
    import cv2

    height, width = image.shape[:2]
    factor = min(1.0, GROUND_SIDE / max(height, width))
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    ground: np.ndarray = cv2.medianBlur(small, max(3, min(size) // 3 | 1)).astype(np.float32)
    seen, reach = small.astype(np.float32), max(size) / 24
    for _ in range(3):
        off = widest(np.abs(seen - ground))
        bare = (off < max(4.0, 3.0 * 1.4826 * float(np.median(off)))).astype(np.float32)
        weight = cv2.erode(bare, np.ones((3, 3), np.uint8)) + 1e-4
        total = cv2.GaussianBlur(seen * weight[..., None], (0, 0), reach)
        ground = total / cv2.GaussianBlur(weight, (0, 0), reach)[..., None]
    return cv2.resize(ground, (width, height), interpolation=cv2.INTER_LINEAR)


def _regions(image: np.ndarray, rest: np.ndarray, ground: np.ndarray) -> list[_Region]:
    """Connected regions that stand out, of at most `LARGEST` of the view, beside which the ground is smooth."""
    import cv2

    off = widest(np.abs(rest - ground))
    least = max(LEAST_CONTRAST, CONTRAST * 1.4826 * float(np.median(off)))
    solid = cv2.morphologyEx((off > least).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, labels, table, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    slope, (height, width) = slope_of(image), off.shape
    found = []
    for number, (left, top, across, down, area) in enumerate(table[1:].tolist(), start=1):
        if area < LEAST_PX or area > LARGEST * off.size:
            continue
        place = (slice(max(0, top - MARGIN), top + down + MARGIN), slice(max(0, left - MARGIN), left + across + MARGIN))
        mask = _filled(labels[place] == number)
        wide = _grown(mask, 2)
        shore = _grown(mask, 5) & ~wide
        if mask.sum() > LARGEST * off.size or not shore.any():
            continue
        flat, steep = np.quantile(slope[place][shore], 0.9), np.quantile(slope[place][wide], 0.9)
        enclosed = left > 0 and top > 0 and left + across < width and top + down < height
        if flat < SMOOTH_SHORE * steep:
            found.append(_Region(mask, place, enclosed))
    return found


def _filled(mask: np.ndarray) -> np.ndarray:
    """A mask [h, w] without holes."""
    import cv2

    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(whole, outlines, -1, 1, cv2.FILLED)
    return whole > 0


def _grown(mask: np.ndarray, reach: int) -> np.ndarray:
    import cv2

    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0


def _followed(
    change: np.ndarray, across: np.ndarray, down: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Shift (x, y) of P pixels in each frame, [N, 2], the variance of it, x and y together, that noise of 1 makes, and
    what is left of the change [N, P] without motion and light.

    Args:
        change: grey levels by which frames [N, P] differ from the picture at rest.
        across, down, own: its slopes [P] and how it differs from the ground, for a change of light does as well.
    """
    basis = np.stack([-across, -down, own, np.ones_like(own)], axis=1).astype(np.float64)
    square = basis.T @ basis + 0.01 * len(basis) * np.eye(4)
    inverse = np.linalg.inv(square)
    found = change @ basis @ inverse
    return found[:, :2], float(inverse[0, 0] + inverse[1, 1]) * BLURRED, change - found @ basis.T


def _shake(frames: np.ndarray, rest: np.ndarray, steep: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Shift (x, y) of the whole scene in each frame, [N, 2]: the median over a grid of places, regions left out.

    0 where there are too few places with edges to tell.
    """
    rows, columns = (np.linspace(0, side, GRID + 1).astype(int) for side in rest.shape[:2])
    shifts = []
    for top, bottom in zip(rows[:-1], rows[1:], strict=True):
        for left, right in zip(columns[:-1], columns[1:], strict=True):
            place = (slice(top, bottom), slice(left, right))
            free = ~taken[place]
            if not free.any():
                continue
            level = rest[place][free][:, 1]
            x, y = (slope[place][free][:, 1] for slope in steep)
            change = frames[:, place[0], place[1], 1][:, free] - level
            shift, variance, _ = _followed(change, x, y, level - level.mean())
            if variance**0.5 < EXACT:
                shifts.append(shift)
    return np.median(shifts, axis=0) if len(shifts) >= LEAST_PLACES else np.zeros((len(frames), 2))


def _motion(
    region: _Region,
    frames: np.ndarray,
    rest: np.ndarray,
    ground: np.ndarray,
    steep: np.ndarray,
    shake: np.ndarray,
    taken: np.ndarray,
) -> _Motion:
    """How far a region is moved, against the scene, between two frames that are half of the film apart."""
    place, wide = region.place, _grown(region.mask, 2)
    y, x = np.nonzero(wide)
    excess = (rest - ground)[place][y, x]
    channel = np.abs(excess).sum(axis=0).argmax()
    own = excess[:, channel]
    level = rest[place][y, x, channel]
    across, down = (slope[place][y, x, channel] for slope in steep)
    seen = frames[:, place[0], place[1], channel].astype(np.float32)
    change = seen[:, y, x] - level
    likeness = ((change + own) * own).sum(1) / np.sqrt(((change + own) ** 2).sum(1) * (own**2).sum() + 1e-6)
    beside = _grown(region.mask, 9) & ~_grown(region.mask, 5) & ~taken[place]
    ring = seen[:, beside] - rest[place][beside][:, channel] if beside.any() else np.zeros((len(frames), 1), np.float32)
    ring = ring - np.median(ring, axis=1, keepdims=True)
    noise = max(0.5, 1.4826 * float(np.median(np.abs(ring))))
    weight = np.abs(own)
    middle = np.average(y, weights=weight), np.average(x, weights=weight)
    quarter = 2 * (y > middle[0]) + (x > middle[1])
    first, second = np.arange(len(frames) // 2), np.arange(len(frames) // 2) + len(frames) // 2
    moved, feigned, power = np.zeros((len(frames), 4, 2)), np.zeros(4), np.zeros(4)
    altered, left = np.zeros(len(first)), np.zeros(len(first))
    for number in range(4):
        part = quarter == number
        if part.sum() < LEAST_PX // 4:
            continue
        shift, variance, rest_of = _followed(change[:, part], across[part], down[part], own[part])
        altered += ((change[second] - change[first])[:, part] ** 2).sum(axis=1) - 2 * noise**2 * part.sum()
        left += ((rest_of[second] - rest_of[first]) ** 2).sum(axis=1) - 2 * noise**2 * part.sum()
        moved[:, number], feigned[number] = shift - shake, variance
        power[number] = (across[part] ** 2 + down[part] ** 2).sum()
    if not power.any():
        return _Motion(0.0, np.inf, stays=False)
    power /= power.sum()
    gone = np.sqrt((((moved[second] - moved[first]) ** 2).sum(axis=2) * power).sum(axis=1))
    steepest = float(np.quantile(np.hypot(across, down), 0.99))
    jumps = np.quantile(np.abs(change[second] - change[first]), 0.99, axis=1) - 3.0 * noise
    gone[(left > MOST_LEFT * altered) | (jumps > STEEP * (1.0 + gone) * steepest)] = 0.0
    alters = np.sqrt(((change[second] - change[first]) ** 2).mean(axis=1))
    passes = np.sqrt(((ring[second] - ring[first]) ** 2).mean(axis=1))
    calm = passes < np.maximum(3.0 * noise, CALM_PAIR * alters)
    calm &= (likeness[first] > SAME) & (likeness[second] > SAME)
    stays = bool(np.mean(likeness > SAME) >= STAYS and calm.mean() >= LEAST_PAIRS)
    pixels = float(np.quantile(gone[calm], FARTHEST)) if calm.any() else 0.0
    return _Motion(pixels, float(np.sqrt(2.0 * (feigned * power).sum()) * noise), stays)
