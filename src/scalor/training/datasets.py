"""Data sets by name."""

import logging
from dataclasses import replace
from pathlib import Path

from scalor.core.jsonable import nearest
from scalor.data import balls, benchmark_sets, crowd, digits, sprites
from scalor.data.grand_central import GrandCentral
from scalor.data.grounds import REPLACEMENTS
from scalor.data.loader import ClipData
from scalor.data.motsynth import EIGHT, MOTSynth, MOTSynthReplacedBG
from scalor.data.natural import Natural
from scalor.errors import UserError

TRAINING_SEEDS = 1_000_000_000
"""Training with seed s sees clips of data seed s + this: the clips of small seeds are never seen in training."""

TINY = sprites.SpritesConfig(size=32, canvas=44, count=(2, 4), object_size=9, frames=6, name="tiny")

MOTSYNTH_PARTS = {"8": EIGHT, "one": ("060",)}
"""Sequences of the study's experiments on several videos, and on one."""

NATURAL = {"natural": 64, "natural-128": 128}
"""Packaged real films, and the side of their clips."""


def data_names() -> list[str]:
    """The names that `data_named` knows.

    ``digits-md:FOLDER`` draws with the MNIST files of a folder; ``grand-central:FOLDER`` and ``motsynth:FOLDER`` need
    theirs, ``motsynth-8:FOLDER`` takes the study's eight sequences of it and ``motsynth-one:FOLDER`` one.
    ``motsynth-blurred:FOLDER`` and so on put people before another ground.
    """
    made = [f"sprites-{name}" for name in (*sprites.PRESETS, TINY.name)] + [f"digits-{name}" for name in digits.PRESETS]
    made += [f"crowd-{name}" for name in crowd.PRESETS] + [f"balls-{name}" for name in balls.PRESETS]
    made += [*benchmark_sets.SETS, *NATURAL]
    return [
        *made,
        "grand-central",
        *(
            f"motsynth{end}"
            for end in ("", *(f"-{part}" for part in MOTSYNTH_PARTS), *(f"-{name}" for name in REPLACEMENTS))
        ),
    ]


def data_named(name: str, seed: int, *, split: str = "train") -> ClipData:
    """The data set of that name, as ``sprites-md``.

    ``split`` "test" takes digits that no training draws with, or the end of Grand Central's or the packaged films.
    Raises UserError naming the nearest where there is none, and where the folder of ``NAME:FOLDER`` is not what it
    should be.
    """
    head, _, folder = name.partition(":")
    family, _, kind = head.partition("-")
    if family == "sprites" and kind in (*sprites.PRESETS, TINY.name) and not folder:
        return sprites.Sprites(TINY if kind == TINY.name else sprites.sprites(kind), seed=seed)
    if family == "digits" and kind in digits.PRESETS:
        config = replace(digits.digits(kind), split=split, source=folder or None)
        digits.digit_bank(config.source, split)
        return digits.Digits(config, seed=seed)
    if family == "balls" and kind in balls.PRESETS and not folder:
        return balls.Balls(balls.balls(kind), seed=seed)
    if head in benchmark_sets.SETS and not folder:
        return benchmark_sets.BenchmarkClips(benchmark_sets.SETS[head], seed=seed)
    if family == "crowd" and kind in crowd.PRESETS and not folder:
        return crowd.Crowd(crowd.crowd(kind), seed=seed)
    if family == "motsynth" and kind in ("", *MOTSYNTH_PARTS, *REPLACEMENTS):
        return _motsynth(kind, folder, seed, split)
    if head in NATURAL and not folder:
        return Natural(split=split, seed=seed, size=NATURAL[head])
    if head == "grand-central":
        if not folder:
            raise UserError("data grand-central came without its folder; set data=grand-central:FOLDER with the frames")
        return GrandCentral(Path(folder), split=split)
    if name == "footage":
        raise UserError("data footage came without videos; fit learns from your own videos: scalor fit VIDEO -o RUN")
    raise UserError(f"data {name} are unknown; {nearest(name, data_names())}")


def _motsynth(kind: str, folder: str, seed: int, split: str) -> ClipData:
    """A MOTSynth folder; what it lacks is said once, on the log."""
    if not folder:
        raise UserError(
            f"data motsynth{kind and '-'}{kind} came without its folder; set data=motsynth:FOLDER with frames "
            "and annotations"
        )
    source = MOTSynth(folder, sequences=MOTSYNTH_PARTS.get(kind), split=split, seed=seed)
    for sentence in source.missing():
        logging.getLogger(__name__).warning(sentence)
    return MOTSynthReplacedBG(source, kind) if kind in REPLACEMENTS else source
