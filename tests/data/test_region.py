"""Laws of a region: it is where the user said, on every size; elsewhere the scene is empty."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scalor.data.footage import Footage, survey
from scalor.data.region import empty_outside, inside_of, region_of
from scalor.data.video import open_video
from scalor.errors import UserError

from .test_footage import save, street

SIZE = (96, 144)
LANE = "0,38,144,58"
"""The middle one of the three ways of `street`."""


def test_a_rectangle_is_its_pixels_and_the_union_of_several_holds_what_any_does():
    wanted = np.zeros(SIZE, bool)
    wanted[10:30, 20:60] = wanted[20:50, 40:90] = True
    region = region_of(["20,10,60,30", "90,50,40,20"], SIZE)
    assert (inside_of(region, SIZE) != wanted).sum() == 0
    assert inside_of((), SIZE).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(20, 70), st.integers(20, 50), st.integers(8, 20), st.sampled_from([0.5, 2.0, 3.0]))
def test_a_polygon_is_the_same_place_at_every_size(x, y, half, factor):
    region = region_of([f"{x},{y - half},{x + half},{y},{x},{y + half},{x - half},{y}"], SIZE)
    size = tuple(round(factor * side) for side in SIZE)
    across, down = (np.arange(side) + 0.5 for side in (size[1], size[0]))
    off = np.abs(across[None] / factor - x) + np.abs(down[:, None] / factor - y)
    inside = inside_of(region, size)
    # Whole pixels of the video, and pixels of the other size, are as near as it comes.
    near = 1.0 + 1.0 / min(1.0, factor)
    assert inside[off < half - near].all() and not inside[off > half + near].any()


@pytest.mark.parametrize("high", [1, 255])
def test_a_picture_is_bright_where_to_look_to_the_pixel_holes_and_rings_too(tmp_path, high):
    wanted = np.zeros(SIZE, np.uint8)
    wanted[8:80, 16:120] = high
    wanted[30:50, 40:80] = 0  # a clock in the picture
    wanted[31:49, 41:79] = high
    wanted[32:48, 42:78] = 0
    wanted[90, 3] = high
    Image.fromarray(wanted).save(tmp_path / "mask.png")
    region = region_of(tmp_path / "mask.png", SIZE)
    assert (inside_of(region, SIZE) == (wanted > 0)).all()
    twice = inside_of(region, (2 * SIZE[0], 2 * SIZE[1]))
    assert (twice == (wanted > 0).repeat(2, 0).repeat(2, 1)).all()


def test_a_polygon_may_have_many_corners_and_the_whole_view_is_whole_at_every_size():
    around = np.linspace(0, 2 * np.pi, 100)
    circle = ",".join(f"{72 + 40 * np.cos(a):.4f},{48 + 40 * np.sin(a):.4f}" for a in around)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    off = np.hypot(x - 72, y - 48)
    inside = inside_of(region_of([circle], SIZE), SIZE)
    assert inside[off < 39.5].all() and not inside[off > 40.1].any()
    for size in (SIZE, (240, 361), (33, 50)):
        assert inside_of(region_of("0,0,144,96", SIZE), size).all()


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ("10,10,50", "LEFT,TOP,RIGHT,BOTTOM"),
        ("10,10,50,nan", "LEFT,TOP,RIGHT,BOTTOM"),
        ("arena.png", "no file"),
        ("500,500,600,600", "nothing of a video of 144x96"),
        ("10,10,10,40", "nothing of a video"),
    ],
)
def test_what_is_no_region_is_refused_in_a_sentence(given_, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=words):
        region_of([given_], SIZE)
    Image.new("L", (96, 96), 255).save("square.png")
    with pytest.raises(UserError, match="square.png of 96x96 px for a video of 144x96 px"):
        region_of(["square.png"], SIZE)
    with pytest.raises(UserError, match="as one text"):
        region_of([90, 10, 530, 455], SIZE)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UserError, match="no picture"):
        region_of(["text.png"], SIZE)


def test_survey_and_crops_see_what_moves_in_the_region_alone(tmp_path):
    folder = save(tmp_path / "street", street())
    region = region_of([LANE], SIZE)
    everywhere, there = survey(open_video(folder)), survey(open_video(folder), region=region)
    assert everywhere.count == 3 and there.count == 1
    assert abs(there.height_px - 20) < 2.5 and abs(there.width_px - 8) < 2.5
    reel = Footage.load([folder], region=region).reels[0]
    outside = ~inside_of(region, SIZE)
    assert (reel.frames[:, outside] == reel.background[outside]).all()
    assert (reel.frames[:, ~outside] != reel.background[~outside]).any()


def test_without_a_region_frames_stay():
    frames = street(frames=2)
    same = frames.copy()
    empty_outside(same, frames[0], ())
    assert (same == frames).all()
