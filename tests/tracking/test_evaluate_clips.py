"""Scoring a model on clips with truth."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from scalor.core.types import TRACKING
from scalor.data.clip import Clip
from scalor.data.sprites import Sprites, SpritesConfig
from scalor.errors import UserError
from scalor.metrics.boxes import without_hidden
from scalor.metrics.mot import evaluate_many
from scalor.metrics.segmentation import fg_ari, mean_iou
from scalor.objectives.particles import importance_nll
from scalor.rollout import observe
from scalor.tracking.evaluate_clips import evaluate_dataset, identities, rollout_tracks
from scalor.tracking.report import owner_ids, results_of
from scalor.tracking.tracker import Tracker
from scalor.tracking.view import View

CONFIG = SpritesConfig(size=40, canvas=56, count=(3, 5), object_size=10.0, frames=4, name="toy")


@dataclasses.dataclass(frozen=True)
class Whole:
    """A data set that cannot cut its clips itself."""

    data: Sprites

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> Clip:
        return self.data[index]


def test_each_clip_of_a_batch_has_the_tracks_it_has_alone(make_model):
    model, data = make_model(), Sprites(CONFIG, seed=3)
    video = torch.stack([data[i].video for i in range(3)]).float() / 255
    with torch.no_grad():
        tables = rollout_tracks(observe(model, video, TRACKING), height=40, width=40)
    for clip, table in zip(video, tables, strict=True):
        tracker = Tracker(model, min_visibility=0.0)
        frames = (clip.permute(0, 2, 3, 1) * 255).round().byte().numpy()
        rows = [row for frame in frames for row in tracker.observe(frame).rows()]
        assert len(table) > 4 and [row[:2] for row in rows] == list(zip(table.frame, table.id, strict=True))
        assert np.allclose([row[2:6] for row in rows], table.box_tlwh, atol=1e-3)
        visible = table.visibility >= 0.5
        assert table.select(visible).id.tolist() == [row[1] for row in rows if row[7] >= 0.5]


def test_owner_maps_are_the_masks_of_the_reports(make_model):
    model, data = make_model(), Sprites(CONFIG, seed=3)
    video = torch.stack([data[i].video for i in range(2)]).float() / 255
    with torch.no_grad():
        steps = observe(model, video, TRACKING).steps
    view = View.of(40, 40, scale=1.0, cell=model.config.cell)
    for step in steps:
        maps = owner_ids(step, height=40, width=40).numpy()
        for found, seen in zip(results_of(step, view, index=0), maps, strict=True):
            assert set(np.unique(seen)) - {-1} <= set(found.ids.tolist())
            for name, mask in zip(found.ids, found.masks.dense(), strict=True):
                assert np.array_equal(seen == name, mask)
    assert (maps >= 0).any()


def test_a_perfect_mask_scores_one():
    truth = Sprites(CONFIG, seed=3)[0].truth
    assert fg_ari(truth.owner, truth.owner) == 1.0 and mean_iou(truth.owner, truth.owner) == pytest.approx(1.0)


def test_who_returns_is_somebody_else_in_the_masks_too():
    truth = Sprites(CONFIG, seed=3)[0].truth
    column = int(truth.owner[0].max())
    names = truth.id.clone()
    names[2:, column] = torch.where(names[2:, column] >= 0, 99, -1)
    maps = identities(dataclasses.replace(truth, id=names))
    shown = truth.owner == column
    assert (maps[:2][shown[:2]] == truth.id[0, column]).all() and (maps[2:][shown[2:]] == 99).all()
    assert (maps[truth.owner < 0] == -1).all()


def test_scores_do_not_depend_on_the_batch_and_are_those_of_the_metrics(make_model):
    model, data = make_model(), Sprites(CONFIG, seed=3)
    one = evaluate_dataset(model, data, clips=3, frames=4, distance=20.0, batch=3)
    two = evaluate_dataset(model, data, clips=3, frames=4, distance=20.0, batch=2)
    for gate in ("distance", "iou"):
        assert one[gate] == pytest.approx(two[gate], rel=1e-4)
    assert one["fg_ari"] == pytest.approx(two["fg_ari"], abs=1e-3) and 0 < one["mask_iou"] < 1
    assert one["mse"] == pytest.approx(two["mse"], rel=1e-5)
    pairs = []
    for index in range(3):
        video = data[index].video.unsqueeze(0).float() / 255
        with torch.no_grad():
            (table,) = rollout_tracks(observe(model, video, TRACKING), height=40, width=40)
        pairs.append((data[index].truth.tracks(0.0), table))
    assert one["distance_strict"] == pytest.approx(evaluate_many(pairs, distance=20.0).as_dict(), rel=1e-4)
    pairs = [(truth, without_hidden(truth, found, min_visibility=0.25)) for truth, found in pairs]
    assert one["distance"] == pytest.approx(evaluate_many(pairs, distance=20.0).as_dict(), rel=1e-4)
    assert one["iou"] == pytest.approx(evaluate_many(pairs, iou=0.5).as_dict(), rel=1e-4)
    assert one["distance"]["tp"] > 0 and one["discoveries_per_clip"] > 0
    json.dumps(one, allow_nan=False)


def test_the_usual_gate_is_twice_each_objects_own_size(make_model):
    model, data = make_model(), Sprites(dataclasses.replace(CONFIG, size_spread=0.0), seed=3)
    own = evaluate_dataset(model, data, clips=2, frames=4)
    fixed = evaluate_dataset(model, data, clips=2, frames=4, distance=2 * data[0].truth.size[0].item())
    assert own["distance"]["tp"] == fixed["distance"]["tp"] > 0


def test_frames_that_are_no_multiple_of_the_cell_and_clips_that_cut_themselves_are_scored_alike(make_model):
    model, data = make_model(), Sprites(dataclasses.replace(CONFIG, size=37), seed=3)
    itself = evaluate_dataset(model, data, clips=2, frames=3)
    assert itself == evaluate_dataset(model, Whole(data), clips=2, frames=3)
    assert itself["frames"] == 3 and 0 < itself["mse"] < 1


def test_a_model_on_a_median_image_gets_the_clips_own(make_model):
    model, data = make_model(background="median"), Sprites(CONFIG, seed=3)
    assert evaluate_dataset(model, data, clips=2, frames=4)["mse"] < 1


def test_clips_that_cannot_be_scored_are_refused(make_model):
    data = Sprites(CONFIG, seed=3, length=2)
    with pytest.raises(UserError, match="has 2"):
        evaluate_dataset(make_model(), data, clips=3, frames=4)
    with pytest.raises(UserError, match="channels"):
        evaluate_dataset(make_model(channels=1), data, clips=1, frames=4)
    with pytest.raises(UserError, match="ask for fewer frames"):
        evaluate_dataset(make_model(), Whole(data), clips=1, frames=9)
    with pytest.raises(UserError, match="no truth"):
        evaluate_dataset(make_model(), [Clip(torch.zeros(4, 3, 40, 40, dtype=torch.uint8))], clips=1, frames=4)
    with pytest.raises(UserError, match="each of its 2 videos"):
        evaluate_dataset(make_model(background="per_video"), data, clips=1, frames=4)
    with pytest.raises(UserError, match="each of its 2 videos"):
        importance_nll(make_model(background="per_video"), torch.rand(1, 2, 3, 40, 40), particles=2)
