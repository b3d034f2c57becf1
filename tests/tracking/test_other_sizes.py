"""Films of the place that weights know, in more or fewer pixels; films of other places."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scalor import pretrained
from scalor.data.video import open_video
from scalor.tracking.setup import Prepared, prepare, scale_to
from scalor.tracking.view import View


def _prepared(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> Prepared:
    """A tracker with the packaged weights for changed frames of their clip."""
    clip = open_video(files("scalor.data") / "assets" / "traffic.mp4")
    for number, frame in enumerate(clip.sample(15)):
        cv2.imwrite(str(folder / f"{number:02d}.png"), change(frame.image[..., ::-1]))
    return prepare(pretrained.load_all("traffic"), open_video(folder), device="cpu")


@pytest.mark.parametrize("size", [(320, 180), (480, 270), (640, 360), (960, 540), (1280, 720)])
def test_the_place_that_was_learned_is_seen_at_the_size_that_was_learned(tmp_path: Path, size: tuple[int, int]) -> None:
    found = _prepared(tmp_path, lambda frame: cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    view = View.of(size[1], size[0], scale=found.tracker.scale, cell=1)
    assert (view.rows, view.columns) == (78, 138)
    assert found.backdrop == "stored with the weights" and not found.doubt


def test_a_mirrored_place_is_another_one(tmp_path: Path) -> None:
    assert _prepared(tmp_path, lambda frame: frame[:, ::-1]).backdrop == "estimated from 15 frames of this video"


def test_another_place_in_fewer_pixels_is_seen_at_the_usual_scale(tmp_path: Path) -> None:
    found = _prepared(tmp_path, lambda frame: cv2.resize(frame[::-1], (320, 180), interpolation=cv2.INTER_AREA))
    assert found.tracker.scale == pytest.approx(8 / 37)
    assert found.backdrop == "estimated from 15 frames of this video"


def test_a_larger_film_of_another_place_is_doubted(tmp_path: Path) -> None:
    found = _prepared(tmp_path, lambda frame: cv2.resize(frame[::-1], (1920, 1080)))
    assert "it takes long" in found.doubt


@example(17, 27, 0.5)  # 8.5 rows and 13.5 columns: one scale only leads to 8 and 14
@example(19, 21, 0.5)
@given(st.integers(16, 2000), st.integers(16, 2000), st.floats(0.05, 1.0))
def test_the_scale_of_a_view_is_found_again(height: int, width: int, scale: float) -> None:
    view = View.of(height, width, scale=scale, cell=1)
    found = scale_to(height, width, view.rows, view.columns)
    assume(min(view.rows, view.columns) > 1)
    assume(scale == 0.5 or min(abs(side * scale % 1 - 0.5) for side in (height, width)) > 1e-9)  # noise of rounding
    assert found is not None
    again = View.of(height, width, scale=found, cell=1)
    assert (again.rows, again.columns) == (view.rows, view.columns)


@pytest.mark.parametrize(("rate", "doubted"), [(8, True), (12, True), (20, False), (24, False), (60, False)])
def test_a_film_of_fewer_frames_per_second_is_doubted(tmp_path: Path, rate: int, doubted: bool) -> None:
    clip = open_video(files("scalor.data") / "assets" / "traffic.mp4")
    film = cv2.VideoWriter(str(tmp_path / "t.avi"), cv2.VideoWriter.fourcc(*"MJPG"), rate, (clip.width, clip.height))
    for frame in clip.sample(15):
        film.write(np.ascontiguousarray(frame.image[..., ::-1]))
    film.release()
    found = prepare(pretrained.load_all("traffic"), open_video(tmp_path / "t.avi"), device="cpu")
    assert (f"learned at 24 frames per second and t has {rate}" in found.doubt) == doubted


def test_pictures_without_a_rate_are_not_doubted(tmp_path: Path) -> None:
    assert not _prepared(tmp_path, lambda frame: frame).doubt
