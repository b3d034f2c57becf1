"""Still textures with the 1/f amplitudes of natural pictures, in colour and of full contrast."""

import numpy as np


def texture(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """float32 [H, W, 3] in [0, 1]: two colours mixed by coloured noise whose grain differs from one to the next."""
    from scipy import fft

    down, across = (np.fft.fftfreq(side)[:, None] * side / max(size) for side in size)
    frequency = np.hypot(down, across.T)
    frequency[0, 0] = np.inf
    # 1 / f on average; steeper is cloudy, flatter is gritty.
    slope = rng.uniform(0.8, 1.4)
    noise = fft.ifft2(fft.fft2(rng.standard_normal((3, *size))) / frequency**slope).real
    shared = rng.uniform(0.3, 0.8)
    noise = shared * noise[:1] + (1 - shared) * noise
    share = 0.5 + (noise - noise.mean((1, 2), keepdims=True)) / (4 * noise.std((1, 2), keepdims=True) + 1e-9)
    colors = rng.uniform(0, 1, (2, 3, 1, 1))
    return np.clip(colors[0] + share * (colors[1] - colors[0]), 0, 1).transpose(1, 2, 0).astype(np.float32)
