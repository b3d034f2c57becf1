"""Laws of trimming: a strip of a box in which the empty scene is seen goes, nothing else does."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.tracking.masks import PatchMasks
from scalor.tracking.report import FrameResult
from scalor.tracking.trimming import trimmed

H, W, SCALE = 40, 60, 2.0


def result(*boxes: tuple[int, int, int, int]) -> FrameResult:
    """Objects with full masks in boxes (left, top, right, low) of network pixels."""
    xyxy, side = np.array(boxes, float).reshape(-1, 4), 30
    patch = np.zeros((len(boxes), side, side), bool)
    for mask, (left, top, right, low) in zip(patch, boxes, strict=True):
        mask[: low - top, : right - left] = True
    tlwh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], 1) * SCALE
    corner, ones = xyxy[:, 1::-1].astype(np.int64), np.ones(len(boxes))
    masks = PatchMasks(patch, corner, (round(H * SCALE), round(W * SCALE)), (SCALE, SCALE))
    return FrameResult(0, np.arange(len(boxes)), tlwh, ones, ones, masks)


def seen(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    faint = np.zeros((H, W), bool)
    for left, top, right, low in boxes:
        faint[top:low, left:right] = True
    return faint


def test_a_loose_box_and_its_mask_end_where_the_thing_does() -> None:
    tight = trimmed(result((10, 8, 34, 30)), seen((15, 8, 28, 27)))
    assert (tight.box_xyxy / SCALE).tolist() == [[15, 8, 28, 27]]
    rows, columns = np.nonzero(tight.masks.patch[0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 18, 5, 17)


def test_a_box_in_which_nothing_is_seen_stays() -> None:
    one = result((10, 8, 34, 30))
    same = trimmed(one, seen())
    assert np.array_equal(same.box_tlwh, one.box_tlwh) and np.array_equal(same.masks.patch, one.masks.patch)


def test_what_another_hides_is_not_cut_off() -> None:
    two = trimmed(result((10, 10, 30, 30), (20, 10, 30, 30)), seen((12, 10, 30, 30)))
    assert (two.box_xyxy[0] / SCALE).tolist() == [12, 10, 30, 30]


def test_a_thin_tail_holds_its_box() -> None:
    one = trimmed(result((10, 8, 34, 30)), seen((10, 18, 34, 19), (20, 8, 21, 30)))
    assert (one.box_xyxy / SCALE).tolist() == [[10, 8, 34, 30]]


def test_parts_of_a_pixel_stay_where_nothing_is_trimmed() -> None:
    one = result((10, 8, 34, 30))
    one.box_tlwh[0, :2] += 0.7
    assert (trimmed(one, seen((0, 0, W, H))).box_tlwh == one.box_tlwh).all()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_boxes_only_shrink_and_lose_no_pixel_that_is_seen(data: st.DataObject) -> None:
    def corners(most: int) -> list[int]:
        first = data.draw(st.integers(-8, most - 2))
        return [first, first + data.draw(st.integers(1, 30))]

    boxes = [(x[0], y[0], x[1], y[1]) for x, y in [(corners(W), corners(H)) for _ in range(3)]]
    faint = np.random.default_rng(data.draw(st.integers(0, 99))).random((H, W)) < 0.02
    before = result(*boxes)
    after = trimmed(before, faint)
    assert (after.box_xyxy[:, :2] >= before.box_xyxy[:, :2]).all()
    assert (after.box_xyxy[:, 2:] <= before.box_xyxy[:, 2:]).all() and (after.box_tlwh[:, 2:] > 0).all()
    assert (after.masks.patch <= before.masks.patch).all()
    for box, (left, top, right, low) in zip(after.box_xyxy / SCALE, boxes, strict=True):
        y, x = np.nonzero(faint[max(0, top) : max(0, low), max(0, left) : max(0, right)])
        if len(y):
            assert box[0] <= x.min() + max(0, left) and box[2] >= x.max() + max(0, left) + 1
            assert box[1] <= y.min() + max(0, top) and box[3] >= y.max() + max(0, top) + 1
