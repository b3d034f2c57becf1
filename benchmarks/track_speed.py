"""Where the time of `scalor track` goes, stage by stage, in milliseconds of one core per frame.

    python benchmarks/track_speed.py [--json]

Two videos: the packaged clip (640x360, about 5 cars, weights `traffic`) and a made one (64x64, about 20 sprites,
weights `sprites-md`). Each stage is run on its own over all frames and timed by the processor time of its thread, which
other programs change less than the clock. "two passes" and "online" are the command's work from a video's name to a
finished folder, all stages beside each other: its processor time per frame, and the frames per second of the clock,
which mean something on a quiet machine only. "start" is the time from a fresh process to the first tracked frame.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

import scalor
from scalor.core.devices import denormals_flushed
from scalor.data.sprites import Sprites, sprites
from scalor.data.video import open_video
from scalor.outputs.overlay import Overlay
from scalor.outputs.sheets import Sheets
from scalor.outputs.track_folder import track_to_folder
from scalor.tracking.second_pass import revise
from scalor.tracking.setup import prepare
from scalor.tracking.table import shelf
from scalor.viz.export import video_writer

ASSETS = Path(scalor.__file__).parent / "data" / "assets"
FRAMES = 240
START = """
import time, torch
torch.set_num_threads(1)
from scalor.data.video import open_video
from scalor.tracking.setup import prepare
source = open_video({video!r})
prepare({weights!r}, source, device="cpu").tracker.observe(next(iter(source)).image)
"""


def timed(work: Callable[[Any], Any], items: Iterable[Any]) -> tuple[float, list[Any]]:
    """Milliseconds of this thread per item, and the results."""
    kept = list(items)
    start = time.thread_time()
    results = [work(item) for item in kept]
    return 1000 * (time.thread_time() - start) / max(len(kept), 1), results


def stages(video: Path, weights: str, folder: Path) -> dict[str, float]:
    """Milliseconds per frame of every stage, and the number of objects per frame."""
    source = open_video(video)
    start = time.thread_time()
    frames = list(source)
    times = {"decode": 1000 * (time.thread_time() - start) / len(frames)}
    tracker = prepare(weights, source, device="cpu").tracker
    tracker.min_visibility, tracker.confirm = 0.0, 1
    with denormals_flushed():
        tracker.observe(frames[0].image)
        tracker.reset()
        start = time.thread_time()
        results = list(tracker.observe_all(frame.image for frame in frames))
        times["model"] = 1000 * (time.thread_time() - start) / len(frames)
    with shelf((source.height, source.width), folder=folder) as kept:
        times["shelf"], _ = timed(kept.put, results)
        start = time.thread_time()
        revised = revise(kept.rows())
        times["second pass"] = 1000 * (time.thread_time() - start) / len(frames)
        results = list(revised.results(kept.masks()))
    times["masks"], crops = timed(lambda result: result.masks.crops(), results)
    tables = [result.tracks() for result in results]
    with Sheets(folder) as sheets:
        pairs = zip(tables, crops, frames, strict=True)
        times["tables"], _ = timed(
            lambda each: sheets.add(each[0], each[1].rles(), frame=each[2].index, time=each[2].time), pairs
        )
    overlay = Overlay((source.height, source.width))
    drawn = zip((frame.image for frame in frames), tables, crops, strict=True)
    times["draw"], pictures = timed(lambda each: overlay.draw(*each), drawn)
    with video_writer(folder / "film.mp4", fps=source.fps) as film:
        times["encode"], _ = timed(film.write, pictures)
    return times | {"objects": sum(map(len, results)) / len(results)}


def whole(video: Path, weights: str, folder: Path, *, online: bool) -> dict[str, float]:
    before = time.process_time()
    summary = track_to_folder(video, weights, folder, device="cpu", online=online)
    cpu = 1000 * (time.process_time() - before) / summary["frames"]
    return {"cpu_ms_per_frame": cpu, "frames_per_second": summary["speed"]["frames_per_second"]}


def started(video: Path, weights: str) -> float:
    """Seconds from a fresh process to the first tracked frame."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", START.format(video=str(video), weights=weights)], check=True)
    return time.perf_counter() - begin


def made(folder: Path) -> Path:
    """A made video of 64 x 64 with about 20 sprites."""
    clip = Sprites(sprites("md"), seed=5).clip(0, frames=FRAMES)
    path = folder / "sprites.mp4"
    with video_writer(path, fps=10, quality=10) as film:
        for picture in clip.video.permute(0, 2, 3, 1).numpy():
            film.write(picture)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, video, weights in (
            ("640x360", ASSETS / "traffic.mp4", "traffic"),
            ("64x64", made(folder), "sprites-md"),
        ):
            report[title] = {
                "stages_ms": stages(video, weights, folder),
                "two passes": whole(video, weights, folder / f"two-{title}", online=False),
                "online": whole(video, weights, folder / f"one-{title}", online=True),
                "start_seconds": started(video, weights),
            }
    print(json.dumps(report, indent=2) if args.json else table(report))


def table(report: dict[str, Any]) -> str:
    names = list(next(iter(report.values()))["stages_ms"])
    lines = ["ms of one core per frame".ljust(26) + "".join(f"{title:>12}" for title in report)]
    for name in names:
        lines.append(name.ljust(26) + "".join(f"{each['stages_ms'][name]:12.2f}" for each in report.values()))
    for way in ("two passes", "online"):
        for key in ("cpu_ms_per_frame", "frames_per_second"):
            label = f"{way}, {key.replace('_', ' ')}"
            lines.append(label.ljust(36)[:36] + "".join(f"{each[way][key]:10.1f}" for each in report.values()))
    lines.append("start, seconds".ljust(26) + "".join(f"{each['start_seconds']:12.2f}" for each in report.values()))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
