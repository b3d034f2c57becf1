"""Visibility and boxes of what lies partly outside the view."""

import numpy as np
import pytest
import torch

from scalor.core.canvas import composite
from scalor.core.types import TRACKING, Layers, Step
from scalor.rollout import observe
from scalor.tracking.masks import PatchMasks
from scalor.tracking.report import FrameResult, Pictures, tight_tlwh, visible_share
from scalor.tracking.tracker import Tracker

SQUARE = 8


def step_of(corners: list[tuple[int, int]], near: list[float], like: Step, *, height: int, width: int) -> Step:
    """A step that shows opaque squares of 8 px at these (top, left) corners."""
    count = len(corners)
    patch = torch.ones(count, 4, SQUARE, SQUARE)
    layers = Layers(
        batch=torch.zeros(count).long(),
        slot=torch.arange(count),
        patch=patch,
        corner=torch.tensor(corners),
        pres=torch.ones(count),
        near=torch.tensor(near),
    )
    _, _, total = composite(layers, batch=1, height=height, width=width, convex=True)
    slots = like.slots.map(lambda tensor: tensor[:, :1].expand(1, count, *tensor.shape[2:]))
    slots = slots.replace(alive=torch.ones(1, count, dtype=torch.bool))
    low = torch.tensor(corners).flip(-1).float()
    tight = torch.cat([low, low + SQUARE], dim=-1).unsqueeze(0)
    return like.replace(layers=layers, slots=slots, origin=torch.arange(count)[None], tight=tight, total=total)


@pytest.fixture
def like(make_model) -> Step:
    return observe(make_model(), torch.rand(1, 1, 3, 32, 32), TRACKING).steps[0]


def test_what_lies_outside_the_view_or_behind_another_is_not_visible(like):
    corners = [(4, 4), (-4, 16), (28, 28), (16, 4), (16, 8)]
    step = step_of(corners, [1.0, 1.0, 1.0, 1e3, 1e-3], like, height=32, width=32)
    share = visible_share(step, height=32, width=32)
    assert share[0].tolist() == pytest.approx([1.0, 0.5, 0.25, 1.0, 0.5], abs=1e-4)


def test_a_sliver_at_the_edge_is_a_share_of_a_whole_object(like):
    # Three full boxes inside; one crosses the edge and is painted only where it is seen: two of its eight columns.
    step = step_of([(4, 4), (4, 20), (20, 4), (16, 24)], [1.0] * 4, like, height=32, width=26)
    patch = step.layers.patch.clone()
    patch[3, -1, :, 2:] = 0.0
    centers = torch.tensor([[8.0, 8.0], [24.0 - 4, 8.0], [8.0, 24.0], [28.0, 20.0]])
    boxes = torch.cat([centers, torch.full((4, 2), float(SQUARE))], dim=-1)[None]
    painted = step.replace(layers=step.layers.replace(patch=patch), slots=step.slots.replace(box=boxes))
    share = visible_share(painted, height=32, width=26)
    assert share[0, 3].item() == pytest.approx(0.25, abs=1e-3) and share[0, 0].item() == pytest.approx(1.0, abs=1e-3)
    alone = visible_share(step_of([(16, 24)], [1.0], like, height=32, width=26), height=32, width=26)
    assert alone.item() == pytest.approx(0.25, abs=1e-3), "with nothing to compare with, its own mask counts"


@pytest.mark.parametrize(("left", "seen"), [(-1, 0.25), (-4, 1.0)])
def test_objects_mostly_in_view_say_how_large_a_whole_one_is(like, left, seen):
    """A sliver beside one other: that one has 7 of its 8 columns in view, or only half of them."""
    step = step_of([(16, left), (4, 24)], [1.0, 1.0], like, height=32, width=26)
    patch = step.layers.patch.clone()
    patch[1, -1, :, 2:] = 0.0
    boxes = torch.tensor([[[left + 4.0, 20.0, 8.0, 8.0], [28.0, 8.0, 8.0, 8.0]]])
    painted = step.replace(layers=step.layers.replace(patch=patch), slots=step.slots.replace(box=boxes))
    share = visible_share(painted, height=32, width=26)
    assert share[0, 1].item() == pytest.approx(seen, abs=1e-3)


