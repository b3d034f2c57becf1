"""The study on photo-realistic crowds again, with numbers: eight experiments, each a table and a figure."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from scalor import pretrained
from scalor.configs import data_named, preset_named, train
from scalor.core.devices import denormals_flushed
from scalor.core.types import TRACKING
from scalor.data.loader import ClipData, CutToLength
from scalor.experiments.report import Report, number, table
from scalor.experiments.rows import HELD_OUT, finished
from scalor.experiments.study_pictures import glimpse_figure, study_figure
from scalor.models.base import WorldModel
from scalor.models.build import build
from scalor.models.config import MergeConfig, ModelConfig
from scalor.objectives.features import Vgg
from scalor.objectives.perceptual import LAYERS, feature_distance
from scalor.rollout import Rollout, observe
from scalor.tracking.evaluate_clips import evaluate_dataset
from scalor.training.measure import measure

FRAMES = 10
MOST_CLIPS = 24
"""Clips per score at most: those of a crowd hold hundreds of people."""
MOTSYNTH = {
    "crowd-hard": "motsynth-8",
    "crowd-one": "motsynth-one",
    "crowd-gradient": "motsynth-gradient",
    "crowd-hard-ground": "motsynth-hard",
    "crowd-blurred": "motsynth-blurred",
}
"""Which use of a MOTSynth folder each of the made data stands for."""


@dataclass(frozen=True)
class Case:
    """A row: what it is called, what is trained, and what is changed for the test alone."""

    label: str
    preset: str
    guards: Callable[[ModelConfig], ModelConfig] = lambda config: config


@dataclass(frozen=True)
class Experiment:
    """One of the study's experiments: its title, what the study found, and the cases."""

    title: str
    found: str
    cases: tuple[Case, ...]


def _twins(config: ModelConfig) -> ModelConfig:
    """Proposals that sit on each other give way."""
    default = type(config.discover)()
    discover = replace(
        config.discover,
        twin_iou=default.twin_iou,
        twin_inside=default.twin_inside,
        twin_certain=default.twin_certain,
    )
    return replace(config, discover=discover)


def _merging(config: ModelConfig) -> ModelConfig:
    """Tracks that sit on each other are merged."""
    return replace(config, merge=MergeConfig())


EXPERIMENTS: dict[str, Experiment] = {
    "study1": Experiment(
        "Study 1: plain SCALOR on the original scenes",
        "poor reconstruction and detection",
        (Case("plain, 8 scenes", "study-scenes-elbo"),),
    ),
    "study2": Experiment(
        "Study 2: gradient ground",
        "reconstruction, discovery and propagation work",
        (Case("plain, gradient", "study-gradient-elbo"),),
    ),
    "study3": Experiment(
        "Study 3: hard ground", "reconstruction fails", (Case("plain, hard ground", "study-hard-elbo"),)
    ),
    "study4": Experiment(
        "Study 4: perceptual loss on hard and blurred ground",
        "objects are discovered, but found anew in every frame",
        (
            Case("literal, hard ground", "study-hard-perceptual-literal"),
            Case("calibrated, hard ground", "study-hard-perceptual"),
            Case("literal, blurred ground", "study-blurred-perceptual-literal"),
            Case("calibrated, blurred ground", "study-blurred-perceptual"),
        ),
    ),
    "study5": Experiment(
        "Study 5: perceptual and adversarial loss on blurred ground",
        "good reconstructions, discovery and propagation work",
        (
            Case("literal", "study-blurred-perceptual-gan-literal"),
            Case("calibrated, stabilised", "study-blurred-perceptual-gan"),
        ),
    ),
    "study6": Experiment(
        "Study 6: perceptual and adversarial loss on 8 videos with one encoder background",
        "reconstruction fails, objects paint the background",
        (
            Case("literal, 8 scenes", "study-scenes-perceptual-gan-literal"),
            Case("calibrated, stabilised, 8 scenes", "study-scenes-perceptual-gan"),
        ),
    ),
    "study7": Experiment(
        "Study 7: a fixed vector for the background of one video",
        "the background becomes very similar to the original one, discovery and propagation work",
        (
            Case("encoder, one scene", "study-crowd-one-elbo"),
            Case("fixed vector, one scene", "study-crowd-one-elbo-fixed"),
        ),
    ),
    "study8": Experiment(
        "Study 8: objects found more than once",
        "several cells find the same object, and one cell two",
        (
            Case("no guard", "study-gradient-elbo"),
            Case("proposals give way to each other", "study-gradient-elbo", _twins),
            Case("tracks are merged", "study-gradient-elbo", _merging),
            Case("both", "study-gradient-elbo", lambda config: _merging(_twins(config))),
            Case("trained with the alpha penalty, no guard", "study-gradient-alpha"),
        ),
    ),
}


