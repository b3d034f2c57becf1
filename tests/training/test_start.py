"""Trainings that start from weights: what is taken over, what changes in the recipe, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalor import pretrained
from scalor.configs.presets import fast_video
from scalor.errors import UserError
from scalor.models.build import build
from scalor.training import fit as fitting
from scalor.training.checkpoint import Plan, RunFolder
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


def test_a_run_goes_on_where_its_start_is_gone(video: Path, weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / "half.safetensors"
    copy.write_bytes(weights.read_bytes())
    copy.with_suffix(".json").write_bytes(weights.with_suffix(".json").read_bytes())
    out = fit(video, tmp_path / "run", preset=fast_video, quiet=True, steps=1, start=copy, overrides=SMALL)
    copy.unlink()
    fit(video, out, preset=fast_video, quiet=True, steps=2, resume=True)
    assert pretrained.card(out)["steps"] == 2


def test_what_the_user_sets_stays(video: Path, weights: Path, tmp_path: Path) -> None:
    given = SMALL | {"train.lr": "1e-5", "data.scale": "1.0"}
    out = fit(video, tmp_path / "run", preset=fast_video, quiet=True, steps=1, start=weights, overrides=given)
    assert RunFolder(out).plan().preset.recipe.lr == 1e-5


def test_weights_of_another_model_are_refused_and_leave_nothing(video: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="of another model"):
        fit(video, tmp_path / "run", preset=fast_video, quiet=True, steps=1, start="sprites-md", overrides=SMALL)
    assert not (tmp_path / "run").exists()
