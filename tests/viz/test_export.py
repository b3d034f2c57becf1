"""Laws of the written files: complete or absent, readable by others, nothing lost on the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.viz.export import (
    SUMMARY,
    atomic_folder,
    atomic_path,
    video_writer,
    write_summary_json,
)

H, W = 48, 65


def test_a_summary_takes_numpy_and_never_writes_nan(tmp_path):
    write_summary_json(
        tmp_path / "s.json", {"a": np.float32("nan"), "b": np.int64(3), "c": {"d": np.arange(2)}, "e": tmp_path}
    )
    assert json.loads((tmp_path / "s.json").read_text()) == {"a": None, "b": 3, "c": {"d": [0, 1]}, "e": str(tmp_path)}


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        assert (tmp_path / "a.txt").read_text() == "old"
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old"


def test_a_folder_appears_only_when_it_is_complete(tmp_path):
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "out") as temporary:
        (temporary / "tracks.txt").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(tmp_path / "out") as temporary:
        (temporary / "tracks.txt").write_text("new")
        assert not (tmp_path / "out").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["out"] and (tmp_path / "out" / "tracks.txt").read_text() == "new"


def test_a_folder_that_exists_keeps_foreign_files_and_gets_its_summary_last(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("foreign.doc", "tracks.txt", SUMMARY):
        (out / name).write_text("old")
    moved = []
    real = __import__("os").replace

    def watched(source, target):
        assert not (out / SUMMARY).exists(), "an old summary must not stand beside new tracks"
        moved.append(Path(target).name)
        real(source, target)

    monkeypatch.setattr("scalor.viz.export.os.replace", watched)
    with atomic_folder(out) as temporary:
        for name in (SUMMARY, "tracks.txt", "zebra.txt"):
            (temporary / name).write_text("new")
    assert moved[-1] == SUMMARY
    assert {p.name: p.read_text() for p in out.iterdir()} == {
        "foreign.doc": "old",
        "tracks.txt": "new",
        "zebra.txt": "new",
        SUMMARY: "new",
    }


@pytest.mark.parametrize("opener", [atomic_path, atomic_folder])
def test_an_unwritable_place_is_one_sentence(tmp_path, opener):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"), opener(tmp_path / "file" / "below"):
        pass


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"), atomic_folder(tmp_path / "file"):
        pass


def test_a_video_of_odd_size_plays_and_keeps_its_pictures(tmp_path):
    pictures = [np.full((H, W, 3), 40 * t, np.uint8) for t in range(6)]
    with video_writer(tmp_path / "a.mp4", fps=12.5) as video:
        for picture in pictures:
            video.write(picture)
        assert not (tmp_path / "a.mp4").exists()
    source = open_video(tmp_path / "a.mp4")
    assert (source.fps, source.height, source.width) == (12.5, H, W + 1)
    for frame, picture in zip(source, pictures, strict=True):
        assert abs(frame.image.astype(int).mean() - picture.mean()) < 4


ENCODED = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
from scalor.viz.export import video_writer

noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (110, 200, 3), dtype=np.uint8))
scene = np.asarray(noise.resize((600, 330), Image.Resampling.BICUBIC))
for height, width in ((324, 564), (320, 569), (45, 61), (82, 96), (130, 178), (200, 200)):
    with video_writer(Path(sys.argv[1]) / f"{height}x{width}.mp4", fps=10) as film:
        for t in range(6):
            film.write(scene[t : t + height, 2 * t : 2 * t + width])
"""


def test_a_film_is_the_same_whatever_was_in_memory_before(tmp_path):
    """glibc fills what it hands out with other bytes each time, so that what is read unwritten shows."""
    written = []
    for fill in (1, 85, 255):
        folder = tmp_path / str(fill)
        folder.mkdir()
        own_heap = {"MALLOC_PERTURB_": str(fill), "MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TOP_PAD_": "1"}
        command = [sys.executable, "-c", ENCODED, str(folder)]
        subprocess.run(command, check=True, env={**os.environ, **own_heap})
        written.append({place.name: place.read_bytes() for place in folder.iterdir()})
    assert len(written[0]) == 6
    assert written[0] == written[1] == written[2]
    # x264 writes its settings down; its macroblock tree is what read there, on some processors only.
    assert all(b" mbtree=0 " in film for film in written[0].values())


def test_a_video_that_fails_half_way_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="one size"), video_writer(tmp_path / "a.mp4", fps=10) as video:
        video.write(np.zeros((H, W, 3), np.uint8))
        video.write(np.zeros((H, W + 2, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_frames_is_no_file(tmp_path):
    with video_writer(tmp_path / "a.mp4", fps=10):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_film_is_as_long_as_its_last_frame_stands_however_late_that_comes(tmp_path):
    times = [*(n / 10 for n in range(20)), 30.0, 60.0]
    with video_writer(tmp_path / "a.mp4", fps=10) as video:
        for number, time in enumerate(times):
            video.write(np.full((H, W, 3), 10 * number, np.uint8), time=time)
    with av.open(str(tmp_path / "a.mp4")) as container:
        (stream,) = container.streams.video
        assert abs(float(stream.duration * stream.time_base) - 60.1) < 0.2
        assert abs(container.duration / av.time_base - 60.1) < 0.2
        shown = [float(frame.pts * stream.time_base) for frame in container.decode(stream)]
    np.testing.assert_allclose(shown, times, atol=1e-3)
