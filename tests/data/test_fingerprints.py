"""What tells a video from others, and from itself before it was changed."""

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalor.data.fingerprints import fingerprint, fingerprints, former_fingerprint


def frames(folder: Path, count: int = 6, *, seed: int = 0, ending: str = "bmp") -> Path:
    """Pictures of one size in bytes, those of other seeds differ but for the first."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng([seed if number else 0, number])
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(folder / f"{number:03d}.{ending}")
    return folder


def test_pictures_that_are_overwritten_by_others_of_their_size_are_another_video(tmp_path):
    folder = frames(tmp_path / "film")
    before, former = fingerprint(folder), former_fingerprint(folder)
    frames(folder, seed=1)
    assert fingerprint(folder) != before and former_fingerprint(folder) == former
    frames(folder)
    assert fingerprint(folder) == before
    # The last picture alone, and in it the last rows alone.
    last = sorted(folder.iterdir())[-1]
    last.write_bytes(last.read_bytes()[:-64] + bytes(64))
    assert fingerprint(folder) != before


def test_a_copy_is_the_same_video_and_one_picture_less_is_not(tmp_path):
    folder = frames(tmp_path / "film")
    copy = shutil.copytree(folder, tmp_path / "elsewhere" / "copy")
    for file in copy.iterdir():
        os.utime(file, (1, 1))
    assert fingerprint(copy) == fingerprint(folder)
    (copy / "005.bmp").unlink()
    assert fingerprint(copy) != fingerprint(folder)


def test_whatever_lies_beside_the_frames_is_no_part_of_the_video(tmp_path):
    folder = frames(tmp_path / "film")
    before = fingerprint(folder)
    for place in ("out/summary.json", "crops/17/000001.png", "napari/labels.tif", "ctc/01_RES/mask000.tif", ".a/b"):
        (folder / place).parent.mkdir(parents=True)
        frames((folder / place).parent, 1)
        (folder / place).write_text("{}")
    for name in ("tracks.xml", "overlay.mp4", ".DS_Store"):
        (folder / name).write_text("x")
    assert fingerprint(folder) == before


def test_a_sequence_is_its_pictures_and_what_it_says_of_itself(tmp_path):
    frames(tmp_path / "seq" / "img1", ending="png")
    info = tmp_path / "seq" / "seqinfo.ini"
    info.write_text("[Sequence]\nframeRate=10\n")
    before = fingerprint(tmp_path / "seq")
    (tmp_path / "seq" / "gt").mkdir()
    (tmp_path / "seq" / "gt" / "gt.txt").write_text("1,1,1,1,1,1\n")
    assert fingerprint(tmp_path / "seq") == fingerprint(tmp_path / "seq" / "img1") == before
    info.write_text("[Sequence]\nframeRate=20\n")
    assert fingerprint(tmp_path / "seq") != before
    info.write_text("not an ini file")
    assert fingerprint(tmp_path / "seq") not in ("", before)


@pytest.mark.parametrize("size", [0, 10, 100_000, 5_000_000])
def test_a_file_is_known_by_its_size_and_many_places(tmp_path, size):
    film, other = tmp_path / "a.raw", tmp_path / "b.raw"
    content = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)
    film.write_bytes(content.tobytes())
    other.write_bytes(content.tobytes())
    assert fingerprint(film) == fingerprint(other) != ""
    if size > 100:
        content[size // 3 : -size // 3] ^= 1
        other.write_bytes(content.tobytes())
        assert fingerprint(film) != fingerprint(other)
    other.write_bytes(content.tobytes() + b"0")
    assert fingerprint(film) != fingerprint(other)
    assert fingerprints(tmp_path / "none") == frozenset() and fingerprint(tmp_path / "none") == ""


def test_a_folder_without_frames_and_former_fingerprints_are_known_too(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.mp4").write_text("x")
    assert fingerprint(tmp_path / "films") == former_fingerprint(tmp_path / "films") != ""
    folder = frames(tmp_path / "film")
    assert fingerprints(folder) == {fingerprint(folder), former_fingerprint(folder)}
    assert len(fingerprints(folder)) == 2


def stack(file: Path, pages: list[int]) -> Path:
    """A film of noise, each page of its own seed."""
    noise = (np.random.default_rng(page).integers(0, 256, (240, 320), dtype=np.uint8) for page in pages)
    first, *others = map(Image.fromarray, noise)
    file.parent.mkdir(parents=True, exist_ok=True)
    first.save(file, save_all=True, append_images=others)
    return file


@pytest.mark.parametrize("count", [0, 1, 12])
def test_a_page_of_a_stack_that_is_another_is_noticed_alone_and_in_a_folder(tmp_path, count):
    pages = [*range(60)]
    place = tmp_path / "stacks"
    film = stack(place / "film.tif", pages)
    for number in range(1, count):
        shutil.copy(film, place / f"film{number}.tif")
    place = place if count else film
    before = fingerprint(place)
    for page in range(60):
        stack(film, [*pages[:page], 1000, *pages[page + 1 :]])
        assert fingerprint(place) != before, page
    stack(film, pages)
    assert fingerprint(place) == before


def test_stacks_that_differ_where_former_fingerprints_looked_differ(tmp_path):
    film = tmp_path / "film.raw"
    prints = set()
    for spot in (None, 5_000, 60_000, 10**8 - 60_000, 10**8 - 5_000):
        with film.open("wb") as file:
            file.truncate(10**8)
            if spot:
                file.seek(spot)
                file.write(b"spot")
        prints.add(fingerprint(film))
    assert len(prints) == 5


class Counted(io.FileIO):
    """A file that counts how often and how much is read of it."""

    reads = total = 0

    def read(self, *size):
        part = super().read(*size)
        Counted.reads, Counted.total = Counted.reads + 1, Counted.total + len(part)
        return part


@pytest.mark.parametrize(
    ("files", "size", "reads", "total"), [(1000, 10**7, 5000, 25 * 10**6), (1, 10**10, 1026, 2**23)]
)
def test_little_is_read_of_thousands_of_large_pictures_and_of_a_long_film(
    tmp_path, monkeypatch, files, size, reads, total
):
    for number in range(files):
        with (tmp_path / f"{number:04d}.bmp").open("wb") as file:
            file.truncate(size)
    monkeypatch.setattr(Path, "open", lambda place, *_, **__: Counted(place, "rb"))
    Counted.reads = Counted.total = 0
    assert fingerprint(tmp_path if files > 1 else tmp_path / "0000.bmp")
    assert 0 < Counted.reads <= reads and 0 < Counted.total <= total
