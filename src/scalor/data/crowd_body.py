"""Bodies: what people look like, and the capsules (thick lines with round ends) that they are made of in a pose."""

from dataclasses import dataclass

import numpy as np

PARTS = (
    "left thigh",
    "right thigh",
    "left shin",
    "right shin",
    "left foot",
    "right foot",
    "hips",
    "torso",
    "shoulders",
    "left arm",
    "right arm",
    "left forearm",
    "right forearm",
    "neck",
    "head",
    "hair",
    "coat",
    "bag",
)
NUMBER = {name: number for number, name in enumerate(PARTS)}

CLOTH = np.array(
    [
        (0.012, 0.012, 0.014), (0.03, 0.03, 0.035), (0.075, 0.075, 0.08), (0.2, 0.2, 0.2), (0.62, 0.61, 0.58),
        (0.02, 0.03, 0.085), (0.04, 0.075, 0.17), (0.16, 0.26, 0.42), (0.3, 0.025, 0.025), (0.13, 0.015, 0.03),
        (0.38, 0.28, 0.17), (0.15, 0.09, 0.045), (0.07, 0.085, 0.035), (0.03, 0.11, 0.075), (0.5, 0.33, 0.05),
        (0.5, 0.2, 0.22), (0.16, 0.08, 0.2), (0.48, 0.46, 0.4),
    ]
)  # fmt: skip
"""Colours of clothes in linear light, from black to cream."""
COMMON = np.array([10, 9, 6, 5, 7, 7, 5, 3, 3, 2, 4, 3, 2, 2, 1, 1, 1, 3], float)
"""How often they are worn."""
LEGS = np.array([0.032, 0.05, 0.12])  # jeans
SKIN = np.array([(0.55, 0.32, 0.22), (0.42, 0.23, 0.14), (0.25, 0.12, 0.07), (0.09, 0.042, 0.025)])
HAIR = np.array(
    [(0.012, 0.009, 0.008), (0.035, 0.02, 0.012), (0.09, 0.05, 0.025), (0.3, 0.2, 0.09), (0.25, 0.25, 0.25)]
)


@dataclass(frozen=True)
class Looks:
    """N people: height [N] in metres, girth [N] as a factor; which parts they have and how thick [N, K];
    colour [N, K, 3] in linear light; stripes [N, 2] (waves over the torso, contrast); elbow [N, 2] bend in radians;
    sway [N] extra swing of the arms."""

    height: np.ndarray
    girth: np.ndarray
    there: np.ndarray
    color: np.ndarray
    stripes: np.ndarray
    elbow: np.ndarray
    sway: np.ndarray


def looks(rng: np.random.Generator, count: int) -> Looks:
    """Draw ``count`` people."""
    share = COMMON / COMMON.sum()
    tint = rng.uniform(0.75, 1.3, (3, count, 1)) * rng.uniform(0.92, 1.08, (3, count, 3))
    top, bottom, extra = (CLOTH[rng.choice(len(CLOTH), count, p=share)] * tint[row] for row in range(3))
    bottom = np.where(rng.random((count, 1)) < 0.45, LEGS * tint[1], bottom)
    skin = SKIN[rng.choice(4, count, p=[0.5, 0.25, 0.15, 0.1])] * rng.uniform(0.85, 1.15, (count, 1))
    hair = HAIR[rng.choice(5, count, p=[0.38, 0.3, 0.16, 0.09, 0.07])] * rng.uniform(0.8, 1.2, (count, 1))
    hair = np.where(rng.random((count, 1)) < 0.12, extra, hair)  # a cap
    shoes = np.where(rng.random((count, 1)) < 0.25, [[0.5, 0.5, 0.48]], rng.uniform(0.01, 0.05, (count, 1)))
    color = np.empty((count, len(PARTS), 3))
    color[:] = top[:, None]
    for name in ("left thigh", "right thigh", "left shin", "right shin", "hips"):
        color[:, NUMBER[name]] = bottom
    for name, paint in (("left foot", shoes), ("right foot", shoes), ("neck", skin), ("head", skin), ("hair", hair)):
        color[:, NUMBER[name]] = paint
    bare = rng.random((count, 1)) < 0.35
    for name in ("left forearm", "right forearm"):
        color[:, NUMBER[name]] = np.where(bare, skin, top)
    shorts = rng.random((count, 1)) < 0.14
    for name in ("left shin", "right shin"):
        color[:, NUMBER[name]] = np.where(shorts, skin, bottom)
    color[:, NUMBER["bag"]] = extra
    there = np.ones((count, len(PARTS)))
    there[:, NUMBER["coat"]] = rng.random(count) < 0.3
    there[:, NUMBER["bag"]] = np.where(rng.random(count) < 0.3, rng.uniform(0.7, 1.1, count), 0.0)
    striped = rng.random(count) < 0.12
    return Looks(
        height=np.clip(rng.normal(1.71, 0.09, count), 1.45, 1.95),
        girth=np.clip(rng.normal(1.08, 0.12, count), 0.85, 1.4),
        there=there,
        color=color.astype(np.float32),
        stripes=np.stack([rng.integers(3, 6, count), striped * rng.uniform(0.3, 0.7, count)], -1).astype(np.float32),
        elbow=np.where(
            rng.random((count, 2)) < 0.15, rng.uniform(1.2, 1.9, (count, 2)), rng.uniform(0.15, 0.5, (count, 2))
        ),
        sway=rng.uniform(0.7, 1.2, count),
    )


@dataclass(frozen=True)
class Pose:
    """M people as K capsules each: ends [M, K, 2, 3] in metres of the world, radii [M, K, 2] in metres (0: no part)."""

    ends: np.ndarray
    radii: np.ndarray


