"""Every preset can be built, written down and trained on the data it names."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from scalor.configs import PRESETS, apply_overrides, data_named, data_names, from_json, preset_named, to_json
from scalor.configs.presets import fast_video, paper_model
from scalor.core.jsonable import from_jsonable
from scalor.core.types import Knobs, Scenery
from scalor.data.balls import Balls
from scalor.data.digits import Digits
from scalor.data.loader import CutToLength
from scalor.data.sprites import Sprites
from scalor.errors import UserError
from scalor.experiments.futures import bouncing_walls
from scalor.models.build import build
from scalor.models.config import ModelConfig
from scalor.rollout import observe
from scalor.training.object_sizes import Sizes

NAMES = sorted(PRESETS)
NEED_FOOTAGE = ("fast-video", "paper-natural", "grand-central-vrnn", "grand-central-vae")
"""Presets whose data are not packaged."""
RUNS = Path(__file__).parents[2] / "benchmarks" / "runs"


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_has_the_name_it_is_known_by_and_survives_json(name: str) -> None:
    preset = preset_named(name)
    assert preset.name == name
    assert from_json(to_json(preset)) == preset


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NEED_FOOTAGE])
def test_the_named_data_fit_the_model(name: str) -> None:
    preset = preset_named(name)
    data = data_named(preset.data, seed=0)
    assert isinstance(data, CutToLength)
    frame = data.clip(0, frames=1).video[0]
    assert frame.shape[0] == preset.channels
    with torch.device("meta"):
        model = build(preset.model)
    # Raises where the frames are no multiple of the cell.
    model.init(1, Scenery(height=frame.shape[1], width=frame.shape[2]))


def test_ablations_differ_only_in_what_they_ablate() -> None:
    both, none = preset_named("ablation-both").model, preset_named("ablation-none").model
    attention, rejection = preset_named("ablation-attention").model, preset_named("ablation-rejection").model
    assert attention == dataclasses.replace(both, discover=none.discover)
    assert rejection == dataclasses.replace(both, propagate=none.propagate)
    assert none.discover.overlap == float("inf") and none.propagate.window == 0


@pytest.mark.parametrize("kept", ["none", "attention", "rejection", "both"])
def test_the_ablations_train_what_the_shipped_ones_are(kept: str) -> None:
    preset, card = preset_named(f"ablation-{kept}"), json.loads((RUNS / f"ablation-{kept}-0" / "card.json").read_text())
    assert preset.model == from_jsonable(ModelConfig, card["config"])
    assert preset.recipe.birth[1] == card["births"]["birth"] and preset.recipe.cuts == 0.0
    assert preset.recipe.first_birth == card["births"]["first_birth"]


def test_the_network_sizes_of_the_paper_presets_are_those_that_their_docs_say() -> None:
    with torch.device("meta"):
        model = build(preset_named("paper-natural").model)
    parts = (model.encoder, model.discover.detector, model)
    millions = [f"{sum(weight.numel() for weight in part.parameters()) / 1e6:.2f}" for part in parts]
    words = (RUNS.parents[1] / "docs" / "model.md").read_text()
    assert all(text in words and text in (paper_model.__doc__ or "") for text in millions), millions


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("study-")])
def test_the_study_is_about_the_papers_model(name: str) -> None:
    study, paper = preset_named(name).model, preset_named("paper-natural").model
    sizes = dict.fromkeys(("tracker", "attended", "dynamics"), 0)
    assert dataclasses.replace(study.propagate, **sizes) == dataclasses.replace(paper.propagate, **sizes)
    assert (study.posterior_shift, study.presence_slope) == (paper.posterior_shift, paper.presence_slope)
    assert study.render == paper.render and study.merge == paper.merge
    caps = dict.fromkeys(("proposals", "slots"), 0)
    assert dataclasses.replace(study.discover, **caps) == dataclasses.replace(paper.discover, **caps)


def test_what_is_carried_goes_on_before_anything_is_learned() -> None:
    torch.manual_seed(0)
    model = build(preset_named("study-hard-elbo").model)
    video = data_named("crowd-hard-ground", seed=0).clip(0, frames=4).video.unsqueeze(0) / 255
    with torch.no_grad():
        steps = observe(model, video, Knobs()).steps
    carried = [float(step.slots.confidence[step.slots.alive & (step.slots.age > 1)].mean()) for step in steps[1:]]
    assert min(carried) > 0.99


def test_boxes_of_a_video_preset_can_be_as_large_as_the_objects_found() -> None:
    where = fast_video(Sizes(height=20, width=9, spread=0.4, motion=3, noise=0.01)).model.where
    width, height = where.largest
    assert width > 9 and height > 20


def test_an_unknown_preset_or_data_set_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"did you mean fast-sprites-md\?"):
        preset_named("fast-sprite-md")
    with pytest.raises(UserError, match=r"did you mean sprites-md\?"):
        data_named("sprite-md", 0)
    with pytest.raises(UserError, match="grand-central:FOLDER"):
        data_named("grand-central", 0)
    assert "sprites-md" in data_names() and "digits-ld" in data_names()


def test_every_density_can_have_a_background_and_digits_can_be_coloured() -> None:
    clouds = data_named("sprites-md-clouds", 3)[0].video
    plain = data_named("sprites-md", 3)[0].video
    assert (plain == 0).any() and (clouds != plain).any() and clouds.float().mean() > plain.float().mean()
    assert data_named("digits-vld-color", 0)[0].video.shape[1] == 3


def test_digits_of_ones_own_folder_are_checked_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="sprites-md:somewhere are unknown"):
        data_named("sprites-md:somewhere", 0)
    with pytest.raises(UserError, match=str(tmp_path)):
        data_named(f"digits-md:{tmp_path}", 0)


def test_overrides_reach_model_recipe_and_data() -> None:
    changed = apply_overrides(
        preset_named("fast-sprites-md"),
        {"model.cell": "8", "train.lr": "1e-4", "model.where.size": "9", "data": "sprites-hd"},
    )
    assert (changed.model.cell, changed.recipe.lr, changed.model.where.size) == (8, 1e-4, 9.0)
    assert changed.data == "sprites-hd"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("model.cel", "8", r"did you mean model\.cell\?"),
        ("cell", "8", r"setting cell is unknown"),
        ("train.lrr", "1", r"did you mean train\.lr\?"),
        ("model.cell", "6", "power of two"),
        ("model.cell", "big", "a whole number"),
        ("model.channels", "2", "wanted 1 or 3"),
        ("train.lengths", "[[0.5, 2]]", "the first from 0"),
        ("train.optimizer", "rms", "did you mean rmsprop"),
        ("train.batch", "0", "above 0"),
        ("model.background.darkest", "60", "from 0 to 1"),
        ("model.render.stand_out", "10", "from 0 to 1"),
        ("train.cuts", "-0.1", "from 0 to 1"),
    ],
)
def test_a_wrong_override_is_one_sentence_with_a_way_out(key: str, value: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        apply_overrides(preset_named("tiny"), {key: value})


def test_json_with_an_unknown_or_a_missing_key_is_refused() -> None:
    data = json.loads(to_json(preset_named("tiny")))
    data["model"]["sell"] = 4
    with pytest.raises(UserError, match=r"config\.model\.sell is unknown; did you mean cell\?"):
        from_json(json.dumps(data))
    del data["model"]["sell"], data["recipe"]["lr"]
    with pytest.raises(UserError, match="config.recipe lacks lr"):
        from_json(json.dumps(data))
    with pytest.raises(UserError, match="not JSON"):
        from_json("{")


@pytest.mark.parametrize(
    "name",
    ["fast-sprites-vld", "fast-sprites-md", "fast-sprites-vhd", "fast-digits-md"]
    + ["balls", "balls-many", "fast-spmot", "fast-vmds"],
)
def test_the_first_frame_is_expected_to_be_as_full_as_it_is(name: str) -> None:
    preset = preset_named(name)
    data = data_named(preset.data, 11)
    seen = [int((data[index].truth.visibility[0] > 0).sum()) for index in range(30)]
    cells = (64 / preset.model.cell) ** 2
    assert preset.recipe.first_birth == pytest.approx(sum(seen) / len(seen) / cells, rel=0.25)


@pytest.mark.parametrize("name", [name for name in NAMES if isinstance(PRESETS[name]().model, ModelConfig)])
def test_futures_turn_round_where_constant_velocity_does(name: str) -> None:
    """Only the made clips of the fast presets have walls, and the model is told what its rival is told."""
    preset = preset_named(name)
    part, size = preset.model.propagate, preset.model.where.size
    data = None if name in NEED_FOOTAGE or name.startswith("study") else data_named(preset.data, 0)
    walled = name.startswith(("fast-sprites", "fast-digits", "balls", "fast-vmds", "fast-texvmds"))
    assert part.reflect == walled
    if isinstance(data, Sprites | Digits) and walled:
        walls = bouncing_walls(size=data.config.size, canvas=data.config.canvas, object_size=data.config.object_size)
        assert -part.leave * size == pytest.approx(walls[0], rel=0.02)
    elif isinstance(data, Balls):
        assert -part.leave * size == pytest.approx(data.config.radius, rel=0.02)
    else:
        assert not walled or part.leave == 0.0, "centres of winding sprites turn at the sides"
