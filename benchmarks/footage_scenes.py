"""Made videos of a fixed camera: people, cars, animals, cells, and things of no name.

python benchmarks/footage_scenes.py OUT [--frames 240] [--seed 0]

Writes OUT/NAME.mp4. What a model learned on all of them is worth on another video (ADR 9: not enough):

scalor fit OUT/*.mp4 -o RUN --steps 3000 --threads 1
scalor fit VIDEO -o OTHER --from RUN --steps 200 --threads 1
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from scalor.data import grounds
from scalor.data.crowd import Crowd, CrowdConfig

SIDE = 256
PEOPLE: dict[str, tuple[str | None, int]] = {
    "people-above": ("hard", 0),
    "people-blurred": ("blurred", 0),
    "people-promenade": (None, 7),
    "people-park": (None, 2),
}
"""Names of the videos, what is behind the people (`crowd.CrowdConfig.background`; None: the place itself, in which they
cast shadows), and the place's number."""
DOWN = "cars-down"
"""The cars once more, driving down the picture."""


@dataclass(frozen=True)
class Kind:
    """Things of one kind.

    length, width  in pixels; spread: how much single ones differ, as a share
    pace           pixels per frame; turning: standard deviation of the change of heading per frame, in radians
    pause          share of the time in which a thing stands still
    paint          (u, v in -1..1 along and across, random numbers of the individual) to (colour [..., 3], alpha)
    """

    count: int
    length: float
    width: float
    spread: float
    pace: float
    turning: float
    pause: float
    paint: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    ground: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _soft(edge: np.ndarray, sharp: float = 8.0) -> np.ndarray:
    return np.clip(0.5 + sharp * edge, 0, 1)


