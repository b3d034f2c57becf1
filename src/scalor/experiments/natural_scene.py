"""`reproduce natural`: SCALOR, a VRNN and a sequential VAE on a real scene: likelihoods, pictures and futures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scalor import pretrained
from scalor.configs import data_named
from scalor.core.devices import denormals_flushed
from scalor.core.types import TRACKING, Knobs
from scalor.data.loader import ClipData
from scalor.errors import UserError
from scalor.experiments.paper import NATURAL
from scalor.experiments.pictures import moments
from scalor.experiments.report import Report, number, table
from scalor.experiments.rows import HELD_OUT
from scalor.experiments.study import Laboratory
from scalor.experiments.tables import Scores, clip_likelihoods, prior_of
from scalor.metrics.boxes import LEAST_VISIBLE
from scalor.metrics.counting import counting
from scalor.metrics.likelihood import mse_per_step
from scalor.models.base import WorldModel
from scalor.rollout import Rollout, imagine, observe
from scalor.tracking.evaluate_clips import rollout_tracks
from scalor.tracking.imagine import FUTURES
from scalor.tracking.report import owner_ids, to_picture
from scalor.viz.draw import color_labels, draw_overlay, enlarged, follow
from scalor.viz.figures import grid

NAME, TITLE = "natural", "The natural scene: likelihoods, reconstructions and futures"
FRAMES = 10
"""Frames of the likelihood and of a clip (docs/experiments.md)."""
OBSERVED = 5
"""Frames that are seen before the others are imagined."""
SAMPLES = 4
"""Futures per clip."""
SHOWN, TILE, COLUMNS = 2, 128, 4
"""Held-out clips in pictures, the side of a tile, and the moments of a clip that are shown."""
BIRTH = 0.01
"""Presence per cell of newcomers in an imagined frame, where they are shown (spec A.10)."""


@dataclass(frozen=True)
class Entrant:
    """A model: what it is called, the preset that is trained, and what the paper prints of its likelihood."""

    title: str
    preset: str
    paper: float


PACKAGED = (
    Entrant("SCALOR", "natural-scalor", NATURAL["scalor"]),
    Entrant("VRNN", "natural-vrnn", NATURAL["vrnn"]),
    Entrant("sequential VAE", "natural-vae", NATURAL["vae"]),
)
STATION = (
    replace(PACKAGED[0], preset="paper-natural"),
    replace(PACKAGED[1], preset="grand-central-vrnn"),
    replace(PACKAGED[2], preset="grand-central-vae"),
)


@dataclass(frozen=True)
class Seen:
    """What a model makes of the clips in the pictures: of whole clips, and futures of their first frames."""

    entrant: Entrant
    whole: Rollout
    ahead: Tensor
    newcomers: Tensor


def scene(laboratory: Laboratory, folder: Path | None, particles: int, command: str) -> Report:
    """Train what is missing, score all models under one protocol, and put table and pictures together.

    Args:
        folder: Grand Central's frames; None: the packaged films.
        particles: importance samples of the likelihood.

    Raises:
        UserError: the folder does not hold the frames.
    """
    data = "natural" if folder is None else f"grand-central:{folder}"
    held_out = data_named(data, HELD_OUT, split="test")
    scores: dict[str, list[Scores]] = {}
    looks: list[Seen] = []
    for entrant in PACKAGED if folder is None else STATION:
        scores[entrant.title] = []
        for seed in range(laboratory.seeds):
            run = laboratory.run(entrant.preset, seed, data)
            laboratory.say(f"{NAME}: {entrant.title}, seed {seed}")
            model, card = pretrained.load(run)
            origin = {key: card.get(key) for key in ("seed", "steps", "minutes")}
            with denormals_flushed():
                found = scored(model, held_out, laboratory.clips, particles, prior_of(card))
                looks += [looked(entrant, model, held_out)] if seed == 0 else []
            scores[entrant.title].append({**origin, **found, "paper": entrant.paper})
    video = clips_of(held_out, range(SHOWN))
    copied = copied_error(held_out, laboratory.clips)
    numbers = {"data": data, "copy_of_the_last_frame": copied, "birth": BIRTH, "models": scores}
    pictures = {}
    for clip in range(len(video)):
        pictures[f"{NAME}-{clip + 1}"] = taken_apart(video, looks, clip)
        pictures[f"{NAME}-{clip + 1}-futures"] = futures(video, looks, clip)
    return Report(NAME, TITLE, command, numbers, _words(scores, copied, folder), pictures)


def clips_of(data: ClipData, indices: Sequence[int]) -> Tensor:
    """Clips [B, FRAMES, C, H, W] in [0, 1], as many of the wanted ones as there are. Raises UserError for none."""
    taken = [data[index].video[:FRAMES] for index in indices if index < len(data)]
    if not taken:
        raise UserError(
            f"there is no held-out clip of {FRAMES} frames; at least one is wanted; give a longer recording"
        )
    return torch.stack(taken).float() / 255


@torch.no_grad()
def scored(model: WorldModel, data: ClipData, clips: int, particles: int, knobs: Knobs) -> Scores:
    """Likelihood of the first ``clips`` clips, squared errors per pixel and channel of reconstructions and of imagined
    frames (mean of `SAMPLES` futures), and what the model has in objects; seeded."""
    clips = min(clips, len(data))
    seen = clip_likelihoods(model, data, clips=clips, frames=FRAMES, particles=particles, knobs=knobs)
    errors, ahead, tables = [], [], []
    for index in range(clips):
        video = clips_of(data, [index])
        rollout = observe(model, video, TRACKING)
        errors.append(mse_per_step(video, rollout.image))
        truth = video[:, OBSERVED:].expand(SAMPLES, -1, -1, -1, -1)
        ahead.append(mse_per_step(truth, imagined(model, video, FUTURES)))
        height, width = video.shape[-2:]
        tables += rollout_tracks(rollout, height=height, width=width, min_visibility=LEAST_VISIBLE)
    pixels, channels = video.shape[-2] * video.shape[-1], video.shape[2]
    return {
        **seen,
        "floor": floor(channels),
        "excess_per_frame": (seen["nll"] - floor(channels)) * pixels / FRAMES,
        "milli_error_nats": 0.0005 * channels * pixels,
        "mse": float(torch.stack(errors).mean()),
        "predicted_mse": torch.stack(ahead).mean(0).tolist(),
        "objects_per_frame": sum(len(each) for each in tables) / (FRAMES * clips),
        "propagation_rate": counting(tables).as_dict()["propagation_rate"],
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "clips": clips,
    }


def floor(channels: int) -> float:
    """NLL per pixel at sigma 1 of a model that is never wrong and needs no code."""
    return 0.5 * math.log(2 * math.pi) * channels * FRAMES


@torch.no_grad()
def imagined(model: WorldModel, video: Tensor, knobs: Knobs, samples: int = SAMPLES) -> Tensor:
    """Futures [samples, FRAMES - OBSERVED, C, H, W] of the first frames of one clip [1, FRAMES, C, H, W]; seeded."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        world = observe(model, video[:, :OBSERVED], TRACKING).world
        world = world.map(lambda tensor: tensor.repeat_interleave(samples, dim=0))
        return imagine(model, world, FRAMES - OBSERVED, knobs).image


