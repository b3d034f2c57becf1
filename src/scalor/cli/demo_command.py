"""What `scalor demo` does: learn from a clip from scratch, track it, imagine its future, score it where truth exists.

run/          the training          tracks/      tracks, masks, overlay.mp4
futures/      imagined futures      mog2-sort/   the classical competitor's tracks
figure.png    as the paper's Figure 7            report.html   all in one page
scores.json   the last file to appear: where it is, the demo is finished
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import scalor
from scalor.configs import fit
from scalor.core.devices import denormals_flushed
from scalor.core.files import put_in_place
from scalor.core.tracks import Tracks
from scalor.data.motchallenge import read_mot, read_truth
from scalor.data.source import shrink
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.metrics.mot import MotScores, evaluate
from scalor.outputs.imagine_folder import imagine_to_folder
from scalor.outputs.places import refuse_report
from scalor.outputs.report import Extras, write_report
from scalor.outputs.track_folder import track_to_folder
from scalor.tracking.setup import prepare
from scalor.tracking.view import as_picture, with_channels
from scalor.training.checkpoint import RunFolder
from scalor.viz.draw import in_pixels_of
from scalor.viz.export import write_png, write_summary_json
from scalor.viz.figures import paper_figure

ASSETS = Path(scalor.__file__).parent / "data" / "assets"
SCENES = {"cars": ("traffic.mp4", "traffic_truth.txt"), "people": ("people.mp4", "people_truth.txt")}
"""The packaged clips with their truth: cars from above, and people who stand at a table one after the other."""
OBSERVE, STEPS = 8, 12
FIGURE_FRAMES = 64
"""The figure shows the beginning of a long clip."""
RUN, TRACKED, CLASSICAL, FUTURES = "run", "tracks", "mog2-sort", "futures"
FIGURE, SCORES, REPORT = "figure.png", "scores.json", "report.html"
SHOWN = {
    "mota": "MOTA",
    "idf1": "IDF1",
    "precision": "precision",
    "recall": "recall",
    "id_switches": "id switches",
}


@dataclass(frozen=True)
class Stage:
    """The clip and what is known about it.

    clip    the video
    truth   MOTChallenge rows, or None
    gate    how the truth is matched: keywords of `evaluate`
    """

    clip: Path
    truth: Path | None
    gate: Mapping[str, float] = field(default_factory=lambda: {"iou": 0.5})


def run(minutes: float, out: str, *, scene: str = "cars", clip: str | None = None, truth: str | None = None) -> None:
    """The whole demo into ``out``, with a table and the files to open on the standard output.

    Args:
        minutes: time to learn.
        out: a new folder, that of a finished demo (which is replaced) or of an interrupted one (which goes on).
        scene: which of the packaged clips, of `SCENES`.
        clip: a video in place of the packaged one.
        truth: MOTChallenge rows of that video, scored at IoU 0.5.

    Raises:
        UserError: ``out`` holds a run of something else, or the clip or its truth cannot be read.
    """
    folder = Path(out)
    refuse_report(folder)
    video = Path(clip).resolve() if clip is not None else (folder / SCENES[scene][0]).resolve()
    resume = _made_ready(folder, video)
    stage = _staged(folder, scene) if clip is None else Stage(video, None if truth is None else Path(truth))
    if stage.truth is not None:
        read_truth(stage.truth, say=print)  # a slip in it costs a second now and not five minutes
    fit([stage.clip], folder / RUN, minutes=minutes, resume=resume)
    summary = track_to_folder(stage.clip, folder / RUN, folder / TRACKED)
    write_png(folder / FIGURE, figure_of(stage.clip, folder / RUN))
    observed = max(1, min(OBSERVE, summary["frames"] - 1))
    imagine_to_folder(stage.clip, folder / RUN, folder / FUTURES, observe=observed, steps=STEPS)
    track_to_folder(stage.clip, "", folder / CLASSICAL, method="mog2-sort")
    scores = {name: _score(stage, folder / place) for name, place in (("scalor", TRACKED), ("mog2-sort", CLASSICAL))}
    _report(folder, stage, summary, scores)
    print(closing(folder, summary, scores))


def _made_ready(folder: Path, video: Path) -> bool:
    """Clear a finished demo away; True where an interrupted one of the same video is to go on."""
    if (folder / SCORES).exists():
        if not _is_ours(folder / SCORES):
            raise UserError(f"{folder} holds a {SCORES} that no demo wrote; a new folder is wanted; choose one with -o")
        (folder / SCORES).unlink()  # first, so that a kill during the clearing leaves nothing that looks finished
        for name in (RUN, TRACKED, CLASSICAL, FUTURES):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in (FIGURE, REPORT):
            (folder / name).unlink(missing_ok=True)
        return False
    training = RunFolder(folder / RUN)
    if not training.config.is_file():
        return False
    if training.plan().videos != (str(video),):
        raise UserError(f"{training.path} holds a run of another video; a new folder is wanted; choose one with -o")
    return True


def _is_ours(scores: Path) -> bool:
    try:
        return str(json.loads(scores.read_text(encoding="utf-8"))["made_by"]).startswith("scalor demo ")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _staged(folder: Path, scene: str) -> Stage:
    """Lay a packaged clip and its truth into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCENES[scene]:
        put_in_place(folder / name, partial(shutil.copyfile, ASSETS / name))
    clip, truth = (folder / name for name in SCENES[scene])
    return Stage(clip=clip.resolve(), truth=truth)


