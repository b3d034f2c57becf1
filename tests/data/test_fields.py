"""H.264 whose packets hold one field each, half a frame, as camcorders and broadcasts have it: two make one frame."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from scalor.data.h264_units import Bits
from scalor.data.video import open_video

from .numbered import H, W, picture, shown

N, KEY = 20, 10


class Writer:
    """Bits of a unit one after the other."""

    def __init__(self) -> None:
        self.bits: list[int] = []

    def put(self, *pairs: tuple[int, int]) -> None:
        for count, value in pairs:
            self.bits += [value >> place & 1 for place in reversed(range(count))]

    def golomb(self, *values: int) -> None:
        for value in values:
            length = (value + 1).bit_length()
            self.put((length - 1, 0), (length, value + 1))

    def bytes(self, values: np.ndarray) -> None:
        self.put((-len(self.bits) % 8, 0))
        self.bits += np.unpackbits(values.reshape(-1)).tolist()

    def unit(self, head: int) -> bytes:
        self.put((1, 1))
        raw, found, zeros = np.packbits(self.bits).tobytes(), bytearray(), 0
        for byte in raw:
            if zeros == 2 and byte <= 3:
                found.append(3)
                zeros = 0
            found.append(byte)
            zeros = 0 if byte else zeros + 1
        return b"\0\0\0\1" + bytes([head]) + bytes(found)


def heads(*, tables: bool) -> bytes:
    """A sequence of interlaced frames, with scaling tables of its own where ``tables``, and its set for pictures."""
    sequence, of_picture = Writer(), Writer()
    sequence.put((8, 100 if tables else 77), (8, 0), (8, 30))
    sequence.golomb(0)
    if tables:
        sequence.golomb(1, 0, 0)
        sequence.put((1, 0), (1, 1), (1, 1))
        sequence.golomb(16)  # differs by -8: what is left of the table is as it was
        sequence.put((7, 0))
    sequence.golomb(4, 0, 4, 1)
    sequence.put((1, 0))
    sequence.golomb(W // 16 - 1, H // 32 - 1)
    sequence.put((1, 0), (1, 0), (1, 1), (1, 0), (1, 0))
    of_picture.golomb(0, 0)
    of_picture.put((1, 0), (1, 0))
    of_picture.golomb(0, 0, 0)
    of_picture.put((1, 0), (2, 0))
    of_picture.golomb(0, 0, 0)
    of_picture.put((3, 0))
    return sequence.unit(0x67) + of_picture.unit(0x68)


def field(number: int, bottom: int, *, tables: bool) -> bytes:
    """One field of a picture, its pixels as they are."""
    planes = av.VideoFrame.from_ndarray(picture(number), format="rgb24").reformat(format="yuv420p").to_ndarray()
    luma, colors = planes[:H], planes[H:].reshape(2, H // 2, W // 2)
    begins = number % KEY == 0 and not bottom
    writer = Writer()
    writer.golomb(0, 7, 0)
    writer.put((8, number % KEY), (1, 1), (1, bottom))
    if begins:
        writer.golomb(number // KEY % 2)
    writer.put((8, 2 * (number % KEY) + bottom), (2 if begins else 1, 0))
    writer.golomb(0)
    for y in range(0, H // 2, 16):
        for x in range(0, W, 16):
            writer.golomb(25)
            writer.bytes(luma[bottom::2][y : y + 16, x : x + 16])
            for color in colors:
                writer.bytes(color[bottom::2][y // 2 : y // 2 + 8, x // 2 : x // 2 + 8])
    return b"\0\0\0\1\x09\x10" + (heads(tables=tables) if begins else b"") + writer.unit(0x65 if begins else 0x61)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "tables"])
def fields(request) -> list[bytes]:
    return [field(number, bottom, tables=request.param) for number in range(N) for bottom in (0, 1)]


def film(path: Path, fields: list[bytes]) -> Path:
    """A packet for each field, 50 per second."""
    bare = path.with_name("bare.h264")
    bare.write_bytes(b"".join(fields))
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(bare)) as source, av.open(str(path), "w", options=options) as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for place, raw in enumerate(fields):
            packet = av.Packet(raw)
            packet.pts = packet.dts = 90000 + 1800 * place
            packet.time_base, packet.stream = Fraction(1, 90000), stream
            packet.is_keyframe = place % (2 * KEY) == 0
            container.mux(packet)
    return path


@pytest.mark.parametrize("ending", ["ts", "mkv", "mp4", "avi"])
def test_two_fields_are_one_frame(tmp_path, fields, ending):
    path = film(tmp_path / f"film.{ending}", fields)
    source = open_video(path)
    frames = list(source)
    assert [shown(frame.image) for frame in frames] == list(range(N)) == list(range(source.count()))
    assert source.report.clean and source.report.words() == f"{N} frames decoded, interlaced: combs removed"
    assert source.fps == pytest.approx(25)
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(N) / 25, atol=0.0011)
    assert [shown(frame.image) for frame in source.read([17, 3, 11])] == [17, 3, 11]


def test_frames_that_are_missing_are_counted_as_frames(tmp_path, fields):
    path = film(tmp_path / "film.mp4", fields)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = open_video(path)
    seen = len(list(source))
    assert 8 <= seen <= 11 and source.report.truncated and source.report.announced == N


def test_two_fields_of_a_bare_stream_are_one_frame(tmp_path, fields):
    path = tmp_path / "film.h264"
    path.write_bytes(b"".join(fields))
    source = open_video(path)
    assert [shown(frame.image) for frame in source] == list(range(N)) == list(range(source.count()))
    assert source.report.words() == f"{N} frames decoded, interlaced: combs removed"


def test_a_damaged_head_of_a_sequence_is_no_number_without_end():
    with pytest.raises(IndexError, match="as long"):
        Bits(bytes(64)).golomb()