def test_what_is_too_faint_for_a_mask_is_not_seen(like):
    step = step_of([(4, 4), (4, 20), (20, 4)], [1.0] * 3, like, height=32, width=32)
    patch = step.layers.patch.clone()
    patch[1, -1] = 0.4
    pres = torch.tensor([1.0, 1.0, 0.45])
    faint = step.replace(layers=step.layers.replace(patch=patch, pres=pres))
    assert visible_share(faint, height=32, width=32)[0].tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-4)


def test_what_lies_in_the_padding_is_not_visible_and_boxes_end_at_the_frame(like):
    step = step_of([(4, 20)], [1.0], like, height=32, width=32)
    assert visible_share(step, height=32, width=24).item() == pytest.approx(0.5, abs=1e-3)
    assert tight_tlwh(step, height=10, width=24)[0, 0].tolist() == [20.0, 4.0, 4.0, 6.0]


def test_detections_and_tables_say_what_the_report_says(make_model, make_frames):
    tracker = Tracker(make_model(), min_visibility=0.0)
    for frame in make_frames(3, 48, 64):
        result = tracker.observe(frame)
    detections, tracks = result.detections(), result.tracks(result.masks.rles())
    assert len(result) > 1 and detections.tracker_id.tolist() == tracks.id.tolist() == result.ids.tolist()
    assert np.allclose(detections.xyxy[:, 2:] - detections.xyxy[:, :2], tracks.box_tlwh[:, 2:], atol=1e-3)
    assert detections.mask.shape == (len(result), 48, 64) and detections.mask.any()
    assert np.allclose(detections.data["visibility"], tracks.visibility)
    assert np.allclose(detections.data["evidence"], result.evidence) and (result.evidence != 0).any()


def test_an_empty_report_is_a_report_like_any_other():
    nothing = FrameResult.empty(3, (20, 30))
    assert len(nothing.detections()) == 0 and len(nothing.tracks([])) == 0 and nothing.rows() == []
    assert nothing.masks.dense().shape == (0, 20, 30)


def test_results_of_a_shaken_frame_move_with_it_and_are_cut_at_the_frames_edge():
    masks = PatchMasks(np.ones((3, 2, 2), bool), np.array([[0, 0], [4, 6], [8, 18]]), (20, 40), scale=(2.0, 2.0))
    box = np.array([[0.0, 0.0, 4.0, 4.0], [12.0, 8.0, 4.0, 4.0], [36.0, 16.0, 4.0, 4.0]])
    shown = Pictures(*(np.zeros((10, 20, 3), np.uint8) for _ in range(2)), np.zeros((10, 20), np.float32))
    shown.reconstruction[4, 6], shown.alpha[4, 6] = 255, 1.0
    result = FrameResult(0, np.arange(3), box, np.ones(3), np.ones(3), masks, pictures=shown)
    moved = result.moved(2.0, -1.0)
    assert moved.ids.tolist() == [0, 1]  # the third has left the frame
    assert moved.box_tlwh.tolist() == [[4.0, 0.0, 4.0, 2.0], [16.0, 6.0, 4.0, 4.0]]
    assert moved.masks.corner.tolist() == [[-1, 2], [3, 8]]
    assert np.argwhere(moved.pictures.alpha).tolist() == [[3, 8]] and moved.pictures.reconstruction[3, 8].min() == 255
    nothing = result.select(np.zeros(3, bool)).moved(2.0, -1.0)
    assert len(nothing) == 0 and nothing.pictures.alpha[3, 8] == 1.0
    assert result.moved(0.0, 0.0) is result
