"""Laws of the figures: every tile where it belongs, curves where their numbers are, holes allowed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalor.core.tracks import Tracks
from scalor.errors import UserError
from scalor.viz.figures import SERIES, TILE, _ticks, futures_figure, grid, line_plot, paper_figure

GREY = [np.full((20, 30, 3), value, np.uint8) for value in (10, 60, 110, 160)]


def table(length: int) -> Tracks:
    return Tracks.from_rows([(t, 2, 5.0 + t, 6.0, 8.0, 8.0, 1.0, 1.0) for t in range(length)], length=length)


def count_of(picture: np.ndarray, color: tuple[int, int, int] | int) -> int:
    return int((picture == np.array(color)).all(2).sum())


def test_a_grid_shows_every_image_once_and_whole():
    picture = grid([GREY[:2], [None, GREY[2]], GREY[3:]], pad=3, labels=["a", "long name", "c"], columns=["x", "y"])
    for value in (10, 60, 110, 160):
        assert count_of(picture, value) >= 20 * 30
    y, x = np.nonzero((picture == 10).all(2))
    assert y.max() - y.min() == 19 and x.max() - x.min() == 29


def test_a_plain_grid_has_nothing_but_images_and_white():
    picture = grid([GREY[:2]], pad=2)
    assert picture.shape == (24, 66, 3)
    assert count_of(picture, 255) + count_of(picture, 10) + count_of(picture, 60) == 24 * 66


def test_a_grid_of_nothing_is_a_mistake():
    with pytest.raises(UserError, match="no images"):
        grid([[None]])


def test_paper_figure_has_a_row_for_all_it_was_given():
    frames = np.full((9, 40, 50, 3), 80, np.uint8)
    heights = [
        paper_figure(frames, tracks=table(9), columns=4).shape[0],
        paper_figure(frames, tracks=table(9), columns=4, background=frames[0]).shape[0],
        paper_figure(frames, tracks=table(9), columns=4, background=frames, reconstruction=frames).shape[0],
    ]
    assert np.diff(heights).tolist() == [TILE + 4] * 2
    assert paper_figure(frames[:2], tracks=table(9), columns=4).shape[1] < 4 * 200


def test_paper_figure_takes_tracks_that_end_before_the_video():
    assert paper_figure(np.zeros((9, 40, 50, 3), np.uint8), tracks=table(3)).size


def test_futures_figure_shows_truth_and_every_sample():
    seen = np.full((5, 16, 16, 3), 20, np.uint8)
    samples = np.stack([np.full((10, 16, 16, 3), value, np.uint8) for value in (70, 90, 110)])
    truth = np.full((4, 16, 16, 3), 50, np.uint8)
    picture = futures_figure(seen, samples, truth=truth, columns=9)
    inside = (TILE - 4) ** 2  # tiles have frames of 2 px
    assert count_of(picture, 20) >= 3 * inside
    assert [round(count_of(picture, value) / inside) for value in (70, 90, 110)] == [6, 6, 6]
    assert round(count_of(picture, 50) / inside) == 2  # the moments after its end stay empty
    assert futures_figure(seen, samples).shape[0] == picture.shape[0] - TILE - 4


def test_a_curve_runs_where_its_numbers_are():
    picture = line_plot({"a": (range(100), [0.0] * 50 + [1.0] * 50)}, size=(300, 400))
    y, x = np.nonzero((picture == SERIES[0]).all(2) & (np.arange(300)[:, None] > 40))
    low, high = y[x < x.min() + 50].mean(), y[x > x.max() - 50].mean()
    assert high < 60 and low > 240 and picture.shape == (300, 400, 3)


@pytest.mark.parametrize("ys", [[], [math.nan], [1.0], [2.0, 2.0], [0.0, math.inf, 1.0], [-1e9, 1e-9]])
def test_odd_curves_do_not_break_the_plot(ys):
    assert line_plot({"a": (range(len(ys)), ys)}, title="t", x_label="x", y_label="y").shape == (360, 560, 3)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=9))
def test_ticks_enclose_the_values_and_are_few(values):
    ticks = _ticks(values)
    slack = 1e-6 * (ticks[-1] - ticks[0])
    assert 2 <= len(ticks) <= 12
    assert ticks[0] - slack <= min(values) and max(values) <= ticks[-1] + slack
    assert all(b > a for a, b in zip(ticks, ticks[1:], strict=False))
