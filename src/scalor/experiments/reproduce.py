"""`reproduce`: everything asked for, one after the other, into one folder."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scalor.core.jsonable import nearest
from scalor.errors import UserError
from scalor.experiments import (
    ablation,
    balls,
    benchmark_sets,
    figures,
    imagined,
    laws,
    natural,
    natural_scene,
    study,
    study_footage,
    tables,
)
from scalor.experiments.report import Report, write_page
from scalor.experiments.rows import Row, Zoo, rows_named
from scalor.experiments.tables import Bench

Maker = Callable[[Bench, Sequence[Row], str], Report]

MAKERS: dict[str, Maker] = {
    "table1": tables.table1,
    "table2": tables.table2,
    "figure3": figures.figure3,
    "figure4": figures.figure4,
    "figure5": imagined.figure5,
    "figure6": imagined.figure6,
    "figure8": ablation.figure8,
    "figure9": figures.figure9,
    "figure10": figures.figure10,
    "figure11": figures.figure11,
    "figure12": figures.figure12,
    "figure13": figures.figure13,
}
OWN: dict[str, Maker] = {"behavior": laws.laws, "benchmark-sets": benchmark_sets.benchmark_sets}
"""What the paper does not measure."""
PAPER = [*list(MAKERS)[:6], "figure7", *list(MAKERS)[6:]]
"""What can be reproduced of the paper, in its order; "all" is all of it."""
STUDY = [*study.EXPERIMENTS, study_footage.NAME]
NAMES = [*PAPER, natural_scene.NAME, *OWN, "balls", *STUDY]
"""And what it lacks, and of the study on crowds; "study" is all of that. Everything of it is trained first, and so is
the natural scene, which "all" leaves out for that reason."""
ALIASES = {"figure14": "figure7"}
"""The paper's figures of the same scene are one of ours."""


@dataclass(frozen=True)
class Options:
    """How.

    rows          names of the tables' rows; None: all
    from_scratch  train every row's preset first
    seeds         trainings per row, with seeds 0, 1 ...
    minutes       of each training; None: as many steps as the preset says
    steps         of the study's and the natural scene's trainings instead
    motsynth      MOTSynth's folder, for the study; None: the made crowds
    clips         held-out clips per score
    particles     importance samples of the likelihood
    runs          folder of run folders ``ROW-SEED``; None: ``runs`` in the output folder
    video, weights   of figure 7; None: the packaged ones
    data          folder of clips with their truth, for the balls, or Grand Central's frames, for the natural scene;
                  None: held-out clips that are made, and the packaged films
    page          Markdown page on which the results are put; None: ``results.md`` in the output folder
    """

    rows: tuple[str, ...] | None = None
    from_scratch: bool = False
    seeds: int = 1
    minutes: float | None = None
    steps: int | None = None
    motsynth: str | None = None
    clips: int = 100
    particles: int = 50
    runs: Path | None = None
    video: str | None = None
    weights: str | None = None
    data: Path | None = None
    page: Path | None = None
    device: str = "auto"
    quiet: bool = False


def reproduce(what: Sequence[str], out: Path, options: Options | None = None) -> Path:
    """Make tables and figures again and write them into ``out``: NAME.md, NAME.json, PNGs and the page of results.

    Each is written as soon as it is made; what lacks weights says so instead of a number. Returns the page.

    Raises:
        UserError: an unknown name or row, or a place that cannot be written.
    """
    options = options or Options()
    names = wanted(what)
    rows = rows_named(options.rows)
    bench = _bench(Path(out), options)
    for name in names:
        bench.say(f"{name} ...")
        command = command_of(name, options)
        if name == "figure7":
            report = natural.figure7(options.video, options.weights, command)
        elif name == "balls":
            report = balls.balls(bench, options.data, command)
        elif name == natural_scene.NAME:
            report = natural_scene.scene(_laboratory(bench, options), options.data, options.particles, command)
        elif name in study.EXPERIMENTS:
            report = study.experiment(name, _laboratory(bench, options), command)
        elif name == study_footage.NAME:
            report = study_footage.study9(_laboratory(bench, options), command)
        else:
            report = (MAKERS | OWN)[name](bench, rows, command)
        report.write(Path(out))
    return write_results(Path(out), options.page)


def write_results(folder: Path, page: Path | None = None) -> Path:
    """Gather all that lies in ``folder`` on one Markdown page, in the paper's order; words outside its marks stay."""
    return write_page(folder, page or folder / "results.md", NAMES)


def wanted(what: Sequence[str]) -> list[str]:
    """The names, "all" resolved, in the paper's order. Raises UserError naming the nearest."""
    for name in what:
        if name not in (*NAMES, *ALIASES, "all", "study"):
            raise UserError(f"{name} is nothing of paper or study; {nearest(name, (*NAMES, 'all', 'study'))}")
    asked = {ALIASES.get(name, name) for name in what}
    asked |= set(PAPER) if "all" in asked else set()
    asked |= set(STUDY) if "study" in asked else set()
    return [name for name in NAMES if name in asked]


def command_of(name: str, options: Options) -> str:
    """What a user types to get the same."""
    parts = ["scalor reproduce", name]
    parts += ["--rows", *options.rows] if options.rows else []
    parts += ["--from-scratch"] if options.from_scratch else []
    parts += [f"--runs {options.runs}"] if options.runs is not None else []
    plain = Options()
    parts += [f"--motsynth {options.motsynth}"] if options.motsynth is not None else []
    for key in ("seeds", "minutes", "steps", "clips", "particles"):
        value = getattr(options, key)
        parts += [f"--{key} {value:g}"] if value != getattr(plain, key) else []
    if name == "figure7":
        parts += [f"--{key} {value}" for key in ("video", "weights") if (value := getattr(options, key)) is not None]
    if name in ("balls", natural_scene.NAME) and options.data is not None:
        parts.append(f"--data {options.data}")
    return " ".join(parts)


def _bench(out: Path, options: Options) -> Bench:
    zoo = Zoo(
        runs=options.runs or out / "runs",
        train=options.from_scratch,
        seeds=options.seeds,
        minutes=options.minutes,
        device=options.device,
    )
    say = _silent if options.quiet else partial(print, file=sys.stderr, flush=True)
    return Bench(zoo=zoo, clips=options.clips, particles=options.particles, say=say)


def _laboratory(bench: Bench, options: Options) -> study.Laboratory:
    zoo = bench.zoo
    return study.Laboratory(
        runs=zoo.runs,
        seeds=options.seeds,
        minutes=options.minutes,
        steps=options.steps,
        clips=options.clips,
        motsynth=options.motsynth,
        device=options.device,
        say=bench.say,
    )


def _silent(text: str) -> None:
    pass
