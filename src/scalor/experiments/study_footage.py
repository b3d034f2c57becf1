"""Study 9: what the study left open: `fit` on eight hard videos at once, with one kind of background after another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from scalor import pretrained
from scalor.configs import data_named, fit
from scalor.configs.study import PLAIN
from scalor.core.devices import denormals_flushed
from scalor.core.jsonable import to_jsonable
from scalor.core.tracks import Tracks
from scalor.data.loader import CutToLength
from scalor.data.motchallenge import read_mot, write_clip
from scalor.data.motsynth import EIGHT, true_tracks
from scalor.data.source import VideoSource
from scalor.data.video import open_video
from scalor.experiments.natural import taken_apart
from scalor.experiments.report import Report, table
from scalor.experiments.rows import finished
from scalor.experiments.study import COLUMNS, Laboratory, mean_of
from scalor.metrics.counting import counting
from scalor.metrics.mot import evaluate_many
from scalor.objectives.features import Vgg
from scalor.objectives.perceptual import LAYERS, feature_distance
from scalor.outputs.track_folder import track_to_folder
from scalor.tracking.setup import prepare
from scalor.viz.draw import draw_overlay
from scalor.viz.figures import grid

NAME = "study9"
TITLE = "Study 9: eight hard videos at once, by kind of background"
PLACES, SEED = 8, 4242
"""Places of the made crowd, and the seed of what happens in them."""
FRAMES = 160
STEPS = 800
"""Steps of a training, unless steps or minutes are asked for."""
LOOKED = 10
"""First frames of a video whose reconstructions are measured."""
SHOWN = 4
"""Videos in a figure."""

ALPHA, HEAVY = PLAIN["alpha"]
CASES: Mapping[str, Mapping[str, str]] = {
    "a code per frame (the paper's)": {"model.background.family": "encoder"},
    "a mixture of four": {"model.background.family": "mixture", "model.background.components": "4"},
    "a vector per video": {"model.background.family": "per_video"},
    "a lattice of codes": {"model.background.family": "lattice"},
    "empty scene and a code per frame": {"model.background.residual": "true"},
    "empty scene (the default of fit)": {},
    "the same, alpha penalty": {"train.objectives": str(ALPHA), "train.weights": str(to_jsonable(HEAVY))},
}
"""What is set beside the defaults of `fit`."""


@dataclass(frozen=True)
class Seen:
    """A video, and the truth about it."""

    video: Path
    truth: Tracks


def study9(laboratory: Laboratory, command: str) -> Report:
    """Train what is missing, follow the people of every video, and put table and figures together."""
    videos = videos_of(laboratory)
    scores: dict[str, list[dict[str, Any]]] = {}
    pictures: dict[str, np.ndarray] = {}
    for position, (label, settings) in enumerate(CASES.items(), start=1):
        scores[label] = []
        for seed in range(laboratory.seeds):
            run = _run(laboratory, f"{NAME}-{position}-{seed}", videos, settings, seed)
            laboratory.say(f"{NAME}: {label}, seed {seed}")
            with denormals_flushed():
                found, rows = _scores(run, videos)
            scores[label].append(found | {"seed": seed})
            if seed == 0:
                pictures[f"{NAME}-{position}"] = grid(rows, labels=["input", "reconstruction", "background", "masks"])
    return Report(NAME, TITLE, command, {"cases": scores}, _words(scores, len(videos)), pictures)


def videos_of(laboratory: Laboratory) -> list[Seen]:
    """The eight videos: those of a MOTSynth folder, or the made places, which are written once."""
    if laboratory.motsynth is not None:
        folder = Path(laboratory.motsynth)
        there = [name for name in EIGHT if (folder / "frames" / name / "rgb").is_dir()]
        return [Seen(folder / "frames" / name / "rgb", true_tracks(folder, name)) for name in there or EIGHT]
    folders = made_places(laboratory.runs.parent / "places", frames=FRAMES, say=laboratory.say)
    return [Seen(folder, read_mot(folder / "gt" / "gt.txt")) for folder in folders]


def made_places(folder: Path, *, frames: int, say: Callable[[str], None], data: str = "crowd-hard") -> list[Path]:
    """The made crowd's places as clips of so many frames with their truth, ``folder``/place0 ...; drawn where they are
    not there yet."""
    crowd, found = data_named(data, SEED), []
    assert isinstance(crowd, CutToLength)
    for place in range(PLACES):
        found.append(folder / f"place{place}")
        if not found[-1].is_dir():
            say(f"drawing {found[-1]}")
            write_clip(crowd.clip(place, frames=frames), found[-1])
    return found


def _run(laboratory: Laboratory, name: str, videos: Sequence[Seen], settings: Mapping[str, str], seed: int) -> Path:
    """The run folder of a case, trained to its end."""
    folder = laboratory.runs / name
    if not finished(folder):
        laboratory.say(f"training {folder.name}")
        fit(
            [seen.video for seen in videos],
            folder,
            steps=laboratory.steps or (STEPS if laboratory.minutes is None else None),
            minutes=None if laboratory.steps else laboratory.minutes,
            overrides=settings,
            seed=seed,
            resume=(folder / "last.ckpt").is_file(),
            device=laboratory.device,
            quiet=True,
        )
    return folder


def _scores(run: Path, videos: Sequence[Seen]) -> tuple[dict[str, Any], list[list[np.ndarray]]]:
    """The numbers of a row, at IoU 0.5 over all videos, and the rows of its figure."""
    pairs, looks, columns = [], [], []
    for seen in videos:
        with TemporaryDirectory() as out:
            track_to_folder(seen.video, run, out, pictures=False, device="cpu")
            tracks = read_mot(Path(out) / "tracks.txt")
        pairs.append((seen.truth, tracks))
        source = open_video(seen.video)
        look, column = _looked(run, source)
        looks.append(look)
        columns.append(column)
    strict, loose = (evaluate_many(pairs, iou=iou).as_dict() for iou in (0.5, 0.3))
    card = pretrained.load(run)[1]
    found = {
        "mota": strict["mota"],
        "idf1": strict["idf1"],
        "tracks_per_truth": (strict["tracks"] or 0) / max(1, strict["truth_tracks"] or 0),
        "duplicates_per_100": 100
        * (strict["duplicates_per_frame"] or 0)
        * (strict["frames"] or 0)
        / max(1, strict["truth_count"] or 0),
        "propagation_rate": counting([tracks for _, tracks in pairs]).as_dict()["propagation_rate"],
        "mota_iou30": loose["mota"],
        **{key: float(np.nanmean([look[key] for look in looks])) for key in looks[0]},
        "minutes": card.get("minutes"),
        "steps": card.get("steps"),
    }
    return found, [list(row) for row in zip(*columns[:SHOWN], strict=True)]


@torch.inference_mode()
def _looked(run: Path, source: VideoSource) -> tuple[dict[str, float], list[np.ndarray]]:
    """Errors of the reconstructions of a video's first frames, the half-transparent share of its masks, and the last
    of these frames taken apart: input with boxes, reconstruction, background, masks."""
    tracker = prepare(run, source, device="cpu").tracker
    apart = taken_apart(tracker, source.first(LOOKED))
    frames, tracks, made, alpha = apart.frames, apart.tracks, apart.reconstruction, apart.alpha
    distance = feature_distance(Vgg("packaged", LAYERS), _planes(frames), _planes(made))
    painted = alpha > 0.1
    found = {
        "mse": float(((made / 255.0 - frames / 255.0) ** 2).mean()),
        "perceptual": float(distance.mean()),
        "half": float(((alpha > 0.25) & (alpha < 0.75)).sum() / max(1, painted.sum())),
    }
    boxed = draw_overlay(frames[-1], tracks.select(tracks.frame == len(frames) - 1), labels=False)
    return found, [boxed, made[-1], apart.background[-1], (255 * alpha[-1, ..., None]).astype(np.uint8).repeat(3, 2)]


def _planes(images: np.ndarray) -> torch.Tensor:
    """uint8 [T, H, W, 3] as float [T, 3, H, W] in 0..1."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def _words(scores: Mapping[str, Sequence[Mapping[str, Any]]], videos: int) -> str:
    columns = COLUMNS | {"mota_iou30": ("MOTA at IoU 0.3", ".3f")}
    rows = [
        [label, *(mean_of(found, key, form) for key, (_, form) in columns.items())] for label, found in scores.items()
    ]
    told = (
        f"The study left it open. `fit` on {videos} videos together; MOTA and IDF1 at IoU 0.5 over all of them, "
        "tracked in two passes; errors of reconstructions over their first frames. In pictures the first "
        f"{SHOWN}, frame {LOOKED}.\n\n"
    )
    return told + table(["case", *(heading for heading, _ in columns.values())], rows)
