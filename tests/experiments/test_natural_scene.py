"""`reproduce natural` from beginning to end, with tiny models on a few real clips."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalor.configs import PRESETS, Preset, preset_named
from scalor.data.natural import Natural
from scalor.errors import UserError
from scalor.experiments import Options, natural_scene, reproduce
from scalor.experiments.natural_scene import PACKAGED, STATION, clips_of, copied_error, floor, futures, looked
from scalor.experiments.reproduce import PAPER, command_of, wanted
from scalor.models.baselines.vrnn import VrnnConfig
from scalor.models.build import build

SIDE = 32
FEW = {"steps": 2, "clips": 2, "particles": 2, "device": "cpu", "quiet": True}


def shrunk(whole: Preset) -> Preset:
    """A preset of the same kind of model for frames of `SIDE` pixels, which trains in a second."""
    tiny = preset_named("tiny")
    if isinstance(whole.model, type(tiny.model)):
        model = dataclasses.replace(tiny.model, background=whole.model.background, render=whole.model.render)
    else:
        model = dataclasses.replace(whole.model, side=SIDE, code=4, hidden=8, width=8)
    return dataclasses.replace(whole, model=model, recipe=tiny.recipe)


@pytest.fixture
def tiny_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    """All six presets are tiny; real clips have `SIDE` pixels, and are of the shorter film."""
    monkeypatch.setattr("scalor.data.natural.FILMS", ("traffic",))
    for entrant in (*PACKAGED, *STATION):
        made = shrunk(preset_named(entrant.preset))
        monkeypatch.setitem(PRESETS, entrant.preset, lambda made=made: made)
    monkeypatch.setitem(natural_scene.data_named.__globals__["NATURAL"], "natural", SIDE)


def test_a_table_of_three_models_and_pictures_of_each_clip(tiny_scene: None, tmp_path: Path) -> None:
    reproduce(["natural"], tmp_path, Options(**FEW))
    found = json.loads((tmp_path / "natural.json").read_text())
    assert list(found["models"]) == ["SCALOR", "VRNN", "sequential VAE"]
    for (row,), paper in zip(found["models"].values(), (28.30, 27.79, 27.59), strict=True):
        assert row["paper"] == paper and row["steps"] == 2 and row["seed"] == 0
        assert (row["particles"], row["nll_frames"], row["training_sigma"], row["clips"]) == (2, 10, 0.1, 2)
        assert row["nll"] > row["floor"] and row["mse"] > 0 and len(row["predicted_mse"]) == 5
    words = (tmp_path / "natural.md").read_text()
    assert words.count("\n| ") == 6 and "28.30" in words and "27.79" in words and "27.59" in words
    lowest = min(found["models"], key=lambda title: found["models"][title][0]["nll"])
    assert f"Lowest NLL: {lowest} at sigma 1" in words and " 2 nats of codes" in words  # 0.0005 * 3 * 32 * 32 = 1.5
    assert found["pictures"] == [f"natural-{clip}{end}.png" for clip in (1, 2) for end in ("", "-futures")]
    for picture in found["pictures"]:
        assert np.asarray(Image.open(tmp_path / picture)).std() > 20
    # A finished training is not repeated.
    stamps = [(tmp_path / "runs" / f"{it.preset}-0" / "weights.safetensors").stat().st_mtime_ns for it in PACKAGED]
    reproduce(["natural"], tmp_path, Options(**FEW))
    again = json.loads((tmp_path / "natural.json").read_text())
    assert again == found, "scores are seeded"
    assert stamps == [
        (tmp_path / "runs" / f"{it.preset}-0" / "weights.safetensors").stat().st_mtime_ns for it in PACKAGED
    ]


def test_the_folder_of_grand_central_takes_the_place_of_the_films(tiny_scene: None, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    noise = np.random.default_rng(0)
    for frame in range(800):
        picture = noise.integers(0, 255, (8, 12, 3)).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{frame}.png")
    preset = PRESETS["grand-central-vrnn"]()
    wide = dataclasses.replace(preset.model, side=128)
    natural_scene_entrants = dataclasses.replace(STATION[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "grand-central-vrnn", lambda: dataclasses.replace(preset, model=wide))
        patch.setattr(natural_scene, "STATION", (natural_scene_entrants,))
        reproduce(["natural"], tmp_path / "out", Options(data=folder, **FEW))
    found = json.loads((tmp_path / "out" / "natural.json").read_text())
    assert found["data"] == f"grand-central:{folder}" and list(found["models"]) == ["VRNN"]
    with pytest.raises(UserError, match="has no <integer>.png"):
        (tmp_path / "empty").mkdir()
        reproduce(["natural"], tmp_path / "other", Options(data=tmp_path / "empty", **FEW))


def test_the_models_share_what_is_compared() -> None:
    for entrants in (PACKAGED, STATION):
        presets = [preset_named(entrant.preset) for entrant in entrants]
        assert {preset.model.sigma for preset in presets} == {0.1}
        assert len({preset.data for preset in presets}) == 1
    sizes = [preset_named(entrant.preset).model for entrant in STATION]
    assert (sizes[1].code, sizes[1].hidden, sizes[2].code) == (128, 128, 64), "as the paper says"


def test_the_lowest_likelihood_is_that_of_a_model_which_is_never_wrong() -> None:
    assert floor(3) == pytest.approx(27.568, abs=1e-3)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(torch.zeros(10, 3, 4, 4)).sum() / 16
    assert floor(3) == pytest.approx(-float(normal), rel=1e-6)


def test_futures_do_not_look_at_what_they_predict() -> None:
    torch.manual_seed(0)
    model = build(VrnnConfig(side=SIDE, code=4, hidden=8, width=8)).eval()
    video = clips_of(Natural("test", size=SIDE), [0])
    blind = video.clone()
    blind[:, natural_scene.OBSERVED :] = math.nan
    ahead, other = (natural_scene.imagined(model, it, natural_scene.FUTURES) for it in (video, blind))
    assert ahead.shape == (natural_scene.SAMPLES, 5, 3, SIDE, SIDE) and torch.equal(ahead, other)


def test_copying_is_perfect_where_nothing_moves() -> None:
    class Still(Natural):
        def __getitem__(self, index: int):
            clip = super().__getitem__(index)
            return dataclasses.replace(clip, video=clip.video[:1].expand(10, -1, -1, -1))

    assert copied_error(Still(size=SIDE), 2) == [0.0] * 5
    assert min(copied_error(Natural(size=SIDE), 2)) > 0


def test_pictures_show_what_happened_above_what_is_imagined() -> None:
    torch.manual_seed(0)
    model = build(VrnnConfig(side=SIDE, code=4, hidden=8, width=8)).eval()
    data = Natural("test", size=SIDE)
    video = clips_of(data, range(2))
    looks = [looked(PACKAGED[1], model, data)]
    before, after = (futures(it, looks, 1) for it in (video, video.flip(0)))
    assert before.shape == after.shape and (before != after).any(), "the true row is the clip's own"
    top = before.shape[0] // 4
    assert (before[2 * top :] == after[2 * top :]).all(), "imagined rows do not depend on it"


def test_it_is_asked_for_by_name_and_not_by_all() -> None:
    assert wanted(["natural"]) == ["natural"] and "natural" not in wanted(["all"]) == PAPER
    told = command_of("natural", Options(steps=7, data=Path("station")))
    assert told == "scalor reproduce natural --steps 7 --data station"
