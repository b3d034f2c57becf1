"""Backgrounds for toy clips: still black, or dynamic families that move in closed form.

Everything is drawn from the generator before time enters, so a shorter clip is the beginning of a longer one.
Dynamic backgrounds stay darker than the sprites: a value of at most `BRIGHTEST`.
"""

from collections.abc import Callable

import numpy as np

from scalor.errors import UserError

BRIGHTEST = 0.6
"""The brightest channel value of a dynamic background."""

_Size = tuple[int, int]
_Painter = Callable[[np.random.Generator, int, _Size], np.ndarray]


def backdrop(name: str, rng: np.random.Generator, *, frames: int, size: _Size) -> np.ndarray:
    """The background family ``name`` (`BACKDROPS`), float32 [frames, H, W, 3] in [0, 1]; ``size`` is (H, W) in pixels.

    Raises UserError for an unknown name.
    """
    check_backdrop(name)
    return BACKDROPS[name](rng, frames, size)


def check_backdrop(name: str) -> None:
    """Raise UserError for an unknown name."""
    if name not in BACKDROPS:
        raise UserError(f"there is no background {name!r}; known are {', '.join(BACKDROPS)}; choose one of these")


def _black(rng: np.random.Generator, frames: int, size: _Size) -> np.ndarray:
    return np.zeros((frames, *size, 3), np.float32)


def _palette(rng: np.random.Generator, count: int) -> np.ndarray:
    """Muted colours that differ clearly in brightness, float32 [count, 3] up to `BRIGHTEST`."""
    tint = rng.uniform(0.3, 1.0, (count, 3))
    level = rng.permutation(np.linspace(0.25, 1.0, count)) * BRIGHTEST
    return (tint / tint.max(-1, keepdims=True) * level[:, None]).astype(np.float32)


def _mix(share: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Blend two colours [2, 3] by a share in [0, 1] of any shape: adds a last axis of 3."""
    return colors[0] + share[..., None] * (colors[1] - colors[0])


def _wave(rng: np.random.Generator, frames: int, size: _Size, length: tuple[float, float]) -> np.ndarray:
    """A plane wave in [-1, 1], float32 [frames, H, W], wavelength in pixels, that travels at 0.5 - 2 px per frame."""
    heading, phase = rng.uniform(0, 2 * np.pi, 2)
    number = 2 * np.pi / rng.uniform(*length)
    turn = rng.uniform(0.5, 2.0) * number
    across = number * np.cos(heading) * np.arange(size[1])[None, None, :]
    down = number * np.sin(heading) * np.arange(size[0])[None, :, None]
    down = down + phase - turn * np.arange(frames)[:, None, None]
    # sin(a + b) from lines and columns only: no sine per pixel.
    sines, cosines = ([f(angle).astype(np.float32) for angle in (across, down)] for f in (np.sin, np.cos))
    return sines[0] * cosines[1] + cosines[0] * sines[1]


def _gradient(rng: np.random.Generator, frames: int, size: _Size) -> np.ndarray:
    """A wide colour ramp that slides across the view."""
    side = max(size)
    return _mix(0.5 + 0.5 * _wave(rng, frames, size, (1.5 * side, 3.0 * side)), _palette(rng, 2))


def _texture(rng: np.random.Generator, frames: int, size: _Size) -> np.ndarray:
    """A woven pattern of three crossing travelling waves."""
    weave = np.mean([_wave(rng, frames, size, (8.0, 24.0)) for _ in range(3)], axis=0)
    return _mix(0.5 + weave / 2, _palette(rng, 2))


def _clouds(rng: np.random.Generator, frames: int, size: _Size) -> np.ndarray:
    """Two sheets with the 1/f amplitudes of natural pictures that drift across each other."""
    colors = _palette(rng, 3)
    share = [_sheet(rng, frames, size) for _ in range(2)]
    return _mix(share[0], colors[:2]) * 0.5 + _mix(share[1], colors[1:]) * 0.5


def _sheet(rng: np.random.Generator, frames: int, size: _Size) -> np.ndarray:
    """Drifting 1/f noise in [0, 1], float32 [frames, H, W], moved exactly (by Fourier shift).

    Its period is 1.5 times the view, so that no part of a picture repeats another.
    """
    from scipy import fft

    period = [side + side // 2 for side in size]
    down = np.fft.fftfreq(period[0]).astype(np.float32)[:, None]
    across = np.fft.rfftfreq(period[1]).astype(np.float32)
    frequency = np.hypot(down, across)
    frequency[0, 0] = np.inf
    spectrum = fft.rfft2(rng.standard_normal(period, np.float32)) / frequency
    heading, pace = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 2.0)
    turn = (-2j * np.pi * pace * np.arange(frames)).astype(np.complex64)[:, None, None]
    shift = np.exp(turn * across * np.float32(np.cos(heading))) * np.exp(turn * down * np.float32(np.sin(heading)))
    noise = fft.irfft2(spectrum * shift, s=period)[:, : size[0], : size[1]]
    # Measured on the unshifted period, so that it cannot depend on the number of frames.
    spread = fft.irfft2(spectrum, s=period).std()
    return np.clip(0.5 + noise / (4 * spread), 0, 1)


def _moving(rng: np.random.Generator, frames: int, size: _Size) -> np.ndarray:
    """One of the dynamic families, drawn per clip."""
    family = (_gradient, _texture, _clouds)[rng.integers(3)]
    return family(rng, frames, size)


BACKDROPS: dict[str, _Painter] = {
    "black": _black,
    "gradient": _gradient,
    "texture": _texture,
    "clouds": _clouds,
    "moving": _moving,
}
