"""`empty_scene`: what a fixed camera sees where nothing stands, and how restless each of its pixels is.

A median over time holds whatever stands still for more than half of the video. Here every pixel keeps several
candidates: the colours that it had for long (modes over time). Where another candidate continues its surroundings
better, it takes over: something that has left, or has not yet come, leaves an outline only in the picture that holds it
(the test for abandoned and removed objects of video surveillance). Candidates are what some frames show, and, for busy
places that none shows empty, what grows in from their shores (`scalor.data.growing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalor.data.candidates import (
    MEDIAN_OF,
    Candidate,
    Modes,
    frame_noise,
    gap_of,
    modes_of,
    shown_by,
    spread,
    temporal_median,
)
from scalor.data.growing import grown
from scalor.data.slopes import slope_of, softened, widest
from scalor.data.stirring import stirring
from scalor.data.sway import Sway, swaying

MOST_FRAMES = 240
"""Frames, spread over the whole video, in which candidates are looked for."""
KEYS = 16
"""Of them, frames whose regions are tried as candidates."""
DEPTHS = (1, 2, 3, 4)
"""Where a region does not take over, the parts of it that differ so many times more are tried: a change of light, or a
hand, joins things into one region."""
JOINED = 0.01
"""Share of the view from which a region may be more than one thing, and a part of it is one."""
ROUNDS = 4
"""Passes over the regions: what was decided beside a region may change the decision about it."""
CALMER = 0.8
"""A candidate takes over where the outlines it leaves are less than this share of those of the present one; of a rare
one, less by the root of how much rarer it is: a shirt behind leaves may continue them too, for once."""
SWAYED = 0.1
"""What has grown is taken back where so much of it is explained as swaying by what is left beside it."""
RELIT = 0.95
"""Correlation from which two candidates show one surface under two lights: the one seen more often stays."""
JITTER = 0.75
"""Pixels by which a still camera and its compression may move edges without anything standing out there."""
LEAST_PX = 4
"""Smaller regions are noise."""
STAYS = 0.9
"""Where a pixel shows its colour in a smaller share of the frames, something may be moving on the spot."""
LEAST_BARE = 0.1
"""Share of the frames in which most of an island's restless pixels must show the bare ground."""
CALM_SHORE = 0.4
"""An island is painted over where its surroundings are flatter than it is by this factor: not a part of a tree."""
LARGEST_ISLAND = 0.1
"""Share of the view that may be painted over at one place."""


@dataclass(frozen=True)
class EmptyScene:
    """image: uint8 [h, w, 3]; noise: float32 [h, w], standard deviation over time of its own grey levels (0..255).

    stirs: bool [h, w], where things that never leave were painted over (see `scalor.data.stirring`); None: nowhere.
    sways: uint8 [h, w], above 0 where things move to and fro (see `scalor.data.sway`); None: nowhere.
    """

    image: np.ndarray
    noise: np.ndarray
    stirs: np.ndarray | None = None
    sways: np.ndarray | None = None


