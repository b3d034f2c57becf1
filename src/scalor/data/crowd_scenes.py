"""Eight places with a fixed raised camera: ground, light and street furniture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scalor.data import grounds
from scalor.data.camera import Camera
from scalor.data.capsules import Light
from scalor.data.furniture import Item, Sprite, furnish, shadow_cover
from scalor.data.noise import cloudy

FINE = 2
"""Rays per pixel and axis where the empty place is drawn."""


@dataclass(frozen=True)
class Place:
    """A scene.

    sun        (azimuth, elevation) in degrees: 0 shines from behind the camera's right, 90 along Y away from it
    strength   of the sun, 0: overcast
    sky        colour of the light from above, linear
    warm       colour of the sun
    shade      a building's shadow: (x, y, azimuth in degrees) of its edge; None: none
    dapple     share of the sunlight that leaves above hold back
    items      (kind, u, v): what stands where in the view
    exposure   factor on all light
    """

    name: str
    ground: grounds.Ground
    camera: Camera
    sun: tuple[float, float]
    strength: float
    sky: tuple[float, float, float]
    warm: tuple[float, float, float]
    items: tuple[tuple[str, float, float], ...]
    shade: tuple[float, float, float] | None = None
    dapple: float = 0.0
    exposure: float = 1.0


def _camera(height: float, pitch: float, focal: float) -> Camera:
    return Camera(height, math.radians(pitch), focal)


DAY, DIM, WARM, LOW = (0.34, 0.4, 0.5), (0.75, 0.78, 0.82), (1.0, 0.94, 0.83), (1.0, 0.8, 0.55)

PLACES: tuple[Place, ...] = (
    Place(
        "plaza", grounds.plaza, _camera(8.4, 40, 1.6), (140, 48), 1.25, DAY, WARM,
        (("tree", 0.14, 0.3), ("lamp", 0.79, 0.5), ("bench", 0.27, 0.36), ("bin", 0.85, 0.27), ("planter", 0.6, 0.9)),
        dapple=0.0, exposure=0.95,
    ),
    Place(
        "crossing", grounds.crossing, _camera(9.0, 42, 1.65), (210, 38), 1.4, DAY, WARM,
        (("lamp", 0.12, 0.72), ("bollard", 0.3, 0.75), ("bollard", 0.7, 0.75), ("bin", 0.9, 0.8), ("car", 0.88, 0.36)),
        shade=(0.0, 14.0, 12.0), exposure=1.1,
    ),
    Place(
        "park", grounds.park, _camera(8.0, 39, 1.55), (120, 42), 1.5, DAY, WARM,
        (("tree", 0.84, 0.42), ("bench", 0.3, 0.26), ("tree", 0.08, 0.78), ("bin", 0.2, 0.3), ("bench", 0.72, 0.72)),
        dapple=0.55, exposure=1.35,
    ),
    Place(
        "old-town", grounds.old_town, _camera(7.8, 41, 1.55), (160, 60), 0.18, DIM, WARM,
        (("parasol", 0.8, 0.32), ("parasol", 0.9, 0.62), ("planter", 0.12, 0.55), ("lamp", 0.34, 0.25)),
        exposure=1.25,
    ),
    Place(
        "bricks", grounds.bricks, _camera(8.6, 43, 1.65), (15, 24), 1.9, DAY, LOW,
        (("planter", 0.2, 0.35), ("planter", 0.78, 0.66), ("lamp", 0.56, 0.3), ("bench", 0.2, 0.76)),
        exposure=1.2,
    ),
    Place(
        "hall", grounds.hall, _camera(8.2, 38, 1.55), (90, 75), 0.25, (0.62, 0.58, 0.5), (1.0, 0.92, 0.78),
        (("pillar", 0.17, 0.5), ("pillar", 0.83, 0.5), ("kiosk", 0.55, 0.2), ("bin", 0.31, 0.72)),
        exposure=0.95,
    ),
    Place(
        "car-park", grounds.car_park, _camera(9.2, 44, 1.7), (250, 33), 0.9, (0.5, 0.55, 0.62), WARM,
        (("car", 0.2, 0.25), ("car", 0.62, 0.2), ("lamp", 0.88, 0.6), ("car", 0.84, 0.95), ("bollard", 0.1, 0.75)),
        exposure=1.25,
    ),
    Place(
        "promenade", grounds.promenade, _camera(8.2, 40, 1.6), (200, 52), 1.35, DAY, WARM,
        (("lamp", 0.2, 0.4), ("lamp", 0.86, 0.78), ("parasol", 0.74, 0.18), ("bench", 0.48, 0.3), ("bin", 0.1, 0.62)),
        exposure=1.0,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Plate:
    """An empty place as its camera sees it, and what is needed to put people there.

    picture   float32 [S, S, 3] linear light, with shadows of what stands there
    sunlit    float32 [S, S]    share of sun that reaches the ground
    shaded    float32 [S, S, 3] factor on the picture where a person keeps the sun away
    sprites   furniture as sprites, far ones first, or none
    """

    place: Place
    side: int
    picture: np.ndarray
    sunlit: np.ndarray
    shaded: np.ndarray
    sprites: tuple[Sprite, ...]

    def light(self, foot: np.ndarray) -> Light:
        """What falls on people who stand at pixels ``foot`` [M, 2]."""
        x, y = (foot.clip(0, self.side - 1).astype(int)).T
        place = self.place
        axes = place.camera.axes() * np.array([[1.0], [1.0], [-1.0]])  # right, down, toward the camera
        sunlight = place.exposure * place.strength * np.array(place.warm) * self.sunlit[y, x][:, None]
        sky = place.exposure * np.array(place.sky)
        up = axes @ np.array([0.0, 0.0, 1.0])
        parts = axes @ to_sun(place), sunlight, sky, 0.35 * sky, up
        return Light(*(part.astype(np.float32) for part in parts))


def to_sun(place: Place) -> np.ndarray:
    """Unit vector toward the sun in the world."""
    azimuth, elevation = (math.radians(angle) for angle in place.sun)
    flat = math.cos(elevation)
    return np.array([flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation)])


def standing(place: Place) -> Sequence[Item]:
    """The place's furniture on its ground."""
    spots = place.camera.ground(np.array([(u, v) for _, u, v in place.items]).reshape(-1, 2))
    return [Item(kind, float(x), float(y)) for (kind, _, _), (x, y) in zip(place.items, spots, strict=True)]