def copied_error(data: ClipData, clips: int) -> list[float]:
    """Squared error of the last seen frame as every later one, per step."""
    errors = []
    for index in range(min(clips, len(data))):
        video = clips_of(data, [index])
        last = video[:, OBSERVED - 1 : OBSERVED].expand_as(video[:, OBSERVED:])
        errors.append(mse_per_step(video[:, OBSERVED:], last))
    return torch.stack(errors).mean(0).tolist()


@torch.no_grad()
def looked(entrant: Entrant, model: WorldModel, data: ClipData) -> Seen:
    """What the pictures show of a model: two futures of each clip, and one with newcomers."""
    video = clips_of(data, range(SHOWN))
    births = replace(FUTURES, births=True, birth=BIRTH)
    clips = [video[clip : clip + 1] for clip in range(len(video))]
    return Seen(
        entrant,
        whole=observe(model, video, TRACKING),
        ahead=torch.stack([imagined(model, clip, FUTURES, 2) for clip in clips]),
        newcomers=torch.stack([imagined(model, clip, births, 1) for clip in clips]),
    )


def taken_apart(video: Tensor, looks: Sequence[Seen], clip: int) -> np.ndarray:
    """A clip, what the first model takes it apart into, with trails, and the others' reconstructions (Figure 7)."""
    times, first = moments(video.shape[1], COLUMNS), looks[0].whole
    height, width = video.shape[-2:]
    tracks = rollout_tracks(first, height=height, width=width, min_visibility=LEAST_VISIBLE)[clip]
    states = dict(enumerate(follow(tracks)))
    names = [owner_ids(first.steps[t], height=height, width=width)[clip] for t in times]
    rows = {
        "input": [_tile(video[clip, t]) for t in times],
        looks[0].entrant.title: [_tile(first.steps[t].image[clip]) for t in times],
        "background": [_tile(first.steps[t].background[clip]) for t in times],
        "masks": [enlarged(color_labels(name.numpy()), TILE / width) for name in names],
        "boxes, trails": [
            draw_overlay(to_picture(video[clip, t]), states[t][0], trails=states[t][1], zoom=TILE / width, labels=False)
            for t in times
        ],
    }
    rows |= {seen.entrant.title: [_tile(seen.whole.steps[t].image[clip]) for t in times] for seen in looks[1:]}
    return grid(list(rows.values()), labels=list(rows), columns=[f"t = {t + 1}" for t in times])