def empty_scene(frames: np.ndarray, stirs: np.ndarray | None = None) -> EmptyScene:
    """The scene without the objects that stood in it for only a part of the time, and the noise of each pixel.

    What never leaves its place, but moves there, is painted over from its surroundings where these are calm.

    Args:
        frames: uint8 [N, h, w, 3] of a camera that stands still under an even light (see `scalor.data.steady`).
        stirs: bool [h, w], where things are known that never leave; None: they are looked for.
    """
    import cv2

    picks = spread(len(frames), MOST_FRAMES)
    soft = np.stack([softened(frame) for frame in frames[picks]])
    noise = frame_noise(frames)
    reach = max(10.0, 5.0 * float(np.median(frame_noise(soft))))
    modes = modes_of(soft, reach)
    scene = Candidate(modes.color[0].copy(), modes.count[0].copy())
    keys = [shown_by(modes, soft[i]) for i in spread(len(soft), KEYS)]
    for _ in range(ROUNDS):
        if not sum(_take_over(scene, *key, reach) for key in keys):
            break
    for key in keys:
        _take_parts(scene, *key, reach)
    _take_grown(scene, modes, len(picks))
    rows = spread(len(picks), MEDIAN_OF)
    image, deviation = _sharp(frames[picks[rows]], soft[rows], scene.color, reach)
    painted = _without_what_stays(image, soft[rows], reach)
    known = stirring(soft[rows], painted) if stirs is None else stirs
    if known.any():
        painted = cv2.inpaint(painted, known.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    noise = np.maximum(noise, deviation)
    # Nobody has seen the ground there: what moves on it is no noise of its.
    noise[(painted != image).any(axis=2)] = np.median(noise)
    sways = swaying(painted, modes.color, modes.count, frames=len(picks), reach=reach)
    return EmptyScene(painted, noise, known if known.any() else None, sways if sways.any() else None)


def _take_grown(scene: Candidate, modes: Modes, frames: int) -> None:
    """Let what has grown take over, but not where what is left of a thing explains it as swaying: a leaf that moves to
    and fro would be trimmed to what it never leaves."""
    import cv2

    before = Candidate(scene.color.copy(), scene.count.copy())
    if not _take_over(scene, *grown(scene, modes, frames), modes.reach):
        return
    image = np.clip(scene.color.round(), 0, 255).astype(np.uint8)
    sways = swaying(image, modes.color, modes.count, frames=frames, reach=modes.reach) > 0
    changed = (scene.color != before.color).any(axis=2)
    number, part = cv2.connectedComponents(changed.astype(np.uint8))
    share = np.bincount(part[sways], minlength=number) / np.bincount(part.ravel(), minlength=number)
    back = changed & (share > SWAYED)[part]
    scene.color[back], scene.count[back] = before.color[back], before.count[back]


def _take_over(scene: Candidate, other: Candidate, lasting: np.ndarray, reach: float) -> int:
    """Try every region in which a frame shows another long-lived candidate; ``scene`` is changed in place."""
    return sum(_taken_over(scene, other, contour) for contour in _differing(scene, other, lasting, reach))


def _take_parts(scene: Candidate, other: Candidate, lasting: np.ndarray, reach: float) -> None:
    """Of large regions that have not taken over, try the parts that differ more, and more."""
    import cv2

    for depth in DEPTHS:
        wide = np.zeros(lasting.shape, np.uint8)
        for contour in _differing(scene, other, lasting, depth * reach):
            large = cv2.contourArea(contour) > JOINED * wide.size
            if large and (depth == 1 or not _taken_over(scene, other, contour)):
                cv2.drawContours(wide, [contour], 0, 1, cv2.FILLED)
        lasting = lasting & (wide > 0)


def _differing(scene: Candidate, other: Candidate, lasting: np.ndarray, reach: float) -> Sequence[np.ndarray]:
    """Outlines of the regions in which two candidates differ by more than ``reach``."""
    import cv2

    differs = ((widest(np.abs(other.color - scene.color)) > reach) & lasting).astype(np.uint8)
    solid = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]


def _taken_over(scene: Candidate, other: Candidate, contour: np.ndarray) -> bool:
    """Whether ``other`` takes over within a contour."""
    import cv2

    left, top, width, height = cv2.boundingRect(contour)
    if width * height < LEAST_PX:
        return False
    place = _around((left, top, width, height), scene.count.shape)
    mask = np.zeros((place[0].stop - place[0].start, place[1].stop - place[1].start), np.uint8)
    cv2.drawContours(mask, [contour], 0, 1, cv2.FILLED, offset=(-place[1].start, -place[0].start))
    # The blurred rim of what differs belongs to it.
    inside = cv2.dilate(mask, np.ones((5, 5), np.uint8)) > 0
    if _relit(scene.color[place][inside], other.color[place][inside]):
        return False
    rarer = float(other.count[place][mask > 0].mean() / max(1.0, scene.count[place][mask > 0].mean()))
    if not _calmer(scene.color[place], other.color[place], inside, CALMER * min(1.0, rarer) ** 0.5):
        return False
    scene.color[place][inside] = other.color[place][inside]
    scene.count[place][inside] = other.count[place][inside]
    return True


def _relit(present: np.ndarray, other: np.ndarray) -> bool:
    """Whether colours [P, 3] are those of one textured surface, only brighter or darker."""
    present, other = present - present.mean(axis=0), other - other.mean(axis=0)
    return bool((present * other).sum() > RELIT * np.sqrt((present**2).sum() * (other**2).sum()))


def _around(box: tuple[int, int, int, int], size: tuple[int, ...], margin: int = 6) -> tuple[slice, slice]:
    """Rows and columns of a box (left, top, width, height) and its surroundings."""
    left, top, width, height = box
    return (
        slice(max(0, top - margin), min(size[0], top + height + margin)),
        slice(max(0, left - margin), min(size[1], left + width + margin)),
    )


def _calmer(present: np.ndarray, other: np.ndarray, mask: np.ndarray, limit: float) -> bool:
    """Whether ``other`` inside the mask [h, w] leaves less than a ``limit`` of the outlines around it that ``present``
    does."""
    import cv2

    kernel = np.ones((5, 5), np.uint8)
    inside = mask.astype(np.uint8)
    band = (cv2.dilate(inside, kernel) > 0) & ~(cv2.erode(inside, kernel, borderValue=1) > 0)
    if not band.any():
        return False
    pasted = np.where(mask[..., None], other, present)
    before, after = (slope_of(image)[band] for image in (present, pasted))
    # Edges that both have, of textures and of what is partly hidden, decide nothing.
    lost, gained = np.maximum(before - after, 0.0).sum(), np.maximum(after - before, 0.0).sum()
    return bool(gained < limit * lost)


