"""Equal discs in a square box that bounce off its walls and off each other: exact, from one contact to the next."""

from dataclasses import dataclass

import numpy as np

TOUCHING = 1e-12
"""Slower than this (px^2 per frame) nobody comes nearer: what has just bounced does not bounce again."""


@dataclass(frozen=True)
class Box:
    """Where discs of ``radius`` pixels move: their centres keep it from the walls at 0 and ``side``."""

    side: float
    radius: float


@dataclass(frozen=True)
class _Contact:
    """After ``wait`` frames disc ``first`` meets disc ``second``, or the wall along axis -1 - ``second``."""

    wait: float
    first: int = -1
    second: int = 0


def collide(start: np.ndarray, velocity: np.ndarray, box: Box, frames: int) -> np.ndarray:
    """Centres float64 [frames, N, 2] of N equal discs that start at [N, 2] with velocities [N, 2], pixels per frame.

    Contacts are elastic and happen when they happen, also between two frames. Discs that overlap at the start, or lie
    in a wall, part at once: those that come nearer bounce where they are.
    """
    place, speed = start.astype(np.float64), velocity.astype(np.float64)
    out = np.empty((frames, *place.shape))
    for frame in range(frames):
        out[frame] = place
        if frame + 1 < frames:
            place, speed = advance(place, speed, box)
    return out


def advance(place: np.ndarray, speed: np.ndarray, box: Box, time: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Centres and velocities [N, 2] after ``time`` frames."""
    place, speed = place.copy(), speed.copy()
    while len(place):
        next_one = min(_wall(place, speed, box), _pair(place, speed, box), key=lambda contact: contact.wait)
        place += min(next_one.wait, time) * speed
        if next_one.wait >= time:
            break
        time -= next_one.wait
        _bounce(place, speed, next_one)
    return place, speed


def _wall(place: np.ndarray, speed: np.ndarray, box: Box) -> _Contact:
    ahead = np.where(speed > 0, box.side - box.radius - place, place - box.radius)
    pace = np.abs(speed)
    wait = np.divide(ahead.clip(min=0.0), pace, out=np.full(place.shape, np.inf), where=pace > 0)
    disc, axis = np.unravel_index(wait.argmin(), wait.shape)
    return _Contact(float(wait[disc, axis]), int(disc), -1 - int(axis))


def _pair(place: np.ndarray, speed: np.ndarray, box: Box) -> _Contact:
    one, other = np.triu_indices(len(place), 1)
    if len(one) == 0:
        return _Contact(np.inf)
    apart, drift = place[other] - place[one], speed[other] - speed[one]
    nearer = -(apart * drift).sum(-1)
    pace = (drift**2).sum(-1)
    room = (apart**2).sum(-1) - 4 * box.radius**2
    meets = (nearer > TOUCHING) & (nearer**2 >= pace * room)
    # The smaller root, written so that nothing cancels; what overlaps meets at once.
    root = np.sqrt(np.where(meets, nearer**2 - pace * room, 0.0))
    wait = np.where(meets, np.maximum(room, 0.0) / np.where(meets, nearer + root, 1.0), np.inf)
    best = int(wait.argmin())
    return _Contact(float(wait[best]), int(one[best]), int(other[best]))


def _bounce(place: np.ndarray, speed: np.ndarray, contact: _Contact) -> None:
    """Turn the velocities of who meets: of one at a wall, or, along the line between them, of both."""
    one, other = contact.first, contact.second
    if other < 0:
        speed[one, -1 - other] *= -1
        return
    apart = place[other] - place[one]
    along = apart / max(np.linalg.norm(apart), 1e-9)
    swapped = ((speed[one] - speed[other]) @ along) * along
    speed[one] -= swapped
    speed[other] += swapped
