"""A made film of a motorway, with truth: cars, vans and lorries come towards a fixed camera and grow from 11 to 90 px.

python benchmarks/made_motorway.py FOLDER [--seed 0] [--frames 500]    # writes FOLDER/road.mp4 and FOLDER/truth.txt

The truth counts frames from 1 and pixels from 0, and holds what is in view by a quarter at least, as boxes of the parts
in view. Shadows are no part of it.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from scalor.viz.export import video_writer

HEIGHT, WIDTH, FINER = 240, 320, 3
HORIZON, VANISHING = 10.0, 190.0
"""Row in which things have no size, and the column in which the lanes meet there."""
LANES, EDGES, LINES = (-0.85, -0.3, 0.25), (-1.15, 0.55), ((-1.12, False), (-0.58, True), (-0.03, True), (0.52, False))
KINDS = ((0.8, 0.7), (1.5, 0.12), (1.1, 0.18))
"""Height by width, and share, of cars, lorries and vans."""
PAINTS = ((200, 200, 205), (60, 60, 65), (150, 30, 30), (40, 60, 120), (120, 125, 130), (235, 235, 235), (90, 100, 90))
FAR, GAP, RATE, VISIBLE, WARM_UP = 11.0, 2.0, 0.022, 0.25, 150


@dataclass
class Car:
    """What drives; distance and speed in units of the distance at which the road lies 230 rows below HORIZON."""

    name: int
    lane: float
    away: float
    speed: float
    paint: tuple[int, int, int]
    tall: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width, height in pixels."""
        foot = 230 / self.away
        wide = 0.42 * foot
        return VANISHING + self.lane * foot - wide / 2, HORIZON + foot - self.tall * wide, wide, self.tall * wide


def ground(rng: np.random.Generator) -> np.ndarray:
    """Asphalt with lines between meadows, under a sky: float32 [H, W, 3], ``FINER`` times as fine."""
    rows, columns = np.mgrid[0 : HEIGHT * FINER, 0 : WIDTH * FINER] / FINER
    grain = [cv2.GaussianBlur(rng.normal(0, 1, rows.shape).astype(np.float32), (0, 0), std) for std in (4, 2)]
    image = np.array([70, 95, 60]) + 60 * grain[0][..., None] * np.array([0.7, 1, 0.6])
    below = rows - HORIZON
    road = (columns > VANISHING + EDGES[0] * below) & (columns < VANISHING + EDGES[1] * below) & (rows > 24)
    image[road] = ((120 + 25 * grain[1])[..., None] * np.array([1, 1, 0.97]))[road]
    for place, dashed in LINES:
        line = (np.abs(columns - VANISHING - place * below) < 0.012 * below) & road
        image[line & (np.log(np.maximum(below, 1)) * 6 % 1 < 0.4) if dashed else line] = 215
    image[rows < 24] = (160, 175, 190)
    return image.astype(np.float32)


def paint(image: np.ndarray, car: Car) -> None:
    """The shadow, then the body, its windscreen, wheels, lamps and number plate."""
    left, top, wide, high = car.box
    foot = top + high

    def shape(*corners: tuple[float, float]) -> list[np.ndarray]:
        points = [(left + x * wide, foot - y * high) for x, y in corners]
        return [np.round(np.array(points) * FINER).astype(np.int32)]

    shadow = np.zeros(image.shape[:2], np.float32)
    cv2.fillPoly(shadow, shape((0.1, 0.02), (1, 0.02), (1.45, 0.12), (1.35, 0.3), (1, 0.35)), 1.0)
    image *= 1 - 0.45 * cv2.GaussianBlur(shadow, (0, 0), 0.6 * FINER)[..., None]
    roof = 0.0 if car.tall > 1.2 else 0.14
    cv2.fillPoly(image, shape((0, 0.1), (1, 0.1), (1, 0.5), (1 - roof, 1), (roof, 1), (0, 0.5)), car.paint)
    cv2.fillPoly(image, shape((0.1, 0.5), (0.9, 0.5), (0.95 - roof, 0.92), (0.05 + roof, 0.92)), (45, 50, 58))
    for x in (0.03, 0.8):
        cv2.fillPoly(image, shape((x, 0), (x + 0.17, 0), (x + 0.17, 0.14), (x, 0.14)), (20, 20, 20))
    for x in (0.06, 0.76):
        cv2.fillPoly(image, shape((x, 0.3), (x + 0.18, 0.3), (x + 0.18, 0.4), (x, 0.4)), (235, 235, 225))
    cv2.fillPoly(image, shape((0.3, 0.14), (0.7, 0.14), (0.7, 0.24), (0.3, 0.24)), (60, 60, 62))


