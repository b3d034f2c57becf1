"""Packaged weights still score what their cards say."""

import pytest

from scalor import pretrained
from scalor.configs import data_named
from scalor.tracking.evaluate_clips import evaluate_dataset

CLIPS = 16
SLACK = 0.03
"""Sixteen clips scatter around the card's hundred by about this much."""

SPRITES = [name for name in pretrained.names() if "scores" in pretrained.card(name)]


@pytest.mark.golden
@pytest.mark.parametrize("name", SPRITES)
def test_packaged_weights_score_what_their_card_says(name: str) -> None:
    model, card = pretrained.load(name)
    on, said = card["scored_on"], card["scores"]
    found = evaluate_dataset(model, data_named(on["data"], on["seed"]), clips=CLIPS, frames=on["frames"])
    assert found["distance"]["mota"] >= said["mota"] - SLACK
    assert found["iou"]["mota"] >= said["mota_iou_0.5"] - 2 * SLACK
    assert found["mse"] <= said["mse"] * 1.25


@pytest.mark.golden
def test_sprites_md_is_packaged() -> None:
    assert "sprites-md" in SPRITES
