"""Trainings that start from weights: what is taken over, what changes in the recipe, and what is refused."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalor import pretrained
from scalor.configs import train
from scalor.configs.presets import fast_video, tiny
from scalor.errors import UserError
from scalor.models.build import build
from scalor.pretrained import store
from scalor.training import fit as fitting
from scalor.training.checkpoint import Plan, RunFolder
from scalor.training.fine_tuning import LR_FACTOR, fine_tuning_recipe
from scalor.training.fit import fit

SMALL = {
    "train.batch": "1",
    "train.lengths": "[[0, 2]]",
    "data.crop": "32",
    "model.glimpse.side": "8",
    "model.encoder.widths": "8",
    "model.encoder.memory": "8",
}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("video")
    for time in range(12):
        frame = np.full((48, 64, 3), 60, np.uint8)
        frame[10:22, 4 + 4 * time : 12 + 4 * time] = (230, 40, 40)
        Image.fromarray(frame).save(folder / f"{time:03d}.png")
    return folder


@pytest.fixture(scope="module")
def weights(video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the model that `fast_video` makes for this video, each number 0.5."""
    run = tmp_path_factory.mktemp("start")
    seen: list[Plan] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "run", lambda plan, folder, *_: seen.append(plan) or folder.path)
        patch.setattr(fitting, "reached", lambda *_: "")
        fit(video, run / "plan", preset=fast_video, quiet=True, start=None, overrides=SMALL)
    model = build(seen[0].preset.model)
    with torch.no_grad():
        for value in model.parameters():
            value.fill_(0.5)
    return pretrained.save(model, seen[0].preset.model, run / "half.safetensors", {})


def test_a_training_starts_from_the_weights_and_has_the_recipe_of_the_experienced(
    video: Path, weights: Path, tmp_path: Path
) -> None:
    out = fit(video, tmp_path / "run", preset=fast_video, quiet=True, steps=1, start=weights, overrides=SMALL)
    plan = RunFolder(out).plan()
    assert plan.start == str(weights) and plan.preset.recipe.soften == 1.0
    learned = pretrained.load(out)[0].state_dict()
    far = [float((value - 0.5).abs().max()) for value in learned.values() if value.is_floating_point()]
    assert max(far) < 0.01, "one step from 0.5"


def test_clips_of_footage_grow_as_in_a_training_from_nothing(video: Path, weights: Path, tmp_path: Path) -> None:
    given = {key: text for key, text in SMALL.items() if key != "train.lengths"}
    out = fit(video, tmp_path / "run", preset=fast_video, quiet=True, steps=1, start=weights, overrides=given)
    assert RunFolder(out).plan().preset.recipe.lengths == fast_video().recipe.lengths


