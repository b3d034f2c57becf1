"""Crowds with exact truth: walking people seen by a fixed raised camera, in eight places.

A stand-in for MOTSynth that needs no download: the same view, size of people and layout (`motsynth_write`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from scalor.data.capsules import Capsules, Patches, paint
from scalor.data.clip import Clip
from scalor.data.crowd_body import NUMBER, Looks, Pose, looks, pose
from scalor.data.crowd_scenes import PLACES, Plate, bare_plate, blocks, plate, to_sun
from scalor.data.crowd_walk import Walk, walk
from scalor.data.furniture import Sprite
from scalor.data.grounds import REPLACEMENTS
from scalor.data.stage import truth_of_boxes
from scalor.errors import UserError

FINE = 2
"""Pixels drawn per pixel and axis."""
AT_ONCE = 16
"""Frames that are painted together."""
MARGIN = 2.0
"""Metres beyond the view in which people walk on."""
LIMBS = [
    NUMBER[name] for name in ("left thigh", "right thigh", "left shin", "right shin", "hips", "torso", "shoulders")
]
CASTING = [*LIMBS, *(NUMBER[name] for name in ("left forearm", "right forearm", "head", "coat", "bag"))]
"""Parts that cast a shadow; the others are hidden in it."""


@dataclass(frozen=True)
class CrowdConfig:
    """What a crowd clip looks like.

    size        side of the square view in pixels
    count       (least, most) people in view, about
    scenes      numbers of the places (`crowd_scenes.PLACES`); clip ``index`` shows scenes[index % len(scenes)]
    background  None: the place's own ground, furniture and shadows; else one of `grounds.REPLACEMENTS` or a picture's
                path, behind people who cast no shadow: the study's replaced backgrounds
    frames      frames of a clip where no number is asked for
    fps         frames per second
    noise       standard deviation of the camera's noise, 0..1
    """

    size: int = 128
    count: tuple[int, int] = (20, 60)
    scenes: tuple[int, ...] = tuple(range(len(PLACES)))
    background: str | None = None
    frames: int = 40
    fps: float = 5.0
    noise: float = 0.012
    name: str = "hard"

    def __post_init__(self) -> None:
        if not self.scenes or not set(self.scenes) <= set(range(len(PLACES))):
            raise UserError(f"scenes are {self.scenes}; wanted some of 0 to {len(PLACES) - 1}; correct them")
        if not 0 <= self.count[0] <= self.count[1]:
            raise UserError(f"count is {self.count}; wanted (least, most) with 0 <= least <= most; correct it")


_HARD = CrowdConfig()
PRESETS: dict[str, CrowdConfig] = {
    "hard": _HARD,
    **{name: replace(_HARD, background=name, name=name) for name in REPLACEMENTS if name != "hard"},
    "hard-ground": replace(_HARD, background="hard", name="hard-ground"),
    "one": replace(_HARD, scenes=(0,), name="one"),
    "tiny": replace(_HARD, size=32, count=(3, 6), scenes=(0,), frames=6, name="tiny"),
}
PRESETS |= {
    f"{name}-256": replace(config, size=256, name=f"{name}-256") for name, config in PRESETS.items() if name != "tiny"
}


def crowd(name: str) -> CrowdConfig:
    """The named setting. Raises UserError for an unknown name."""
    if name not in PRESETS:
        raise UserError(f"there is no crowd setting {name!r}; known are {', '.join(PRESETS)}; choose one of these")
    return PRESETS[name]


@dataclass(frozen=True)
class Crowd:
    """A data set of ``length`` crowd clips; clip ``index`` is a pure function of (config, seed, index)."""

    config: CrowdConfig
    seed: int = 0
    length: int = 1_000_000

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Clip:
        return self.clip(index)

    def scene(self, index: int) -> int:
        """Which of the config's scenes clip ``index`` shows, from 0."""
        return index % len(self.config.scenes)

    def clip(self, index: int, frames: int | None = None) -> Clip:
        """Clip ``index`` with ``frames`` frames (None: the config's); shorter clips are beginnings of longer ones.

        Raises IndexError outside 0 .. length - 1.
        """
        if not 0 <= index < self.length:
            raise IndexError(f"clip {index} of {self.length}")
        config = self.config
        frames = config.frames if frames is None else frames
        number = config.scenes[self.scene(index)]
        side = config.size * FINE
        empty = plate(number, side) if config.background is None else bare_plate(number, side, config.background)
        walked, people = cast(config, number, rng=np.random.default_rng([self.seed, index]), frames=frames)
        parts = [
            _filmed(empty, walked, people=people, frames=range(first, min(first + AT_ONCE, frames)))
            for first in range(0, frames, AT_ONCE)
        ]
        light, owner, box, seen = (np.concatenate(part) for part in zip(*parts, strict=True))
        video = _exposed(light, config.noise, np.random.default_rng([self.seed, index, 1]))
        return Clip(
            video=torch.from_numpy(np.ascontiguousarray(video.transpose(0, 3, 1, 2))),
            truth=truth_of_boxes(box / FINE, seen, owner),
            fps=config.fps,
            name=f"crowd-{config.name}-{self.seed}-{index:06d}",
        )


