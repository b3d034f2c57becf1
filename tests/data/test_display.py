"""Films are shown as players show them: turned and mirrored by all eight display matrices, in their own colours."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from scalor.data.video import open_video

H, W, N = 48, 80, 4
TURNS = {
    "as it is": ((1, 0, 0, 1), lambda image: image),
    "90 clockwise": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "180": ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    "270 clockwise": ((0, -1, 1, 0), np.rot90),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "upside down": ((1, 0, 0, -1), np.flipud),
    "along the diagonal": ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
    "along the other diagonal": ((0, -1, -1, 0), lambda image: np.rot90(image, 2).transpose(1, 0, 2)),
}


def corners() -> np.ndarray:
    """Every corner another brightness, and a mark that no turn or mirror maps onto itself."""
    image = np.full((H, W, 3), 90, np.uint8)
    image[:16, :16], image[:16, -16:], image[-16:, :16], image[-16:, -16:] = 20, 150, 200, 250
    image[4:12, 24:56] = 230
    return image


def film(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "4"})
        stream.height, stream.width, stream.pix_fmt = H, W, "yuv420p"
        for _ in range(N):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(corners(), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def with_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """The film with another matrix in its track's head: x' = a x + c y, y' = b x + d y."""
    data = bytearray(path.read_bytes())
    head = data.index(b"tkhd") - 4
    a, b, c, d = (value << 16 for value in matrix)
    data[head + 48 : head + 84] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("turn", TURNS)
def test_a_film_is_turned_and_mirrored_as_its_matrix_says(tmp_path, turn):
    matrix, applied = TURNS[turn]
    source = open_video(with_matrix(film(tmp_path / "film.mp4"), matrix))
    wanted = applied(corners())
    assert (source.height, source.width) == wanted.shape[:2]
    frames = list(source)
    assert len(frames) == N and np.abs(frames[2].image.astype(int) - wanted).max() < 40
    np.testing.assert_array_equal(source.read([1])[0].image, frames[1].image)


@pytest.mark.parametrize("field_order", ["tt", "bb", "tb", "bt"])
@pytest.mark.parametrize("codec", ["mpeg2video", "prores_ks"])
def test_films_in_fields_have_their_frames_whatever_the_order(tmp_path, codec, field_order):
    path = tmp_path / ("fields.mov" if codec == "prores_ks" else "fields.mpg")
    options = {"flags": "+ilme+ildct", "field_order": field_order}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = H, W
        stream.pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
        for number in range(8):
            image = np.full((H, W, 3), 40, np.uint8)
            image[10:30, 8 * number : 8 * number + 16] = 220
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=stream.pix_fmt)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frames = list(open_video(path))
    places = [int(np.argmax(frame.image[12:28].mean(axis=(0, 2)) > 130)) for frame in frames]
    assert places == [8 * number for number in range(8)]


@pytest.mark.parametrize(("pixels", "codec"), [("yuv444p", "libx264"), ("yuv420p10le", "libx264"), ("bgr0", "ffv1")])
def test_odd_sizes_of_any_kind_of_pixels_keep_their_places(tmp_path, pixels, codec):
    height, width = 359, 641
    with av.open(str(tmp_path / "odd.mkv"), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"preset": "ultrafast"} if codec == "libx264" else {})
        even = pixels == "yuv420p10le"
        stream.height, stream.width, stream.pix_fmt = height + even, width + even, pixels
        for number in range(3):
            image = np.full((height + even, width + even, 3), 40, np.uint8)
            image[100:200, 200 * number : 200 * number + 100] = (230, 120, 60)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = open_video(tmp_path / "odd.mkv")
    assert (source.height, source.width) == (height + even, width + even)
    for number, frame in enumerate(source):
        middle = frame.image[150, 200 * number + 50].astype(int)
        assert np.abs(middle - (230, 120, 60)).max() < 12
        lit = np.flatnonzero(frame.image[150, :, 0] > 130)
        assert abs(lit[0] - 200 * number) <= 1 and abs(lit[-1] - 200 * number - 99) <= 1
