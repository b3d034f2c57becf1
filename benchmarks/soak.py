"""Track a film of 100,000 frames and print memory and time per frame along the way; both must stay flat.

python benchmarks/soak.py [--frames 100000] [--source film|folder|tracker] [--weights sprites-vld] [--side 64]

"tracker" hands made frames to `Tracker`; "film" and "folder" write them first and go through all of ``scalor track``
(files, masks and overlay). Exit code 1 where the memory of the last tenth is more than 20 % above the second tenth's,
or the time per frame more than 50 %.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

TENTHS = 10


def resident_mb() -> float:
    """Resident memory now, in MB (Linux); elsewhere the peak."""
    try:
        with open("/proc/self/statm") as handle:
            return int(handle.read().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def frame_at(number: int, side: int) -> np.ndarray:
    """uint8 [side, side, 3]: four squares that go round for ever, a pure function of the number."""
    image = np.full((side, side, 3), 30, np.uint8)
    for thing in range(4):
        angle = number * (0.01 + 0.005 * thing) + thing
        y, x = (int(side * (0.5 + 0.35 * turn(angle))) for turn in (np.sin, np.cos))
        image[max(0, y - 4) : y + 4, max(0, x - 4) : x + 4] = np.array(
            [(230, 60, 60), (60, 230, 60), (90, 90, 250), (230, 230, 60)][thing]
        )
    return image


class Meter:
    """Prints a line per tenth."""

    def __init__(self, frames: int) -> None:
        self.block, self.rows, self.start = max(1, frames // TENTHS), list[tuple[float, float]](), time.perf_counter()
        print(f"{'frames':>8} {'ms/frame':>9} {'RSS MB':>8}")

    def __call__(self, number: int) -> None:
        if number % self.block:
            return
        now = time.perf_counter()
        self.rows.append(((now - self.start) / self.block * 1e3, resident_mb()))
        self.start = now
        print(f"{number:8d} {self.rows[-1][0]:9.2f} {self.rows[-1][1]:8.1f}", flush=True)

    def verdict(self) -> int:
        """0 where the last tenth is like the second; the first one warms up."""
        (early_ms, early_mb), (late_ms, late_mb) = self.rows[min(1, len(self.rows) - 1)], self.rows[-1]
        flat = late_mb <= 1.2 * early_mb and late_ms <= 1.5 * early_ms
        print(json.dumps({"flat": flat, "ms": [early_ms, late_ms], "mb": [early_mb, late_mb]}))
        return 0 if flat else 1


def through_tracker(weights: str, frames: int, side: int, meter: Meter) -> None:
    import scalor

    tracker = scalor.Tracker(weights)
    for number in range(frames):
        tracker.observe(frame_at(number, side))
        meter(number + 1)


def through_files(
    weights: str, frames: int, side: int, meter: Meter, *, write: Callable[[Path, int, int], Path]
) -> None:
    from scalor.outputs import sheets
    from scalor.outputs.track_folder import track_to_folder

    class Watched(sheets.Sheets):
        def add(self, *args: object, frame: int, **named: object) -> None:
            super().add(*args, frame=frame, **named)
            meter(frame + 1)

    from scalor.outputs import track_folder as run

    run.Sheets = Watched
    with tempfile.TemporaryDirectory() as folder:
        method = "mog2-sort" if weights == "mog2-sort" else "scalor"
        track_to_folder(write(Path(folder), frames, side), weights, Path(folder) / "out", device="cpu", method=method)


def write_film(folder: Path, frames: int, side: int) -> Path:
    import av

    with av.open(str(folder / "soak.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = side, side, "yuv420p"
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_at(number, side), format="rgb24")))
        container.mux(stream.encode(None))
    return folder / "soak.mp4"


def write_folder(folder: Path, frames: int, side: int) -> Path:
    from PIL import Image

    (folder / "soak").mkdir()
    for number in range(frames):
        Image.fromarray(frame_at(number, side)).save(folder / "soak" / f"{number}.bmp")
    return folder / "soak"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--source", choices=("film", "folder", "tracker"), default="tracker")
    parser.add_argument("--weights", default="sprites-vld", help="or mog2-sort, which leaves reading and writing alone")
    parser.add_argument("--side", type=int, default=64)
    args = parser.parse_args()
    meter = Meter(args.frames)
    if args.source == "tracker":
        through_tracker(args.weights, args.frames, args.side, meter)
    else:
        write = write_film if args.source == "film" else write_folder
        through_files(args.weights, args.frames, args.side, meter, write=write)
    return meter.verdict()


if __name__ == "__main__":
    sys.exit(main())
