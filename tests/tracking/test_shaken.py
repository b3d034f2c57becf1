"""Laws of a shaking camera and of what shows nowhere: boxes and masks move together, a still camera reports the
same, and nothing is reported without a pixel."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.core.shade import Outline
from scalor.data.video import open_video
from scalor.tracking import second_pass as module
from scalor.tracking.masks import PatchMasks
from scalor.tracking.passes import first_pass, second_pass
from scalor.tracking.report import FrameResult
from scalor.tracking.second_pass import Revised, revise
from scalor.tracking.table import shelf
from scalor.tracking.tracker import Tracker

from .test_tracker_scenes import patterned

SIZE, SCALE, LONG = (120, 160), (4.0, 4.0), 40


def boxed(index: int, corner: np.ndarray, *, names: np.ndarray | None = None) -> FrameResult:
    """Objects of 5 x 5 network pixels, whose masks fill their boxes, at network pixels (top, left) [N, 2]."""
    masks = PatchMasks(np.ones((len(corner), 5, 5), bool), corner, SIZE, SCALE)
    box = np.concatenate([corner[:, ::-1] * 4.0, np.full((len(corner), 2), 20.0)], axis=1)
    ones, names = np.ones(len(corner)), np.arange(len(corner)) if names is None else names
    return FrameResult(index, names, box, ones, ones, masks)


@settings(deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3))
def test_masks_and_boxes_of_a_shaken_frame_move_together(x, y):
    still = boxed(0, np.array([[8, 8], [15, 20]]))
    shaken = still.moved(x, y)
    for mask, (left, top, width, height) in zip(shaken.masks.dense(), shaken.box_tlwh, strict=True):
        rows, columns = np.nonzero(mask)
        assert left <= columns.min() + 0.5 and columns.max() + 0.5 <= left + width
        assert top <= rows.min() + 0.5 and rows.max() + 0.5 <= top + height
        assert rows.max() - rows.min() >= height - 2 and columns.max() - columns.min() >= width - 2
    back = shaken.moved(-x, -y)
    np.testing.assert_allclose(back.box_tlwh, still.box_tlwh)
    assert (back.masks.dense() == still.masks.dense()).all()


def test_a_mask_that_moves_by_whole_pixels_is_the_same_mask_there():
    still = PatchMasks(
        np.random.default_rng(0).random((3, 6, 6)) > 0.4, np.array([[8, 8], [9, 3], [4, 20]]), SIZE, SCALE
    )
    for right, down in ((1, -2), (3, 2), (-7, 5)):
        moved = still.moved(right / 4, down / 4)
        assert (moved.dense() == np.roll(still.dense(), (down, right), axis=(1, 2))).all()


def walks(seed: int) -> Iterator[FrameResult]:
    """Objects on their way, one of them lost for some frames and found under another name."""
    rng = np.random.default_rng(seed)
    for time in range(LONG):
        corner = np.array([[3, 3 + time // 3], [11, 20 - time // 4], [20, 6 + time // 3]]) + rng.integers(0, 2, (3, 2))
        lost = np.array([True, True, not 15 <= time < 19])
        yield boxed(time, corner[lost], names=np.array([0, 1, 2 if time < 15 else 3])[lost])


def decided(results: list[FrameResult]) -> tuple[Revised, list[FrameResult]]:
    with shelf(SIZE) as kept:
        for result in results:
            kept.put(result)
        revised = revise(kept.rows())
        return revised, list(revised.results(kept.masks()))


@pytest.mark.parametrize("seed", range(3))
def test_a_shaking_camera_is_reported_as_a_still_one_and_moved(seed):
    shake = np.random.default_rng(9).uniform(-1, 1, (LONG, 2))
    still, reports = decided(list(walks(seed)))
    shaken, moved = decided([replace(each, shift=tuple(shake[each.index])) for each in walks(seed)])
    assert still.words() == shaken.words() and len(still.joints) == len(shaken.joints) == 1
    for report, other, shift in zip(reports, moved, shake, strict=True):
        wanted = report.moved(*shift)
        assert wanted.ids.tolist() == other.ids.tolist() and len(wanted) > 1
        np.testing.assert_allclose(wanted.box_tlwh, other.box_tlwh)
        assert (wanted.masks.dense() == other.masks.dense()).all()
    (one,), (other,) = still.joints, shaken.joints
    np.testing.assert_allclose(other.box - one.box, [*(4 * shake[one.frame]), 0, 0], atol=1e-9)


def filmed(*, shake: bool) -> tuple[np.ndarray, np.ndarray]:
    """The empty scene, and frames of a camera in which bright squares move."""
    rng, wide = np.random.default_rng(1), patterned(0, 64, 80)
    frames = []
    for time in range(14):
        picture = wide.copy()
        for number, color in enumerate((255, 0, 200)):
            picture[14 + 14 * number : 26 + 14 * number, 14 + 2 * time : 26 + 2 * time] = color
        x, y = rng.integers(-3, 4, 2) if shake and time else (0, 0)
        frames.append(picture[8 + y : 56 + y, 8 + x : 72 + x])
    return wide[8:56, 8:72], np.stack(frames)


def test_two_passes_put_what_is_not_smoothed_where_one_pass_does(make_model, write_clip, monkeypatch):
    monkeypatch.setattr(module, "window_for", lambda _: 1)
    scene, frames = filmed(shake=True)
    source = open_video(write_clip(frames))
    tracker = Tracker(make_model(background="median", seed=2), backdrop=scene)
    online = [tracker.observe(frame) for frame in frames]
    tracker.reset()
    with shelf(scene.shape[:2]) as kept:
        revised = first_pass(source, tracker, kept, progress=False)
        reports = [result for _, result in second_pass(source, revised, kept, pictures=False)]
    assert np.abs(revised.rows.shift).max() > 2
    for one, two in zip(online, reports, strict=True):
        assert one.shift == two.shift == (0.0, 0.0)
        boxes = {tuple(box) for box in two.box_tlwh.round(6).tolist()}
        assert boxes >= {tuple(box) for box in one.box_tlwh.round(6).tolist()}


@pytest.mark.parametrize("shake", [False, True])
def test_nothing_is_reported_without_a_pixel_where_the_scene_is_known(shake, make_model, write_clip, monkeypatch):
    scene, frames = filmed(shake=shake)
    model = make_model(background="median", seed=2)
    dots = np.random.default_rng(0).random((1, *scene.shape[:2])) < 0.004
    nothing, few = torch.zeros(1, *scene.shape[:2], dtype=torch.bool), torch.from_numpy(dots)
    # Little is seen, and not where objects are painted: masks are trimmed, some of them to nothing.
    monkeypatch.setattr(type(model), "outline", lambda *_: Outline(nothing, few, few))
    source = open_video(write_clip(frames))
    tracker = Tracker(model, backdrop=scene)
    online = [tracker.observe(frame) for frame in frames]
    tracker.reset()
    with shelf(scene.shape[:2]) as kept:
        revised = first_pass(source, tracker, kept, progress=False)
        reports = [result for _, result in second_pass(source, revised, kept, pictures=False)]
    for result in online + reports:
        assert result.masks.dense().any(axis=(1, 2)).all()
    assert sum(map(len, online)) > 0 and sum(map(len, reports)) > 0
    tracker = Tracker(model, backdrop=scene, min_visibility=0.0)
    hidden = 0
    for result in map(tracker.observe, frames):
        empty = ~result.masks.dense().any(axis=(1, 2))
        assert (result.visibility[empty] == 0).all()
        hidden += int(empty.sum())
    assert hidden > 0
