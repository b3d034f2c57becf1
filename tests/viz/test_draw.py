"""Laws of drawing: a colour belongs to an identity, things are drawn where they are, frames are left untouched."""

import numpy as np
import pytest
import supervision as sv
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco

from scalor.core.tracks import Tracks
from scalor.viz.draw import (
    COLORS,
    color_labels,
    draw_boxes,
    draw_masks,
    draw_overlay,
    enlarged,
    follow,
    in_pixels_of,
    mask_labels,
    track_color,
)

H, W = 60, 80


def rle(mask: np.ndarray) -> dict:
    return coco.encode(np.asfortranarray(mask.astype(np.uint8)))


def square(y: int, x: int, side: int = 10) -> np.ndarray:
    mask = np.zeros((H, W), bool)
    mask[y : y + side, x : x + side] = True
    return mask


def one(identity: int, *, mask: bool = False) -> Tracks:
    row = (0, identity, 20.0, 30.0, 10.0, 10.0, 1.0, 1.0)
    rows = [(*row, rle(square(30, 20)))] if mask else [row]
    return Tracks.from_rows(rows, length=1, masks=mask)


def test_neighbouring_identities_have_colours_apart():
    colors = np.array([track_color(i) for i in range(COLORS)], int)
    assert len({tuple(color) for color in colors}) == COLORS
    assert np.abs(np.diff(colors, axis=0)).sum(1).min() > 150


@pytest.mark.parametrize("identity", [0, 5, 29, 10**12])
def test_a_box_has_its_identity_s_colour_at_its_place_only(identity):
    frame = np.full((H, W, 3), 50, np.uint8)
    drawn = draw_overlay(frame, one(identity), labels=False)
    assert (frame == 50).all()
    assert tuple(drawn[35, 20]) == track_color(identity) == tuple(drawn[30, 25])
    y, x = np.nonzero((drawn != 50).any(2))
    assert (y.min(), y.max(), x.min(), x.max()) == (30, 39, 20, 29)
    assert (drawn[35, 25] == 50).all()


def test_a_box_s_colour_does_not_depend_on_the_other_rows():
    rows = [(0, i, 6.0 * i, 30.0, 5.0, 5.0, 1.0, 1.0) for i in range(8)]
    drawn = draw_overlay(np.zeros((H, W, 3), np.uint8), Tracks.from_rows(rows, length=1), labels=False)
    assert [tuple(drawn[32, 6 * i]) for i in range(8)] == [track_color(i) for i in range(8)]


def test_zoom_moves_boxes_masks_and_trails_with_the_picture():
    frame = np.zeros((H, W, 3), np.uint8)
    rows = one(3, mask=True)
    drawn = draw_overlay(frame, rows, trails={3: [(5.0, 5.0), (40.0, 5.0)]}, zoom=3, labels=False)
    assert drawn.shape == (3 * H, 3 * W, 3)
    assert tuple(drawn[105, 60]) == track_color(3)  # the left edge of the box
    assert drawn[105, 75].any() and not drawn[105, 150].any()  # inside and outside the mask
    trail = drawn[:40, 60, 0].astype(float)
    assert abs((trail * (np.arange(40) + 0.5)).sum() / trail.sum() - 15) < 0.2


def test_masks_of_another_size_are_fitted_to_the_frame():
    labels = mask_labels(one(3, mask=True), (2 * H, 2 * W))
    np.testing.assert_array_equal(labels, np.where(square(30, 20).repeat(2, 0).repeat(2, 1), 3, -1))
    assert (color_labels(labels)[0, 0] == 0).all() and tuple(color_labels(labels)[70, 50]) == track_color(3)


