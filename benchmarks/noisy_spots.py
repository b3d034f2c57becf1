"""A made clip of spots in Poisson noise, with truth: 50 frames of 128 x 128 px and about fourteen spots of some 10 px.

python benchmarks/noisy_spots.py FOLDER [--seed 11] [--bright 0.5 1.2]

Writes FOLDER/frames/NNN.png and FOLDER/truth.txt, left and top from 0. ``--bright`` is the range of peaks, in
14 photons; the ground has 12.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

FRAMES, SIDE, SPOTS = 50, 128, 40


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--bright", type=float, nargs=2, default=(0.5, 1.2))
    args = parser.parse_args()
    rng, out = np.random.default_rng(args.seed), args.folder
    (out / "frames").mkdir(parents=True, exist_ok=True)
    place, pace = rng.uniform(0, SIDE, (SPOTS, 2)), rng.normal(0, 0.6, (SPOTS, 2))
    born, life = rng.integers(-40, FRAMES, SPOTS), rng.integers(15, 60, SPOTS)
    bright = rng.uniform(*args.bright, SPOTS)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    truth = []
    for frame in range(FRAMES):
        light = np.full((SIDE, SIDE), 12.0)
        place += pace + rng.normal(0, 0.5, place.shape)
        for spot, (x, y) in enumerate(place):
            if born[spot] <= frame < born[spot] + life[spot] and 0 < x < SIDE and 0 < y < SIDE:
                light += bright[spot] * 14 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 2.2**2))
                truth.append((frame + 1, spot + 1, x - 5, y - 5, 10, 10, 1, 1, 1))
        seen = np.clip(rng.poisson(light) * 6.0, 0, 255).astype(np.uint8)
        Image.fromarray(seen).save(out / "frames" / f"{frame:03d}.png")
    np.savetxt(out / "truth.txt", truth, delimiter=",", fmt="%.2f")


if __name__ == "__main__":
    main()
