"""Folders of clips with boxes: films beside texts, and what ``scalor data`` writes."""

from pathlib import Path

import numpy as np
import pytest

from scalor.data.balls import Balls, balls
from scalor.data.clip_folder import read_clips
from scalor.data.motchallenge import write_clip, write_mot
from scalor.errors import UserError
from scalor.viz.export import video_writer

DATA = Balls(balls("bounce"))


def write_pair(folder: Path, index: int, *, frames: int = 6) -> None:
    """A film and a text that counts pixels from 0, as data sets of balls come."""
    clip = DATA.clip(index, frames=frames)
    with video_writer(folder / f"clip_{index:02d}.mp4", fps=10.0, quality=5) as writer:
        for frame in clip.video:
            writer.write(frame.permute(1, 2, 0).numpy())
    write_mot(clip.truth.tracks(0.0), folder / f"clip_{index:02d}.txt", box_base=0)


def test_films_beside_texts_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for index in (2, 0, 1):
        write_pair(tmp_path, index)
    (tmp_path / "notes.txt").write_text("nothing of this")
    found = read_clips(tmp_path, frames=4, most=2)
    assert [clip.name for clip in found] == ["clip_00", "clip_01"]
    for index, clip in enumerate(found):
        made = DATA.clip(index, frames=4)
        assert clip.video.shape == (4, 64, 64, 3) and clip.truth.frame.max() == 3
        np.testing.assert_allclose(clip.truth.box_tlwh, made.truth.tracks(0.0).box_tlwh, atol=1e-3)
        assert np.abs(clip.video.astype(int) - made.video.permute(0, 2, 3, 1).numpy()).mean() < 12


def test_folders_that_scalor_data_wrote_are_read_too(tmp_path: Path) -> None:
    clip = DATA.clip(0, frames=5)
    write_clip(clip, tmp_path / "balls-bounce-0-000000")
    (found,) = read_clips(tmp_path, frames=5, most=9)
    assert np.array_equal(found.video, clip.video.permute(0, 2, 3, 1).numpy())
    np.testing.assert_allclose(found.truth.box_tlwh, clip.truth.tracks(0.25).box_tlwh, atol=1e-3)


def test_an_empty_place_and_clips_that_are_too_short_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no clip with a truth"):
        read_clips(tmp_path, frames=4, most=1)
    with pytest.raises(UserError, match="holds no clip with a truth"):
        read_clips(tmp_path / "nowhere", frames=4, most=1)
    write_pair(tmp_path, 0, frames=3)
    with pytest.raises(UserError, match="has 3 frames; 4 are wanted"):
        read_clips(tmp_path, frames=4, most=1)
    text = tmp_path / "clip_00.txt"
    text.write_text("".join(line + "\n" for line in text.read_text().splitlines() if line.startswith("1,")))
    with pytest.raises(UserError, match="speaks of 1 frames; 3 are wanted"):
        read_clips(tmp_path, frames=3, most=1)
