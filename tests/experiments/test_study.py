"""The study's experiments from beginning to end, with the tiny model on tiny crowds."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalor.configs import PRESETS, Preset, preset_named
from scalor.configs.study import PLAIN, STUDY
from scalor.data.crowd import Crowd, crowd
from scalor.data.motsynth_write import write_motsynth
from scalor.errors import UserError
from scalor.experiments import Options, reproduce
from scalor.experiments.reproduce import NAMES, wanted
from scalor.experiments.study import COLUMNS, EXPERIMENTS, PRESENT, Laboratory
from scalor.experiments.study_footage import CASES, videos_of
from scalor.models.config import MergeConfig
from scalor.training.datasets import data_named
from scalor.training.preset import check


@pytest.fixture
def tiny_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every preset of the study keeps its losses and its background, and is tiny besides."""

    def shrunk(make: Callable[[], Preset]) -> Callable[[], Preset]:
        whole, tiny = make(), preset_named("tiny")
        recipe = dataclasses.replace(tiny.recipe, objectives=whole.recipe.objectives, weights=whole.recipe.weights)
        model = dataclasses.replace(tiny.model, background=whole.model.background)
        return lambda: dataclasses.replace(whole, data="crowd-tiny", model=model, recipe=recipe)

    for name, make in STUDY.items():
        monkeypatch.setitem(PRESETS, name, shrunk(make))
    monkeypatch.setattr("scalor.experiments.study.FRAMES", 3)


FAST = ("study1", "study8")
"""The others differ in their losses and data alone."""


@pytest.mark.parametrize("name", [pytest.param(it, marks=() if it in FAST else pytest.mark.slow) for it in EXPERIMENTS])
def test_every_experiment_leaves_a_table_a_figure_and_numbers(name: str, tiny_study: None, tmp_path: Path) -> None:
    reproduce([name], tmp_path, Options(steps=2, clips=2, device="cpu", quiet=True))
    found = json.loads((tmp_path / f"{name}.json").read_text())
    cases = EXPERIMENTS[name].cases
    assert list(found["cases"]) == [case.label for case in cases] and found["study"] == EXPERIMENTS[name].found
    for (row,) in found["cases"].values():
        assert set(COLUMNS | PRESENT) <= row.keys() and row["mse"] > 0 and row["perceptual"] > 0 and row["seed"] == 0
        assert row["asked"]["steps"] == 2 and 0 <= row["half"] <= 1
    assert (tmp_path / f"{name}.md").read_text().count("\n| ") == 2 + len(cases)
    for picture in found["pictures"]:
        shown = np.asarray(Image.open(tmp_path / picture))
        assert shown.std() > 20
    assert len(found["pictures"]) == len(cases) + (name == "study8")
    # A finished training is not repeated.
    runs = sorted((tmp_path / "runs").iterdir())
    assert {run.name for run in runs} == {f"{case.preset}-0" for case in cases}
    stamps = [(run / "weights.safetensors").stat().st_mtime_ns for run in runs]
    reproduce([name], tmp_path, Options(steps=2, clips=2, device="cpu", quiet=True))
    assert stamps == [(run / "weights.safetensors").stat().st_mtime_ns for run in runs]


def test_seeds_are_trained_apart_and_their_range_is_told(tiny_study: None, tmp_path: Path) -> None:
    reproduce(["study1"], tmp_path, Options(steps=2, seeds=2, clips=1, device="cpu", quiet=True))
    (rows,) = json.loads((tmp_path / "study1.json").read_text())["cases"].values()
    assert [row["seed"] for row in rows] == [0, 1] and rows[0]["mse"] != rows[1]["mse"]
    assert " ± " in (tmp_path / "study1.md").read_text()


@pytest.mark.slow
def test_study_9_learns_from_videos_with_every_background(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    few = {
        label: CASES[label] for label in ("a mixture of four", "a vector per video", "empty scene (the default of fit)")
    }
    monkeypatch.setattr("scalor.experiments.study_footage.CASES", few)
    monkeypatch.setattr("scalor.experiments.study_footage.PLACES", 2)
    monkeypatch.setattr("scalor.experiments.study_footage.FRAMES", 24)
    monkeypatch.setattr("scalor.experiments.study_footage.LOOKED", 3)
    reproduce(["study9"], tmp_path, Options(steps=2, device="cpu", quiet=True))
    found = json.loads((tmp_path / "study9.json").read_text())
    assert list(found["cases"]) == list(few)
    for (row,) in found["cases"].values():
        assert set(COLUMNS) <= row.keys() and row["mse"] > 0 and row["steps"] == 2 and row["mota"] <= row["mota_iou30"]
    # Before it has learned anything the empty scene is nearer to the frames than codes are.
    errors = [rows[0]["mse"] for rows in found["cases"].values()]
    assert errors[2] < min(errors[:2])
    assert found["pictures"] == ["study9-1.png", "study9-2.png", "study9-3.png"]
    assert np.asarray(Image.open(tmp_path / "study9-3.png")).std() > 20
    places = sorted(path.name for path in (tmp_path / "places").iterdir())
    assert places == ["place0", "place1"] and len(list((tmp_path / "runs").iterdir())) == 3


def test_a_motsynth_folder_takes_the_place_of_the_made_crowds(tiny_study: None, tmp_path: Path) -> None:
    clips = [Crowd(crowd("tiny")).clip(index, 20) for index in range(2)]
    folder = write_motsynth(clips, tmp_path / "data")
    for kind in ("frames", "annotations", "mot_annotations"):
        for path in sorted((folder / kind).iterdir()):  # two of the study's eight
            path.rename(path.with_name(path.name.replace("000", "028").replace("001", "060")))
    laboratory = Laboratory(tmp_path / "runs", motsynth=str(folder))
    assert laboratory.data("study-crowd-one-elbo-fixed") == f"crowd-tiny:{folder}"  # the tiny preset's own data
    whole = videos_of(laboratory)  # study 9 learns from sequences, not from clips
    assert [seen.video for seen in whole] == [folder / "frames" / name / "rgb" for name in ("028", "060")]
    assert all(len(seen.truth) > 0 and seen.truth.length == len(list(seen.video.iterdir())) for seen in whole)
    assert len(data_named(f"motsynth-8:{folder}", 0)) == 2 and len(data_named(f"motsynth-one:{folder}", 0)) == 1
    assert data_named(f"motsynth-gradient:{folder}", 0, split="test")[0].video.shape == (10, 3, 128, 128)


def test_names_and_guards() -> None:
    study = [*EXPERIMENTS, "study9"]
    assert wanted(["study"]) == study and not set(wanted(["all"])) & set(study)
    assert set(EXPERIMENTS) <= set(NAMES)
    with pytest.raises(UserError, match="study3"):
        wanted(["studdy3"])
    bare = preset_named("study-gradient-elbo").model
    no_guard, twins, merging, both, _ = (case.guards(bare) for case in EXPERIMENTS["study8"].cases)
    assert no_guard == bare and both.merge == merging.merge == MergeConfig() and twins.merge == bare.merge
    assert twins.discover == both.discover != bare.discover


@pytest.mark.parametrize("name", STUDY)
def test_presets_of_the_study_are_plain_scalor_and_can_be_trained(name: str) -> None:
    preset = STUDY[name]()
    check(preset)
    assert preset.name == name and preset.model.merge.iou == float("inf")
    assert (preset.recipe.objectives, preset.recipe.weights) in PLAIN.values()
