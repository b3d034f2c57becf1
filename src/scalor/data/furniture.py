"""Street furniture from capsules and flat faces: trees, lamps, benches, bins, bollards, planters, kiosks, cars.

Drawn once per place as sprites that people walk in front of and behind.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scalor.data.camera import Camera
from scalor.data.capsules import Capsules, Light, paint
from scalor.errors import UserError

FINE = 3
"""Pixels per pixel and axis in which faces and capsules are drawn."""
LEAVES = ((0.03, 0.075, 0.012), (0.13, 0.2, 0.035))

Faces = list[tuple[np.ndarray, np.ndarray]]
"""(corners [n, 3], colour [3]) of flat faces, corners counted so that the outside sees them turn left."""


@dataclass(frozen=True)
class Rods:
    """Capsules: ends [K, 2, 3] in metres, radii [K, 2], colour [K, 3]."""

    ends: np.ndarray
    radii: np.ndarray
    color: np.ndarray


Layer = Rods | Faces


@dataclass(frozen=True)
class Item:
    """Something that stands at (x, y) on the ground."""

    kind: str
    x: float
    y: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"furniture {self.kind} is unknown; wanted one of {', '.join(KINDS)}; correct it")

    @property
    def radius(self) -> float:
        """Metres round its middle that people keep clear of."""
        return KINDS[self.kind][0]

    def layers(self) -> list[Layer]:
        """What it is made of, in painting order."""
        seed = zlib.crc32(f"{self.kind} {self.x:.2f} {self.y:.2f}".encode())
        made = KINDS[self.kind][1](np.random.default_rng(seed))
        shift = np.array([self.x, self.y, 0.0])
        return [
            Rods(layer.ends + shift, layer.radii, layer.color)
            if isinstance(layer, Rods)
            else [(corners + shift, color) for corners, color in layer]
            for layer in made
        ]


@dataclass(frozen=True)
class Sprite:
    """A drawn item: alpha [h, w] and premultiplied color [h, w, 3], left and top in pixels, metres away along Y."""

    alpha: np.ndarray
    color: np.ndarray
    left: int
    top: int
    far: float


def furnish(
    items: Sequence[Item], camera: Camera, *, side: int, light: Callable[[np.ndarray], Light]
) -> tuple[Sprite, ...]:
    """Draw all of them for a view of ``side`` pixels, far ones first; ``light`` is asked at their feet in pixels."""
    sprites = []
    for item in sorted(items, key=lambda item: -item.y):
        layers = item.layers()
        points = np.concatenate([_outline(layer, camera) for layer in layers]) * side
        left, top = np.floor(points.min(0)).astype(int) - 2
        right, bottom = np.ceil(points.max(0)).astype(int) + 2
        foot = camera.project(np.array([[item.x, item.y, 0.0]]))[0] * side
        alpha = np.zeros(((bottom - top) * FINE, (right - left) * FINE), np.float32)
        color = np.zeros((*alpha.shape, 3), np.float32)
        easel = _Easel(camera, side * FINE, np.array([left, top]) * FINE, light(foot), alpha, color)
        for layer in layers:
            easel.rods(layer) if isinstance(layer, Rods) else easel.faces(layer)
        shape = bottom - top, FINE, right - left, FINE
        picture = easel.color.reshape(*shape, 3).mean((1, 3))
        sprites.append(Sprite(alpha.reshape(shape).mean((1, 3)), picture, int(left), int(top), item.y))
    return tuple(sprites)


def _outline(layer: Layer, camera: Camera) -> np.ndarray:
    """Points of the view [n, 2] between which a layer lies."""
    if not isinstance(layer, Rods):
        return camera.project(np.concatenate([corners for corners, _ in layer]))[0]
    place, depth = camera.project(layer.ends)
    reach = (layer.radii * camera.focal / depth)[..., None]
    return np.concatenate([(place - reach).reshape(-1, 2), (place + reach).reshape(-1, 2)])


@dataclass(frozen=True)
class _Easel:
    """A patch of the view that is painted on: alpha [h, w] and premultiplied color [h, w, 3].

    It begins at pixel ``corner`` (x, y) of a view of ``side`` pixels, and lies in one light.
    """

    camera: Camera
    side: int
    corner: np.ndarray
    light: Light
    alpha: np.ndarray
    color: np.ndarray

    def rods(self, rods: Rods) -> None:
        """Paint capsules, far ones first."""
        place, depth = self.camera.project(rods.ends)
        capsules = Capsules(
            ends=(place * self.side - self.corner)[None],
            radii=(rods.radii * self.camera.focal / depth * self.side)[None],
            depth=depth.mean(-1)[None],
            color=rods.color[None].astype(np.float32),
            stripes=np.zeros((1, len(rods.color), 2), np.float32),
        )
        painted = paint(capsules, self.light)
        alpha, color = painted.patch(0)
        # The easel holds all layers, so the patch lies within it.
        (left, top), (width, height) = painted.corner[0].tolist(), painted.size[0].tolist()
        self._over(alpha, color, (slice(top, top + height), slice(left, left + width)))

    def faces(self, faces: Faces) -> None:
        """Paint those faces that turn to the camera, far ones first."""
        from PIL import Image, ImageDraw

        eye = np.array([0.0, 0.0, self.camera.height])
        axes = self.camera.axes() * np.array([[1.0], [1.0], [-1.0]])
        grain = np.random.default_rng(5).normal(1.0, 0.05, self.alpha.shape)
        for corners, own in sorted(faces, key=lambda face: -self.camera.project(face[0])[1].mean()):
            normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
            normal /= np.linalg.norm(normal)
            if (eye - corners.mean(0)) @ normal <= 0:
                continue
            mask = Image.new("L", self.alpha.shape[::-1])
            place = self.camera.project(corners)[0] * self.side - self.corner
            ImageDraw.Draw(mask).polygon([tuple(point) for point in place.tolist()], fill=1)
            turned, light = axes @ normal, self.light
            up = 0.5 + 0.5 * turned @ light.up
            falls = max(0.0, turned @ light.sun) * light.sunlight[0] + up * light.sky + (1 - up) * light.bounce
            cover = np.asarray(mask, np.float32)
            self._over(cover, (cover * grain)[..., None] * (falls * own), (slice(None), slice(None)))

    def _over(self, alpha: np.ndarray, color: np.ndarray, where: tuple[slice, slice]) -> None:
        self.color[where] = self.color[where] * (1 - alpha[..., None]) + color
        self.alpha[where] = self.alpha[where] * (1 - alpha) + alpha


def shadow_cover(items: Sequence[Item], camera: Camera, *, sun: np.ndarray, side: int) -> np.ndarray:
    """Share of the sun that the items keep off the ground, float32 [side, side]; ``sun`` is the unit vector to it."""
    from PIL import Image, ImageDraw
    from scipy.ndimage import gaussian_filter

    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)

    def on_ground(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        flat = points - sun * (points[..., 2:] / sun[2])
        place, depth = camera.project(flat)
        return place * side, depth

    for item in items:
        for layer in item.layers():
            if not isinstance(layer, Rods):
                for corners, _ in layer:
                    draw.polygon([tuple(point) for point in on_ground(corners)[0].tolist()], fill=255)
                continue
            place, depth = on_ground(layer.ends)
            for ends, reach in zip(place.tolist(), (layer.radii * camera.focal / depth * side).tolist(), strict=True):
                draw.line([tuple(end) for end in ends], fill=255, width=max(1, round(2 * min(reach))))
                for (x, y), r in zip(ends, reach, strict=True):
                    draw.ellipse([x - r, y - 0.7 * r, x + r, y + 0.7 * r], fill=255)
    return gaussian_filter(np.asarray(image, np.float32) / 255, side / 400)


def _box(low: Sequence[float], high: Sequence[float], color: Sequence[float], *, taper: float = 0.0) -> Faces:
    """Five faces of an upright box (not its bottom); ``taper`` metres are taken off each side at the top."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    floor = np.array([(x0, y0, z0), (x1, y0, z0), (x1, y1, z0), (x0, y1, z0)])
    inward = taper * np.array([(1, 1, 0), (-1, 1, 0), (-1, -1, 0), (1, -1, 0)])
    roof = floor + [0, 0, z1 - z0] + inward
    walls = [np.stack([floor[i], floor[i - 3], roof[i - 3], roof[i]]) for i in range(4)]
    return [(wall, np.asarray(color, float)) for wall in [*walls, roof]]


