"""Bare streams of H.264 and JPEG: what damage takes is said, and no encoder's habit passes for damage."""

import io
import re

import av
import numpy as np
import pytest
from PIL import Image

from scalor.data.film_damage import harmed_places
from scalor.data.films import films_in
from scalor.data.video import open_video

from .numbered import H, W, picture

N = 20


def grainy(number: int) -> np.ndarray:
    grain = np.random.default_rng(number).integers(0, 12, (H, W, 3), dtype=np.uint8)
    return np.clip(picture(number).astype(int) + grain, 0, 255).astype(np.uint8)


def encoded(path, codec: str, options: dict[str, str]) -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = W, H, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(N):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grainy(number), format="rgb24")))
        container.mux(stream.encode(None))
    return path.read_bytes()


def said(path) -> bool:
    source = open_video(path)
    assert len(list(source)) < N
    return any("damaged inside" in note for note in source.report.notes)


HABITS = (
    "",
    "keyint=1",
    "bframes=5:b-pyramid=normal",
    "bframes=3:open-gop=1:keyint=8",
    "interlaced=1",
    "slices=4:aud=1",
    "intra-refresh=1:keyint=10",
    "keyint=5:min-keyint=1:ref=6",
)


@pytest.mark.parametrize("habit", HABITS)
def test_whole_films_of_many_habits_are_no_damaged_ones(tmp_path, habit):
    path = tmp_path / "film.h264"
    encoded(path, "libx264", {"x264-params": habit})
    assert [harmed_places(film) for film in films_in(path)] == [0]


@pytest.mark.parametrize("habit", ["bframes=0", "keyint=1", "bframes=0:keyint=6"])
def test_a_lost_reference_of_h264_is_said(tmp_path, habit):
    path = tmp_path / "film.h264"
    raw = encoded(path, "libx264", {"x264-params": habit})
    units = [
        unit.start() for unit in re.finditer(rb"\x00\x00\x01[\x21-\x65]", raw) if raw[unit.start() + 3] & 31 in (1, 5)
    ]
    assert len(units) == N
    path.write_bytes(raw[: units[7]] + raw[units[8] :])
    assert said(path)


@pytest.mark.parametrize(
    "more", [{}, {"progressive": True}, {"restart_marker_blocks": 2}, {"icc_profile": b"\xff\xd8\xff" * 90}]
)
@pytest.mark.parametrize("gap", [b"", bytes(30), b"\r\n--part\r\nContent-Type: image/jpeg\r\n\r\n"])
def test_jpegs_of_many_habits_are_no_damaged_ones(tmp_path, more, gap):
    path, raw = tmp_path / "film.mjpeg", io.BytesIO()
    for number in range(N):
        Image.fromarray(grainy(number)).save(raw, "JPEG", **more)
        raw.write(gap)
    path.write_bytes(raw.getvalue())
    assert [harmed_places(film) for film in films_in(path)] == [0]


@pytest.mark.parametrize("way", ["head zeroed", "end cut out", "text put in"])
def test_jpegs_that_melt_into_one_are_said(tmp_path, way):
    path = tmp_path / "film.mjpeg"
    raw = encoded(path, "mjpeg", {})
    at = [found.start() for found in re.finditer(rb"\xff\xd8\xff", raw)][7]
    path.write_bytes(
        {
            "head zeroed": raw[: at - 20] + bytes(64) + raw[at + 44 :],
            "end cut out": raw[: at - 20] + raw[at + 44 :],
            "text put in": raw[: at - 20] + b"\xff\xc4\x70\x00" + raw[at + 44 :],
        }[way]
    )
    assert said(path)