def _beetle(u: np.ndarray, v: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    body = _soft(1 - np.hypot(u / 0.8, v / 0.75))
    legs = _soft(1 - np.abs(v), 6) * (np.abs(np.sin(9 * u)) < 0.25) * (np.abs(u) < 0.6)
    color = np.array([0.16, 0.1, 0.06]) * (0.6 + 0.9 * own[:3])
    shine = np.clip(1 - np.hypot((u - 0.1) / 0.5, (v + 0.2) / 0.25), 0, 1)
    tone = color + 0.35 * shine[..., None] - 0.06 * (u > 0.45)[..., None]
    return np.clip(tone, 0.01, 1), np.maximum(body, 0.8 * legs)


def _fish(u: np.ndarray, v: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    body = _soft(1 - np.hypot((u - 0.2) / 0.75, v / 0.55))
    tail = _soft(0.8 * np.clip(-u - 0.35, 0, 1) - np.abs(v) + 0.1, 6) * (u < -0.35) * (u > -1)
    stripe = 0.12 * np.sin(14 * v + 6 * own[3])
    color = np.array([0.35, 0.33, 0.3]) * (0.7 + 0.6 * own[:1]) + stripe[..., None]
    return np.clip(color - 0.2 * (np.hypot(u - 0.7, v) < 0.15)[..., None], 0, 1), np.maximum(body, 0.7 * tail)


def _car(u: np.ndarray, v: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shape = _soft(1 - np.maximum(np.abs(u) ** 4 + 0.2 * np.abs(v), np.abs(v) ** 4 + 0.1 * np.abs(u)))
    paints = np.array(
        [[0.85] * 3, [0.12] * 3, [0.5, 0.52, 0.55], [0.6, 0.08, 0.08], [0.1, 0.2, 0.5], [0.75, 0.7, 0.55]]
    )
    color = np.broadcast_to(paints[int(own[0] * len(paints)) % len(paints)], (*u.shape, 3)).copy()
    glass = ((np.abs(u - 0.3) < 0.13) | (np.abs(u + 0.6) < 0.1)) & (np.abs(v) < 0.75)
    color[glass] = 0.15 + 0.1 * own[1]
    return np.clip(color * (1 - 0.15 * np.abs(v))[..., None], 0, 1), shape


def _cell(u: np.ndarray, v: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    angle = np.arctan2(v, u)
    radius = np.hypot(u, v) / (0.8 + 0.12 * np.sin(3 * angle + 6 * own[0]) + 0.08 * np.sin(2 * angle + 6 * own[1]))
    light = (0.45 + 0.35 * own[2]) * (1 - 0.45 * radius**2)
    return np.clip(light, 0, 1)[..., None] * np.array([0.9, 1.0, 0.9]), _soft(1 - radius, 3)


def _rod(u: np.ndarray, v: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    bend = v + (0.8 * own[0] - 0.4) * (u**2 - 0.4)
    inside = _soft(1 - np.hypot(np.clip(np.abs(u) - 0.75, 0, 1) * 4, bend / 0.75), 3)
    return np.broadcast_to(np.array([0.22, 0.2, 0.18]) * (0.5 + 0.8 * own[1]), (*u.shape, 3)), inside


def _disc(u: np.ndarray, v: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    radius = np.hypot(u, v)
    light = np.where(radius < 0.6, 0.25 + 0.3 * own[0], 0.95)
    return np.repeat(light[..., None], 3, axis=-1), _soft(0.9 - radius)


def _patch(u: np.ndarray, v: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Some outline, of two colours in some pattern."""
    angle = np.arctan2(v, u)
    radius = np.hypot(u, v) / (0.75 + 0.15 * np.sin(2 * angle + 6 * own[0]) + 0.1 * np.sin(5 * angle + 6 * own[1]))
    pattern = np.sin((2 + 6 * own[2]) * u + 6 * own[3]) * np.sin((2 + 6 * own[4]) * v + 6 * own[5])
    first, second = np.array([own[6], own[0], own[3]]), np.array([own[1], own[5], own[7]])
    return np.where((pattern > 0)[..., None], first, second), _soft(1 - radius)


def _plain(level: float, swing: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda x, y: np.repeat((level + swing * np.sin(0.9 * x + 0.5) * np.cos(0.7 * y))[..., None], 3, axis=2)


KINDS = {
    "cars": Kind(5, 46, 22, 0.2, 4.0, 0.0, 0.0, _car, grounds.asphalt),
    "beetles": Kind(8, 34, 18, 0.25, 1.8, 0.12, 0.35, _beetle, grounds.park),
    "fish": Kind(10, 36, 14, 0.2, 2.5, 0.08, 0.1, _fish, _plain(0.75, 0.08)),
    "cells": Kind(14, 26, 24, 0.3, 0.8, 0.5, 0.0, _cell, _plain(0.1, 0.03)),
    "rods": Kind(12, 40, 10, 0.2, 1.0, 0.15, 0.2, _rod, _plain(0.6, 0.05)),
    "discs": Kind(12, 28, 28, 0.1, 2.0, 0.3, 0.0, _disc, _plain(0.45, 0.06)),
    "patches": Kind(8, 36, 30, 0.3, 2.2, 0.15, 0.2, _patch, grounds.promenade),
    "patches-stone": Kind(7, 30, 36, 0.2, 3.0, 0.05, 0.0, _patch, grounds.plaza),
}


def scene(kind: Kind, *, frames: int, seed: int) -> Iterator[np.ndarray]:
    """Frames uint8 [SIDE, SIDE, 3]: things walk at random, and come back on the other side when they have left."""
    rng = np.random.default_rng(seed)
    axis = np.arange(SIDE) / 40.0
    ground = np.clip(kind.ground(*np.meshgrid(axis, axis)), 0, 1) ** (1 / 2.2)
    size = 1 + kind.spread * rng.uniform(-1, 1, kind.count)
    place, own = rng.uniform(0, SIDE, (kind.count, 2)), rng.uniform(0, 1, (kind.count, 8))
    straight = kind.turning == 0
    heading = rng.choice([0.0, np.pi], kind.count) if straight else rng.uniform(0, 2 * np.pi, kind.count)
    if straight:
        place[:, 1] = np.where(heading == 0, 0.3, 0.65) * SIDE + 28 * rng.integers(0, 2, kind.count)
    pace, moving = kind.pace * rng.uniform(0.6, 1.4, kind.count), np.ones(kind.count, dtype=bool)
    margin = kind.length
    for _ in range(frames):
        picture = ground.copy()
        for number in range(kind.count):
            long, wide = size[number] * kind.length / 2, size[number] * kind.width / 2
            _draw(picture, kind, place[number], heading[number], (long, wide), own[number])
        noisy = picture + rng.normal(0, 0.012, picture.shape)
        yield (np.clip(noisy, 0, 1) * 255).astype(np.uint8)
        moving ^= rng.random(kind.count) < np.where(moving, 0.02 * kind.pause / max(1e-6, 1 - kind.pause), 0.02)
        heading = heading + moving * kind.turning * rng.normal(0, 1, kind.count)
        step = pace * moving
        place = place + step[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
        place = (place + margin) % (SIDE + 2 * margin) - margin


def _draw(
    picture: np.ndarray,
    kind: Kind,
    place: np.ndarray,
    heading: float,
    half: tuple[float, float],
    own: np.ndarray,
) -> None:
    reach = int(np.hypot(*half)) + 2
    left, top = (max(0, int(value) - reach) for value in place)
    right, bottom = (min(SIDE, int(value) + reach) for value in place)
    if left >= right or top >= bottom:
        return
    x, y = np.meshgrid(np.arange(left, right) + 0.5 - place[0], np.arange(top, bottom) + 0.5 - place[1])
    u = (x * np.cos(heading) + y * np.sin(heading)) / half[0]
    v = (-x * np.sin(heading) + y * np.cos(heading)) / half[1]
    color, alpha = kind.paint(u, v, own)
    under = picture[top:bottom, left:right]
    under += alpha[..., None] * (np.clip(color, 0, 1) - under)


def people(ground: str | None, place: int, *, frames: int, seed: int) -> Iterator[np.ndarray]:
    """Frames of people who walk before a ground or in a place."""
    config = CrowdConfig(size=SIDE, count=(6, 14), scenes=(place,), background=ground, fps=8.0)
    made = Crowd(config, seed=seed).clip(0, frames=frames)
    for frame in made.video:
        yield frame.permute(1, 2, 0).numpy()


def write(frames: Iterator[np.ndarray], path: Path) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=15, options={"crf": "12"})
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv444p"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        out.mux(stream.encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for number, (name, (ground, place)) in enumerate(PEOPLE.items()):
        write(people(ground, place, frames=args.frames, seed=args.seed + number), args.out / f"{name}.mp4")
    for name, kind in KINDS.items():
        write(scene(kind, frames=args.frames, seed=args.seed), args.out / f"{name}.mp4")
    turned = scene(KINDS["cars"], frames=args.frames, seed=args.seed + 1)
    write((frame.swapaxes(0, 1) for frame in turned), args.out / f"{DOWN}.mp4")


if __name__ == "__main__":
    main()