def _rods(*parts: tuple[Sequence[float], Sequence[float], tuple[float, float], Sequence[float]]) -> Rods:
    ends = np.array([(first, last) for first, last, _, _ in parts], float)
    return Rods(ends, np.array([radii for _, _, radii, _ in parts]), np.array([color for *_, color in parts], float))


def _foliage(rng: np.random.Generator, middle: Sequence[float], reach: Sequence[float], count: int) -> Rods:
    """Round tufts of leaves that fill an ellipsoid, lighter toward its top."""
    way = rng.normal(size=(count, 3))
    way *= (rng.random((count, 1)) ** 0.25) / np.linalg.norm(way, axis=1, keepdims=True)
    spot = np.asarray(middle) + way * reach
    share = np.clip(0.45 + 0.35 * way[:, 2:] + rng.normal(0, 0.22, (count, 1)), 0, 1)
    color = np.array(LEAVES[0]) + share * (np.array(LEAVES[1]) - LEAVES[0])
    radius = rng.uniform(0.05, 0.13, count) * max(reach)
    end = spot + rng.normal(0, 0.12, (count, 3)) * max(reach)
    return Rods(np.stack([spot, end], 1), np.stack([radius, 0.7 * radius], 1), color)


def _tree(rng: np.random.Generator) -> list[Layer]:
    bark = (0.07, 0.052, 0.037)
    trunk = _rods(((0, 0, 0), (0.05, 0, 1.4), (0.13, 0.1), bark), ((0.05, 0, 1.4), (0, 0.1, 2.6), (0.1, 0.06), bark))
    return [trunk, _foliage(rng, (0.05, 0.05, 2.75), (1.0, 1.0, 0.85), 520)]


