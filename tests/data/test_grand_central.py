import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalor.data.grand_central import CROPS, GrandCentral
from scalor.errors import UserError

SIDE = 12


def station(folder: Path, count: int) -> Path:
    """Frames of 36 x 24 pixels: red tells the frame's number, green the column, blue the row."""
    folder.mkdir()
    picture = np.zeros((2 * SIDE, 3 * SIDE, 3), np.uint8)
    picture[..., 1], picture[..., 2] = np.arange(3 * SIDE), np.arange(2 * SIDE)[:, None]
    for number in range(count):
        picture[..., 0] = number
        Image.fromarray(picture).save(folder / f"{number}.png")
    return folder


def test_crops_are_the_published_eight() -> None:
    published = {(120, 0), (360, 0), (0, 240), (240, 240), (480, 240), (0, 120), (240, 120), (480, 120)}
    assert {(round(left * 240), round(top * 240)) for left, top in CROPS} == published


def test_a_clip_is_one_crop_of_every_eighth_frame_in_numerical_order(tmp_path: Path) -> None:
    data = GrandCentral(station(tmp_path / "frames", 110), frames=3, size=SIDE)
    for start, crop in ((0, 0), (7, 3), (20, 7)):
        video = data[start * 8 + crop].video
        assert video.shape == (3, 3, SIDE, SIDE)
        assert video[:, 0, 0, 0].tolist() == [start, start + 8, start + 16]
        left, top = CROPS[crop]
        assert video[0, 1, 0].tolist() == list(range(round(left * SIDE), round(left * SIDE) + SIDE))
        assert video[0, 2, :, 0].tolist() == list(range(round(top * SIDE), round(top * SIDE) + SIDE))


def test_splits_part_the_time_and_count_as_published(tmp_path: Path) -> None:
    folder = station(tmp_path / "frames", 200)
    train, test = GrandCentral(folder, frames=2, size=4), GrandCentral(folder, "test", frames=2, size=4)
    assert len(train) == (180 - 9 + 1) * 8
    assert len(test) == 8
    assert train[len(train) - 1].video[-1, 0, 0, 0] == 179
    assert test[0].video[:, 0, 0, 0].tolist() == [180, 188]
    with pytest.raises(IndexError):
        train[len(train)]


def test_test_clips_do_not_overlap(tmp_path: Path) -> None:
    data = GrandCentral(station(tmp_path / "frames", 250), "test", frames=3, skip=2, size=4)
    taken = [data[start * 8].video[:, 0, 0, 0].tolist() for start in range(len(data) // 8)]
    assert taken == [[225, 227, 229], [231, 233, 235], [237, 239, 241], [243, 245, 247]]


def test_shorter_clips_are_beginnings_and_the_data_set_travels_to_workers(tmp_path: Path) -> None:
    data = pickle.loads(pickle.dumps(GrandCentral(station(tmp_path / "frames", 60), frames=4, size=8)))
    assert (data.clip(9, frames=2).video == data[9].video[:2]).all()


def test_wrong_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a folder"):
        GrandCentral(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no <integer>.png"):
        GrandCentral(tmp_path / "empty")
    with pytest.raises(UserError, match="has 20 frames; too few"):
        GrandCentral(station(tmp_path / "short", 20))
    with pytest.raises(UserError, match="split"):
        GrandCentral(tmp_path / "short", "val")


def test_wrong_pictures_are_named(tmp_path: Path) -> None:
    folder = station(tmp_path / "frames", 30)
    Image.new("RGB", (24, 24)).save(folder / "0.png")
    (folder / "1.png").write_bytes(b"no picture")
    data = GrandCentral(folder, frames=1)
    with pytest.raises(UserError, match=r"0\.png has 24 x 24"):
        data[0]
    with pytest.raises(UserError, match=r"1\.png cannot be read"):
        data[8]