def futures(video: Tensor, looks: Sequence[Seen], clip: int) -> np.ndarray:
    """What happened above; below, what every model imagines after the first frames (Figures 14 and 18 to 20)."""
    past, times = moments(OBSERVED, 2), moments(FRAMES - OBSERVED, COLUMNS)
    rows: list[list[np.ndarray | None]] = [[_tile(video[clip, t]) for t in past]]
    rows[0] += [_tile(video[clip, OBSERVED + t]) for t in times]
    labels, hole = ["what happened"], [None] * len(past)
    for seen in looks:
        for number_, sample in enumerate(seen.ahead[clip], start=1):
            rows.append([*hole, *(_tile(sample[t]) for t in times)])
            labels.append(f"{seen.entrant.title} {number_}")
    rows.append([*hole, *(_tile(looks[0].newcomers[clip, 0, t]) for t in times)])
    labels.append(f"{looks[0].entrant.title}, newcomers")
    columns = [f"seen {t + 1}" for t in past] + [f"+{t + 1}" for t in times]
    return grid(rows, labels=labels, columns=columns)


def _tile(image: Tensor) -> np.ndarray:
    return enlarged(to_picture(image), TILE / image.shape[-1])


def _words(scores: Mapping[str, Sequence[Scores]], copied: Sequence[float], folder: Path | None) -> str:
    some = next(iter(scores.values()))[0]
    where = "the packaged films `traffic` and `people` in clips of 64 x 64" if folder is None else "Grand Central"
    told = (
        f"{some['clips']} held-out clips of {where}, later in time than all that is learned. One protocol for all "
        f"models: NLL in nats per pixel, summed over channels and {FRAMES} frames, K = {some['particles']} samples "
        f"with hard presence, sigma 1 (lowest possible: {some['floor']:.2f}), and sigma {some['training_sigma']:g}, "
        "which all are trained with. MSE per pixel and channel; of predictions after "
        f"{OBSERVED} frames, mean of {SAMPLES} futures. The paper's numbers are of Grand Central at 128 x 128, "
        "quoted, "
        + ("and not of these films.\n" if folder is None else "after trainings of other lengths than these.\n")
    )
    lines = []
    for title, every in scores.items():
        for each in every:
            name = title if len(every) == 1 else f"{title}, seed {each['seed']}"
            lines.append([name, *_cells(each)])
    ahead = (number(copied[0]), number(copied[-1]))
    lines.append(["copy of the last frame", *["–"] * 5, *ahead, *["–"] * 4])
    header = ["", "NLL, sigma 1", "paper", "above the lowest, nats per frame", f"NLL, sigma {some['training_sigma']:g}"]
    header += ["MSE", "predicted, +1", f"+{FRAMES - OBSERVED}", "objects per frame", "carried on", "steps", "minutes"]
    return told + "\n" + table(header, lines) + "\n" + _found(scores, copied)


def _found(scores: Mapping[str, Sequence[Scores]], copied: Sequence[float]) -> str:
    """What the numbers of the first seeds say, in a paragraph."""
    first = {title: every[0] for title, every in scores.items()}
    best = {key: min(first, key=lambda title: first[title][key]) for key in ("nll", "nll_training_sigma", "mse")}
    nearest = min(first, key=lambda title: first[title]["predicted_mse"][-1])
    ahead = first[nearest]["predicted_mse"][-1]
    told = [
        f"Lowest NLL: {best['nll']} at sigma 1, {best['nll_training_sigma']} at the training sigma; smallest squared "
        f"error of reconstructions: {best['mse']}. At sigma 1 pictures weigh little beside codes: 0.001 of squared "
        f"error costs as much as {next(iter(first.values()))['milli_error_nats']:.0f} nats of codes per frame. "
        f"{FRAMES - OBSERVED} frames ahead {nearest} is nearest ({number(ahead)}), and "
        f"{'nearer' if ahead < copied[-1] else 'no nearer'} than the copied last frame ({number(copied[-1])})."
    ]
    told += [
        f"{title} explains a frame with {number(each['objects_per_frame'])} objects, of which "
        f"{100 * each['propagation_rate']:.0f} % are carried on to the next; models of whole frames have no objects."
        for title, each in first.items()
        if each["objects_per_frame"] > 0 and each["propagation_rate"] is not None
    ]
    return " ".join(told) + "\n"


def _cells(each: Mapping[str, Any]) -> list[str]:
    """The numbers of a row."""
    has = each["objects_per_frame"] > 0
    return [
        f"{each['nll']:.2f}",
        f"{each['paper']:.2f}",
        f"{each['excess_per_frame']:.0f}",
        f"{each['nll_training_sigma']:.2f}",
        number(each["mse"]),
        number(each["predicted_mse"][0]),
        number(each["predicted_mse"][-1]),
        number(each["objects_per_frame"]) if has else "–",
        number(each["propagation_rate"]) if has else "–",
        str(each["steps"]),
        number(each["minutes"]),
    ]
