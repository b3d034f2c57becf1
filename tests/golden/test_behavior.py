"""What packaged weights do when a scene empties, is cut, or flashes, and what their confidence is worth."""

import pytest

from scalor import pretrained
from scalor.configs import data_named
from scalor.experiments.rows import HELD_OUT
from scalor.tracking.behavior import behavior
from scalor.tracking.calibration import reports

MEASURED = [name for name in pretrained.names() if "behavior" in pretrained.card(name)]
"""Weights whose card says how they behave (`benchmarks/package_weights.py`)."""


@pytest.mark.golden
@pytest.mark.parametrize("name", MEASURED)
def test_what_has_ended_is_let_go_and_one_dark_frame_renames_few(name: str) -> None:
    model, card = pretrained.load(name)
    found = behavior(model, data_named(card["data"], HELD_OUT, split="test"), clips=8)
    assert found.emptied <= 0.02, "objects of a scene that has been empty for four frames"
    assert found.cut <= 0.04 and found.found >= 0.95, "objects of the clip before the cut, and of the one after it"
    assert found.flash >= card["behavior"]["flash"] - 0.05


@pytest.mark.golden
@pytest.mark.parametrize("name", MEASURED)
def test_confidence_tells_true_reports_from_false_ones(name: str) -> None:
    model, card = pretrained.load(name)
    found = reports(model, data_named(card["data"], HELD_OUT, split="test"), clips=8)
    assert found.auc(found.confidence) >= 0.85