def cast(config: CrowdConfig, number: int, *, rng: np.random.Generator, frames: int) -> tuple[Walk, Looks]:
    """Who walks in place ``number``, and how."""
    camera = PLACES[number].camera
    region = camera.region(MARGIN)
    corners = camera.ground(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    width, depth = corners[[1, 3], 0] - corners[[0, 2], 0], corners[0, 1] - corners[2, 1]
    # People stand out of the ground they stand on: some more are seen than have their feet in view.
    share = 1.1 * width.mean() * depth / (region[1] - region[0]).prod()
    count = round(rng.integers(config.count[0], config.count[1], endpoint=True) / share)
    people = looks(rng, count)
    obstacles = blocks(PLACES[number]) if config.background is None else np.zeros((0, 3))
    return walk(rng, region, count=count, frames=frames, seconds=1 / config.fps, blocks=obstacles), people


Film = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Linear light [T, S, S, 3], owners int16 [T, S, S], boxes [T, N, 4] in fine pixels and visibility [T, N]."""


def _filmed(empty: Plate, walked: Walk, *, people: Looks, frames: range) -> Film:
    camera, side = empty.place.camera, empty.side
    spot = walked.position[frames.start : frames.stop]
    foot, depth = camera.project(np.concatenate([spot, np.zeros_like(spot[..., :1])], -1))
    reach = 2.3 * camera.focal / depth
    near = (foot > -reach[..., None] / 2).all(-1) & (foot[..., 0] < 1 + reach / 2) & (foot[..., 1] < 1 + reach)
    time, who = np.nonzero(near)
    step = np.stack(
        [part[frames.start : frames.stop][time, who] for part in (walked.heading, walked.phase, walked.pace)], -1
    )
    posed = pose(people, who, place=spot[time, who], step=step)
    shapes = capsules(posed, people, who=who, empty=empty)
    bodies = paint(shapes, empty.light(foot[time, who] * side))
    extent = shapes.extent()
    box = np.full((*near.shape, 4), np.nan)
    box[time, who] = np.concatenate([extent[:, :2], extent[:, 2:] - extent[:, :2]], -1)
    shadows = paint(_shadow(posed, empty), None)
    light = np.empty((len(frames), side // FINE, side // FINE, 3), np.float32)
    owner = np.empty((len(frames), side // FINE, side // FINE), np.int16)
    visibility = np.zeros(near.shape)
    for number in range(len(frames)):
        rows = np.flatnonzero(time == number)
        order = rows[np.argsort(-spot[number, who[rows], 1])]
        canvas = empty.picture * _shade_factor(empty, shadows, rows)
        claims = np.full((side, side), -1, np.int16)
        _composed(
            canvas,
            claims,
            bodies=bodies,
            people=[(int(r), int(who[r]), float(spot[number, who[r], 1])) for r in order],
            empty=empty,
        )
        shown = np.bincount(claims[claims >= 0], minlength=near.shape[1])
        whole = np.array([np.count_nonzero(bodies.cover(int(row)) >= 0.5) for row in rows])
        visibility[number, who[rows]] = shown[who[rows]] / np.maximum(whole, 1)
        light[number] = canvas.reshape(side // FINE, FINE, side // FINE, FINE, 3).mean((1, 3))
        owner[number] = _majority(claims)
    return light, owner, box, visibility


def capsules(posed: Pose, people: Looks, *, who: np.ndarray, empty: Plate) -> Capsules:
    """A pose in the picture."""
    camera, side = empty.place.camera, empty.side
    place, depth = camera.project(posed.ends)
    middle = depth.mean(-1)
    stripes = np.zeros((*middle.shape, 2), np.float32)
    stripes[:, NUMBER["torso"]] = people.stripes[who]
    return Capsules(
        ends=place * side,
        radii=posed.radii * camera.focal / depth * side,
        depth=middle - 0.6 * posed.radii.max(-1),
        color=people.color[who],
        stripes=stripes,
    )


def _shadow(posed: Pose, empty: Plate) -> Capsules:
    """What a pose keeps the sun from, on the ground; in whole pixels, for shadows are soft."""
    camera, side, sun = empty.place.camera, empty.side // FINE, to_sun(empty.place)
    ends = posed.ends[:, CASTING]
    flat = ends - sun * (ends[..., 2:] / sun[2])
    place, depth = camera.project(flat)
    radii = posed.radii[:, CASTING] * camera.focal / depth * side
    count = radii.shape[:2]
    return Capsules(place * side, radii, np.zeros(count), np.zeros((*count, 3), np.float32), np.zeros((*count, 2)))


def _shade_factor(empty: Plate, shadows: Patches, rows: np.ndarray) -> np.ndarray:
    """Factor [S, S, 3] (or 1) by which the shadows of people darken the ground."""
    from scipy.ndimage import uniform_filter

    if (empty.shaded == 1).all():
        return np.ones(1, np.float32)
    side = empty.side // FINE
    cover = np.zeros((side, side), np.float32)
    for row in rows.tolist():
        alpha = shadows.cover(row)
        view = _window(shadows.corner[row], alpha.shape, side)
        if view is not None:
            here, there = view
            np.maximum(cover[here], alpha[there], out=cover[here])
    width = max(2, side // 85)
    cover = uniform_filter(cover, width).repeat(FINE, 0).repeat(FINE, 1)
    cover = uniform_filter(cover, width + 1)
    return 1 - cover[..., None] * (1 - empty.shaded)


def _composed(
    canvas: np.ndarray, claims: np.ndarray, *, bodies: Patches, people: list[tuple[int, int, float]], empty: Plate
) -> None:
    """Put people (row of ``bodies``, number, metres away; far ones first) and furniture on the canvas."""
    for painted in _in_order(people, empty.sprites):
        if isinstance(painted, Sprite):
            (alpha, color), corner, number = (painted.alpha, painted.color), (painted.left, painted.top), -1
        else:
            row, number, _ = painted
            (alpha, color), corner = bodies.patch(row), bodies.corner[row]
        view = _window(corner, alpha.shape, empty.side)
        if view is None:
            continue
        here, there = view
        alpha = alpha[there]
        below = canvas[here]
        below *= 1 - alpha[..., None]
        below += color[there]
        claims[here][alpha >= 0.5] = number


def _in_order(
    people: list[tuple[int, int, float]], sprites: tuple[Sprite, ...]
) -> Iterator[tuple[int, int, float] | Sprite]:
    waiting = list(sprites)
    for person in people:
        while waiting and waiting[0].far > person[2]:
            yield waiting.pop(0)
        yield person
    yield from waiting


def _window(
    corner: np.ndarray | tuple[int, int], shape: tuple[int, ...], side: int
) -> tuple[tuple[slice, slice], ...] | None:
    """Where a patch lies in the picture and which part of it that is; None: outside."""
    left, top = int(corner[0]), int(corner[1])
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + shape[1], side), min(top + shape[0], side)
    if x0 >= x1 or y0 >= y1:
        return None
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))


def _majority(claims: np.ndarray) -> np.ndarray:
    """Owners of pixels from those of the four fine ones in each: who holds half of them, at a tie the larger number."""
    first, second, third, fourth = (claims[i::FINE, j::FINE] for i in range(FINE) for j in range(FINE))
    low, high = np.minimum(first, second), np.maximum(first, second)
    other_low, other_high = np.minimum(third, fourth), np.maximum(third, fourth)
    # The second largest of the four.
    return np.maximum(np.minimum(high, other_high), np.where(high >= other_high, low, other_low))


def _exposed(light: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """The camera: soft highlights, darker corners, noise of the sensor; uint8."""
    side = light.shape[1]
    place = np.linspace(-1, 1, side, dtype=np.float32)
    corners = 1 - 0.13 * (np.square(place)[:, None] + np.square(place)[None])
    light = light * corners[..., None]
    value = np.sqrt(light / (1 + 0.35 * light) * 1.2)
    # One generator's numbers in the order of the frames: a shorter clip has the same.
    value += rng.standard_normal(light.shape, np.float32) * noise
    return (np.clip(value, 0, 1) * 255 + 0.5).astype(np.uint8)