def test_a_run_goes_on_where_its_start_is_gone(video: Path, weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / "half.safetensors"
    copy.write_bytes(weights.read_bytes())
    copy.with_suffix(".json").write_bytes(weights.with_suffix(".json").read_bytes())
    out = fit(video, tmp_path / "run", preset=fast_video, quiet=True, steps=1, start=copy, overrides=SMALL)
    copy.unlink()
    fit(video, out, preset=fast_video, quiet=True, steps=2, resume=True)
    assert pretrained.card(out)["steps"] == 2


@pytest.mark.parametrize("given", [{}, {"model.propagate.cell_clip": "2", "model.propagate.steady": "true"}])
def test_weights_mean_what_they_were_learned_to_mean(
    video: Path, weights: Path, tmp_path: Path, given: dict[str, str]
) -> None:
    """Older ones have memories without bounds, and a prior that says where looks go."""
    old = tmp_path / "old.safetensors"
    model, config = pretrained.load(weights)[0], pretrained.load(weights)[0].config
    config = replace(
        config,
        propagate=replace(config.propagate, steady=False, constant_velocity=False, slack=0.0, cell_clip=math.inf),
        encoder=replace(config.encoder, cell_clip=math.inf),
    )
    pretrained.save(model, config, old, {})
    out = fit(video, tmp_path / "run", preset=fast_video, quiet=True, steps=1, start=old, overrides=SMALL | given)
    made = RunFolder(out).plan().preset.model
    assert made.encoder.cell_clip == math.inf and fast_video().model.encoder.cell_clip == 1.0
    assert (made.propagate.steady, made.propagate.cell_clip) == ((True, 2.0) if given else (False, math.inf))
    assert not made.propagate.constant_velocity and made.propagate.slack == 0.0 < fast_video().model.propagate.slack


def test_what_the_user_sets_stays(video: Path, weights: Path, tmp_path: Path) -> None:
    given = SMALL | {"train.lr": "1e-5", "data.scale": "1.0"}
    out = fit(video, tmp_path / "run", preset=fast_video, quiet=True, steps=1, start=weights, overrides=given)
    assert RunFolder(out).plan().preset.recipe.lr == 1e-5


def test_weights_of_another_model_are_refused_and_leave_nothing(video: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="of another model"):
        fit(video, tmp_path / "run", preset=fast_video, quiet=True, steps=1, start="sprites-md", overrides=SMALL)
    assert not (tmp_path / "run").exists()


def test_the_experienced_begin_where_curricula_end() -> None:
    recipe = tiny().recipe
    later = fine_tuning_recipe(recipe)
    assert later.lengths == ((0.0, recipe.lengths[-1][1]),) and later.birth == (recipe.birth[1], recipe.birth[1])
    assert later.lr == LR_FACTOR * recipe.lr
    assert later.batch == recipe.batch and later.cuts == recipe.cuts


def test_train_starts_from_weights_whose_model_it_takes(tmp_path: Path) -> None:
    """Weights of another encoder than the preset's; one step of a tiny rate leaves them what they are."""
    first = train("tiny", tmp_path / "first", steps=1, quiet=True, overrides={"model.encoder.widths": "8,8"})
    gentle = {"train.lr": "1e-9", "train.batch": "1"}
    out = train("tiny", tmp_path / "run", steps=1, quiet=True, start=first, overrides=gentle)
    model, old = pretrained.load(out)[0], pretrained.load(first)[0]
    assert model.config == old.config
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in zip(model.parameters(), old.parameters(), strict=True))
    assert train("tiny", out, steps=2, quiet=True, resume=True) == out
    assert pretrained.card(out)["steps"] == 2
    assert RunFolder(out).plan().preset.recipe.lr == 1e-9


def test_a_resumed_training_refuses_another_preset_and_another_start(tmp_path: Path) -> None:
    first = train("tiny", tmp_path / "first", steps=1, quiet=True)
    out = train("tiny", tmp_path / "run", steps=1, quiet=True, start=first)
    assert train("tiny", out, steps=2, quiet=True, resume=True, start=first) == out
    with pytest.raises(UserError, match="the run is of tiny and fast-sprites-hd came"):
        train("fast-sprites-hd", out, quiet=True, resume=True)
    with pytest.raises(UserError, match="started from .* and sprites-md came"):
        train("tiny", out, quiet=True, resume=True, start="sprites-md")
    with pytest.raises(UserError, match="started from nothing and sprites-md came"):
        train("tiny", first, quiet=True, resume=True, start="sprites-md")


def test_train_refuses_weights_that_the_settings_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="of another model"):
        train("tiny", tmp_path / "run", steps=1, quiet=True, start="sprites-md", overrides={"model.cell": "8"})
    assert not (tmp_path / "run").exists()


def test_a_run_may_have_the_name_of_the_packaged_weights_it_starts_from(tmp_path: Path, monkeypatch) -> None:
    preset = tiny()
    torch.manual_seed(3)
    (tmp_path / "packaged").mkdir()
    pretrained.save(build(preset.model), preset.model, tmp_path / "packaged" / "mine.safetensors", {})
    monkeypatch.setattr(store, "PACKAGED", tmp_path / "packaged")
    monkeypatch.chdir(tmp_path)
    out = train("tiny", "mine", steps=1, quiet=True, start="mine")
    assert RunFolder(out).plan().start == "mine"
    train("tiny", "mine", steps=2, quiet=True, start="mine", resume=True)  # the folder has weights of that name now
    with pytest.raises(UserError, match="a resumed run goes on"):
        train("tiny", "mine", steps=2, quiet=True, start="packaged/mine.safetensors", resume=True)
