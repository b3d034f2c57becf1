"""Everyday kinds of made films (see made_films.py): a junction, a corridor, mice, droplets, bacteria, birds, ducks."""

import cv2
import numpy as np
from film_stage import FINER, Kind, Sheet, Thing, ellipse, ground, pushes, rectangle, scattered, wander


def junction(rng: np.random.Generator) -> Kind:
    """Cars queue before a light and go on, lorries among them; a tree stands before the street."""
    shape = (300, 560)
    street = ground(rng, shape, (104, 128, 86), {3: 8, 40: 8})
    street[70 * FINER : 230 * FINER] = ground(rng, (160, 560), (112, 112, 114), {2: 5, 40: 6})
    street[70 * FINER : 230 * FINER, 400 * FINER : 404 * FINER] = (220, 220, 216)
    street[148 * FINER : 151 * FINER] = (214, 214, 208)
    crown = [(*place, size, tone) for place, size, tone in zip(
        rng.normal((170, 95), (16, 20), (60, 2)), rng.uniform(6, 13, 60), rng.uniform(50, 100, 60), strict=True
    )]  # fmt: skip
    count = 0

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        nonlocal count
        for one in things:
            way = np.cos(one.heading)
            front = one.x + way * one.long / 2
            ahead = [
                way * (other.x - way * other.long / 2 - front)
                for other in things
                if other.own["lane"] == one.own["lane"] and way * (other.x - one.x) > 0
            ]
            if way > 0 and front < 398 and (frame // 70) % 2 == 0:
                ahead.append(398 - front)
            room = min(ahead, default=999.0) - 6
            one.speed += float(np.clip(min(one.own["wish"], 0.15 * room) - one.speed, -0.4, 0.12))
            one.speed = max(one.speed, 0.0)
            one.x += way * one.speed
        for lane, (y, right) in enumerate(((188, True), (110, False))):
            free = all((one.x > 60 if right else one.x < 500) for one in things if one.own["lane"] == lane)
            if free and rng.random() < 0.04:
                lorry = rng.random() < 0.2
                long, wide = (rng.uniform(100, 130), 36) if lorry else (rng.uniform(46, 58), rng.uniform(23, 27))
                paint = tuple(np.clip(rng.uniform(30, 220) + rng.normal(0, 25, 3), 0, 255))
                place = (-long / 2 - 5 if right else 565 + long / 2, y + rng.uniform(-6, 6))
                things.append(Thing(count, *place, long, wide, 0 if right else np.pi, 2.0, paint))
                things[-1].own.update(lane=lane, wish=rng.uniform(2.2, 3.4), lorry=lorry)
                count += 1
        return [one for one in things if -90 < one.x < 650]

    def draw(sheet: Sheet, one: Thing) -> None:
        back, side, low = -one.long / 2, one.wide / 2, Thing(-1, one.x + 4, one.y + 5, 0, 0, one.heading, 0, (0, 0, 0))
        sheet.veil(low, rectangle(back, -side, -back, side), (50, 52, 58), 0.6)
        sheet.polygon(one, rectangle(back, -side, -back, side), one.color)
        if one.own["lorry"]:
            sheet.polygon(one, rectangle(-back - 22, -side, -back - 19, side), (40, 40, 44))
            return
        for first, last in ((-0.36, -0.22), (0.1, 0.26)):
            window = rectangle(first * one.long, -0.8 * side, last * one.long, 0.8 * side)
            sheet.polygon(one, window, (24, 28, 34))

    def tree(frame: int, sheet: Sheet) -> None:
        for x, y, size, tone in crown:
            leaf = Thing(-1, x + np.sin(frame / 13 + x), y, 0, 0, x, 0, (0.6 * tone, tone, 0.45 * tone))
            sheet.polygon(leaf, ellipse(2 * size, 1.4 * size), leaf.color)

    return Kind(shape, street, [], move, draw, over=tree)


def corridor(rng: np.random.Generator) -> Kind:
    """People of some 100 px walk both ways and cross, before a wall with doors and pictures."""
    shape = (300, 560)
    wall = ground(rng, shape, (196, 190, 176), {2: 3, 60: 6})
    wall[200 * FINER :] = ground(rng, (100, 560), (126, 104, 84), {2: 5, 12: 6})
    for x in (60, 250, 440):
        wall[40 * FINER : 200 * FINER, x * FINER : (x + 60) * FINER] = (120, 84, 60)
        wall[70 * FINER : 120 * FINER, (x + 90) * FINER : (x + 140) * FINER] = rng.uniform(40, 200, 3)
    count = 0

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        nonlocal count
        for one in things:
            if one.rest > 0:
                one.rest -= 1
                continue
            one.rest = int(rng.integers(20, 60)) if rng.random() < 0.003 else 0
            one.x, one.phase = one.x + one.speed, one.phase + abs(one.speed)
        if rng.random() < 0.02 and len(things) < 7:
            right, y = rng.random() < 0.5, rng.uniform(150, 225)
            high = 84 + 0.35 * (y - 150)
            speed = rng.uniform(1.4, 2.6) * (1 if right else -1)
            things.append(Thing(count, -30 if right else 590, y, high, 0, 0, speed, tuple(rng.uniform(25, 220, 3))))
            things[-1].own.update(legs=rng.uniform(20, 110), hair=rng.uniform(20, 120), bag=float(rng.random() < 0.3))
            count += 1
        return [one for one in things if -60 < one.x < 620]

    def draw(sheet: Sheet, one: Thing) -> None:
        high, legs, tone = one.long, one.own["legs"], np.array(one.color)
        swing, way = 0.16 * high * np.sin(0.09 * one.phase), float(np.sign(one.speed))
        sheet.veil(one, ellipse(0.45 * high, 0.1 * high, at=(0.1 * high, 0.5 * high)), (70, 58, 48), 0.5)
        for side in (-1, 1):
            foot = side * swing
            leg = [
                (-0.06 * high, 0),
                (0.06 * high, 0),
                (foot + 0.045 * high, high / 2),
                (foot - 0.045 * high, high / 2),
            ]
            sheet.polygon(one, np.array(leg), (legs, 0.95 * legs, 1.1 * legs))
            shoe = rectangle(foot - 0.05 * high, 0.47 * high, foot + 0.05 * high + 0.04 * high * way, 0.5 * high)
            sheet.polygon(one, shoe, (30, 26, 24))
        sheet.polygon(one, rectangle(-0.1 * high, -0.32 * high, 0.1 * high, 0.06 * high), one.color)
        arm = [(-0.03 * high, -0.3 * high), (0.03 * high, -0.3 * high), (0.03 * high - swing, 0.04 * high)]
        sheet.polygon(one, np.array([*arm, (-0.03 * high - swing, 0.04 * high)]), tuple(0.8 * tone))
        if one.own["bag"]:
            sheet.polygon(
                one, rectangle(-0.05 * high - swing, 0.04 * high, 0.09 * high - swing, 0.16 * high), (60, 30, 30)
            )
        sheet.polygon(one, ellipse(0.13 * high, 0.16 * high, at=(0.01 * high * way, -0.41 * high)), (214, 172, 146))
        hair = one.own["hair"]
        sheet.polygon(
            one,
            ellipse(0.14 * high, 0.09 * high, at=(-0.01 * high * way, -0.46 * high)),
            (hair, 0.8 * hair, 0.6 * hair),
        )

    return Kind(shape, wall, [], move, draw)


def mice(rng: np.random.Generator) -> Kind:
    """Two dark mice with tails in a pale box; they run, rest and huddle."""
    shape = (400, 400)
    area = ((80, 320), (80, 320))
    things = scattered(rng, 2, area, long=(62, 68), wide=(26, 29), speed=(2, 4), color=(52, 46, 42))
    roam = wander(rng, shape, turn=0.16, stop=0.02, margin=60)
    box = ground(rng, shape, (206, 202, 192), {2: 4, 50: 8})
    cv2.rectangle(box, (24 * FINER, 24 * FINER), (376 * FINER, 376 * FINER), (120, 118, 112), 5 * FINER)
    until = 0

    def move(frame: int, pair: list[Thing]) -> list[Thing]:
        nonlocal until
        gap = np.hypot(pair[0].x - pair[1].x, pair[0].y - pair[1].y)
        if frame > until and rng.random() < 0.005:
            until = frame + int(rng.integers(25, 60))
        for one, other in zip(pair, pair[::-1], strict=True):
            one.own["bend"] = 0.92 * one.own.get("bend", 0.0) + rng.normal(0, 0.8)
            if frame < until and gap > 34:
                toward = np.arctan2(other.y - one.y, other.x - one.x)
                one.heading += 0.2 * np.sin(toward - one.heading)
                one.rest = 0
        if frame < until and gap <= 34:
            return pair
        for one, (x, y) in zip(pair, 0.3 * pushes(pair, 34), strict=True):
            one.x, one.y = one.x + x, one.y + y
        return roam(frame, pair)

    def draw(sheet: Sheet, one: Thing) -> None:
        bend, back = one.own.get("bend", 0.0), -0.5 * one.long
        along = np.linspace(0, 1, 12)
        wave = 6 * along * np.sin(0.06 * one.phase + 4 * along) + bend
        tail = [np.stack([back + 4 - 48 * along, wave + side * (1.8 - along)], 1) for side in (1, -1)]
        sheet.polygon(one, np.concatenate([tail[0], tail[1][::-1]]), (150, 116, 108))
        sheet.polygon(one, ellipse(one.long, one.wide, bend=bend), one.color)
        sheet.polygon(one, ellipse(0.36 * one.long, 0.56 * one.wide, at=(0.4 * one.long, bend)), (60, 54, 50))
        for side in (-1, 1):
            sheet.polygon(one, ellipse(9, 8, at=(0.34 * one.long, bend + 9 * side)), (92, 74, 70))

    return Kind(shape, box, things, move, draw)


def droplets(rng: np.random.Generator) -> Kind:
    """Clear droplets with dark rims, all alike, run fast through a channel that widens to a chamber."""
    shape = (240, 560)
    chip = ground(rng, shape, (168, 168, 166), {2: 2, 60: 6})
    channel = np.array([(0, 95), (200, 95), (280, 30), (560, 30), (560, 210), (280, 210), (200, 145), (0, 145)])
    cv2.fillPoly(chip, [channel * FINER], (190, 190, 188))
    cv2.polylines(chip, [channel * FINER], True, (90, 90, 90), 2 * FINER)
    count, room = 0, 0.0

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        nonlocal count, room
        for one, (_, y) in zip(things, 0.25 * pushes(things, 31) if things else [], strict=True):
            wide = float(np.interp(one.x, (200, 280), (1.0, 2.6)))
            one.x += 6.0 / wide
            one.y = float(np.clip(one.y + y, 120 - 12 * wide**2, 120 + 12 * wide**2))
        room -= 6.0
        if room <= 0:
            things.append(Thing(count, -18, 120 + rng.uniform(-8, 8), 30, 30, 0, 0, (196, 196, 194)))
            count, room = count + 1, rng.uniform(33, 60)
        return [one for one in things if one.x < 590]

    def draw(sheet: Sheet, one: Thing) -> None:
        sheet.polygon(one, ellipse(one.long, one.wide), (84, 84, 84))
        sheet.polygon(one, ellipse(one.long - 5, one.wide - 5), one.color)
        sheet.polygon(one, ellipse(6, 4, at=(-5, -6)), (236, 236, 236))

    return Kind(shape, chip, [], move, draw)


def bacteria(rng: np.random.Generator) -> Kind:
    """Dark rods with a bright halo that grow, push each other and divide: both halves get new names."""
    shape = (320, 320)
    area = ((90, 230), (90, 230))
    things = scattered(rng, 8, area, long=(16, 28), wide=(9, 9.1), speed=(0, 0.1), color=(70, 70, 70))
    count = len(things)

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        nonlocal count
        if frame < 0:
            return things
        for one in things:
            one.heading += rng.normal(0, 0.015)
            one.long += 0.05
        ends = [(one, one.long / 3 * place) for one in things for place in (-1, 0, 1)]
        beads = [
            Thing(-1, one.x + d * np.cos(one.heading), one.y + d * np.sin(one.heading), 0, 0, 0, 0, one.color)
            for one, d in ends
        ]
        push = pushes(beads, 11).reshape(len(things), 3, 2)
        for one, (tail, middle, head) in zip(things, push, strict=True):
            away = (tail + middle + head) / 3
            one.x, one.y = one.x + 0.1 * np.clip(away[0], -6, 6), one.y + 0.1 * np.clip(away[1], -6, 6)
            across = np.array((-np.sin(one.heading), np.cos(one.heading)))
            one.heading += 0.01 * float(np.clip((head - tail) @ across, -5, 5))
        grown: list[Thing] = []
        for one in things:
            if one.long < 32 + 4 * np.sin(one.name):
                grown.append(one)
                continue
            for side in (-1, 1):
                x, y = (one.x, one.y) + side * one.long / 4 * np.array((np.cos(one.heading), np.sin(one.heading)))
                grown.append(Thing(count, x, y, one.long / 2, one.wide, one.heading, 0, one.color))
                count += 1
        return grown

    def draw(sheet: Sheet, one: Thing) -> None:
        def rod(extra: float) -> np.ndarray:
            turn, half = np.linspace(-np.pi / 2, np.pi / 2, 8), one.wide / 2 + extra
            cap = np.stack([one.long / 2 - one.wide / 2 + half * np.cos(turn), half * np.sin(turn)], 1)
            return np.concatenate([cap, -cap])

        sheet.veil(one, rod(2.5), (176, 176, 176), 0.6)
        sheet.polygon(one, rod(0), one.color)

    return Kind(shape, ground(rng, shape, (132, 132, 132), {2: 3, 60: 6}), things, move, draw, noise=5.0)


def birds(rng: np.random.Generator) -> Kind:
    """Small dark birds that flap and pass before clouds that drift."""
    shape = (320, 560)
    far = ground(rng, (320, 1200), (168, 186, 214), {60: 22, 25: 8, 140: 16})
    count = 0

    def move(frame: int, things: list[Thing]) -> list[Thing]:
        nonlocal count
        for one in things:
            one.heading += 0.04 * np.sin(frame / 20 + one.name) + rng.normal(0, 0.02)
            one.x += one.speed * np.cos(one.heading)
            one.y += one.speed * np.sin(one.heading)
            one.phase += 0.7
        if rng.random() < 0.12:
            right, size = rng.random() < 0.5, rng.uniform(10, 17)
            way = (0 if right else np.pi) + rng.normal(0, 0.2)
            place = (-15 if right else 575, rng.uniform(30, 290))
            things.append(Thing(count, *place, size, 0, way, rng.uniform(2.0, 3.6), (46, 46, 54), rng.uniform(0, 6)))
            count += 1
        return [one for one in things if -30 < one.x < 590 and -30 < one.y < 350]

    def draw(sheet: Sheet, one: Thing) -> None:
        wing = 0.35 * one.long * (0.3 + 0.7 * np.abs(np.sin(one.phase)))
        sheet.polygon(one, ellipse(one.long, 0.3 * one.long), one.color)
        for side in (-1, 1):
            tip = [(0.2 * one.long, 0), (-0.15 * one.long, 0), (-0.25 * one.long, side * 1.6 * wing)]
            sheet.polygon(one, np.array(tip), one.color)

    still = far[:, : 560 * FINER]
    later = cv2.resize(far, (1200, 320), interpolation=cv2.INTER_AREA)
    first = cv2.resize(still, (560, 320), interpolation=cv2.INTER_AREA)

    def drift(frame: int, image: np.ndarray) -> np.ndarray:
        step = np.array([[1, 0, -0.35 * frame], [0, 1, 0]])
        sky = cv2.warpAffine(later, step, (560, 320), borderMode=cv2.BORDER_REFLECT)
        return image + (sky - first)

    return Kind(shape, still, [], move, draw, finish=drift)


def ducks(rng: np.random.Generator) -> Kind:
    """Ducks on a pond whose waves glitter, with wakes behind them; they pause, and two swim together."""
    shape = (320, 560)
    pond = ground(rng, shape, (86, 104, 100), {4: 3, 50: 10})
    area = ((60, 500), (60, 260))
    things = scattered(rng, 9, area, long=(20, 26), wide=(10, 12), speed=(0.5, 1.3), color=(118, 92, 66))
    for one in things[::3]:
        one.color = (200, 196, 188)
    rows, columns = np.mgrid[0:320, 0:560].astype(np.float32)

    def draw(sheet: Sheet, one: Thing) -> None:
        if one.rest == 0:
            for side in (-1, 1):
                arm = [(-4, side * 4), (-44, side * 17), (-42, side * 20), (-3, side * 6)]
                sheet.veil(one, np.array(arm), (150, 164, 160), 0.35)
        sheet.polygon(one, ellipse(one.long, one.wide), one.color)
        sheet.polygon(one, ellipse(0.34 * one.long, 0.5 * one.wide, at=(0.5 * one.long, 0)), (36, 70, 44))
        sheet.polygon(one, ellipse(5, 3, at=(0.7 * one.long, 0)), (214, 170, 60))

    waves = [(rng.uniform(0.1, 0.8), rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi)) for _ in range(12)]

    def glitter(frame: int, image: np.ndarray) -> np.ndarray:
        height = np.zeros(shape, np.float32)
        for wave, way, phase in waves:  # of all directions; long ones are faster
            along = wave * (np.cos(way) * columns + 2 * np.sin(way) * rows)
            height += np.sin(along - 0.8 * np.sqrt(wave) * frame + phase) / np.sqrt(6)
        return image + 6 * height[..., None] + 50 * np.clip(height[..., None] - 2.4, 0, None)

    return Kind(shape, pond, things, wander(rng, shape, turn=0.06, stop=0.006, margin=45), draw, finish=glitter)
