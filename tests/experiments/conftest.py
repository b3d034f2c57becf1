"""A tiny untrained model that finds things, and tables whose rows are all tiny."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from scalor.configs import preset_named
from scalor.experiments.rows import ROWS, SPECIAL
from scalor.models.scalor import Scalor
from scalor.pretrained import save


@pytest.fixture(scope="session")
def model() -> Scalor:
    """The tiny preset, untrained: finds objects in every frame."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Scalor(preset_named("tiny").model).eval()


@pytest.fixture
def write_run(model: Scalor) -> Callable[[Path], Path]:
    """Writes the tiny model as a finished run folder."""

    def write(folder: Path) -> Path:
        folder.mkdir(parents=True)
        save(model, model.config, folder / "weights.safetensors", {"seed": 0, "minutes": 1.5, "finished": True})
        return folder

    return write


@pytest.fixture
def tiny_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row has the tiny data and weights called "mine"; ``sprites-hd`` has none."""
    for rows in (ROWS, SPECIAL):
        for name, row in list(rows.items()):
            weights = "absent" if name == "sprites-hd" else "mine"
            tiny = dataclasses.replace(row, weights=weights, preset="tiny", data="sprites-tiny", frames=4, overrides={})
            monkeypatch.setitem(rows, name, tiny)
