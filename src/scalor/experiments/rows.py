"""Rows of the paper's tables: which weights, which data, how many frames; and where the weights are."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scalor import pretrained
from scalor.configs import data_named, train
from scalor.core.jsonable import nearest
from scalor.data.loader import ClipData
from scalor.errors import UserError

HELD_OUT = 7_000_003
"""Data seed of all reported scores. No choice was made on these clips; training uses other seeds, and other digits."""
GATE = "twice the object's own size"
VALIDATION_MINUTES = 2.0
"""Between two looks at validation clips, to see when the paper's MOTA is reached."""
NLL_FRAMES = 8
"""Frames of the likelihood (docs/experiments.md)."""


@dataclass(frozen=True)
class Row:
    """A row of a table.

    weights    packaged weights, and the name of the runs that stand in for them (``NAME-SEED``)
    preset     what trains them
    data       what they are scored on
    frames     of a clip
    overrides  changes of the preset
    gate       centre distance that counts as found, in words
    """

    name: str
    weights: str
    preset: str
    data: str
    frames: int = 10
    overrides: Mapping[str, str] = field(default_factory=dict)
    gate: str = GATE

    def command(self, runs: Path) -> str:
        """What trains the weights into ``runs``."""
        changes = "".join(f" --set {key}={value}" for key, value in self.overrides.items())
        every = f"--validation-minutes {VALIDATION_MINUTES:g}"
        return f"scalor train {self.preset} -o {runs / self.weights}-0 {every}{changes}"

    def clips(self) -> ClipData:
        """The held-out data; digits are drawn with pictures that no training sees."""
        return data_named(self.data, HELD_OUT, split="test")


def _plain(name: str) -> Row:
    return Row(name=name, weights=name, preset=f"fast-{name}", data=name)


_SPRITES = ("sprites-vld", "sprites-ld", "sprites-md", "sprites-hd", "sprites-vhd")
_DIGITS = ("digits-vld", "digits-ld", "digits-md")
_LONG = Row(name="sprites-lg", weights="sprites-hd", preset="fast-sprites-hd", data="sprites-lg", frames=20)

ROWS: dict[str, Row] = {row.name: row for row in [*map(_plain, (*_SPRITES, *_DIGITS, "sprites-bg")), _LONG]}
"""Table 1; Table 2 has the rows that the paper prints there."""

_DENSE = Row(
    name="dense",
    weights="sprites-dense",
    preset="fast-sprites-hd",
    data="sprites-dense",
    overrides={"data": "sprites-dense", "train.first_birth": "0.076"},
)
_SEEN = Row(
    name="seen",
    weights="digits-seen",
    preset="fast-digits-ld",
    data="digits-seen",
    overrides={"data": "digits-seen"},
)
_SPECIAL = [
    Row(name="frequent", weights="sprites-hd", preset="fast-sprites-hd", data="sprites-frequent"),
    Row(name="colliding", weights="digits-ld", preset="fast-digits-ld", data="digits-colliding"),
    _DENSE,
    replace(_DENSE, name="crowd", data="sprites-crowd"),
    _SEEN,
    replace(_SEEN, name="unseen", data="digits-unseen"),
]

SPECIAL: dict[str, Row] = {row.name: row for row in _SPECIAL}
"""Clips of single figures, and of the tests of generalisation (denser clips, unseen digits)."""

_BALLS = ("balls", "balls-alone", "balls-many", "balls-billiards", "balls-pass")
_BALLS_DATA = {"balls": "balls-bounce", "balls-alone": "balls-bounce"}
BALLS: dict[str, Row] = {
    name: Row(name=name, weights=name, preset=name, data=_BALLS_DATA.get(name, name), frames=100) for name in _BALLS
}
"""Balls whose futures are measured, beyond the paper."""

BENCHMARKS: dict[str, Row] = {
    name: Row(name=name, weights=name, preset=f"fast-{name}", data=f"{name}-like")
    for name in ("spmot", "vmds", "texvmds")
}
BENCHMARKS["unseen"] = Row(name="unseen", weights="sprites-md", preset="fast-sprites-md", data="spmot-like")
"""Sets like those of the Object-Centric Representation Benchmark, one also with weights that never saw its kind."""


def rows_named(names: Sequence[str] | None) -> list[Row]:
    """The rows of these names, in the table's order; None: all. Raises UserError naming the nearest."""
    for name in names or ():
        if name not in ROWS:
            raise UserError(f"row {name} is unknown; {nearest(name, ROWS)}")
    return [row for name, row in ROWS.items() if names is None or name in names]


@dataclass(frozen=True)
class Zoo:
    """Where weights are looked for, and whether missing ones are trained.

    runs     folder of run folders ``NAME-SEED``
    train    train what is missing from scratch, and use nothing that is packaged
    seeds    how many runs per row
    minutes  of each training; None: the recipe's own number of steps
    device   of the training
    """

    runs: Path
    train: bool = False
    seeds: int = 1
    minutes: float | None = None
    device: str = "auto"

    def find(self, row: Row) -> list[str]:
        """Weights by name or path, one per seed: those just trained, or runs that are there, or the packaged ones.

        May be empty.
        """
        if self.train:
            return [str(self.trained(row, seed)) for seed in range(self.seeds)]
        packaged = pretrained.card(row.weights).get("seed") if row.weights in pretrained.names() else None
        found = []
        for seed in range(self.seeds):
            run = self.runs / f"{row.weights}-{seed}"
            if (run / "weights.safetensors").is_file():
                found.append(str(run))
            elif seed == packaged:
                found.append(row.weights)
        return found

    def trained(self, row: Row, seed: int) -> Path:
        """The run folder of a row and a seed, trained to its end; a finished run is not repeated."""
        folder = self.runs / f"{row.weights}-{seed}"
        if not finished(folder):
            train(
                row.preset,
                folder,
                minutes=self.minutes,
                seed=seed,
                overrides=row.overrides,
                resume=(folder / "last.ckpt").is_file(),
                device=self.device,
                validation_minutes=VALIDATION_MINUTES,
            )
        return folder


def finished(folder: Path) -> bool:
    """Whether a run folder holds weights whose training came to its end."""
    try:
        return bool(json.loads((folder / "card.json").read_text(encoding="utf-8")).get("finished"))
    except (OSError, ValueError):
        return False
