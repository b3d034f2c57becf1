"""Laws of silhouettes: thin parts join their object, neighbours keep theirs, and what is far or apart stays out."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scalor.tracking.masks import PatchMasks
from scalor.tracking.report import FrameResult
from scalor.tracking.silhouette import REACH, with_silhouettes

H, W = 40, 60


def seen(*boxes: tuple[int, int, int, int], scale: float = 1.0) -> FrameResult:
    """Objects with full boxes (left, top, width, height) in network pixels as masks."""
    side = max(max(box[2:]) for box in boxes)
    patch = np.zeros((len(boxes), side, side), bool)
    for number, (_, _, width, height) in enumerate(boxes):
        patch[number, :height, :width] = True
    count = len(boxes)
    return FrameResult(
        index=0,
        ids=np.arange(count),
        box_tlwh=np.array(boxes, float) * scale,
        score=np.ones(count),
        visibility=np.ones(count),
        masks=PatchMasks(
            patch,
            np.array([(top, left) for left, top, _, _ in boxes]),
            (round(H * scale), round(W * scale)),
            (scale, scale),
        ),
    )


def picture(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((H, W), bool)
    for left, top, width, height in boxes:
        mask[top : top + height, left : left + width] = True
    return mask


def test_a_tail_belongs_to_the_body_and_the_box_holds_it() -> None:
    body, tail = (10, 10, 12, 12), (22, 15, 3, 2)
    for scale in (1.0, 4.0):
        grown = with_silhouettes(seen(body, scale=scale), picture(body, tail))
        np.testing.assert_allclose(grown.box_tlwh, np.array([[10, 10, 15, 12]]) * scale)
        assert grown.masks.patch.sum() == 144 + 6


def test_what_is_apart_or_out_of_reach_stays_out() -> None:
    body = (10, 10, 12, 12)
    apart, far = (24, 12, 2, 6), (22, 15, 20, 2)
    before = seen(body)
    assert with_silhouettes(before, picture(body, apart)) is before
    grown = with_silhouettes(before, picture(body, far))
    assert 10 + 12 < grown.box_xyxy[0, 2] <= 10 + 12 + np.ceil(REACH * 12) + 1


def test_what_lies_between_two_goes_to_the_nearer() -> None:
    one, two = (10, 10, 10, 10), (25, 10, 10, 10)
    grown = with_silhouettes(seen(one, two), picture((10, 10, 25, 10)))
    left, right = grown.box_xyxy
    assert 21 <= left[2] <= 23 and left[2] <= right[0] <= 24
    assert (grown.masks.dense().sum(0) <= 1).all()


def test_nobody_and_nothing_are_left_as_they_are() -> None:
    body = seen((10, 10, 12, 12))
    assert with_silhouettes(body, picture()) is body
    nobody = FrameResult.empty(3, (H, W))
    assert with_silhouettes(nobody, picture((0, 0, 5, 5))) is nobody


box = st.tuples(st.integers(-6, W - 2), st.integers(-6, H - 2), st.integers(3, 14), st.integers(3, 14))


@settings(max_examples=60, deadline=None)
@example(boxes=[(0, 0, 3, 3), (0, 0, 3, 3)], seed=0)
@given(boxes=st.lists(box, min_size=1, max_size=4), seed=st.integers(0, 999))
def test_masks_only_grow_into_what_stands_out_and_stay_disjoint(boxes, seed) -> None:
    mask = np.random.default_rng(seed).random((H, W)) < 0.4
    before = seen(*boxes)
    owners = before.masks.dense()
    owners &= np.cumsum(owners[::-1], axis=0)[::-1] == 1  # the last one painted owns a shared pixel
    after = with_silhouettes(before, mask)
    masks = after.masks.dense()
    if after is not before:  # a tracker's masks are disjoint before; where nothing grows they are left alone
        assert (masks.sum(0) <= 1).all()
        assert (masks >= owners).all()
        assert not (masks.any(0) & ~owners.any(0) & ~mask).any()
    assert (after.box_xyxy[:, :2] <= before.box_xyxy[:, :2]).all()
    assert (after.box_xyxy[:, 2:] >= before.box_xyxy[:, 2:]).all()
