"""Damage inside a film is said, and a film without damage has none."""

import random
from fractions import Fraction
from pathlib import Path

import av
import pytest

from scalor.data.film_damage import harmed_places
from scalor.data.films import films_in
from scalor.data.video import open_video
from scalor.errors import UserError

from .numbered import H, W, picture, shown

FRAMES = 24
KINDS = {
    "ogv": ("libvpx", "ogg"),
    "avi": ("mjpeg", "avi"),
    "flv": ("flv", "flv"),
    "mkv": ("mjpeg", "matroska"),
    "asf": ("msmpeg4", "asf"),
    "mxf": ("mpeg2video", "mxf"),
    "ismv": ("mpeg4", "ismv"),
    "nut": ("mjpeg", "nut"),
}


def film(path: Path, *, even: bool = True) -> bytes:
    """The bytes of a film of numbered pictures, each made from no other, at one rate or at an uneven one."""
    codec, kind = KINDS[path.suffix[1:]]
    steps = [40] * FRAMES if even or kind in ("avi", "mxf") else [(20, 40, 60, 100)[n * n % 4] for n in range(FRAMES)]
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.gop_size = W, H, 1
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25) if kind in ("avi", "mxf") else Fraction(1, 1000)
        time = 0
        for number, step in enumerate(steps):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            time += step
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


def harmed(raw: bytes, seed: int) -> bytes:
    """Bytes with a piece in the middle zeroed, changed, taken out or put in."""
    chance = random.Random(seed)
    at = chance.randrange(len(raw) // 4, len(raw) * 3 // 4)
    length = chance.choice([64, 600])
    noise = bytes(chance.randrange(256) for _ in range(length))
    return raw[:at] + (bytes(length), noise, b"", noise)[seed % 4] + raw[at if seed % 4 == 3 else at + length :]


def numbers_and_words(path: Path) -> tuple[list[int | None], str]:
    source = open_video(path)
    numbers = [None if frame.image is None else shown(frame.image) for frame in source]
    report = source.report
    return numbers, "" if report.clean and not report.pauses and not report.notes else report.words()


@pytest.mark.parametrize("ending", KINDS)
@pytest.mark.parametrize("even", [True, False])
def test_a_whole_film_has_no_harmed_place(tmp_path: Path, ending: str, even: bool) -> None:
    path = tmp_path / f"film.{ending}"
    raw = film(path, even=even)
    assert numbers_and_words(path) == (list(range(FRAMES)), "")
    for behind in (bytes(700), b"\xab" * 700):  # padding
        path.write_bytes(raw + behind)
        assert [harmed_places(each) for each in films_in(path)] == [0]


@pytest.mark.parametrize("ending", ["ogv", "avi", "flv", "mkv", "nut"])
def test_frames_that_damage_takes_or_shifts_are_said(tmp_path: Path, ending: str) -> None:
    path, met = tmp_path / f"film.{ending}", 0
    raw = film(path, even=False)
    for seed in range(12):
        path.write_bytes(harmed(raw, seed))
        try:
            numbers, words = numbers_and_words(path)
        except UserError:
            continue
        strange = [number != place for place, number in enumerate(numbers)]
        if len(numbers) < FRAMES or sum(strange) > 3:
            met += 1
            assert words, (seed, numbers)
    assert met > 3


@pytest.mark.parametrize(
    ("ending", "mark"), [("avi", b"00dc"), ("ogv", b"OggS"), ("mxf", b"\x06\x0e\x2b\x34"), ("ismv", b"moof")]
)
def test_a_destroyed_mark_is_a_harmed_place(tmp_path: Path, ending: str, mark: bytes) -> None:
    path = tmp_path / f"film.{ending}"
    raw = bytearray(film(path))
    at = raw.index(mark, len(raw) // 2)
    raw[at : at + 4] = b"\xff\xfe\xfd\xfc"
    path.write_bytes(raw)
    assert [harmed_places(each) for each in films_in(path)] == [1]
    assert "damaged inside (1 place): frames may be missing" in numbers_and_words(path)[1]


def test_an_odd_chunk_without_padding_and_what_lies_behind_an_index_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    raw = film(path)
    path.write_bytes(raw + b"00dc\xaa\xc8\x0e\0\x06\0\0\0" * 9)
    assert harmed_places(films_in(path)[0]) == 0
    at = raw.index(b"00dc", raw.index(b"movi"))
    length = int.from_bytes(raw[at + 4 : at + 8], "little")
    body = raw[at + 8 : at + 8 + length] + bytes(1 - length % 2)
    path.write_bytes(raw[:at] + b"00dc" + len(body).to_bytes(4, "little") + body + raw[at + 8 + length + length % 2 :])
    assert len(body) % 2 and harmed_places(films_in(path)[0]) == 0


def test_packets_that_give_no_picture_are_said(tmp_path: Path) -> None:
    path = tmp_path / "film.m2v"
    with av.open(str(path), "w", format="mpeg2video") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.gop_size, stream.pix_fmt = W, H, 1, "yuv420p"
        for number in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode())
    raw = bytearray(path.read_bytes())
    assert numbers_and_words(path) == (list(range(FRAMES)), "")
    at = raw.index(b"\0\0\1\0", len(raw) // 2)  # the head of a picture and what belongs to it
    raw[at + 4 : at + 64] = bytes(60)
    path.write_bytes(raw)
    numbers, words = numbers_and_words(path)
    assert len(numbers) == FRAMES or "gave no picture" in words
