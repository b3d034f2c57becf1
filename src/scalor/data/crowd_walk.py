"""How people move over a place: they walk, stop, wait, meet, keep together and keep apart.

All that is random is drawn before time begins, so that a shorter walk is the beginning of a longer one.
"""

from dataclasses import dataclass

import numpy as np

WARM_UP = 8
"""Steps before the first frame, in which people who stand in each other make room."""
PERSONAL = 0.62
"""Metres between two people below which they make room."""
TURN, SWING = 0.5, 0.35
"""Share of the way to the wanted velocity, and to the wanted heading, that is gone in a step."""


@dataclass(frozen=True)
class Walk:
    """N people over T frames: position [T, N, 2] in metres, heading [T, N] and phase [T, N] of the step in radians,
    pace [T, N] in metres per second."""

    position: np.ndarray
    heading: np.ndarray
    phase: np.ndarray
    pace: np.ndarray


@dataclass(frozen=True)
class _Minds:
    """What N people want: speed and direction, when they pause, whom they walk beside; from when on they meet, where
    each of them then stands, and the middle of the ring."""

    speed: np.ndarray
    heading: np.ndarray
    weave: np.ndarray
    pause: np.ndarray
    leader: np.ndarray
    beside: np.ndarray
    meeting: np.ndarray
    ring: np.ndarray
    meets: np.ndarray
    stride: np.ndarray


def walk(
    rng: np.random.Generator, region: np.ndarray, *, count: int, frames: int, seconds: float, blocks: np.ndarray
) -> Walk:
    """Let ``count`` people walk in a rectangle ``region`` [[x0, y0], [x1, y1]], whose sides lead to the opposite ones.

    ``seconds`` per frame; ``blocks`` [B, 3] are round obstacles (x, y, radius).
    """
    minds, position = _minds(rng, region, count), rng.uniform(region[0], region[1], (count, 2))
    position = np.where(minds.meets[:, None] < 0, minds.meeting, position)
    phase = rng.uniform(0, 2 * np.pi, count)
    facing = minds.heading.copy()
    velocity = minds.speed[:, None] * np.stack([np.cos(facing), np.sin(facing)], -1)
    kept: list[tuple[np.ndarray, ...]] = []
    for number in range(-WARM_UP, frames):
        now = number * seconds
        wanted, look = _wanted(minds, position, now)
        wanted = wanted + _pushed(position, blocks)
        velocity = velocity + TURN * (wanted - velocity)
        pace = np.linalg.norm(velocity, axis=-1)
        velocity *= np.minimum(1.0, 2.0 / np.maximum(pace, 1e-6))[:, None]
        position = position + velocity * seconds
        position = region[0] + (position - region[0]) % (region[1] - region[0])
        goal = np.where(pace > 0.35, np.arctan2(velocity[:, 1], velocity[:, 0]), look)
        facing = facing + SWING * ((goal - facing + np.pi) % (2 * np.pi) - np.pi)
        phase = phase + 2 * np.pi * np.minimum(pace, 2.0) * seconds / minds.stride
        if number >= 0:
            kept.append((position, facing, phase, np.minimum(pace, 2.0)))
    return Walk(*(np.stack(part) for part in zip(*kept, strict=True)))


