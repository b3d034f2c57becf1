"""The film of tracks has every frame, shows what it is asked to, and draws things where they are."""

import numpy as np
import pytest

from scalor.data.video import open_video
from scalor.outputs.film import write
from scalor.outputs.options import Options
from scalor.outputs.overlay import PARTS, Overlay, crops_of
from scalor.viz.draw import track_color

from .conftest import LENGTH, H, W, toy_tracks


def test_an_overlay_has_as_many_frames_as_the_video_unreadable_ones_included(tmp_path, tracked, video):
    for frame in (0, 4):
        (video / f"{frame:06d}.png").write_bytes(b"no picture")
    write(tracked, tmp_path / "film.mp4", Options(video=video))
    pictures = [frame.image.mean() for frame in open_video(tmp_path / "film.mp4")]
    assert len(pictures) == LENGTH and pictures[0] < 3
    assert pictures[4] < pictures[3] / 2 < pictures[5]


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_the_drawing_can_be_had_alone(part):
    tracks = toy_tracks()
    grey = np.full((H, W, 3), 90, np.uint8)
    alone, nothing = Overlay((H, W), [part]), Overlay((H, W), [])
    for frame in (2, 3):
        rows = tracks.select(tracks.frame == frame)
        drawn = alone.draw(grey, rows, crops_of(rows, (H, W)))
        assert (nothing.draw(grey, rows, crops_of(rows, (H, W))) == 90).all()
    assert (drawn != 90).any() and drawn.shape == (4 * H, 4 * W, 3)
    if part == "boxes":
        left, top = rows.box_tlwh[0, :2] * 4
        assert tuple(drawn[int(top), int(left) + 6]) == track_color(int(rows.id[0]))