@dataclass(frozen=True)
class Laboratory:
    """How the experiments are made.

    runs      folder of run folders PRESET-SEED; finished ones are used again
    seeds     trainings per preset
    minutes, steps   of each; None, None: the preset's steps
    clips     held-out clips per score, at most `MOST_CLIPS`
    motsynth  MOTSynth's folder in place of the made crowds
    """

    runs: Path
    seeds: int = 1
    minutes: float | None = None
    steps: int | None = None
    clips: int = MOST_CLIPS
    motsynth: str | None = None
    device: str = "auto"
    say: Callable[[str], None] = lambda text: None

    def data(self, preset: str) -> str:
        """The name of the data that a preset is trained and scored on."""
        name = preset_named(preset).data
        return name if self.motsynth is None else f"{MOTSYNTH.get(name, name)}:{self.motsynth}"

    def held_out(self, preset: str) -> ClipData:
        """Clips that no training sees."""
        return data_named(self.data(preset), HELD_OUT, split="test")

    def run(self, preset: str, seed: int, data: str | None = None) -> Path:
        """The run folder of a preset and a seed, trained to its end on ``data``, or on those of `data`."""
        folder = self.runs / f"{preset}-{seed}"
        if not finished(folder):
            self.say(f"training {folder.name}")
            train(
                preset,
                folder,
                minutes=self.minutes,
                steps=self.steps,
                seed=seed,
                overrides={"data": data or self.data(preset)},
                resume=(folder / "last.ckpt").is_file(),
                device=self.device,
            )
        return folder


def experiment(name: str, laboratory: Laboratory, command: str) -> Report:
    """Train what is missing, score every case and seed, and put table and figures together."""
    it = EXPERIMENTS[name]
    scores: dict[str, list[dict[str, Any]]] = {}
    pictures = {}
    for position, case in enumerate(it.cases):
        scores[case.label] = []
        for seed in range(laboratory.seeds):
            folder = laboratory.run(case.preset, seed)
            laboratory.say(f"{name}: {case.label}, seed {seed}")
            model, card = pretrained.load(folder)
            model = _guarded(model, case)
            data = laboratory.held_out(case.preset)
            with denormals_flushed():
                scores[case.label].append(case_scores(model, data, laboratory.clips) | _origin(card, folder))
                if seed == 0:
                    rollout, video = seen(model, data, 0)
                    pictures[f"{name}-{position + 1}"] = study_figure(video, rollout)
                    if name == "study8" and position == 0:
                        pictures[f"{name}-glimpses"] = glimpse_figure(video, rollout)
    body = _words(it, scores)
    return Report(name, it.title, command, {"study": it.found, "cases": scores}, body, pictures)


def case_scores(model: WorldModel, data: ClipData, clips: int) -> dict[str, Any]:
    """The numbers of a row, on the first ``clips`` clips; MOTA and IDF1 at IoU 0.5."""
    count = min(clips, MOST_CLIPS, len(data))
    found = evaluate_dataset(model, data, clips=count, frames=FRAMES, batch=4)
    strict = found["iou"]
    truth, tracks = strict["truth_count"], strict["truth_tracks"]
    looks = [_looks(model, data, index) for index in range(min(count, 8))]
    return {
        "mota": strict["mota"],
        "idf1": strict["idf1"],
        "tracks_per_truth": strict["tracks"] / tracks if tracks else None,
        "duplicates_per_100": 100 * strict["duplicates_per_frame"] * strict["frames"] / truth if truth else None,
        "propagation_rate": found["propagation_rate"],
        "truth_propagation_rate": found["truth_propagation_rate"],
        "mse": found["mse"],
        **{key: statistics.fmean(look[key] for look in looks) for key in looks[0]},
        "mota_distance": found["distance"]["mota"],
        "mask_iou": found["mask_iou"],
        "clips": count,
        "frames": FRAMES,
    }