def test_nothing_to_draw_leaves_the_frame_as_it_is():
    frame = np.random.default_rng(0).integers(0, 255, (H, W, 3)).astype(np.uint8)
    np.testing.assert_array_equal(draw_overlay(frame, Tracks.from_rows([], length=1)), frame)


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 3))), st.integers(1, 5))
def test_following_gives_each_frame_its_rows_and_trails_end_here(seen, length):
    rows = [(t, i, 10.0 * t, 5.0 * i, 4.0, 4.0, 1.0, 1.0) for t, i in seen]
    tracks = Tracks.from_rows(rows, length=10)
    steps = list(follow(tracks, length=length))
    assert len(steps) == 10
    for time, (here, trails) in enumerate(steps):
        assert set(trails) == set(here.id.tolist()) == {i for t, i in seen if t == time}
        for identity, points in trails.items():
            past = [10.0 * t + 2 for t in range(time - len(points) + 1, time + 1)]
            assert [x for x, _ in points] == past and len(points) <= length
            assert all((t, identity) in seen for t in range(time - len(points) + 1, time + 1))


def test_boxes_in_source_pixels_land_on_a_frame_that_was_scaled_down():
    row = (0, 4, 40.0, 90.0, 20.0, 30.0, 1.0, 1.0)
    small = in_pixels_of(Tracks.from_rows([row], length=1), scale_x=2.0, scale_y=3.0)
    assert tuple(draw_overlay(np.zeros((H, W, 3), np.uint8), small)[35, 20]) == track_color(4)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.75, 1.0, 2.0, 3.0]))
def test_masks_drawn_on_their_patches_are_those_drawn_on_the_whole_frame(seed, zoom):
    rng = np.random.default_rng(seed)
    frame = rng.integers(0, 255, (H, W, 3)).astype(np.uint8)
    patches, corners, rows = [], [], []
    for number in range(3):
        side = rng.integers(1, 16, 2)
        top, left = int(rng.integers(20 * number, 20 * number + 5)), int(rng.integers(0, W - 16))
        patch = rng.random(side) > 0.3
        whole = np.zeros((H, W), bool)
        whole[top : top + side[0], left : left + side[1]] = patch
        patches.append(patch)
        corners.append((top, left))
        rows.append((0, 7 * number, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, rle(whole)))
    image = enlarged(frame, zoom)
    draw_masks(image, np.array([0, 7, 14]), patches, np.array(corners), (H, W))
    wanted = draw_overlay(frame, Tracks.from_rows(rows, length=1, masks=True), zoom=zoom)
    without = Tracks.from_rows([row[:8] for row in rows], length=1)
    draw_boxes(image, without, zoom=zoom)
    np.testing.assert_array_equal(image, wanted)


@pytest.mark.parametrize("size", [(60, 80), (600, 900), (1100, 1300)])
def test_boxes_and_labels_are_drawn_as_supervision_draws_them(size):
    rng = np.random.default_rng(0)
    where = rng.uniform(-5, size[0] - 10, (12, 2))
    rows = [(0, 101 * i, *where[i], *rng.uniform(1, 60, 2), 1.0, 1.0) for i in range(12)]
    tracks = Tracks.from_rows(rows, length=1)
    image = np.full((*size, 3), 90, np.uint8)
    draw_boxes(image, tracks)
    corners = np.concatenate([tracks.box_tlwh[:, :2], tracks.box_tlwh[:, :2] + tracks.box_tlwh[:, 2:] - 1], axis=1)
    corners[:, 2:] = np.maximum(corners[:, :2], corners[:, 2:])
    found = sv.Detections(xyxy=corners, tracker_id=tracks.id % COLORS, class_id=np.zeros(12, int))
    palette = sv.ColorPalette([sv.Color(*track_color(i)[::-1]) for i in range(COLORS)])
    thickness = 1 + min(size) // 500
    how = {"color": palette, "color_lookup": sv.ColorLookup.TRACK}
    wanted = sv.BoxAnnotator(thickness=thickness, **how).annotate(np.full((*size, 3), 90, np.uint8), found)
    scale, padding = 0.3 + 0.08 * thickness, 1 + thickness
    label = sv.LabelAnnotator(text_color=sv.Color(0, 0, 0), text_scale=scale, text_padding=padding, **how)
    wanted = label.annotate(wanted, found, labels=[str(i) for i in tracks.id])
    np.testing.assert_array_equal(image, wanted)
