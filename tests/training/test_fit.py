"""Learning from the user's videos: what is estimated, what can be overridden, what is kept for tracking."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalor import pretrained
from scalor.configs.presets import fast_video
from scalor.data.footage import ObjectStats
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.tracking.setup import prepare
from scalor.training.checkpoint import RunFolder
from scalor.training.fit import Sizes, fit, footage_settings, typical
from scalor.training.preset import Preset

SMALL = {
    "train.batch": "2",
    "train.lengths": "[[0, 2]]",
    "data.crop": "32",
    "model.glimpse.side": "8",
    "model.encoder.widths": "8",
    "model.encoder.memory": "8",
}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 frames of 96 x 64 px: two bright blocks, 12 px high and 8 px wide, walk over a gradient."""
    folder = tmp_path_factory.mktemp("video")
    ground = np.repeat(np.linspace(40, 90, 96, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    for time in range(24):
        frame = ground.copy()
        frame[10:22, 4 + 3 * time : 12 + 3 * time] = (230, 40, 40)
        frame[40:52, 84 - 3 * time : 92 - 3 * time] = (40, 230, 40)
        Image.fromarray(frame).save(folder / f"{time:03d}.png")
    return folder


def test_sizes_background_and_scale_are_found_and_kept(video: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    asked: list[Sizes] = []

    def preset(sizes: Sizes) -> Preset:
        asked.append(sizes)
        return fast_video(sizes)

    fit(video, tmp_path / "run", preset=preset, steps=2, overrides=SMALL, device="cpu")
    said = capsys.readouterr().err
    assert "px high" in said and "scale 1.000" in said
    assert 10 <= asked[0].height <= 15 and 6 <= asked[0].width <= 11
    loaded = pretrained.load_all(tmp_path / "run")
    assert loaded.card["scale"] == 1.0 and loaded.card["kind"] == "fit"
    backdrop = loaded.extra["backdrop"]
    assert backdrop.shape == (3, 64, 96) and backdrop.dtype == torch.uint8
    assert backdrop.max() < 120  # nobody stands in the median image


def test_every_video_has_a_background_of_its_own(video: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(video, again)
    overrides = SMALL | {"model.background.family": "per_video", "model.background.shade": "false"}
    overrides |= {"model.render.stand_out_sigma": "inf", "model.discover.evidence": "0"}
    fit([video, again], tmp_path / "run", preset=fast_video, steps=2, overrides=overrides, device="cpu", quiet=True)
    loaded = pretrained.load_all(tmp_path / "run")
    assert loaded.model.config.background.videos == 2
    assert prepare(loaded, open_video(video)).tracker.video == 0
    assert prepare(loaded, open_video(again)).tracker.video == 1


def test_a_resumed_fit_goes_on_with_its_own_videos_and_scale(video: Path, tmp_path: Path) -> None:
    overrides = SMALL | {"data.scale": "0.5", "model.discover.presence_bias": "1"}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    fit(video, whole, preset=fast_video, steps=4, overrides=overrides, device="cpu", quiet=True)
    fit(video, parts, preset=fast_video, steps=4, overrides=overrides, device="cpu", quiet=True)
    assert RunFolder(parts).plan().scales == (0.5,)
    fit(video, parts, preset=fast_video, steps=6, resume=True, device="cpu", quiet=True)
    assert pretrained.card(parts)["steps"] == 6 and pretrained.card(whole)["steps"] == 4
    with pytest.raises(UserError, match="train.batch = 2 and 3 came"):
        fit(video, parts, preset=fast_video, resume=True, overrides={"train.batch": "3"}, quiet=True)


def test_a_given_object_height_decides_scale_and_boxes(video: Path, tmp_path: Path) -> None:
    asked: list[Sizes] = []

    def preset(sizes: Sizes) -> Preset:
        asked.append(sizes)
        raise UserError("enough")

    for given in ({"data.object_height": "10"}, {"data.object_height": "10", "data.object_width": "7"}):
        with pytest.raises(UserError, match="enough"):
            fit([video], tmp_path / "run", preset=preset, overrides=given, quiet=True)
    assert asked[0].height == pytest.approx(10) and asked[1].width == pytest.approx(7)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"data.object_heigth": "40"}, r"did you mean data\.object_height\?"),
        ({"data.scale": "2"}, "at most 1"),
        ({"data.object_height": "-3"}, "above 0"),
        ({"model.channels": "1"}, "footage has 3 channels"),
    ],
)
def test_wrong_settings_are_refused(video: Path, tmp_path: Path, overrides: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        fit(video, tmp_path / "run", preset=fast_video, overrides=overrides, quiet=True)


def test_a_missing_or_no_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        fit(tmp_path / "none.avi", tmp_path / "run", preset=fast_video, quiet=True)
    with pytest.raises(UserError, match="no video was given"):
        fit([], tmp_path / "run", preset=fast_video, quiet=True)


def stats(height: float, width: float, confidence: float) -> ObjectStats:
    return ObjectStats(
        height_px=height,
        width_px=width,
        height_range=(height / 2, height * 2),
        width_range=(width / 2, width * 2),
        aspect=width / height,
        speed_px=(1.0, 4.0),
        count=3.0,
        contrast=0.4,
        noise=0.01,
        confidence=confidence,
        frame_size=(240, 320),
    )


def test_videos_are_weighted_by_how_sure_their_survey_is_at_their_scale() -> None:
    sizes = typical([stats(40, 20, 0.9), stats(10, 30, 0.0)], [0.5, 1.0])
    assert sizes.height == pytest.approx(20, rel=0.01) and sizes.width == pytest.approx(10, rel=0.03)
    assert sizes.spread == pytest.approx(np.log(4) / 2) and sizes.motion == 4.0


def test_settings_under_data_are_parted_from_the_models() -> None:
    settings, rest = footage_settings({"data.crop": "64", "model.cell": "4"})
    assert settings.crop == 64 and settings.scale is None and rest == {"model.cell": "4"}
