"""Track a long looped clip and print memory and time per frame along the way; both must stay flat.

python benchmarks/long_run.py [WEIGHTS=sprites-md] [FRAMES=10000]
"""

import resource
import sys
import time

import numpy as np

import scalor
from scalor.configs import data_named


def resident_mb() -> float:
    """Resident memory now, in MB (Linux); elsewhere the peak."""
    try:
        with open("/proc/self/statm") as handle:
            return int(handle.read().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main(weights: str = "sprites-md", frames: int = 10_000) -> None:
    tracker = scalor.Tracker(scalor.load(weights))
    clip = data_named("sprites-md", 7_000_003).clip(0, frames=200).video.permute(0, 2, 3, 1).numpy()
    # There and back again, so that the loop has no cut.
    loop = np.concatenate([clip, clip[-2:0:-1]])
    start, largest = time.perf_counter(), -1
    print(f"{'frames':>8} {'ms/frame':>9} {'RSS MB':>8} {'objects':>8} {'largest id':>11}")
    block = max(1, frames // 10)
    for number in range(1, frames + 1):
        found = tracker.observe(loop[number % len(loop)])
        largest = max(largest, *found.ids.tolist(), -1)
        if number % block == 0:
            pace = (time.perf_counter() - start) / block * 1e3
            print(f"{number:8d} {pace:9.2f} {resident_mb():8.1f} {len(found):8d} {largest:11d}", flush=True)
            start = time.perf_counter()


if __name__ == "__main__":
    main(*sys.argv[1:2], *(int(text) for text in sys.argv[2:3]))
