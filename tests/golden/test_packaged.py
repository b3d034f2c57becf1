"""Packaged weights still score what their cards say."""

from importlib.resources import files
from pathlib import Path

import pytest

from scalor import pretrained
from scalor.configs import data_named
from scalor.data.motchallenge import read_mot
from scalor.metrics.mot import evaluate
from scalor.outputs.track_folder import track_to_folder
from scalor.tracking.evaluate_clips import evaluate_dataset

ROUNDING = 0.004
"""Another machine's sums differ in the last digit, which may turn a decision or two in sixteen clips."""

SPRITES = [name for name in pretrained.names() if "scores" in pretrained.card(name)]


@pytest.mark.golden
@pytest.mark.parametrize("name", SPRITES)
def test_packaged_weights_score_what_their_card_says(name: str) -> None:
    model, card = pretrained.load(name)
    on, check = card["scored_on"], card["check"]
    data = data_named(on["data"], on["seed"], split="test")
    found, said = evaluate_dataset(model, data, clips=check["clips"], frames=on["frames"]), check["scores"]
    assert found["distance"]["mota"] >= said["mota"] - ROUNDING
    assert found["iou"]["mota"] >= said["mota_iou_0.5"] - ROUNDING
    assert found["mse"] <= said["mse"] * 1.02


@pytest.mark.golden
def test_sprites_md_is_packaged() -> None:
    assert "sprites-md" in SPRITES


@pytest.mark.golden
def test_traffic_follows_the_cars_of_the_packaged_clip(tmp_path: Path) -> None:
    """In two passes MOTA is 0.997, IDF1 0.998 at IoU 0.5; the classical competitor has a MOTA of 0.56."""
    assets = files("scalor.data") / "assets"
    track_to_folder(str(assets / "traffic.mp4"), "traffic", tmp_path / "tracks")
    truth = read_mot(str(assets / "traffic_truth.txt"))
    span = (int(truth.frame.min()), int(truth.frame.max()) + 1)
    scores = evaluate(truth, read_mot(tmp_path / "tracks" / "tracks.txt"), iou=0.5, frames=span)
    assert scores.mota >= 0.96 and scores.idf1 >= 0.97 and scores.id_switches == 0
