"""`scalor fleet` with two processes against one, on short clips cut from the packaged one.

    python benchmarks/fleet.py [--clips 20] [--frames 24] [--json]

Each process has one thread. "command" is the whole command from start to end, starting Ray included; "per_video" is the
time between two finished videos, from the first to the last, which is what counts for many or long ones. Both are times
on the clock: they mean something on a machine with two free cores, so the load is printed beside them.
"cpu_per_video" is the median of the processor's time, which other programs change less: what it grows by is what two
processes cost each other, and "on_free_cores" is how many times as fast they would be on cores of their own.
"""

import argparse
import csv
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import scalor
from scalor.data.video import open_video
from scalor.viz.export import video_writer

CLIP = Path(scalor.__file__).parent / "data" / "assets" / "traffic.mp4"
COMMAND = [sys.executable, "-c", "import sys; from scalor.cli.main import main; sys.exit(main())", "fleet"]


def cut(folder: Path, *, clips: int, frames: int) -> list[str]:
    """Clips of ``frames`` frames each, from evenly spread places of the packaged clip."""
    source = open_video(CLIP)
    every = [frame.image for frame in source if frame.image is not None]
    made = []
    for number in range(clips):
        first = number * max(0, len(every) - frames) // max(1, clips - 1)
        path = folder / f"clip{number:03d}.mp4"
        with video_writer(path, fps=source.fps) as film:
            for image in itertools.islice(every, first, first + frames):
                film.write(image)
        made.append(str(path))
    return made


def timed(videos: list[str], out: Path, workers: int) -> dict[str, float]:
    """Seconds of the command, and per video; raises where a video failed."""
    start = time.monotonic()
    words = [*videos, "-w", "traffic", "-o", str(out), "--workers", str(workers), "--device", "cpu"]
    subprocess.run([*COMMAND, *words, "--threads", str(workers)], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    ends = sorted((out / Path(video).stem / "fleet.json").stat().st_mtime for video in videos)
    with (out / "fleet.csv").open(newline="") as table:
        worked = [float(row["cpu_seconds"]) for row in csv.DictReader(table)]
    return {
        "command": round(seconds, 1),
        "per_video": round((ends[-1] - ends[0]) / (len(ends) - 1), 3),
        "cpu_per_video": round(statistics.median(worked), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found: dict[str, object] = {}

    def note(key: str, value: object) -> None:
        found[key] = value
        if not args.json:
            print(f"{key}: {value}", flush=True)

    note("cores", os.cpu_count())
    with tempfile.TemporaryDirectory() as place:
        folder, times = Path(place), {}
        videos = cut(folder, clips=args.clips, frames=args.frames)
        for workers, name in ((1, "one"), (2, "two")):
            note(f"load_before_{name}", round(os.getloadavg()[0], 2))
            times[name] = timed(videos, folder / name, workers)
            note(name, times[name])
    for key in ("command", "per_video"):
        note(f"times_as_fast_{key}", round(times["one"][key] / times["two"][key], 2))
    note("on_free_cores", round(2 * times["one"]["cpu_per_video"] / times["two"]["cpu_per_video"], 2))
    if args.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