def blocks(place: Place) -> np.ndarray:
    """Round obstacles (x, y, radius in metres), [B, 3]."""
    return np.array([(item.x, item.y, item.radius) for item in standing(place)]).reshape(-1, 3)


@lru_cache(maxsize=16)
def plate(number: int, side: int) -> Plate:
    """Place ``number`` in ``side`` x ``side`` pixels; a second or so the first time."""
    place = PLACES[number]
    fine = side * FINE
    grid = (np.arange(fine, dtype=np.float32) + 0.5) / fine
    spot = place.camera.ground(np.stack(np.meshgrid(grid, grid), -1)).astype(np.float32)
    x, y = spot[..., 0], spot[..., 1]
    albedo = grounds_of(place, x, y)
    items = standing(place)
    sun = to_sun(place)
    sunlit = _sunlit(place, x, y)
    cast = shadow_cover(items, place.camera, sun=sun, side=fine)
    sunlit = sunlit * (1 - 0.92 * cast)
    direct = place.strength * sun[2] * np.array(place.warm)
    sky = np.array(place.sky) * (1 - 0.35 * _around(cast, fine))[..., None]
    light = sunlit[..., None] * direct + sky
    picture = place.exposure * _shrunk(albedo * light)
    sunlit = _shrunk(sunlit[..., None])[..., 0]
    dark = 0.78 * np.array(place.sky)
    shaded = (dark / (sunlit[..., None] * direct + np.array(place.sky))).astype(np.float32)
    light_at = Plate(place, side, picture, sunlit, shaded, ())
    sprites = furnish(items, place.camera, side=side, light=light_at.light)
    return Plate(place, side, picture, sunlit, shaded, sprites)


@lru_cache(maxsize=16)
def bare_plate(number: int, side: int, background: str) -> Plate:
    """The same light before one of the study's replaced backgrounds: no furniture, and no shadows on it."""
    place = PLACES[number]
    picture = np.square(grounds.replacement(background, side).astype(np.float32) / 255)
    plain = np.ones((side, side), np.float32)
    return Plate(place, side, picture, plain, np.ones_like(picture), ())


def grounds_of(place: Place, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The ground's own colour [..., 3]."""
    return np.clip(place.ground(x, y), 0.002, 0.9).astype(np.float32)


def _sunlit(place: Place, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    sunlit = np.ones_like(x)
    if place.shade is not None:
        edge_x, edge_y, angle = place.shade
        turn = math.radians(angle)
        beyond = -(x - edge_x) * math.sin(turn) + (y - edge_y) * math.cos(turn)
        roofs = 0.9 * (np.floor(x / 3.1) % 2) + 0.5 * (np.floor(x / 1.3) % 3 == 0)
        sunlit *= 1 - np.clip(0.5 + (beyond + roofs) / 0.35, 0, 1)
    if place.dapple:
        leaves = cloudy(131, x / 0.9, y / 0.9, 3)
        sunlit *= 1 - place.dapple * np.clip(0.5 + (leaves - 0.5) * 9, 0, 1)
    return sunlit


def _around(cast: np.ndarray, fine: int) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(cast, fine / 60)


def _shrunk(fine: np.ndarray) -> np.ndarray:
    side = len(fine) // FINE
    return fine.reshape(side, FINE, side, FINE, -1).mean((1, 3)).astype(np.float32)
