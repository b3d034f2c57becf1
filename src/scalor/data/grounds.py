"""Grounds made in code: paving, asphalt, grass, gravel, stones, bricks, planks and tiles, in linear light.

A ground is a function of world metres (x, y), float32 of any shape, to colour [..., 3]. What the study put behind its
people is here as well (`replacement`): a gradient, a sharp view from above, and that view blurred.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from scalor.data.noise import cloudy, cobbles, drawn, smooth, tiles
from scalor.errors import UserError

Ground = Callable[[np.ndarray, np.ndarray], np.ndarray]

BLURS = {"blurred": 8.0, "heavily-blurred": 24.0}
"""Standard deviations in pixels of a frame 1080 pixels high."""
REPLACEMENTS = ("gradient", "hard", *BLURS)


def mix(share: np.ndarray, first: tuple[float, ...] | np.ndarray, second: tuple[float, ...] | np.ndarray) -> np.ndarray:
    """From ``first`` to ``second`` by a share [...] -> [..., 3]."""
    one, two = np.asarray(first, np.float32), np.asarray(second, np.float32)
    return one + share[..., None] * (two - one)


def _grain(seed: int, x: np.ndarray, y: np.ndarray, strength: float, size: float = 0.02) -> np.ndarray:
    """A factor around 1 for every grain of ``size`` metres, [..., 1]."""
    return 1 + strength * (smooth(seed, x / size, y / size) - 0.5)[..., None]


def _dirt(seed: int, x: np.ndarray, y: np.ndarray, strength: float) -> np.ndarray:
    """Stains and wear, metres wide: a factor [..., 1]."""
    wear = cloudy(seed, x / 2.5, y / 2.5, 5)
    spots = np.clip(8 * (smooth(seed + 9, x / 0.22, y / 0.22) - 0.86), 0, 1)
    return (1 + strength * (wear - 0.5) * 2)[..., None] * (1 - 0.3 * strength * spots)[..., None]


def plaza(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Granite slabs of 80 x 40 cm with a dark band every few metres."""
    number, joint = tiles(1, x / 0.8, y / 0.4, joint=0.035)
    color = mix(number, (0.27, 0.25, 0.22), (0.41, 0.39, 0.35))
    band = ((x / 3.2 - 0.2) % 1 < 0.125) | ((y / 4.0 - 0.3) % 1 < 0.1)
    color = np.where(band[..., None], color * [0.4, 0.4, 0.43], color)
    color = color * (1 - 0.55 * joint[..., None])
    return color * _grain(3, x, y, 0.35) * _dirt(4, x, y, 0.35)


