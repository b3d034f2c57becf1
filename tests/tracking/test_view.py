"""The border between source pixels and the network's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scalor.errors import UserError
from scalor.tracking.view import View, as_picture, with_channels


@given(st.integers(1, 300), st.integers(1, 300), st.floats(0.05, 1.0), st.sampled_from([1, 4, 8, 16]))
def test_the_network_gets_whole_cells_and_no_more_than_one_of_padding(height, width, scale, cell):
    view = View.of(height, width, scale=scale, cell=cell)
    for full, part in zip(view.padded, (view.rows, view.columns), strict=True):
        assert full % cell == 0 and 0 <= full - part < cell
    assert view.rows * view.scale_y == pytest.approx(height)
    assert view.columns * view.scale_x == pytest.approx(width)


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([4, 8]))
def test_padding_repeats_the_edge_and_cutting_takes_it_away(height, width, cell):
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    view = View.of(height, width, scale=1.0, cell=cell)
    image = view.network_input(picture, 3)[0]
    whole = np.pad(picture, ((0, view.padded[0] - height), (0, view.padded[1] - width), (0, 0)), mode="edge")
    assert (image.permute(1, 2, 0).numpy() == (whole / np.float32(255)).astype(np.float32)).all()
    assert view.cut(image).shape == (3, height, width)


def test_grey_rgb_and_rgba_of_the_same_picture_are_the_same_to_the_network():
    grey = np.random.default_rng(1).integers(0, 256, (6, 7), dtype=np.uint8)
    rgb = grey[:, :, None].repeat(3, axis=2)
    rgba = np.concatenate([rgb, np.full((6, 7, 1), 9, np.uint8)], axis=2)
    for channels in (1, 3):
        wanted = with_channels(as_picture(rgb), channels)
        assert (with_channels(as_picture(grey), channels) == wanted).all()
        assert (with_channels(as_picture(rgba), channels) == wanted).all()


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((4, 4, 3)),
        np.full((4, 4, 3), np.nan),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(7, np.uint8),
        "frame.png",
        [[1, 2], [3]],
        torch.empty(4, 4, device="meta"),
    ],
)
def test_what_is_no_uint8_picture_is_refused(frame):
    with pytest.raises(UserError, match="wanted"):
        as_picture(frame)


@pytest.mark.parametrize("scale", [0.0, -1.0, 1.5, float("nan")])
def test_a_scale_that_would_not_shrink_is_refused(scale):
    with pytest.raises(UserError, match="above 0 and at most 1"):
        View.of(10, 10, scale=scale, cell=4)
