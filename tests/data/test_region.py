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
    # One pixel of the video, or of the smaller one, is as near as outlines of whole pixels come.
    near = 1.5 + 1.5 / min(1.0, factor)
    assert inside[off < half - near].all() and not inside[off > half + near].any()


def test_a_picture_is_bright_where_to_look_and_may_have_holes(tmp_path):
    wanted = np.zeros(SIZE, np.uint8)
    wanted[8:80, 16:120] = 255
    wanted[30:50, 40:80] = 0  # a clock in the picture
    Image.fromarray(wanted).save(tmp_path / "mask.png")
    inside = inside_of(region_of([tmp_path / "mask.png"], SIZE), SIZE)
    assert ((wanted > 0) != inside).sum() <= 2 * (20 + 40) + 4 and not inside[31:49, 41:79].any()
    assert inside[8:28, 16:120].all()


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
