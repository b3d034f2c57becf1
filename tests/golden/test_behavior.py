"""What packaged weights do when a scene empties, is cut, or flashes, and what their confidence is worth."""

import pytest

from scalor import pretrained
from scalor.configs import data_named
from scalor.experiments.rows import HELD_OUT
from scalor.tracking.behavior import behavior
from scalor.tracking.calibration import reports

MEASURED = [name for name in pretrained.names() if "behavior" in pretrained.card(name)]
"""Weights whose card says how they behave (`benchmarks/package_weights.py`)."""

CLIPS = 16
"""Those that the card speaks of."""
ROUNDING = 0.03
"""In the thinnest clips one object is three percent of all, and another machine's sums may turn it."""


@pytest.mark.golden
@pytest.mark.parametrize("name", MEASURED)
def test_what_has_ended_is_let_go_and_a_dark_frame_renames_no_more_than_the_card_says(name: str) -> None:
    model, card = pretrained.load(name)
    found = behavior(model, data_named(card["data"], HELD_OUT, split="test"), clips=CLIPS)
    assert found.emptied <= 0.02, "objects of a scene that has been empty for four frames"
    assert found.cut <= card["behavior"]["cut"] + ROUNDING and found.found >= 0.95, "before a cut, and after it"
    assert found.flash >= card["behavior"]["flash"] - 2 * ROUNDING


@pytest.mark.golden
@pytest.mark.parametrize("name", MEASURED)
def test_confidence_tells_true_reports_from_false_ones(name: str) -> None:
    model, card = pretrained.load(name)
    found = reports(model, data_named(card["data"], HELD_OUT, split="test"), clips=CLIPS)
    assert found.auc(found.confidence) >= 0.85


@pytest.mark.golden
def test_the_law_of_the_cut_holds_for_the_weights_of_the_readme() -> None:
    model, card = pretrained.load("sprites-md")
    found = behavior(model, data_named(card["data"], HELD_OUT, split="test"), clips=CLIPS)
    assert found.cut <= 0.02
