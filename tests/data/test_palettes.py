"""Films whose pixels are numbers in a table of colours: grey AVIs of ImageJ and of cameras, old QuickTime."""

import struct

import av
import numpy as np
import pytest

from scalor.data.video import open_video
from tests.data.numbered import picture, shown

GREYS = np.stack([np.full(256, 255), *[np.arange(256)] * 3], axis=1).astype(np.uint8)


@pytest.mark.parametrize(
    ("ending", "codec"), [("avi", "rawvideo"), ("mov", "rawvideo"), ("mov", "smc"), ("mov", "qtrle")]
)
def test_frames_found_by_number_have_the_colours_of_those_that_come_in_order(tmp_path, ending, codec):
    film = tmp_path / f"film.{ending}"
    with av.open(str(film), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = picture(0).shape[:2]
        stream.pix_fmt = "gray" if codec == "qtrle" else "pal8"
        for number in range(12):
            grey = picture(number)[:, :, 0]
            content = (grey, "gray") if codec == "qtrle" else ((grey, GREYS), "pal8")
            for packet in stream.encode(av.VideoFrame.from_ndarray(content[0], format=content[1])):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    source = open_video(film)
    inorder = [frame.image for frame in source]
    assert [shown(image) for image in inorder] == list(range(12))
    picks = [11, 4, 7]
    for index, frame in zip(picks, source.read(picks), strict=True):
        np.testing.assert_array_equal(frame.image, inorder[index])


def test_where_there_is_no_table_of_colours_the_numbers_are_grey_levels(tmp_path):
    def chunk(name: bytes, content: bytes) -> bytes:
        return name + struct.pack("<I", len(content)) + content

    greys = [picture(number)[:, :, 0] for number in range(12)]
    height, width = greys[0].shape
    head = chunk(b"avih", struct.pack("<14I", 100_000, 0, 0, 0, 12, 0, 1, 0, width, height, 0, 0, 0, 0))
    stream = struct.pack("<4s4s12I4h", b"vids", b"DIB ", 0, 0, 0, 1, 10, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0)[:56]
    form = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 0, width * height, 0, 0, 0, 0)
    head += chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", form))
    movie = b"".join(chunk(b"00db", grey[::-1].tobytes()) for grey in greys)
    whole = b"AVI " + chunk(b"LIST", b"hdrl" + head) + chunk(b"LIST", b"movi" + movie)
    (tmp_path / "film.avi").write_bytes(chunk(b"RIFF", whole))
    assert [shown(frame.image) for frame in open_video(tmp_path / "film.avi")] == list(range(12))