def asphalt(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Tarmac with cracks and patches."""
    color = mix(cloudy(11, x / 3, y / 3), (0.075, 0.077, 0.08), (0.125, 0.123, 0.12))
    crack = np.abs(cloudy(15, x / 1.7, y / 1.7, 5) - 0.5)
    color = color * (1 - 0.5 * np.clip(1 - crack / 0.006, 0, 1))[..., None]
    patch = (cloudy(21, x / 4.0 + 3, y / 4.0, 2) > 0.66)[..., None]
    return np.where(patch, color * 0.7, color) * _grain(17, x, y, 0.9, 0.015) * _dirt(18, x, y, 0.25)


def crossing(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A road with a zebra crossing, lane marks and worn paint between two pavements of slabs."""
    road = asphalt(x, y)
    worn = np.clip(2.6 * (cloudy(31, x / 0.35, y / 0.35, 4) - 0.16), 0, 1)
    stripe = (np.abs(x) < 2.2) & (((y + 0.1) % 1.0) < 0.5)
    lane = (np.abs(y - 11.6) < 0.07) & (np.abs(x) > 3.0) & (x % 2.2 < 1.3)
    stop = (np.abs(np.abs(x) - 3.0) < 0.16) & (y > 8.2)
    paint = (stripe | lane | stop) * worn * 0.9
    road = road + paint[..., None] * (np.array([0.55, 0.55, 0.52]) - road)
    number, joint = tiles(33, x / 0.5, y / 0.5, joint=0.05, bond=0.0)
    pavement = mix(number, (0.25, 0.235, 0.22), (0.34, 0.32, 0.3)) * (1 - 0.5 * joint[..., None]) * _dirt(35, x, y, 0.5)
    near, far = y < 7.9, y > 15.4
    kerb = ((y >= 7.9) & (y < 8.1)) | ((y > 15.2) & (y <= 15.4))
    color = np.where((near | far)[..., None], pavement, road)
    return np.where(kerb[..., None], [0.42, 0.41, 0.38] * _grain(36, x, y, 0.3, 0.1), color)


def park(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Grass of several greens with worn spots, and gravel paths that wind through it."""
    blades = smooth(41, x / 0.025 + 0.6 * y, y / 0.07) * 0.6 + smooth(42, x / 0.012, y / 0.03) * 0.4
    green = mix(cloudy(43, x / 1.3, y / 1.3), (0.035, 0.075, 0.012), (0.1, 0.14, 0.03))
    green = green * (0.45 + 1.1 * blades)[..., None]
    worn = np.clip(5 * (cloudy(47, x / 2.2, y / 2.2) - 0.58), 0, 1)
    green = green + worn[..., None] * (np.array([0.16, 0.12, 0.065]) * (0.6 + 0.8 * blades)[..., None] - green)
    number, height = cobbles(51, x / 0.05, y / 0.05)
    gravel = (
        mix(number, (0.22, 0.19, 0.14), (0.44, 0.4, 0.32)) * (0.55 + 0.45 * height)[..., None] * _dirt(52, x, y, 0.3)
    )
    edge = 0.25 * (cloudy(53, x / 0.5, y / 0.5) - 0.5)
    first = np.abs(y - 11 - 1.6 * np.sin(0.33 * x + 0.6)) - 1.6 + edge
    second = np.abs(x - 0.5 - 1.2 * np.sin(0.3 * y)) - 1.1 + edge
    path = np.clip(0.5 - np.minimum(first, second) / 0.08, 0, 1)
    return green + path[..., None] * (gravel - green)


def old_town(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Cobbles of many greys with sand in the gaps and a gutter of long stones."""
    number, height = cobbles(61, x / 0.17, y / 0.17)
    tone = drawn(64, np.floor(number * 251), np.floor(number * 97))
    color = mix(number, (0.115, 0.11, 0.11), (0.31, 0.28, 0.24)) * mix(tone, (0.9, 0.95, 1.05), (1.1, 1.0, 0.88))
    color = color * (0.35 + 0.75 * np.sqrt(height))[..., None]
    gap = np.clip(1 - height / 0.18, 0, 1)[..., None]
    color = color + 0.8 * gap * (np.array([0.075, 0.062, 0.045]) - color)
    number, joint = tiles(65, x / 0.6, y / 0.22, joint=0.08)
    slab = mix(number, (0.2, 0.195, 0.19), (0.3, 0.29, 0.27)) * (1 - 0.6 * joint[..., None])
    gutter = np.abs(x + 2.6 - 0.12 * y) < 0.33
    return np.where(gutter[..., None], slab, color) * _dirt(66, x, y, 0.45)


def bricks(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Red clinker in a herringbone bond."""
    u, v = x / 0.11, y / 0.11
    column, row = np.floor(u), np.floor(v)
    turn = (column + row) % 4  # bricks of 2 x 1: two squares lie along x, two along y
    along = turn < 2
    lead = np.where(along, column - turn, column)
    below = np.where(along, row, row - (turn - 2))
    fx, fy = np.where(along, (u - lead) / 2, u - column), np.where(along, v - row, (v - below) / 2)
    far = np.minimum(np.minimum(fx, 1 - fx) * np.where(along, 2, 1), np.minimum(fy, 1 - fy) * np.where(along, 1, 2))
    number = drawn(71, lead + 3 * along, below)
    color = mix(number, (0.13, 0.045, 0.03), (0.34, 0.13, 0.08))
    color = color * mix(drawn(72, lead, below), (0.75, 0.8, 0.9), (1.15, 1.1, 1.0))
    joint = np.clip(1.4 - far / 0.05, 0, 1)[..., None]
    color = color + joint * (np.array([0.15, 0.135, 0.11]) - color)
    return color * _grain(74, x, y, 0.4, 0.015) * _dirt(75, x, y, 0.5)


def hall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Polished stone of a station: light and dark squares laid as diamonds, with lamps mirrored in them."""
    u, v = (x + y) / 1.1, (x - y) / 1.1
    number, joint = tiles(81, u, v, joint=0.015, bond=0.0)
    dark = ((np.floor(u) + np.floor(v)) % 2)[..., None]
    vein = np.clip(1 - np.abs(cloudy(82, x / 0.7, y / 0.7, 5) - 0.5) / 0.02, 0, 1)[..., None]
    light_stone = mix(number, (0.4, 0.36, 0.29), (0.5, 0.46, 0.38)) * (1 - 0.15 * vein)
    dark_stone = mix(number, (0.2, 0.15, 0.11), (0.27, 0.21, 0.16)) * (1 + 0.4 * vein)
    color = (light_stone + dark * (dark_stone - light_stone)) * (1 - 0.4 * joint[..., None])
    shine = np.exp(-np.square((x % 4.4) / 2.2 - 1) * 9) * np.exp(-np.square((y % 3.6) / 1.8 - 1) * 1.6)
    return color * _dirt(83, x, y, 0.2) + 0.3 * shine[..., None] * np.array([1.0, 0.93, 0.8])


def car_park(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Tarmac with painted bays, oil and puddles that mirror the sky."""
    color = asphalt(x + 40, y) * 1.15
    worn = np.clip(2.4 * (cloudy(91, x / 0.3, y / 0.3) - 0.2), 0, 1)
    bay = (np.abs((x + 0.3) % 2.6 - 1.3) < 0.06) & (np.abs(y - 12.2) > 2.4)
    end = np.abs(np.abs(y - 12.2) - 2.4) < 0.06
    color = color + ((bay | end) * worn * 0.85)[..., None] * (np.array([0.5, 0.48, 0.4]) - color)
    oil = np.clip(9 * (cloudy(93, x / 0.8, y / 0.8, 3) - 0.7), 0, 1)
    color = color * (1 - 0.6 * oil)[..., None]
    wet = np.clip(12 * (cloudy(95, x / 2.8, y / 2.8, 4) - 0.6), 0, 1)
    mirror = mix(cloudy(97, x / 3, y / 9, 3), (0.2, 0.26, 0.34), (0.5, 0.55, 0.6))
    return color + wet[..., None] * (0.6 * mirror + 0.2 * color - color)


def promenade(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Planks of grey wood beside sand with footprints."""
    number, joint = tiles(101, x / 2.4, y / 0.14, joint=0.11, bond=0.37)
    grain = smooth(102, x / 0.5, y / 0.008) * 0.6 + smooth(103, x / 0.15, y / 0.004) * 0.4
    wood = mix(number, (0.16, 0.125, 0.09), (0.34, 0.28, 0.215)) * (0.65 + 0.7 * grain)[..., None]
    wood = wood * (1 - 0.75 * joint[..., None]) * _dirt(104, x, y, 0.35)
    prints = cloudy(105, x / 0.35, y / 0.35, 4)
    sand = mix(prints, (0.34, 0.265, 0.16), (0.62, 0.51, 0.35)) * _grain(107, x, y, 0.3, 0.015)
    blown = 0.5 * (cloudy(108, x / 0.8, y / 0.8) - 0.5)
    edge = np.clip(0.5 + (y - 15.0 - 0.2 * x + blown) / 0.12, 0, 1)
    drift = np.clip(4 * (cloudy(109, x / 1.5, y / 0.6) - 0.62), 0, 0.8) * np.clip((y - 10) / 6, 0, 1)
    return wood + np.maximum(edge, drift)[..., None] * (sand - wood)


@lru_cache(maxsize=8)
def replacement(name: str, side: int) -> np.ndarray:
    """What is put behind cut-out people: uint8 [side, side, 3].

    ``name``: "gradient", "hard" (a sharp place seen from above), "blurred", "heavily-blurred", or a picture's path.
    Raises UserError for a name that is neither.
    """
    if name == "gradient":
        return _gradient(side)
    if name == "hard":
        return _birds_eye(side)
    if name in BLURS:
        from scipy.ndimage import gaussian_filter

        sigma = BLURS[name] * side / 1080
        return gaussian_filter(_birds_eye(side), (sigma, sigma, 0), mode="nearest")
    return _picture(Path(name), side)


def _gradient(side: int) -> np.ndarray:
    ramp = np.linspace(0, 1, side)
    share = np.clip(0.75 * ramp[:, None] + 0.25 * ramp[None], 0, 1)
    return (255 * mix(share, (0.85, 0.78, 0.62), (0.25, 0.42, 0.62)) + 0.5).astype(np.uint8)


def _birds_eye(side: int) -> np.ndarray:
    """Roofs, a crossing of two streets, lawns and a square, straight from above: sharp edges everywhere."""
    fine = 3 * side
    x, y = np.meshgrid((np.arange(fine) + 0.5) * 32 / fine - 16, (np.arange(fine) + 0.5) * 32 / fine - 16)
    x, y = x.astype(np.float32), y.astype(np.float32)
    color = plaza(x, y)
    color = np.where(((x > 3) & (y > 3))[..., None], park(0.8 * x, y + 8), color)
    color = np.where(((x < -4) & (y > 3))[..., None], old_town(x, y), color)
    color = np.where((np.abs(x) < 3)[..., None], asphalt(x, y), color)
    color = np.where((np.abs(y) < 3)[..., None], crossing(y, 11.6 + x), color)
    roof = (x > 4.5) & (y < -4.5)
    tiled, joint = tiles(121, x / 0.3, y / 0.25, joint=0.2)
    color = np.where(
        roof[..., None], mix(tiled, (0.3, 0.1, 0.06), (0.42, 0.17, 0.1)) * (1 - 0.6 * joint[..., None]), color
    )
    shade = (x > 3.2) & (x <= 4.5) & (y < -3.8)
    color = np.where(shade[..., None], color * 0.3, color)
    color = color.reshape(side, 3, side, 3, 3).mean((1, 3))
    return (255 * np.sqrt(np.clip(color * 1.5, 0, 1)) + 0.5).astype(np.uint8)


def _picture(path: Path, side: int) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as opened:
            return np.asarray(opened.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))
    except (OSError, SyntaxError) as error:
        raise UserError(
            f"background {path} is no picture that can be read ({error}); wanted {', '.join(REPLACEMENTS)} or a "
            "picture's path; correct it"
        ) from error