def arrivals(rng: np.random.Generator, cars: list[Car], count: int) -> list[Car]:
    """New cars at the far end of lanes that have room there."""
    new = []
    for lane in LANES:
        free = all(car.away < FAR - GAP for car in cars if car.lane == lane)
        if rng.random() < RATE and free:
            chosen = (
                PAINTS[rng.integers(len(PAINTS))] if rng.random() < 0.8 else tuple(rng.integers(30, 230, 3).tolist())
            )
            tall = KINDS[rng.choice(len(KINDS), p=[share for _, share in KINDS])][0]
            speed = rng.uniform(0.05, 0.075) * (1.3 if lane == LANES[0] else 1.0)
            new.append(Car(count + len(new) + 1, lane, FAR, speed, chosen, tall))
    return new


def drive(cars: list[Car]) -> list[Car]:
    """A frame further; nobody drives into the one in front, and who has passed the camera is gone."""
    for car in cars:
        front = [other for other in cars if other.lane == car.lane and other.away < car.away]
        nearest = max(front, key=lambda other: other.away, default=None)
        slow = nearest is not None and car.away - nearest.away < 1.2
        car.away -= min(car.speed, nearest.speed) if slow and nearest else car.speed
    return [car for car in cars if car.box[1] < HEIGHT]


def truth(cars: list[Car]) -> list[tuple[float, ...]]:
    """(name, left, top, width, height) of the parts in view, of what is seen by enough; ``cars`` from far to near."""
    owner = np.full((HEIGHT, WIDTH), -1)
    spans = []
    for number, car in enumerate(cars):
        left, top, wide, high = car.box
        low, upper = np.maximum((left, top), 0), np.minimum((left + wide, top + high), (WIDTH, HEIGHT))
        spans.append((low, upper))
        if (upper > low).all():
            owner[int(low[1]) : round(upper[1]), int(low[0]) : round(upper[0])] = number
    seen = [(owner == number).sum() / (car.box[2] * car.box[3]) for number, car in enumerate(cars)]
    kept = [
        (car.name, *low, *(upper - low))
        for car, (low, upper), share in zip(cars, spans, seen, strict=True)
        if share > VISIBLE
    ]
    return [row for row in kept if row[2] + row[4] > 32]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("folder", type=Path)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--frames", type=int, default=500)
    args = asked.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(args.seed)
    empty, cars, count, rows = ground(rng), list[Car](), 0, []
    with video_writer(args.folder / "road.mp4", fps=25.0) as film:
        for frame in range(-WARM_UP, args.frames):
            new = arrivals(rng, cars, count)
            cars, count = sorted([*cars, *new], key=lambda car: -car.away), count + len(new)
            if frame >= 0:
                image = empty.copy()
                for car in cars:
                    paint(image, car)
                seen = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
                film.write(np.clip(seen + rng.normal(0, 4, seen.shape), 0, 255).astype(np.uint8))
                rows += [(frame + 1, *row, 1, 1, 1) for row in truth(cars)]
            cars = drive(cars)
    np.savetxt(args.folder / "truth.txt", rows, delimiter=",", fmt="%.1f")


if __name__ == "__main__":
    main()