def _minds(rng: np.random.Generator, region: np.ndarray, count: int) -> _Minds:
    flows = rng.uniform(0, 2 * np.pi) + np.array([0.0, np.pi, np.pi / 2, -np.pi / 2])
    heading = flows[rng.choice(4, count, p=[0.38, 0.32, 0.15, 0.15])] + rng.normal(0, 0.3, count)
    speed = np.clip(rng.normal(1.25, 0.25, count), 0.6, 1.9)
    waits = rng.random(count) < 0.25
    start = np.where(waits, rng.uniform(-6, 20, count), np.inf)
    leader, beside = np.arange(count), np.zeros((count, 2))
    # Every sixth person or so walks beside the one before.
    pairs = np.flatnonzero(rng.random(count) < 0.18)
    for person in pairs[pairs > 0].tolist():
        leader[person] = leader[person - 1]
        beside[person] = rng.uniform(0.6, 0.8) * rng.choice([-1.0, 1.0]), rng.uniform(-0.2, 0.2)
    # Groups of two to four that stand together from some moment on.
    meeting, ring, meets = np.zeros((count, 2)), np.zeros((count, 2)), np.full(count, np.inf)
    person = 0
    while person < count:
        size = int(rng.integers(2, 5))
        if rng.random() < 0.16:
            group = np.arange(person, min(person + size, count))
            place = rng.uniform(region[0], region[1])
            angle = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(len(group)) / len(group)
            meeting[group] = place + (0.32 + 0.09 * len(group)) * np.stack([np.cos(angle), np.sin(angle)], -1)
            ring[group] = place
            meets[group] = -20.0 if rng.random() < 0.6 else rng.uniform(0, 10)
            leader[group] = group
        person += size
    return _Minds(
        speed=speed,
        heading=heading,
        weave=np.stack([rng.uniform(0.05, 0.35, count), rng.uniform(0, 2 * np.pi, count)], -1),
        pause=np.stack([start, start + rng.uniform(2, 9, count)], -1),
        leader=leader,
        beside=beside,
        meeting=meeting,
        ring=ring,
        meets=meets,
        stride=rng.uniform(1.25, 1.55, count),
    )


def _wanted(minds: _Minds, position: np.ndarray, now: float) -> tuple[np.ndarray, np.ndarray]:
    """Velocities [N, 2] that people would like, and where they look while they stand [N]."""
    course = minds.heading + 0.4 * np.sin(minds.weave[:, 0] * now + minds.weave[:, 1])
    paused = (minds.pause[:, 0] <= now) & (now < minds.pause[:, 1])
    pace = np.where(paused, 0.0, minds.speed)
    along = np.stack([np.cos(course), np.sin(course)], -1)
    wanted = pace[:, None] * along
    follows = minds.leader != np.arange(len(position))
    ahead = along[minds.leader]
    side = np.stack([-ahead[:, 1], ahead[:, 0]], -1)
    spot = position[minds.leader] + minds.beside[:, :1] * side + minds.beside[:, 1:] * ahead
    gap = spot - position
    near = follows & (np.linalg.norm(gap, axis=-1) < 3.0)
    wanted = np.where(near[:, None], wanted[minds.leader] + 0.8 * gap, wanted)
    look = np.where(follows, course[minds.leader], course)
    meeting = minds.meets <= now
    gap = minds.meeting - position
    far = np.linalg.norm(gap, axis=-1, keepdims=True)
    toward = gap / np.maximum(far, 1e-6) * np.minimum(minds.speed[:, None], 1.5 * far)
    wanted = np.where(meeting[:, None], toward, wanted)
    middle = minds.ring - position
    return wanted, np.where(meeting, np.arctan2(middle[:, 1], middle[:, 0]), look)


def _pushed(position: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """How people give way to each other and to what stands about, in metres per second [N, 2]."""
    gap = position[:, None] - position[None]
    far = np.sqrt(np.square(gap).sum(-1)) + 1e-6
    push = np.maximum(0.0, PERSONAL - far) * (far > 1e-5)
    force = 3.5 * (gap * (push / far)[..., None]).sum(1)
    if len(blocks):
        gap = position[:, None] - blocks[None, :, :2]
        far = np.sqrt(np.square(gap).sum(-1)) + 1e-6
        inside = np.maximum(0.0, blocks[:, 2] + 0.5 - far)
        # Round it rather than back and forth: part of the push goes sideways.
        side = np.stack([-gap[..., 1], gap[..., 0]], -1)
        force += (4.0 * (gap + 0.4 * side) * (inside / far)[..., None]).sum(1)
    return force