def figure_of(clip: Path, weights: Path) -> np.ndarray:
    """Input, reconstruction, background, masks and trails of the clip's beginning, at the network's size."""
    source = open_video(clip)
    frames: list[np.ndarray] = []
    reconstruction, background, rows = [], [], []
    with denormals_flushed():
        tracker = prepare(weights, source).tracker
        tracker.confirm = 1  # as the two passes do, from which the overlay is: all is shown from its first frame on
        for frame in islice(source, FIGURE_FRAMES):
            result = tracker.observe(frame.image, pictures=True)
            if frame.image is None or result.pictures is None or tracker.view is None:
                continue
            size = (tracker.view.rows, tracker.view.columns)
            rles = result.masks.rles()
            rows += [(*row, rle) for row, rle in zip(result.rows(len(frames)), rles, strict=True)]
            frames.append(with_channels(shrink(as_picture(frame.image), size), 3))
            reconstruction.append(result.pictures.reconstruction)
            background.append(result.pictures.background)
    if tracker.view is None:
        raise UserError(f"{source.name} has no frame that can be decoded; a playable video is wanted; re-encode it")
    tracks = Tracks.from_rows(rows, length=len(frames), masks=True)
    return paper_figure(
        np.stack(frames),
        tracks=in_pixels_of(tracks, scale_x=tracker.view.scale_x, scale_y=tracker.view.scale_y),
        reconstruction=np.stack(reconstruction),
        background=np.stack(background),
    )


def _score(stage: Stage, tracked: Path) -> MotScores | None:
    if stage.truth is None:
        return None
    truth = read_truth(stage.truth).tracks
    # A truth may speak about a part of the clip: only from its first to its last frame is anything right or wrong.
    span = (int(truth.frame.min()), int(truth.frame.max()) + 1) if len(truth) else None
    found, gate = read_mot(tracked / "tracks.txt"), stage.gate
    return evaluate(truth, found, iou=gate.get("iou"), distance=gate.get("distance"), frames=span)


def _report(folder: Path, stage: Stage, summary: Mapping[str, Any], scores: Mapping[str, MotScores | None]) -> None:
    """report.html, and last of all scores.json."""
    known = {name: each.as_dict() for name, each in scores.items() if each is not None}
    gate = ", ".join(f"{name} {value:g}" for name, value in stage.gate.items())
    extras = Extras(
        title=f"scalor demo: {summary['video']}",
        notes=[
            f"Learned from this clip alone, without labels; {summary['tracks']} tracks in {summary['frames']} frames.",
            *([f"Matched to the truth by {gate}."] if known else []),
        ],
        scores=(
            ["", *SHOWN.values()],
            [[name, *(_shown(key, each[key]) for key in SHOWN)] for name, each in known.items()],
        ),
        figures={
            "Input, reconstruction, background, masks and paths": folder / FIGURE,
            "Imagined futures": folder / FUTURES / "futures.png",
        },
        run=folder / RUN,
    )
    write_report(folder / TRACKED, video=stage.clip, extras=extras, out=folder / REPORT)
    content = {
        "made_by": f"scalor demo {scalor.__version__}",
        "clip": str(stage.clip),
        "truth": None if stage.truth is None else str(stage.truth),
        "gate": stage.gate,
        "scores": known,
    }
    write_summary_json(folder / SCORES, content)


def closing(folder: Path, summary: Mapping[str, Any], scores: Mapping[str, MotScores | None]) -> str:
    """The table, if there is truth, and what to look at."""
    known = {name: each.as_dict() for name, each in scores.items() if each is not None}
    lines = [""]
    if known:
        wide = max(map(len, known))
        lines.append(" " * wide + "".join(f"  {name:>11}" for name in SHOWN.values()))
        lines += [
            name.ljust(wide) + "".join(f"  {_shown(key, each[key]):>11}" for key in SHOWN)
            for name, each in known.items()
        ]
        lines.append("")
    lines.append(f"{summary['tracks']} tracks in {summary['frames']} frames of {summary['video']}. Look at")
    files = {
        f"{TRACKED}/overlay.mp4": "boxes, identities, trails and masks",
        FIGURE: "reconstruction, background, masks and trajectories",
        f"{FUTURES}/futures.png": "how the model thinks it goes on",
        REPORT: "everything in one page, for a browser",
    }
    places = {str(folder / name): words for name, words in files.items()}
    wide = max(map(len, places))
    return "\n".join([*lines, *(f"    {place.ljust(wide)}  {words}" for place, words in places.items())])


def _shown(key: str, value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if key == "id_switches" else f"{100 * value:.1f} %"
