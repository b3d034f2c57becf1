"""Makes the videos that the packaged start weights of footage are learned from, without labels, and learns from them.

    python benchmarks/footage_weights.py DIR --steps 4000

Crowds in eight places, insects that turn, cars in lanes and drops; every video is a pure function of its number.
"""

import argparse
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from scalor.configs.presets import fast_video
from scalor.data.crowd import Crowd, CrowdConfig
from scalor.training.fit import fit

SIDE, FRAMES, FINE = 192, 120, 3
"""Pixels of a view, frames of a video, and pixels drawn per pixel."""
SEED = 7_000


def crowd(number: int) -> np.ndarray:
    """People in one of the eight places, uint8 [T, H, W, 3]."""
    config = CrowdConfig(size=SIDE, count=(6, 12), scenes=(number,), frames=FRAMES, fps=8.0)
    return Crowd(config, seed=SEED + number).clip(0).video.permute(0, 2, 3, 1).numpy()


def ground(rng: np.random.Generator) -> Image.Image:
    """A still ground: clouds of two colours, with some stripes or stones."""
    size = SIDE * FINE
    tones = np.clip(rng.uniform(40, 215, (2, 1)) + rng.normal(0, 20, (2, 3)), 0, 255)
    coarse = Image.fromarray(rng.integers(0, 256, (rng.integers(4, 24),) * 2, dtype=np.uint8)).resize((size, size), 3)
    share = np.asarray(coarse, np.float32)[..., None] / 255 * rng.uniform(0.1, 0.6)
    image = Image.fromarray((tones[0] * (1 - share) + tones[1] * share).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(0, 30)):
        x, y, radius = rng.uniform(0, size, 2).tolist() + [rng.uniform(2, 30)]
        draw.ellipse(
            (x - radius, y - radius / 2, x + radius, y + radius / 2), fill=tuple(rng.integers(20, 236, 3).tolist())
        )
    return image.filter(ImageFilter.GaussianBlur(FINE))


def walks(rng: np.random.Generator, count: int, *, lanes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Places [T, N, 2] in pixels and headings [T, N] in radians, of things that stop, turn, and come back in."""
    places, headings = np.empty((FRAMES, count, 2)), np.empty((FRAMES, count))
    place, speed = rng.uniform(0, SIDE, (count, 2)), rng.uniform(1.0, 4.0, count)
    heading = rng.integers(0, 2, count) * math.pi if lanes else rng.uniform(0, 2 * math.pi, count)
    place[:, 1] = (rng.permutation(count) + 0.5) * SIDE / count if lanes else place[:, 1]
    going = np.ones(count, bool)
    for frame in range(FRAMES):
        if not lanes:
            heading = heading + rng.normal(0, 0.15, count)
            going ^= rng.random(count) < np.where(going, 0.01, 0.05)
        place = place + (speed * going)[:, None] * np.stack([np.cos(heading), np.sin(heading)], -1)
        place = (place + 20) % (SIDE + 40) - 20
        places[frame], headings[frame] = place, heading
    return places, headings


def creatures(number: int, *, lanes: bool) -> np.ndarray:
    """Insects with legs, or cars with windows in lanes, uint8 [T, H, W, 3]."""
    rng = np.random.default_rng([SEED, number])
    bare, count = ground(rng), int(rng.integers(4, 9))
    places, headings = walks(rng, count, lanes=lanes)
    length = rng.uniform(0.8, 1.2, count) * rng.uniform(20, 24)
    width = length * (0.45 if lanes else rng.uniform(0.2, 0.5))
    color = rng.integers(0, 256, (count, 3)) if lanes else np.tile(rng.integers(0, 120, 3), (count, 1))
    noise, frames = rng.uniform(1.0, 4.0), []
    for frame in range(FRAMES):
        image = bare.copy()
        draw = ImageDraw.Draw(image)
        for thing in range(count):
            body = Body(places[frame, thing], headings[frame, thing], length[thing], width[thing])
            (body.car if lanes else body.insect)(draw, tuple(color[thing].tolist()), frame)
        small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
        frames.append(np.clip(small + rng.normal(0, noise, small.shape), 0, 255).astype(np.uint8))
    return np.stack(frames)


class Body:
    """A thing with a place, a heading, a length and a width in pixels."""

    def __init__(self, place: np.ndarray, heading: float, length: float, width: float) -> None:
        self.place, self.length, self.width = place, length, width
        self.along = np.array([math.cos(heading), math.sin(heading)])
        self.across = np.array([-self.along[1], self.along[0]])

    def at(self, ahead: float, aside: float) -> tuple[float, float]:
        """A point of the body, from -0.5 to 0.5 of its length and of its width, in drawn pixels."""
        point = self.place + self.along * ahead * self.length + self.across * aside * self.width
        return tuple((point * FINE).tolist())

    def outline(self, ahead: float, length: float, width: float) -> list[tuple[float, float]]:
        """An ellipse."""
        turns = np.linspace(0, 2 * math.pi, 24)
        return [self.at(ahead + length / 2 * math.cos(turn), width / 2 * math.sin(turn)) for turn in turns]

    def insect(self, draw: ImageDraw.ImageDraw, color: tuple[int, int, int], frame: int) -> None:
        """Two parts and six legs that move."""
        for leg, ahead in enumerate((-0.15, 0.05, 0.25)):
            for side in (-1, 1):
                swing = 0.12 * math.sin(0.9 * frame + 2.1 * leg + side)
                draw.line((self.at(ahead, 0), self.at(ahead + swing, side * 1.1)), fill=color, width=FINE)
        draw.polygon(self.outline(-0.15, 0.7, 1.0), fill=color)
        draw.polygon(self.outline(0.32, 0.36, 0.7), fill=tuple(min(255, part + 30) for part in color))

    def car(self, draw: ImageDraw.ImageDraw, color: tuple[int, int, int], frame: int) -> None:
        """A body with rounded corners, a roof and two windows."""
        del frame
        corners = (
            (-0.5, -0.4),
            (-0.45, -0.5),
            (0.4, -0.5),
            (0.5, -0.35),
            (0.5, 0.35),
            (0.4, 0.5),
            (-0.45, 0.5),
            (-0.5, 0.4),
        )
        draw.polygon([self.at(*corner) for corner in corners], fill=color)
        glass = (30, 35, 45)
        for first, last in ((-0.3, -0.2), (0.08, 0.22)):
            draw.polygon(
                [self.at(first, -0.4), self.at(last, -0.4), self.at(last, 0.4), self.at(first, 0.4)], fill=glass
            )


def videos(folder: Path) -> list[Path]:
    """The videos as folders of pictures."""
    makers = [lambda n=n: crowd(n) for n in range(8)]
    makers += [lambda n=n: creatures(n, lanes=n % 2 == 1) for n in range(100, 106)]
    paths = []
    for number, make in enumerate(makers):
        place = folder / f"video-{number:02d}"
        paths.append(place)
        if place.is_dir():
            continue
        part = place.with_suffix(".partial")
        part.mkdir(parents=True, exist_ok=True)
        for frame, image in enumerate(make()):
            Image.fromarray(image).save(part / f"{frame:04d}.png")
        part.rename(place)
        print(place, flush=True)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    fit(
        videos(args.folder),
        args.folder / "run",
        preset=fast_video,
        steps=args.steps,
        threads=args.threads,
        overrides={"data.scale": "1.0"},
        resume=(args.folder / "run").exists(),
    )


if __name__ == "__main__":
    main()
