"""Opening: tags in any encoding, with each PyAV."""

import os
import re
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from scalor.data.live import open_live
from scalor.data.opening import lenient, open_media
from scalor.data.video import open_video

from .numbered import picture, shown

H, W, N = 48, 64, 5


def titled(path: Path) -> Path:
    """A film whose title is written in Latin-1, as old programs did."""
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Z_rich"
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = H, W, "yuv420p"
        for number in range(N):
            frame = av.VideoFrame.from_ndarray(np.full((H, W, 3), 40 * number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    assert b"Z_rich" in data
    path.write_bytes(data.replace(b"Z_rich", "Zürich".encode("latin-1")))
    return path


@pytest.mark.parametrize("ending", ["avi", "mp4", "mkv"])
def test_a_title_that_is_not_utf8_hinders_nothing(tmp_path, ending):
    path = titled(tmp_path / f"old.{ending}")
    with open_media(str(path)) as container:
        assert container.metadata["title"] in ("Z\ufffdrich", "Z\udcfcrich")  # replaced below PyAV 19, escaped since
    source = open_video(path)
    assert len(list(source)) == source.count() == N and source.report.clean


def test_a_stream_with_a_title_that_is_not_utf8_is_read(tmp_path):
    data, pipe = titled(tmp_path / "old.mkv").read_bytes(), tmp_path / "pipe"
    os.mkfifo(pipe)
    sender = threading.Thread(target=lambda: pipe.write_bytes(data), daemon=True)
    sender.start()
    assert len(list(open_live(str(pipe)))) == N
    sender.join(20)


def test_only_a_pyav_that_knows_the_word_is_told_to_replace_what_is_no_utf8():
    older = type("Container", (), {"metadata_errors": None})
    assert lenient(older) == {"metadata_errors": "replace"} and lenient(type("Container", (), {})) == {}


def test_pictures_joined_byte_by_byte_under_a_picture_s_name_are_frames(tmp_path):
    raw = []
    for number in range(4):
        Image.fromarray(picture(number)).save(tmp_path / "one.jpg", quality=95)
        raw.append((tmp_path / "one.jpg").read_bytes())
    (tmp_path / "all.jpg").write_bytes(b"".join(raw))
    assert [shown(frame.image) for frame in open_video(tmp_path / "all.jpg")] == [0, 1, 2, 3]
    assert len(list(open_video(tmp_path / "one.jpg"))) == 1
    Image.fromarray(picture(0)).save(
        tmp_path / "stereo.jpg", format="MPO", save_all=True, append_images=[Image.fromarray(picture(1))]
    )
    assert len(list(open_video(tmp_path / "stereo.jpg"))) == 1


@pytest.mark.parametrize("ending", ["dv", "gxf"])
def test_a_rate_is_that_of_frames_and_not_of_the_clock(tmp_path, ending):
    with av.open(str(tmp_path / f"film.{ending}"), "w") as container:
        stream = container.add_stream("dvvideo" if ending == "dv" else "mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for number in range(8):
            large = np.pad(picture(number), ((0, 512), (0, 624), (0, 0)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(large, format="rgb24")))
        container.mux(stream.encode())
    source = open_video(tmp_path / f"film.{ending}")
    assert source.fps == 25.0 and [frame.time for frame in source][:3] == pytest.approx([0.0, 0.04, 0.08])


def test_a_gif_whose_frames_have_no_time_is_read_whole(tmp_path):
    path = tmp_path / "film.gif"
    pages = [Image.fromarray(picture(number)) for number in range(5)]
    pages[0].save(path, save_all=True, append_images=pages[1:], duration=60, disposal=2)
    assert [shown(frame.image) for frame in open_video(path)] == [0, 1, 2, 3, 4]
    path.write_bytes(re.sub(rb"\x21\xf9\x04....\x00", b"", path.read_bytes(), flags=re.DOTALL))
    source = open_video(path)
    assert len(list(source)) == source.count() == 5 and source.report.clean
