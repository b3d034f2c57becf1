"""Textures from random numbers: smooth noise, and tiles with a colour and a height of their own."""

import numpy as np

LATTICE = 256
"""Noise repeats after so many lattice steps, further than any view reaches."""


def table(seed: int) -> np.ndarray:
    """Random numbers in [0, 1), float32 [LATTICE, LATTICE]."""
    return np.random.default_rng([seed, 77]).random((LATTICE, LATTICE), np.float32)


def drawn(seed: int, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """A random number in [0, 1) for each whole (column, row), float32 of their shape."""
    return table(seed)[row.astype(np.int64) % LATTICE, column.astype(np.int64) % LATTICE]


def smooth(seed: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Value noise in [0, 1] of lattice step 1."""
    column, row = np.floor(x), np.floor(y)
    fx, fy = x - column, y - row
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    numbers = table(seed)
    c, r = column.astype(np.int64) % LATTICE, row.astype(np.int64) % LATTICE
    c1, r1 = (c + 1) % LATTICE, (r + 1) % LATTICE
    above = numbers[r, c] * (1 - fx) + numbers[r, c1] * fx
    below = numbers[r1, c] * (1 - fx) + numbers[r1, c1] * fx
    return above * (1 - fy) + below * fy


def cloudy(seed: int, x: np.ndarray, y: np.ndarray, octaves: int = 4) -> np.ndarray:
    """Noise of several octaves (each half the size and half the strength), about 0.5 +- 0.2."""
    total = np.zeros(np.broadcast(x, y).shape, np.float32)
    for octave in range(octaves):
        total += smooth(seed + octave, x * 2**octave + 17.3 * octave, y * 2**octave + 5.1 * octave) / 2**octave
    return total / sum(1 / 2**octave for octave in range(octaves))


def tiles(seed: int, x: np.ndarray, y: np.ndarray, *, joint: float, bond: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Tiles of side 1, every second row shifted by ``bond``: a random number per tile and how much a pixel is joint.

    ``joint`` is the joint's width in tiles.
    """
    row = np.floor(y)
    across = x + bond * (row % 2)
    column = np.floor(across)
    edge = np.minimum(np.minimum(across - column, 1 - across + column), np.minimum(y - row, 1 - y + row))
    return drawn(seed, column, row), np.clip(1.5 - edge / (joint / 2), 0, 1)


def cobbles(seed: int, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rounded stones about 1 apart: a random number per stone and its height, 0 in the gaps and 1 in the middle."""
    column, row = np.floor(x), np.floor(y)
    first = np.full(np.broadcast(x, y).shape, 9.0, np.float32)
    second, number = first.copy(), np.zeros_like(first)
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            c, r = column + dc, row + dr
            jx, jy = 0.5 + 0.6 * (drawn(seed, c, r) - 0.5), 0.5 + 0.6 * (drawn(seed + 1, c, r) - 0.5)
            far = np.hypot(c + jx - x, r + jy - y)
            closer = far < first
            second = np.where(closer, first, np.minimum(second, far))
            number = np.where(closer, drawn(seed + 2, c, r), number)
            first = np.where(closer, far, first)
    return number, np.clip((second - first) * 2.2, 0, 1)