@dataclass(frozen=True)
class _Frame:
    """Capsules of M bodies in their own axes (forward, left, up), in sides of the body's height, while they are put."""

    ends: np.ndarray
    radii: np.ndarray

    def put(self, name: str, points: tuple[np.ndarray, np.ndarray], radii: tuple[float, float]) -> None:
        """Part ``name`` from the first point [M, 3] to the second."""
        self.ends[:, NUMBER[name], 0], self.ends[:, NUMBER[name], 1] = points
        self.radii[:, NUMBER[name]] = radii


def pose(people: Looks, who: np.ndarray, *, place: np.ndarray, step: np.ndarray) -> Pose:
    """People ``who`` [M] on the ground at ``place`` [M, 2] with ``step`` [M, 3]: heading, phase and pace."""
    heading, phase, pace = step.T
    tall, girth = people.height[who], people.girth[who]
    swing = np.clip(pace / 1.2, 0.0, 1.2)
    shape = len(who), len(PARTS), 2
    frame = _Frame(np.zeros((*shape, 3)), np.zeros(shape))
    for side, name, lift in ((1.0, "left", phase), (-1.0, "right", phase + np.pi)):
        _leg(frame, name, side=side, lift=lift, swing=swing)
        arm = swing * people.sway[who]
        _arm(frame, name, side=side, lift=lift, swing=arm, bend=people.elbow[who, int(side < 0)])
    _trunk(frame, lean=0.02 * swing)
    ends, radii = frame.ends, frame.radii
    # Whichever foot is lower stands on the ground.
    feet = ends[:, [NUMBER["left foot"], NUMBER["right foot"]]][..., 2].min((1, 2)) - 0.022
    ends[..., 2] -= feet[:, None, None]
    slim = np.isin(np.arange(len(PARTS)), [NUMBER[name] for name in ("head", "hair", "neck")])
    radii *= (np.where(slim, 1.0, girth[:, None]) * people.there[who] * tall[:, None])[..., None]
    ends *= tall[:, None, None, None]
    ends[..., 1] *= girth[:, None, None]
    cos, sin = np.cos(heading)[:, None, None], np.sin(heading)[:, None, None]
    forward, left = ends[..., 0].copy(), ends[..., 1].copy()
    ends[..., 0] = forward * cos - left * sin + place[:, 0, None, None]
    ends[..., 1] = forward * sin + left * cos + place[:, 1, None, None]
    return Pose(ends, radii)


def _leg(frame: _Frame, name: str, *, side: float, lift: np.ndarray, swing: np.ndarray) -> None:
    thigh = swing * (0.37 * np.sin(lift) + 0.04)
    knee_bend = swing * (0.1 + 0.6 * np.maximum(0.0, np.cos(lift + 0.3)))
    hip = np.stack([0 * lift, 0 * lift + side * 0.05, 0 * lift + 0.5], -1)
    knee = hip + 0.25 * _swung(thigh)
    ankle = knee + 0.235 * _swung(thigh - knee_bend)
    point = 0.35 * (thigh - knee_bend)
    toe = np.stack([np.cos(point), 0 * lift + side * 0.2, np.sin(point)], -1)
    frame.put(f"{name} thigh", (hip, knee), (0.052, 0.036))
    frame.put(f"{name} shin", (knee, ankle), (0.036, 0.024))
    frame.put(f"{name} foot", (ankle - 0.015 * toe, ankle + 0.1 * toe), (0.024, 0.02))


def _arm(frame: _Frame, name: str, *, side: float, lift: np.ndarray, swing: np.ndarray, bend: np.ndarray) -> None:
    back = -0.32 * swing * np.sin(lift) - 0.05
    out = side * np.array([0.0, 1.0, 0.0])
    shoulder = np.stack([0 * lift, 0 * lift, 0 * lift + 0.79], -1) + 0.125 * out
    elbow = shoulder + 0.17 * _swung(back) + 0.02 * out
    hand = elbow + 0.17 * _swung(back + bend + 0.25 * np.maximum(0.0, -np.sin(lift)) * swing) - 0.012 * out
    frame.put(f"{name} arm", (shoulder, elbow), (0.036, 0.028))
    frame.put(f"{name} forearm", (elbow, hand), (0.028, 0.021))


def _trunk(frame: _Frame, lean: np.ndarray) -> None:
    def at(forward: float, left: float, up: float) -> np.ndarray:
        return np.stack([forward + lean * (up - 0.5) * 4, 0 * lean + left, 0 * lean + up], -1)

    frame.put("hips", (at(0, -0.04, 0.51), at(0, 0.04, 0.51)), (0.063, 0.063))
    frame.put("torso", (at(0, 0, 0.545), at(0, 0, 0.74)), (0.08, 0.088))
    frame.put("shoulders", (at(0, -0.085, 0.78), at(0, 0.085, 0.78)), (0.05, 0.05))
    frame.put("neck", (at(0, 0, 0.82), at(0.01, 0, 0.87)), (0.034, 0.032))
    frame.put("head", (at(0.02, 0, 0.892), at(0.018, 0, 0.935)), (0.048, 0.055))
    frame.put("hair", (at(-0.026, 0, 0.908), at(-0.004, 0, 0.958)), (0.05, 0.052))
    frame.put("coat", (at(0, 0, 0.38), at(0, 0, 0.6)), (0.1, 0.086))
    frame.put("bag", (at(-0.12, 0, 0.62), at(-0.115, 0, 0.74)), (0.07, 0.065))


def _swung(angle: np.ndarray) -> np.ndarray:
    """Downward unit vectors swung forward by ``angle`` [M] -> [M, 3]."""
    return np.stack([np.sin(angle), 0 * angle, -np.cos(angle)], -1)
