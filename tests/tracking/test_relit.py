"""Laws of the empty scene under another light: it is no object, and an object is none of it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from scalor.tracking.masks import PatchMasks
from scalor.tracking.relit import SceneSlopes
from scalor.tracking.report import FrameResult
from scalor.tracking.second_pass import revise
from scalor.tracking.table import Rows

SIZE = (60, 80)


def cloth() -> np.ndarray:
    rng = np.random.default_rng(0)
    folds = cv2.GaussianBlur(rng.normal(0, 90, SIZE), (0, 0), 2.5)
    return np.clip(90 + 3 * folds, 0, 160)[..., None].repeat(3, 2).astype(np.uint8)


def result() -> FrameResult:
    """One object of 20 x 24 px at (10, 8), one of that size that hangs out of the view."""
    masks = PatchMasks(np.ones((2, 20, 24), bool), np.array([[8, 10], [50, 70]]), SIZE, (1.0, 1.0))
    box = np.array([[10.0, 8.0, 24.0, 20.0], [70.0, 50.0, 10.0, 10.0]])
    return FrameResult(0, np.arange(2), box, np.ones(2), np.ones(2), masks)


def test_a_lit_cloth_is_alike_and_what_lies_on_it_is_not() -> None:
    lit, covered = cloth().copy(), cloth().copy()
    lit[:30, :40] = np.clip(1.3 * lit[:30, :40].astype(float) + 10, 0, 255).astype(np.uint8)
    cv2.ellipse(covered, (22, 18), (11, 9), 0, 0, 360, (20, 20, 20), cv2.FILLED)
    slopes = SceneSlopes(cloth())
    assert slopes.compared(result(), lit).alike[0] > 0.8
    assert slopes.compared(result(), covered).alike[0] < 0.6


def test_nothing_found_is_compared_with_nothing() -> None:
    none = result().select(np.zeros(2, bool))
    assert SceneSlopes(cloth()).compared(none, cloth()).alike.shape == (0,)


@pytest.mark.parametrize(("alike", "gone"), [(0.9, True), (0.3, False), (np.nan, False)])
def test_a_track_that_is_usually_alike_is_dropped(alike: float, gone: bool) -> None:
    frame = np.repeat(np.arange(30), 2)
    ids = np.tile([0, 1], 30)
    box = np.stack([20.0 + 60 * ids + frame, 20.0 + 0 * ids, 0 * ids + 10.0, 0 * ids + 10.0], axis=1)
    ones = np.ones(60)
    rows = Rows(frame, ids, box, ones, ones, np.zeros((60, 0), np.float16), 100 * ones, np.ones(30, bool), (60, 200))
    rows = replace(rows, alike=np.where(ids == 1, alike, 0.1))
    revised = revise(rows)
    assert revised.keep[ids == 0].all()
    assert revised.keep[ids == 1].any() != gone
    assert revised.dropped == gone
