"""Fit, track and score every clip with truth of a folder, the classical competitor beside it, as JSON and Markdown.

python benchmarks/footage.py DATA -o OUT [--clips NAME ...] [--steps 2000] [--seed 0] [--truth-box-base 1]

A clip is a folder of DATA with ``truth.txt`` (MOTChallenge rows) and one video file or folder of frames; the truth's
boxes count pixels from 1 as the benchmark does, or from what ``--truth-box-base`` says. Every clip is fitted with the
same settings. What OUT holds already is not made again, so an interrupted table goes on where it was.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from scalor.configs import fit
from scalor.core.tracks import Tracks
from scalor.data.motchallenge import read_mot
from scalor.metrics.mot import evaluate
from scalor.outputs.track_folder import track_to_folder

VIDEOS = {".mp4", ".avi", ".mov", ".mkv", ".webm"}
METHODS = ("scalor", "mog2-sort")
SHOWN = ("mota", "idf1", "precision", "recall", "id_switches")


def clips_of(data: Path) -> dict[str, Path]:
    """The videos of a folder's clips by the clips' names."""
    found: dict[str, Path] = {}
    for truth in sorted(data.glob("*/truth.txt")):
        videos = [file for file in sorted(truth.parent.iterdir()) if file.suffix in VIDEOS or file.is_dir()]
        if videos:
            found[truth.parent.name] = videos[0]
    return found


def gates(truth: Tracks) -> dict[str, dict[str, float]]:
    """Matching by overlap, strict and loose, and by centres within half of the usual longer side."""
    side = float(np.median(truth.box_tlwh[:, 2:].max(axis=1)))
    return {"iou50": {"iou": 0.5}, "iou30": {"iou": 0.3}, "centre": {"distance": side / 2}}


def scored(truth: Tracks, tracks: Tracks) -> dict[str, Any]:
    """Scores by gate; only frames up to the truth's last are scored."""
    frames = (0, int(truth.frame.max()) + 1)
    found: dict[str, Any] = {}
    for name, gate in gates(truth).items():
        scores = evaluate(truth, tracks, frames=frames, **gate).as_dict()
        found[name] = gate | {key: scores[key] for key in SHOWN}
    return found


def row(name: str, video: Path, out: Path, *, steps: int, seed: int, box_base: int) -> dict[str, Any]:
    """One clip: everything that is not there yet is made."""
    result = out / name / "scores.json"
    if result.is_file():
        return json.loads(result.read_text())
    start, run = time.perf_counter(), out / name / "run"
    fit(video, run, steps=steps, seed=seed, resume=(run / "config.json").is_file())
    minutes = (time.perf_counter() - start) / 60
    truth = read_mot(video.parent / "truth.txt", box_base=box_base)
    scores: dict[str, Any] = {"clip": name, "steps": steps, "seed": seed, "minutes": round(minutes, 1)}
    for method in METHODS:
        folder = out / name / method
        summary = track_to_folder(video, run, folder, method=method)
        scores[method] = scored(truth, read_mot(folder / "tracks.txt"))
        scores[method]["frames_per_second"] = summary["speed"]["frames_per_second"]
    result.write_text(json.dumps(scores, indent=2) + "\n")
    return scores


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: MOTA / IDF1 / switches of both methods at each gate."""
    lines = ["| clip | gate | scalor MOTA / IDF1 / switches | MOG2 + SORT |", "|---|---|---|---|"]
    for each in rows:
        for gate in ("iou50", "iou30", "centre"):
            cells = [each[method][gate] for method in METHODS]
            shown = [f"{cell['mota']:.3f} / {cell['idf1']:.3f} / {cell['id_switches']:.0f}" for cell in cells]
            words = f"centres within {cells[0]['distance']:.0f} px" if gate == "centre" else f"IoU {cells[0]['iou']}"
            lines.append(f"| {each['clip']} | {words} | {shown[0]} | {shown[1]} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--clips", nargs="+", default=None)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--truth-box-base", type=int, choices=(0, 1), default=1)
    args = parser.parse_args()
    found = clips_of(args.data)
    names = args.clips or list(found)
    if unknown := [name for name in names if name not in found]:
        parser.error(f"no such clip: {', '.join(unknown)}; there are {', '.join(found)}")
    rows: list[dict[str, Any]] = []
    for name in names:
        made = row(name, found[name], args.out, steps=args.steps, seed=args.seed, box_base=args.truth_box_base)
        rows.append(made)
        (args.out / "footage.json").write_text(json.dumps(rows, indent=2) + "\n")
        (args.out / "footage.md").write_text(table(rows))
        print(table(rows[-1:]), flush=True)


if __name__ == "__main__":
    main()
