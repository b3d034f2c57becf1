"""Made films of kinds that are unlike each other, with truth: to try on what no setting was chosen on.

python benchmarks/made_films.py FOLDER [--seed 0] [--frames 300] [--kinds ants sheep ...]
python benchmarks/footage.py FOLDER -o OUT --steps 600 --truth-box-base 0      # learns, tracks and scores all of them

FOLDER/KIND holds film.mp4 and truth.txt, whose frames count from 1 and pixels from 0: boxes of the parts in view, of
what is seen by a quarter at least. Shadows, light and the legs of ants are no part of them.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from everyday_kinds import bacteria, birds, corridor, droplets, ducks, junction, mice
from film_stage import FINER, Kind, Sheet, Thing, ellipse, ground, pushes, rectangle, scattered, wander
from more_kinds import entrance, rain, worms

from scalor.viz.export import video_writer

WARM_UP = 200
"""Frames for which things have lived when a film begins."""


def ants(rng: np.random.Generator) -> Kind:
    """Twenty-four thin dark ants on sand; they stop, cross and touch; the light fades and comes back."""
    shape = (360, 480)
    area = ((30, 450), (30, 330))
    things = scattered(rng, 24, area, long=(13, 17), wide=(4.5, 4.6), speed=(1.5, 3), color=(45, 30, 25))

    def draw(sheet: Sheet, one: Thing) -> None:
        for place in (-0.15, 0.05, 0.22):
            swing = 0.12 * one.long * np.sin(one.phase + 5 * place)
            for side in (-1, 1):
                hip, foot = place * one.long, (place * one.long + swing * side, side * 0.8 * one.wide)
                leg = [(hip - 0.5, 0), (hip + 0.5, 0), (foot[0] + 0.4, foot[1]), (foot[0] - 0.4, foot[1])]
                sheet.veil(one, np.array(leg), one.color)
        for long, wide, place in ((0.45, 1.0, -0.28), (0.3, 0.6, 0.05), (0.25, 0.7, 0.37)):
            sheet.polygon(one, ellipse(long * one.long, wide * one.wide, at=(place * one.long, 0)), one.color)

    def fade(frame: int, image: np.ndarray) -> np.ndarray:
        return image * (1 - 0.2 * np.sin(frame / 120) ** 2)

    sand = ground(rng, shape, (196, 176, 140), {1: 8, 3: 7, 40: 10})
    return Kind(shape, sand, things, wander(rng, shape, turn=0.15, stop=0.01, margin=25), draw, finish=fade)


def belt(rng: np.random.Generator) -> Kind:
    """Parcels on a belt that runs and stops; some touch."""
    shape = (300, 560)
    floor = ground(rng, shape, (110, 108, 104), {2: 4, 40: 6})
    floor[90 * FINER : 210 * FINER] = ground(rng, (120, 560), (58, 60, 64), {1: 4})
    paints = ((176, 134, 88), (186, 146, 98), (164, 122, 78), (205, 200, 190))
    room, count = 0.0, 0

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        nonlocal room, count
        step = 0.0 if (frame // 40) % 4 == 3 else 2.2
        for one in things:
            one.x += step
        room -= step
        if room <= 0:
            long, wide = rng.uniform(34, 62), rng.uniform(30, 50)
            place, tilt, color = 150 + rng.uniform(-25, 25), rng.normal(0, 0.12), paints[rng.integers(4)]
            things.append(Thing(count, -long, place, long, wide, tilt, 0, color))
            count, room = count + 1, long + (0 if rng.random() < 0.25 else rng.uniform(8, 80))
        return [one for one in things if one.x < 640]

    def draw(sheet: Sheet, one: Thing) -> None:
        tape = (0.85 * one.color[0], 0.85 * one.color[1], 0.85 * one.color[2])
        sheet.polygon(one, rectangle(-one.long / 2, -one.wide / 2, one.long / 2, one.wide / 2), one.color)
        sheet.polygon(one, rectangle(-one.long / 2, -3, one.long / 2, 3), tape)
        sheet.polygon(one, rectangle(0.1 * one.long, 5, 0.4 * one.long, 12), (235, 235, 230))

    return Kind(shape, floor, [], move, draw)


def cells(rng: np.random.Generator) -> Kind:
    """Thirty grey cells with a bright rim that creep by less than a pixel per frame, and touch."""
    shape = (400, 400)
    area = ((30, 370), (30, 370))
    things = scattered(rng, 30, area, long=(22, 30), wide=(18, 24), speed=(0.3, 1), color=(98, 98, 98))
    creep = wander(rng, shape, turn=0.25, stop=0.005, margin=30)

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        for one, (x, y) in zip(things, 0.1 * pushes(things, 24), strict=True):
            one.x, one.y = one.x + x, one.y + y
        return creep(frame, things)

    def draw(sheet: Sheet, one: Thing) -> None:
        long = one.long * (1 + 0.1 * np.sin(one.phase / 9))
        sheet.polygon(one, ellipse(long + 3, one.wide + 3), (158, 158, 158))
        sheet.polygon(one, ellipse(long, one.wide), one.color)
        sheet.polygon(one, ellipse(0.4 * long, 0.4 * one.wide, at=(2, 0)), (78, 78, 78))

    return Kind(shape, ground(rng, shape, (120, 120, 120), {2: 3, 60: 8}), things, move, draw, noise=5.0)


def night(rng: np.random.Generator) -> Kind:
    """Cars at night from a bridge: lamps that glow, light on the road before them, dark bodies."""
    shape = (360, 480)
    road = ground(rng, shape, (20, 21, 26), {2: 2, 40: 3})
    for x in (120, 240, 360):
        for y in range(0, 360, 40):
            cv2.line(road, (x * FINER, y * FINER), (x * FINER, (y + 18) * FINER), (64, 64, 60), 2 * FINER)
    speeds, count = (2.6, 3.2, 3.0, 2.4), 0

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        nonlocal count
        for one in things:
            one.y += one.speed * np.sin(one.heading)
        for lane, speed in enumerate(speeds):
            down = lane < 2
            free = all((one.y > 130 if down else one.y < 230) for one in things if one.own["lane"] == lane)
            if free and rng.random() < 0.02:
                place = (60 + 120 * lane + rng.uniform(-8, 8), -70 if down else 430)
                size, paint = (rng.uniform(56, 70), 28), tuple(rng.uniform(26, 60, 3))
                things.append(Thing(count, *place, *size, np.pi / 2 if down else -np.pi / 2, speed, paint))
                things[-1].own["lane"] = lane
                count += 1
        return [one for one in things if -90 < one.y < 450]

    def draw(sheet: Sheet, one: Thing) -> None:
        front = one.long / 2
        for reach, alpha in ((90, 0.06), (60, 0.08), (35, 0.1)):
            light = [(front, -10), (front, 10), (front + reach, 22), (front + reach, -22)]
            sheet.veil(one, np.array(light), (200, 195, 170), alpha)
        sheet.polygon(one, rectangle(-front, -one.wide / 2, front, one.wide / 2), one.color)
        roof = rectangle(-0.25 * one.long, -0.4 * one.wide, 0.2 * one.long, 0.4 * one.wide)
        sheet.polygon(one, roof, (14, 15, 20))
        for side in (-9, 9):
            sheet.polygon(one, ellipse(4, 7, at=(front - 2, side)), (255, 250, 220))
            sheet.polygon(one, ellipse(3, 7, at=(2 - front, side)), (200, 20, 16))

    def glow(frame: int, image: np.ndarray) -> np.ndarray:
        bright = np.clip(image - 150, 0, None).astype(np.float32)
        return image + 1.2 * cv2.GaussianBlur(bright, (0, 0), 5)

    return Kind(shape, road, [], move, draw, finish=glow)


def path(rng: np.random.Generator) -> Kind:
    """People on a path, some side by side, behind branches that sway in the wind."""
    shape = (360, 640)
    meadow = ground(rng, shape, (104, 116, 84), {2: 8, 12: 8, 70: 10})
    meadow[200 * FINER : 290 * FINER] = ground(rng, (90, 640), (168, 160, 146), {2: 5, 20: 5})
    leaves = rng.uniform((380, 60, 6, 0, 40), (520, 250, 12, 6.3, 90), (70, 5))
    count = 0

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        nonlocal count
        for one in things:
            one.x, one.phase = one.x + one.speed, one.phase + abs(one.speed)
        if rng.random() < 0.022:
            right, friends, y = rng.random() < 0.5, 1 if rng.random() < 0.6 else 2, rng.uniform(215, 265)
            speed = rng.uniform(1.0, 1.8) * (1 if right else -1)
            for k in range(friends):
                place = ((-20 if right else 660) - 14 * k, y + 12 * k)
                things.append(Thing(count, *place, rng.uniform(44, 52), 16, 0, speed, tuple(rng.uniform(25, 210, 3))))
                things[-1].own["legs"] = rng.uniform(20, 90)
                count += 1
        return [one for one in things if -50 < one.x < 690]

    def draw(sheet: Sheet, one: Thing) -> None:
        high, swing, legs = one.long, 6 * np.sin(0.22 * one.phase), one.own["legs"]
        sheet.veil(one, ellipse(20, 6, at=(7, 0.5 * high)), (90, 86, 80), 0.5)
        for side in (-1, 1):
            leg = [(-3, 0), (3, 0), (side * swing + 2.5, high / 2), (side * swing - 2.5, high / 2)]
            sheet.polygon(one, np.array(leg), (legs, legs, legs))
        arm = [(-2, -0.28 * high), (2, -0.28 * high), (swing + 2, 0.05 * high), (swing - 2, 0.05 * high)]
        sheet.polygon(one, rectangle(-6, -0.32 * high, 6, 0.08 * high), one.color)
        sheet.polygon(one, np.array(arm), (0.8 * one.color[0], 0.8 * one.color[1], 0.8 * one.color[2]))
        sheet.polygon(one, ellipse(9, 10, at=(0, -0.41 * high)), (214, 172, 146))

    def branches(frame: int, sheet: Sheet) -> None:
        for x, y, size, phase, tone in leaves:
            sway = (x + 5 * np.sin(frame / 11 + phase), y + 2 * np.sin(frame / 7 + phase))
            leaf = Thing(-1, *sway, 0, 0, phase, 0, (0.5 * tone, tone, 0.4 * tone))
            sheet.polygon(leaf, ellipse(2 * size, size), leaf.color)

    return Kind(shape, meadow, [], move, draw, over=branches)


def players(rng: np.random.Generator) -> Kind:
    """Fourteen players of two teams run on grass with lines; the camera trembles by a pixel or two."""
    shape = (360, 640)
    grass = ground(rng, shape, (70, 128, 66), {2: 6, 30: 6})
    for column in range(0, 640, 80):
        grass[:, column * FINER : (column + 40) * FINER] *= 1.06
    cv2.line(grass, (320 * FINER, 0), (320 * FINER, 360 * FINER), (225, 230, 225), 3 * FINER)
    cv2.circle(grass, (320 * FINER, 180 * FINER), 70 * FINER, (225, 230, 225), 3 * FINER)
    area = ((60, 580), (60, 320))
    things = scattered(rng, 14, area, long=(30, 31), wide=(12, 13), speed=(1.5, 4.5), color=(190, 40, 45))
    for one in things[::2]:
        one.color = (235, 235, 240)
    shake = 1.5 * np.sin(np.cumsum(rng.normal(0, 0.4, (5000, 2)), 0))

    def draw(sheet: Sheet, one: Thing) -> None:
        up, swing = Thing(one.name, one.x, one.y, 0, 0, 0, 0, one.color), 5 * np.sin(0.35 * one.phase)
        tone = 0.5 + 0.5 * (one.name % 5) / 4
        sheet.veil(up, ellipse(18, 6, at=(6, 15)), (40, 70, 40), 0.5)
        for side in (-1, 1):
            leg = [(-2, 3), (2, 3), (side * swing + 2, 15), (side * swing - 2, 15)]
            sheet.polygon(up, np.array(leg), (30, 30, 60))
        sheet.polygon(up, rectangle(-5, -9, 5, 4), one.color)
        for side in (-1, 1):
            hand = side * 5 - side * swing
            arm = [(5 * side, -8), (6.5 * side, -7), (hand + 1.5 * side, 1), (hand, 1)]
            sheet.polygon(up, np.array(arm), one.color)
        sheet.polygon(up, ellipse(6, 7, at=(0, -12)), (225 * tone, 180 * tone, 150 * tone))

    def tremble(frame: int, image: np.ndarray) -> np.ndarray:
        move = np.array([[1, 0, shake[frame, 0]], [0, 1, shake[frame, 1]]])
        return cv2.warpAffine(image, move, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)

    return Kind(shape, grass, things, wander(rng, shape, turn=0.12, stop=0.008, margin=40), draw, finish=tremble)


def sheep(rng: np.random.Generator) -> Kind:
    """Thirty-five pale sheep from above in a flock that wanders across a meadow; they touch all the time."""
    shape = (360, 640)
    area = ((60, 260), (90, 270))
    things = scattered(rng, 35, area, long=(15, 19), wide=(8, 10), speed=(0.6, 1.2), color=(214, 208, 190))

    def move(frame: int, flock: list[Thing]) -> list[Thing]:
        for one, push in zip(flock, pushes(flock, 14), strict=True):
            when = min(max(frame, 0), 260)
            goal = np.array((60 + 1.5 * when - one.x, 180 + 90 * np.sin(when / 60) - one.y))
            wish = 0.15 * push + 1.2 * goal / max(60.0, float(np.hypot(*goal))) + rng.normal(0, 0.25, 2)
            one.heading += 0.15 * np.sin(np.arctan2(wish[1], wish[0]) - one.heading)
            go = one.speed * min(1.5, float(np.hypot(*wish)))
            one.x += go * np.cos(one.heading) + 0.05 * push[0]
            one.y += go * np.sin(one.heading) + 0.05 * push[1]
            one.phase += go
        return flock

    def draw(sheet: Sheet, one: Thing) -> None:
        shade = Thing(-1, one.x + 3, one.y + 3, 0, 0, one.heading, 0, (50, 66, 40))
        sheet.veil(shade, ellipse(one.long, one.wide), shade.color, 0.6)
        sheet.polygon(one, ellipse(one.long, one.wide), one.color)
        head = ellipse(0.3 * one.long, 0.45 * one.wide, at=(0.55 * one.long, 0.5 * np.sin(one.phase)))
        sheet.polygon(one, head, (60, 52, 48))

    return Kind(shape, ground(rng, shape, (86, 120, 62), {2: 9, 8: 8, 60: 9}), things, move, draw)


def tank(rng: np.random.Generator) -> Kind:
    """Nine silver fish that bend and turn before weeds; light ripples over everything."""
    shape = (320, 480)
    water = ground(rng, shape, (70, 100, 112), {4: 5, 50: 12})
    for _ in range(14):
        x, high = rng.uniform(0, 480), rng.uniform(60, 200)
        stem = [(x + 6 * np.sin(k / 2) + (k % 2) * 4, 320 - high * k / 10) for k in range(11)]
        cv2.polylines(water, [(np.array(stem) * FINER).astype(np.int32)], False, (44, 84, 52), 4 * FINER)
    area = ((60, 420), (60, 260))
    things = scattered(rng, 9, area, long=(36, 46), wide=(11, 14), speed=(1.5, 3.5), color=(176, 182, 178))
    rows, columns = np.mgrid[0:320, 0:480].astype(np.float32)

    def draw(sheet: Sheet, one: Thing) -> None:
        bend = 3 * np.sin(0.25 * one.phase)
        end, tip = -0.62 * one.long, 1.8 * bend
        tail = [(-0.45 * one.long, bend), (end, tip - 5), (end, tip + 5)]
        sheet.polygon(one, np.array(tail), (140, 140, 132))
        sheet.polygon(one, ellipse(one.long, one.wide, bend=bend), one.color)
        sheet.polygon(one, ellipse(0.8 * one.long, 0.3 * one.wide, bend=bend), (96, 104, 108))

    def ripple(frame: int, image: np.ndarray) -> np.ndarray:
        light = np.sin(columns / 23 + frame / 9 + 2 * np.sin(rows / 31 + frame / 14)) * np.sin(rows / 19 - frame / 11)
        return image * (1 + 0.06 * light[..., None])

    return Kind(shape, water, things, wander(rng, shape, turn=0.1, stop=0.004, margin=45), draw, finish=ripple)


KINDS: dict[str, Callable[[np.random.Generator], Kind]] = {
    each.__name__: each
    for each in (
        *(ants, belt, cells, night, path, players, sheep, tank, worms, rain, entrance),
        *(junction, corridor, mice, droplets, bacteria, birds, ducks),
    )
}


def write(folder: Path, kind: Kind, rng: np.random.Generator, frames: int) -> None:
    """The film and its truth."""
    folder.mkdir(parents=True, exist_ok=True)
    things, rows = kind.things, []
    for frame in range(-WARM_UP, 0):
        things = kind.move(frame, things)
    with video_writer(folder / "film.mp4", fps=25.0) as film:
        for frame in range(frames):
            things, sheet = kind.move(frame, things), Sheet(kind.ground)
            for one in sorted(things, key=lambda one: one.y + 0.5 * one.long * (one.heading == 0)):
                kind.draw(sheet, one)
            kind.over(frame, sheet)
            seen = cv2.resize(sheet.image, kind.shape[::-1], interpolation=cv2.INTER_AREA)
            seen = kind.finish(frame, seen) + rng.normal(0, kind.noise, (*kind.shape, 1))
            film.write(np.clip(seen, 0, 255).astype(np.uint8))
            rows += sheet.rows(frame + 1)
    np.savetxt(folder / "truth.txt", rows, delimiter=",", fmt="%.1f")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("folder", type=Path)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--frames", type=int, default=300)
    asked.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    args = asked.parse_args()
    for number, name in enumerate(KINDS):
        if name in args.kinds:
            rng = np.random.default_rng([args.seed, number])
            write(args.folder / name, KINDS[name](rng), rng, args.frames)


if __name__ == "__main__":
    main()
