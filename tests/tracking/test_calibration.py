"""Confidence from evidence: the fit, the reliability table and the area under the curve."""

import numpy as np
import pytest
import torch

from scalor import pretrained
from scalor.data.sprites import Sprites, sprites
from scalor.errors import UserError
from scalor.tracking.behavior import CALM, HIDDEN, Bar, _empty, behavior
from scalor.tracking.calibration import Reports, fitted, reports


def made(evidence: list[float], true: list[bool], confidence: list[float] | None = None) -> Reports:
    nats = np.array(evidence)
    return Reports(nats, nats if confidence is None else np.array(confidence), np.array(true))


def test_the_area_under_the_curve_counts_pairs_in_the_right_order() -> None:
    found = made([1.0, 2.0, 3.0, 4.0], [False, True, False, True])
    assert found.auc(found.evidence) == pytest.approx(3 / 4)
    assert np.isnan(made([1.0], [True]).auc(np.array([1.0])))


def test_the_fit_finds_the_line_that_reports_were_drawn_from() -> None:
    rng = np.random.default_rng(0)
    nats = np.expm1(rng.uniform(0, 7, 20_000))
    chance = 1 / (1 + np.exp(-(-2.0 + 0.8 * np.log1p(nats))))
    offset, slope = fitted(made(nats.tolist(), (rng.random(20_000) < chance).tolist()))
    assert offset == pytest.approx(-2.0, abs=0.15) and slope == pytest.approx(0.8, abs=0.05)


def test_the_reliability_table_holds_every_report_once() -> None:
    confidence = [0.2, 0.6, 0.6, 0.97, 0.99, 1.0]
    rows = made([0.0] * 6, [False, True, False, True, True, True], confidence).reliability()
    assert sum(row[2] for row in rows) == 6
    half = next(row for row in rows if row[0] == 0.5)
    assert half[2:] == (2, pytest.approx(0.6), 0.5)


def test_the_bar_hides_what_stands_still_for_as_many_frames_as_it_says() -> None:
    bar = Bar(thick=15, width=64)
    video = torch.zeros(1, bar.frames, 3, 8, 64)
    bar.paint(video)
    assert not video[:, :CALM].any() and not video[:, -1].any(), "calm before, gone at the end"
    covered = (video[0, :, 0, 0, 32] > 0).sum()
    assert int(covered) in (HIDDEN, HIDDEN + 1)
    box = torch.tensor([[30.0, 0.0, 4.0, 8.0]])
    free = [float(bar.free(box, frame)) for frame in range(bar.frames)]
    assert min(free) == 0.0 and free[0] == free[-1] == 1.0


def test_trained_weights_find_the_other_clip_and_let_go_of_what_has_ended() -> None:
    model, _ = pretrained.load("sprites-vld")
    data = Sprites(sprites("vld"), seed=3)
    found = behavior(model, data, clips=3)
    assert found.found > 0.8 and found.emptied == 0.0 and found.cut < 0.5
    seen = reports(model, data, clips=3)
    assert len(seen.true) > 30 and seen.true.mean() > 0.7


def test_clips_that_cannot_be_made_longer_are_refused() -> None:
    model, _ = pretrained.load("sprites-vld")
    fixed = [Sprites(sprites("vld"), seed=3).clip(0, frames=3)]
    for measure in (behavior, reports):
        with pytest.raises(UserError, match="sprites or digits are wanted"):
            measure(model, fixed, clips=1)


def test_the_empty_scene_of_clips_with_grounds_has_the_same_ground() -> None:
    data = Sprites(sprites("bg"), seed=3)
    clip = data.clip(0, frames=2)
    assert clip.truth is not None
    bare = _empty(data, clip.video.unsqueeze(0).float() / 255)[0]
    ground = (clip.truth.owner < 0).unsqueeze(1).expand_as(clip.video)
    assert float((bare - clip.video.float() / 255).abs()[ground].mean()) < 0.05