def _lamp(rng: np.random.Generator) -> list[Layer]:
    steel = (0.035, 0.04, 0.04)
    post = _rods(
        ((0, 0, 0), (0, 0, 0.5), (0.1, 0.08), steel),
        ((0, 0, 0.5), (0, 0, 3.6), (0.05, 0.04), steel),
        ((0, 0, 3.6), (0, 0, 3.85), (0.16, 0.12), (0.75, 0.72, 0.62)),
        ((0, 0, 3.95), (0, 0, 4.0), (0.17, 0.05), steel),
    )
    return [post]


def _bench(rng: np.random.Generator) -> list[Layer]:
    wood, iron = (0.2, 0.11, 0.055), (0.03, 0.03, 0.03)
    legs = [face for x in (-0.75, 0.7) for face in _box((x, -0.22, 0), (x + 0.06, 0.22, 0.42), iron)]
    slats = [_box((-0.9, -0.25 + 0.13 * i, 0.42), (0.9, -0.15 + 0.13 * i, 0.46), wood) for i in range(4)]
    back = [_box((-0.9, 0.26, 0.55 + 0.15 * i), (0.9, 0.3, 0.66 + 0.15 * i), wood) for i in range(2)]
    return [legs, [face for box in (*slats, *back) for face in box]]


def _bin(rng: np.random.Generator) -> list[Layer]:
    color = (0.02, 0.09, 0.045)
    return [
        _rods(((0, 0, 0.2), (0, 0, 0.75), (0.24, 0.25), color), ((0, 0, 0.92), (0, 0, 0.93), (0.2, 0.2), (0.03,) * 3))
    ]


def _bollard(rng: np.random.Generator) -> list[Layer]:
    return [
        _rods(
            ((0, 0, 0), (0, 0, 0.8), (0.09, 0.08), (0.05, 0.05, 0.055)),
            ((0, 0, 0.62), (0, 0, 0.7), (0.1, 0.1), (0.6,) * 3),
        )
    ]


def _planter(rng: np.random.Generator) -> list[Layer]:
    tub = _box((-0.75, -0.4, 0), (0.75, 0.4, 0.5), (0.24, 0.22, 0.2), taper=-0.05)
    bush = _foliage(rng, (0, 0, 0.72), (0.7, 0.36, 0.35), 110)
    spot = rng.uniform((-0.6, -0.3, 0.85), (0.6, 0.3, 1.1), (26, 3))
    bloom = np.array([(0.55, 0.04, 0.07), (0.65, 0.5, 0.06), (0.6, 0.55, 0.6)])[rng.integers(0, 3, 26)]
    return [tub, bush, Rods(np.stack([spot, spot], 1), np.full((26, 2), 0.05), bloom)]


