"""Outputs never destroy what they are made from, and land under any name."""

import os
from pathlib import Path

import av
import numpy as np
import pytest

from scalor.cli.main import WRONG_USE, main
from scalor.outputs.export import FORMATS

from .conftest import H, W


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A film of twelve frames in which something moves."""
    place = tmp_path / "film.mp4"
    with av.open(str(place), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        for number in range(12):
            picture = np.random.default_rng(number).integers(60, 70, (H, W, 3), dtype=np.uint8)
            picture[8:24, 3 * number : 3 * number + 16] = 230
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return place


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {place.name: place.read_bytes() for place in folder.iterdir() if place.is_file()}


def test_a_film_is_not_exported_onto_itself(capsys, folder, film, tmp_path):
    before = bytes_of(tmp_path)
    (tmp_path / "elsewhere").symlink_to(tmp_path)
    for out in (film, tmp_path / "elsewhere" / film.name):
        assert main(["export", str(folder), "--to", "video", "--video", str(film), "-o", str(out)]) == WRONG_USE
        assert "would destroy it" in capsys.readouterr().err
    assert bytes_of(tmp_path) == before


@pytest.mark.parametrize(
    ("to", "name"),
    [("coco", "masks.json"), ("coco", "summary.json"), ("trackpy", "tracks.csv"), ("trackpy", "times.csv")],
)
def test_the_tables_of_a_folder_are_not_exported_onto(capsys, folder, to, name):
    (folder / "times.csv").write_text("frame,time\n1,0\n")
    before = bytes_of(folder)
    assert to in FORMATS and name in before
    assert main(["export", str(folder), "--to", to, "-o", str(folder / name)]) == WRONG_USE
    assert "would destroy it" in capsys.readouterr().err
    assert bytes_of(folder) == before


def test_a_film_is_not_tracked_into_its_own_place(capsys, film, tmp_path):
    out = tmp_path / "out"
    assert main(["track", str(film), "--method", "mog2-sort", "-o", str(out)]) == 0
    film.replace(out / "overlay.mp4")
    before = bytes_of(out)
    assert main(["track", str(out / "overlay.mp4"), "--method", "mog2-sort", "-o", str(out)]) == WRONG_USE
    assert "would destroy it" in capsys.readouterr().err
    assert bytes_of(out) == before


def test_names_that_are_no_utf8_are_names(capsys, film, tmp_path):
    film = film.rename(tmp_path / os.fsdecode(b"fr\xfch.mp4"))
    out = tmp_path / os.fsdecode(b"sp\xe4t")
    assert main(["track", str(film), "--method", "mog2-sort", "-o", str(out)]) == 0
    assert (out / "report.html").is_file() and (out / "summary.json").is_file()
    assert main(["export", str(out), "--to", "video", "-o", str(tmp_path / "again.mp4")]) == 0


def test_an_empty_name_is_no_place(capsys, film, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for video, out in (("", "out"), (str(film), "")):
        assert main(["track", video, "--method", "mog2-sort", "-o", out]) == WRONG_USE
        assert "is empty" in capsys.readouterr().err
    assert not list(Path.cwd().iterdir())