COLUMNS = {
    "mota": ("MOTA", ".3f"),
    "idf1": ("IDF1", ".3f"),
    "tracks_per_truth": ("tracks / true", ".2f"),
    "duplicates_per_100": ("duplicates per 100 objects", ".2f"),
    "propagation_rate": ("propagation rate", ".3f"),
    "mse": ("squared error", ".5f"),
    "perceptual": ("perceptual distance", ".4f"),
    "half": ("half transparent", ".3f"),
    "minutes": ("minutes", ".1f"),
}
"""The columns of a table: heading and format."""
PRESENT = {
    "objects": ("boxes per frame, shown or not", ".1f"),
    "doubled_per_100": ("doubled pairs per 100 of them", ".1f"),
}
"""More columns, of clips: MOTA and duplicates are of what is reported, and objects with faint masks are not."""


@torch.no_grad()
def seen(model: WorldModel, data: ClipData, index: int) -> tuple[Rollout, torch.Tensor]:
    """What a model makes of a clip, as in tracking, and the clip [1, T, C, H, W] in [0, 1]."""
    clip = data.clip(index, frames=FRAMES) if isinstance(data, CutToLength) else data[index]
    video = clip.video[None, :FRAMES].float() / 255
    return observe(model, video, TRACKING), video


@torch.no_grad()
def _looks(model: WorldModel, data: ClipData, index: int) -> dict[str, float]:
    """Of a clip: feature distance of its reconstructions, half-transparent share of the masks, and how many objects
    there are per frame and, per 100 of them, pairs that share a box, whether their masks show or not."""
    rollout, video = seen(model, data, index)
    distance = feature_distance(Vgg("packaged", LAYERS), video[0], rollout.image[0].clamp(0, 1))
    found = measure(rollout, video, model.config)
    return {
        "perceptual": float(distance.mean()),
        "half": found["half"],
        "objects": found["objects"],
        "doubled_per_100": 100 * found.get("doubles", 0.0),
    }


def _guarded(model: WorldModel, case: Case) -> WorldModel:
    """The same weights under the case's guards, which have no weights of their own."""
    assert isinstance(model.config, ModelConfig)  # all presets of the study are SCALOR's
    config = case.guards(model.config)
    if config == model.config:
        return model
    other = build(config).eval()
    other.load_state_dict(model.state_dict())
    return other


def _origin(card: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    plan = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    length = {key: plan[key] for key in ("steps", "minutes")}
    return {"minutes": card.get("minutes"), "steps": card.get("steps"), "seed": card.get("seed"), "asked": length}


def _words(it: Experiment, scores: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    lines = []
    for label, found in scores.items():
        lines.append([label, *(mean_of(found, key, form) for key, (_, form) in (COLUMNS | PRESENT).items())])
    some = next(iter(scores.values()))
    header = ["case", *(heading for heading, _ in (COLUMNS | PRESENT).values())]
    told = (
        f"The study: {it.found}. MOTA and IDF1 at IoU 0.5 on {some[0]['clips']} held-out clips of {FRAMES} frames; "
        f"mean and, of several seeds, half the range ({len(some)} here). Of the truth "
        f"{some[0]['truth_propagation_rate']:.3f} are there in the next frame.\n\n"
    )
    return told + table(header, lines)


def mean_of(found: Sequence[Mapping[str, Any]], key: str, form: str) -> str:
    """The mean of a number over seeds and, of several, half their range."""
    values = [float(each[key]) for each in found if each[key] is not None]
    if not values:
        return number(None)
    spread = f" ± {(max(values) - min(values)) / 2:{form}}" if len(values) > 1 else ""
    return number(statistics.fmean(values), form) + spread