def _kiosk(rng: np.random.Generator) -> list[Layer]:
    body = _box((-1.1, -0.8, 0), (1.1, 0.8, 2.1), (0.08, 0.16, 0.2))
    front = np.array([(-0.9, -0.81, 0.95), (0.9, -0.81, 0.95), (0.9, -0.81, 1.75), (-0.9, -0.81, 1.75)])
    goods = [(front, np.array([0.03, 0.03, 0.035]))]
    for number in range(12):
        left, low = -0.85 + 0.29 * (number % 6), 1.0 + 0.36 * (number // 6)
        sheet = np.array(
            [(left, -0.82, low), (left + 0.22, -0.82, low), (left + 0.22, -0.82, low + 0.28), (left, -0.82, low + 0.28)]
        )
        goods.append((sheet, rng.uniform(0.05, 0.6, 3)))
    roof = _box((-1.35, -1.15, 2.1), (1.35, 0.95, 2.3), (0.35, 0.05, 0.04))
    return [body, goods, roof]


def _pillar(rng: np.random.Generator) -> list[Layer]:
    stone = (0.36, 0.33, 0.28)
    foot = _box((-0.42, -0.42, 0), (0.42, 0.42, 0.35), (0.22, 0.2, 0.17))
    return [foot, _rods(((0, 0, 0.4), (0, 0, 6.5), (0.3, 0.28), stone))]


def _parasol(rng: np.random.Generator) -> list[Layer]:
    pole = _rods(((0, 0, 0), (0, 0, 2.3), (0.03, 0.03), (0.3, 0.2, 0.1)))
    table = _rods(((-0.28, 0, 0.72), (0.28, 0, 0.72), (0.3, 0.3), (0.4, 0.38, 0.35)))
    angle = np.linspace(0, 2 * np.pi, 9)
    rim = np.stack([1.25 * np.cos(angle), 1.25 * np.sin(angle), 0 * angle + 2.0], -1)
    cloth = ((0.5, 0.45, 0.36), (0.36, 0.045, 0.04))
    return [table, pole, [(np.stack([rim[i], rim[i + 1], (0, 0, 2.55)]), np.array(cloth[i % 2])) for i in range(8)]]


def _car(rng: np.random.Generator) -> list[Layer]:
    color = np.array([(0.3, 0.3, 0.32), (0.32, 0.02, 0.02), (0.02, 0.05, 0.16), (0.55, 0.55, 0.54)])[rng.integers(4)]
    black = (0.012, 0.012, 0.013)
    wheels = _rods(
        *(((x, y, 0.3), (x, y + 0.04, 0.3), (0.31, 0.31), black) for x in (-1.3, 1.3) for y in (-0.78, 0.74))
    )
    lower = _box((-2.1, -0.85, 0.28), (2.1, 0.85, 0.82), color, taper=0.06)
    glass = _box((-1.35, -0.78, 0.82), (1.05, 0.78, 1.36), (0.03, 0.04, 0.05), taper=0.22)
    roof = _box((-1.1, -0.55, 1.36), (0.8, 0.55, 1.42), color, taper=0.04)
    posts = _rods(
        *(((x, y, 0.84), (x * 0.87, y * 0.78, 1.36), (0.035, 0.03), color) for x in (-1.3, 1.0) for y in (-0.76, 0.76))
    )
    lights = _rods(*(((2.07, y, 0.62), (2.07, y + 0.1, 0.62), (0.07, 0.07), (0.75, 0.72, 0.65)) for y in (-0.68, 0.58)))
    return [wheels, lower, lights, glass, posts, roof]


KINDS: dict[str, tuple[float, Callable[[np.random.Generator], list[Layer]]]] = {
    "tree": (0.35, _tree),
    "lamp": (0.25, _lamp),
    "bench": (0.9, _bench),
    "bin": (0.3, _bin),
    "bollard": (0.2, _bollard),
    "planter": (0.8, _planter),
    "kiosk": (1.5, _kiosk),
    "pillar": (0.5, _pillar),
    "parasol": (0.6, _parasol),
    "car": (1.7, _car),
}
"""What there is: metres to keep clear, and how it is built."""
