"""More kinds of made films (see made_films.py): worms that cross, cars in the rain, people seen from above a door."""

import cv2
import numpy as np
from film_stage import FINER, Kind, Sheet, Thing, ellipse, ground, rectangle, scattered, wander


def worms(rng: np.random.Generator) -> Kind:
    """Ten thin worms that wind, creep and cross on a plate."""
    shape = (400, 400)
    area = ((60, 340), (60, 340))
    things = scattered(rng, 10, area, long=(60, 75), wide=(5, 6), speed=(0.6, 1.4), color=(96, 92, 84))
    along = np.linspace(0, 1, 24)
    thick = np.sqrt(np.clip(1 - (2 * along - 1) ** 4, 0.05, 1)) / 2

    def draw(sheet: Sheet, one: Thing) -> None:
        bend = 0.08 * one.long * np.sin(2.4 * np.pi * along + 0.22 * one.phase)
        sides = [np.stack([(0.5 - along) * one.long, bend + side * one.wide * thick], 1) for side in (1, -1)]
        sheet.polygon(one, np.concatenate([sides[0], sides[1][::-1]]), one.color)

    plate = ground(rng, shape, (182, 180, 172), {2: 3, 30: 8})
    return Kind(shape, plate, things, wander(rng, shape, turn=0.05, stop=0.003, margin=60), draw)


def rain(rng: np.random.Generator) -> Kind:
    """Cars on three lanes, their light on the wet road behind them, and drops that streak through the picture."""
    shape = (300, 560)
    road = ground(rng, shape, (88, 90, 94), {2: 5, 40: 6})
    for y in (100, 200):
        for x in range(0, 560, 60):
            cv2.line(road, (x * FINER, y * FINER), ((x + 30) * FINER, y * FINER), (190, 190, 186), 2 * FINER)
    lanes, count = ((50, 1), (150, -1), (250, -1)), 0

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        nonlocal count
        for one in things:
            one.x += one.speed * np.cos(one.heading)
        for lane, (y, way) in enumerate(lanes):
            free = all((one.x > 120 if way > 0 else one.x < 440) for one in things if one.own["lane"] == lane)
            if free and rng.random() < 0.03:
                place = (-50 if way > 0 else 610, y + rng.uniform(-8, 8))
                paint = tuple(np.clip(rng.uniform(30, 220) + rng.normal(0, 20, 3), 0, 255))
                size = (rng.uniform(54, 84), rng.uniform(26, 34))
                things.append(Thing(count, *place, *size, 0 if way > 0 else np.pi, 3.0 + 0.5 * lane, paint))
                things[-1].own["lane"] = lane
                count += 1
        return [one for one in things if -70 < one.x < 630]

    def draw(sheet: Sheet, one: Thing) -> None:
        back, side = -one.long / 2, one.wide / 2
        sheet.veil(one, rectangle(back - 30, -0.8 * side, back, 0.8 * side), (150, 150, 155), 0.25)
        sheet.polygon(one, rectangle(back, -side, -back, side), one.color)
        for first, last in ((-0.3, -0.1), (0.1, 0.25)):
            window = rectangle(first * one.long, -0.8 * side, last * one.long, 0.8 * side)
            sheet.polygon(one, window, (24, 26, 30))

    def drops(frame: int, image: np.ndarray) -> np.ndarray:
        wet = np.ascontiguousarray(image).copy()
        for x, y, long in rng.uniform((0, -20, 8), (560, 300, 26), (160, 3)):
            cv2.line(wet, (int(x), int(y)), (int(x + 0.25 * long), int(y + long)), (205, 208, 214), 1)
        return image + 0.5 * (wet - image)

    return Kind(shape, road, [], move, draw, finish=drops)


def entrance(rng: np.random.Generator) -> Kind:
    """People from straight above, some side by side, on tiles; a small picture."""
    shape = (240, 320)
    tiles = ground(rng, shape, (150, 146, 140), {2: 4, 40: 6})
    for place in range(0, 320, 40):
        tiles[:, place * FINER : place * FINER + 2] *= 0.85
        tiles[place * FINER : place * FINER + 2] *= 0.85
    count = 0

    def person(x: float, y: float, heading: float, speed: float, phase: float) -> Thing:
        nonlocal count
        one = Thing(count, x, y, 20, 34, heading, speed, tuple(rng.uniform(30, 220, 3)), phase)
        one.own["hair"] = rng.uniform(20, 120)
        count += 1
        return one

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        for one in things:
            one.y += one.speed * np.sin(one.heading)
            one.x += 0.5 * np.sin(one.phase / 15)
            one.phase += one.speed
        if rng.random() < 0.05:
            down = rng.random() < 0.5
            way = (-25 if down else 265, np.pi / 2 if down else -np.pi / 2, rng.uniform(1.5, 2.8), rng.uniform(0, 50))
            x = rng.uniform(50, 270)
            things.append(person(x, *way))
            if rng.random() < 0.3:
                things.append(person(x + 36, *way))
        return [one for one in things if -40 < one.y < 280]

    def draw(sheet: Sheet, one: Thing) -> None:
        sheet.veil(one, ellipse(26, 38, at=(0, 3)), (90, 88, 84), 0.35)
        for side in (-1, 1):
            sheet.polygon(one, ellipse(8, 6, at=(5 * side * np.sin(0.25 * one.phase), 8 * side)), (40, 36, 34))
        sheet.polygon(one, ellipse(0.7 * one.long, one.wide), one.color)
        hair = one.own["hair"]
        sheet.polygon(one, ellipse(13, 12, at=(2, 0)), (hair, 0.8 * hair, 0.6 * hair))

    return Kind(shape, tiles, [], move, draw)