def bring_to_rest(frames: np.ndarray, scene: EmptyScene) -> None:
    """Show at rest, in frames uint8 [N, h, w, 3] and in place, what sways in a scene."""
    if scene.sways is not None:
        sway = Sway(scene.image, scene.sways)
        for frame in frames:
            frame[:] = sway(frame)


def restless(scene: EmptyScene, factor: float) -> np.ndarray:
    """Grey levels from which a difference to the scene is not its own: float32 [h, w], ``factor`` times its noise, more
    on edges."""
    return np.maximum(factor * scene.noise, JITTER * slope_of(scene.image))


def _sharp(frames: np.ndarray, soft: np.ndarray, scene: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Median, and deviation from it, over the frames in which a pixel shows the scene: uint8 [h, w, 3], float32 [h, w].

    ``scene`` is soft, and a mean that dim things have coloured; a median of unblurred frames is neither.
    """
    target = np.clip(scene.round(), 0, 255).astype(np.uint8)
    shows = np.stack([gap_of(frame, target) <= 1.5 * reach for frame in soft])
    image = temporal_median(frames)
    covered = ~shows.all(axis=0)
    if covered.any():
        image[covered] = _median_where(frames[:, covered], shows[:, covered], target[covered])
    gaps = np.stack([gap_of(frame, image) for frame in frames])
    middle = temporal_median(gaps).astype(np.float32)
    if covered.any():
        nothing = np.zeros((1, 1), np.uint8)
        middle[covered] = _median_where(gaps[:, covered][..., None], shows[:, covered], nothing)[..., 0]
    return image, np.float32(1.4826) * middle


def _median_where(rows: np.ndarray, shows: np.ndarray, default: np.ndarray) -> np.ndarray:
    """Median over the rows of uint8 [N, P, C] where bool [N, P] holds; ``default`` where it never does."""
    number = shows.sum(axis=0)
    ranked = np.sort(np.where(shows[..., None], rows, np.int16(300)), axis=0)
    half = np.maximum(number - 1, 0) // 2
    middle = np.take_along_axis(ranked, half[None, :, None], axis=0)[0]
    return np.where((number > 0)[:, None], middle, default).astype(np.uint8)


def _without_what_stays(image: np.ndarray, soft: np.ndarray, reach: float) -> np.ndarray:
    """The image without islands that move on the spot and never leave it, such as spiders in their webs.

    An island is painted over from its shore where the shore is calm and where parts of the island do show, now and
    then, what would be painted: a marking that only flickers never looks like the road.
    """
    import cv2

    calm = softened(image)
    stays = np.mean([gap_of(frame, calm) <= reach for frame in soft], axis=0)
    solid = cv2.morphologyEx((stays < STAYS).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    slope, hole = slope_of(image), np.zeros(stays.shape, np.uint8)
    islands: list[np.ndarray] = []
    for contour in contours:
        island = np.zeros(stays.shape, np.uint8)
        cv2.drawContours(island, [contour], 0, 1, cv2.FILLED)
        if not 9 <= island.sum() <= LARGEST_ISLAND * island.size:
            continue
        wide = cv2.dilate(island, np.ones((5, 5), np.uint8))
        shore = (cv2.dilate(wide, np.ones((7, 7), np.uint8)) > 0) & (wide == 0)
        if shore.any() and np.quantile(slope[shore], 0.9) < CALM_SHORE * np.quantile(slope[wide > 0], 0.9):
            islands.append(wide > 0)
            hole[wide > 0] = 1
    if not islands:
        return image
    painted = cv2.inpaint(image, hole, 3, cv2.INPAINT_TELEA)
    bare = np.mean([gap_of(frame, softened(painted)) <= reach for frame in soft], axis=0)
    changes = gap_of(painted, image) > reach
    for island in islands:
        part = island & changes & (stays < STAYS)
        if part.any() and np.mean(bare[part] >= LEAST_BARE) >= 0.5:
            image = np.where(island[..., None], painted, image)
    return image


def ghostly(frame: np.ndarray, background: np.ndarray, lit: np.ndarray) -> float:
    """Share, 0..1, of the outlines of what stands out (bool [h, w]) that are the background's and not the frame's.

    Near 0 for objects; near 1 for ghosts, the places that something in the background has left.
    """
    import cv2

    inside, kernel = lit.astype(np.uint8), np.ones((3, 3), np.uint8)
    band = (cv2.dilate(inside, kernel) > 0) & ~(cv2.erode(inside, kernel, borderValue=1) > 0)
    if not band.any():
        return 0.0
    seen, empty = (float(slope_of(softened(image))[band].sum()) for image in (frame, background))
    return empty / max(seen + empty, 1e-6)
