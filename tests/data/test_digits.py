import gzip
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scalor.data.digits import PRESETS, Digits, DigitsConfig, _shrink, digit_bank, digits, ink_extent, read_idx
from scalor.errors import UserError


def idx_bytes(values: np.ndarray) -> bytes:
    head = b"\x00\x00\x08" + bytes([values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    return head + values.astype(np.uint8).tobytes()


def write_mnist(folder: Path, *, ending: str = ".gz") -> np.ndarray:
    """Ten pictures: a filled rectangle of 20 columns and 2 (label + 1) rows."""
    pictures = np.zeros((10, 28, 28), np.uint8)
    for label in range(10):
        pictures[label, 4 : 6 + 2 * label, 4:24] = 255
    pack = gzip.compress if ending else bytes
    for name, values in (("images-idx3", pictures), ("labels-idx1", np.arange(10))):
        for split in ("train", "t10k"):
            (folder / f"{split}-{name}-ubyte{ending}").write_bytes(pack(idx_bytes(values)))
    return pictures


@pytest.mark.parametrize("name", PRESETS)
def test_a_clip_depends_on_seed_and_index_alone(name: str) -> None:
    data = Digits(digits(name), seed=5)
    expected = data[2]
    data[0]
    assert torch.equal(expected.video, pickle.loads(pickle.dumps(data))[2].video)
    assert torch.equal(expected.video[:4], data.clip(2, frames=4).video)
    assert not torch.equal(expected.video, data[3].video)


def test_the_packaged_digits_hold_every_label_in_both_splits() -> None:
    for split, count in (("train", 1000), ("test", 300)):
        bank = digit_bank(None, split)
        assert np.bincount(bank.labels).tolist() == [count // 10] * 10
        assert bank.pictures.shape == (count, 28, 28) and bank.pictures.dtype == np.uint8
    train, test = (digit_bank(None, split).pictures.reshape(-1, 784) for split in ("train", "test"))
    assert not {row.tobytes() for row in train} & {row.tobytes() for row in test}


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_the_users_own_files_are_read_gzipped_or_not(tmp_path: Path, ending: str) -> None:
    pictures = write_mnist(tmp_path, ending=ending)
    bank = digit_bank(str(tmp_path), "test")
    np.testing.assert_array_equal(bank.pictures, pictures)
    assert bank.labels.tolist() == list(range(10))


def test_only_the_asked_labels_appear(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    config = DigitsConfig(canvas=64, count=(1, 1), labels=(2, 5), source=str(tmp_path), object_size=20, size_spread=0.0)
    seen = set()
    for index in range(20):
        truth = Digits(config, seed=0).clip(index, frames=1).truth
        assert truth is not None
        width, height = truth.box_tlwh[0, 0, 2:].tolist()
        seen.add((round(width), round(height / 2 - 1)))
    assert seen == {(20, 2), (20, 5)}


def test_the_extent_of_ink_is_tight_and_that_of_an_empty_picture_is_full() -> None:
    pictures = np.zeros((2, 9, 9), np.float32)
    pictures[0, 2:4, 5:8] = 1
    near, far = ink_extent(pictures)
    assert near.tolist() == [[5, 2], [0, 0]] and far.tolist() == [[8, 4], [9, 9]]


def test_shrinking_keeps_the_mean_ink() -> None:
    pictures = digit_bank().pictures[:6].astype(np.float32) / 255
    for step in (1.0, 1.37, 2.8):
        origin = np.full((1, 6, 2), -2.0) + np.random.default_rng(0).random((1, 6, 2))
        small = _shrink(pictures, origin, np.full(6, step), int(32 / step) + 2)
        np.testing.assert_allclose(small.sum((2, 3))[0] * step**2, pictures.sum((1, 2)), rtol=1e-4)


def test_a_digit_shown_at_its_own_size_on_whole_pixels_is_unchanged() -> None:
    pictures = digit_bank().pictures[:3].astype(np.float32) / 255
    np.testing.assert_allclose(_shrink(pictures, np.zeros((1, 3, 2)), np.ones(3), 28)[0], pictures, atol=1e-6)


def test_a_lone_digits_ink_lies_in_its_box() -> None:
    config = replace(digits("vld"), canvas=64, count=(1, 1))
    for index in range(20):
        clip = Digits(config, seed=1).clip(index, frames=2)
        assert clip.truth is not None
        for frame in range(2):
            rows, columns = (clip.truth.owner[frame] == 0).nonzero(as_tuple=True)
            left, top, width, height = clip.truth.box_tlwh[frame, 0].tolist()
            assert left - 1 <= columns.min() and columns.max() + 1 <= left + width + 1
            assert top - 1 <= rows.min() and rows.max() + 1 <= top + height + 1


def test_colliding_digits_meet_in_the_middle_of_the_clip() -> None:
    data = Digits(replace(digits("colliding"), count=(2, 2)), seed=2)
    for index in range(10):
        truth = data.clip(index, frames=6).truth
        assert truth is not None
        apart = (truth.center[:, 0] - truth.center[:, 1]).norm(dim=-1)
        assert apart[5] < 0.01 and apart[0] > 1 and (apart.diff() < 0).all()


def test_channels_are_one_white_or_three_coloured() -> None:
    assert Digits(digits("vld"))[0].video.shape == (10, 1, 64, 64)
    white = Digits(replace(digits("vld"), channels=3))[0].video
    assert torch.equal(white[:, 0], white[:, 2])
    assert torch.equal(white[:, :1], Digits(digits("vld"))[0].video)
    colored = Digits(replace(digits("vld"), channels=3, colored=True))[0].video
    assert not torch.equal(colored[:, 0], colored[:, 2])


def test_broken_files_are_refused_by_name(tmp_path: Path) -> None:
    whole = idx_bytes(np.zeros((3, 4, 4)))
    for raw, message in ((whole[:-1], "announces"), (b"PK" + whole, "begin"), (b"", "begin")):
        (tmp_path / "file").write_bytes(raw)
        with pytest.raises(UserError, match=message):
            read_idx(tmp_path / "file")
    (tmp_path / "file.gz").write_bytes(gzip.compress(whole)[:-9])
    with pytest.raises(UserError, match="cannot be read"):
        read_idx(tmp_path / "file.gz")
    with pytest.raises(UserError, match="train-images"):
        digit_bank(str(tmp_path), "train")


@pytest.mark.parametrize(
    "wrong",
    [
        {"split": "all"},
        {"channels": 2},
        {"colored": True},
        {"labels": (10,)},
        {"labels": ()},
        {"count": (3, 1)},
        {"canvas": 9},
        {"background": "rain"},
    ],
)
def test_impossible_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(UserError):
        DigitsConfig(**wrong)
    with pytest.raises(UserError, match="colliding"):
        digits("hd")
