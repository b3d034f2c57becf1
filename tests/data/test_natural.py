"""Clips of the packaged films: what is tested is later than what is learned, and every clip is itself again."""

import pickle

import numpy as np
import pytest
import torch

from scalor.data import natural
from scalor.data.natural import CROPS, FILMS, Natural, part_of
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.training.datasets import data_named

COUNTS = {"traffic": 240, "people": 105}
FPS = {"traffic": 24.0, "people": 10.0}


@pytest.fixture
def numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films whose pictures are their frames' numbers, beside those of their crops."""

    def decoded(name: str, size: int) -> tuple[np.ndarray, float]:
        film = np.zeros((COUNTS[name], len(CROPS), size, size, 3), np.uint8)
        film[..., 0] = np.arange(COUNTS[name])[:, None, None, None]
        film[..., 1] = np.arange(len(CROPS))[:, None, None]
        return film, FPS[name]

    monkeypatch.setattr(natural, "decoded", decoded)


def frames_of(data: Natural, index: int) -> list[int]:
    """The numbers of the frames of a clip, all of one crop."""
    video = data[index].video
    assert len(video[:, 1].unique()) == 1
    return video[:, 0, 0, 0].tolist()


def test_no_held_out_frame_is_ever_learned_from(numbered: None) -> None:
    for position, name in enumerate(FILMS):
        seen = {
            split: {frame for index in range(position, 600, len(FILMS)) for frame in frames_of(data, index)}
            for split in ("train", "test")
            for data in [Natural(split, seed=3, size=4)]
        }
        cut = part_of(COUNTS[name], "train")[1]
        assert cut == part_of(COUNTS[name], "test")[0] == int(0.8 * COUNTS[name])
        assert max(seen["train"]) == cut - 1 and min(seen["test"]) == cut
        assert min(seen["train"]) == 0 and max(seen["test"]) == COUNTS[name] - 1


def test_frames_are_in_their_order_about_ten_per_second(numbered: None) -> None:
    data = Natural(size=4)
    for index in range(40):
        steps = np.diff(frames_of(data, index))
        assert len(steps) == 9 and (steps == (2, 1)[index % 2]).all()
        assert data[index].fps == pytest.approx((12, 10)[index % 2])


def test_a_clip_is_a_function_of_seed_and_index(numbered: None) -> None:
    data, again, other = Natural(size=4, seed=5), pickle.loads(pickle.dumps(Natural(size=4, seed=5))), Natural(size=4)
    for index in (7, 3, 11):
        assert torch.equal(data[index].video, again[index].video) and data[index].name == again[index].name
        assert torch.equal(data.clip(index, frames=4).video, data[index].video[:4]), "shorter clips are beginnings"
    assert [data[index].name for index in range(20)] != [other[index].name for index in range(20)]
    crops = {int(data[index].video[0, 1, 0, 0]) for index in range(40)}
    assert crops == set(range(len(CROPS)))


def test_mistakes_are_told(numbered: None) -> None:
    with pytest.raises(UserError, match="the test part of people has 21 frames; 22 are wanted"):
        Natural("test", size=4).clip(1, frames=22)
    with pytest.raises(UserError, match="split is 'val'"):
        Natural("val")
    with pytest.raises(IndexError):
        Natural(length=3)[3]


def test_the_packaged_films_are_seen_through_square_looks() -> None:
    data = data_named("natural", 7, split="test")
    assert isinstance(data, Natural) and data.split == "test" and data.seed == 7
    clip = data[0]
    assert clip.video.shape == (10, 3, 64, 64) and clip.video.dtype == torch.uint8 and clip.truth is None
    film, start, crop = clip.name.split("-")[0], *map(int, clip.name.split("-")[2:])
    source = open_video(str(natural.files("scalor.data") / "assets" / f"{film}.mp4"))
    (frame,) = source.read(range(start, start + 1))
    left = round(CROPS[crop] * (frame.image.shape[1] - frame.image.shape[0]))
    square = frame.image[:, left : left + frame.image.shape[0]]
    for channel in range(3):
        assert clip.video[0, channel].float().mean() == pytest.approx(square[..., channel].mean(), abs=1.0)
    assert data_named("natural-128", 7).size == 128
