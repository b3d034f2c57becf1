"""Films whose pixels are numbers in a table of colours: grey AVIs of ImageJ and of cameras, old QuickTime."""

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
