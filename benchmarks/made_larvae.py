"""A made film of fish larvae, with truth: a body of some 20 px, and a tail as long that thins out and wags.

python benchmarks/made_larvae.py FOLDER [--seed 0] [--frames 200] [--larvae 14]   # FOLDER/larvae.mp4, FOLDER/truth.txt

The truth counts frames from 1 and pixels from 0. A box holds the body and the tail, as far as 15 % of the body's
contrast are left of it; larvae that swim over each other keep their boxes. There are no shadows.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from scalor.viz.export import video_writer

HEIGHT, WIDTH, FINER = 338, 524, 4
LENGTH, THICK, THIN = (38.0, 48.0), 6.4, 1.8
"""Pixels from snout to tip, of the body's width and of the tail's at its tip."""
BODY = 0.35
"""Share of the length from which on the tail begins."""
DARK, LEAST, STRENGTH = 105.0, 0.15, ((0.0, 0.35, 0.5, 1.0), (1.0, 1.0, 0.5, 0.25))
"""Grey levels by which a body is darker; the share of them that ends the truth's box, and what is left of it along."""
MARGIN, NOISE = 14.0, 3.0
POINTS = 30


@dataclass
class Larva:
    """place: (x, y) of the snout; heading and turn in radians; pace in pixels per frame; phase of the wagging tail."""

    place: np.ndarray
    heading: float
    length: float
    pace: float = 0.0
    turn: float = 0.0
    phase: float = 0.0

    def midline(self) -> np.ndarray:
        """From snout to tip, [POINTS, 2]: a wave that runs down the tail, and is the larger the faster it swims."""
        along = np.linspace(0, 1, POINTS)
        swing = (0.25 + 0.3 * min(1.0, self.pace / 3)) * np.clip(along - 0.25, 0, None) ** 1.2
        bend = swing * np.sin(self.phase - 5.0 * along) * 2.2 - self.turn * 2.0 * along
        angle = self.heading + np.pi + bend
        steps = np.stack([np.cos(angle), np.sin(angle)], axis=1) * self.length / (POINTS - 1)
        return self.place + np.concatenate([np.zeros((1, 2)), np.cumsum(steps[1:], axis=0)])

    def swim(self, rng: np.random.Generator) -> None:
        """A frame further: bursts and glides, and turns away from the walls."""
        if rng.random() < 0.05:
            self.pace, self.turn = rng.uniform(1.5, 5.0), rng.normal(0, 0.12)
        self.pace, self.turn = self.pace * 0.95, self.turn * 0.9
        self.phase += 0.5 + 0.35 * self.pace
        self.heading += self.turn
        self.place += self.pace * np.array([np.cos(self.heading), np.sin(self.heading)])
        low, high = np.full(2, MARGIN), np.array([WIDTH, HEIGHT]) - MARGIN
        if ((self.place < low) | (self.place > high)).any():
            self.place = np.clip(self.place, low, high)
            x, y = np.array([WIDTH, HEIGHT]) / 2 - self.place
            self.heading += 0.3 * np.sin(np.arctan2(y, x) - self.heading)
            self.pace = max(self.pace, 1.0)


def widths() -> np.ndarray:
    """Across the midline, in pixels [POINTS]: a round head, a body, and a tail that thins out."""
    along = np.linspace(0, 1, POINTS)
    tail = np.clip((along - BODY) / (1 - BODY), 0, 1)
    return (THICK * (1 - tail) ** 4 + THIN * np.minimum(1, tail * 4)) * np.sqrt(np.clip(along / 0.12, 0.15, 1))


def painted(larva: Larva) -> np.ndarray:
    """How much of the body's darkness each pixel has, in 0..1: [HEIGHT, WIDTH]."""
    fine = np.zeros((HEIGHT * FINER, WIDTH * FINER), np.float32)
    line, along = larva.midline() * FINER, np.linspace(0, 1, POINTS)
    strength = np.interp(along, *STRENGTH)
    for number in reversed(range(POINTS - 1)):
        ends = [tuple(np.round(point * 16).astype(int).tolist()) for point in line[number : number + 2]]
        thick = max(1, round(float(widths()[number]) * FINER))
        cv2.line(fine, ends[0], ends[1], float(strength[number]), thick, cv2.LINE_8, shift=4)
    return cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def ground(rng: np.random.Generator) -> np.ndarray:
    """A light dish, brighter in the middle, with some stains: float32 [H, W]."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    light = 188 - 25 * (((columns / WIDTH - 0.5) ** 2 + (rows / HEIGHT - 0.5) ** 2) * 2)
    return (light + 30 * cv2.GaussianBlur(rng.normal(0, 1, light.shape), (0, 0), 5)).astype(np.float32)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("folder", type=Path)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--frames", type=int, default=200)
    asked.add_argument("--larvae", type=int, default=14)
    args = asked.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(args.seed)
    room = np.array([WIDTH, HEIGHT]) - 2 * MARGIN
    larvae = [
        Larva(MARGIN + rng.random(2) * room, rng.uniform(-np.pi, np.pi), rng.uniform(*LENGTH), rng.uniform(0, 3))
        for _ in range(args.larvae)
    ]
    empty, rows = ground(rng), []
    with video_writer(args.folder / "larvae.mp4", fps=25.0) as film:
        for frame in range(args.frames):
            image = empty.copy()
            for name, larva in enumerate(larvae):
                larva.swim(rng)
                shown = painted(larva)
                image -= DARK * shown * np.clip(image / 190, 0.3, 1)
                y, x = np.nonzero(shown >= LEAST)
                low, high = np.array([x.min(), y.min()]), np.array([x.max(), y.max()]) + 1
                rows.append((frame + 1, name + 1, *low, *(high - low), 1, 1, 1))
            seen = np.clip(image + rng.normal(0, NOISE, image.shape), 0, 255).astype(np.uint8)
            film.write(np.repeat(seen[:, :, None], 3, axis=2))
    np.savetxt(args.folder / "truth.txt", rows, delimiter=",", fmt="%.1f")


if __name__ == "__main__":
    main()
