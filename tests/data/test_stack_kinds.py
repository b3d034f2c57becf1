"""Stacks of all kinds of numbers, orders of bytes and compressions: read right, or refused."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin, TiffTags

from scalor.data.pictures import Reader
from scalor.data.video import open_video
from scalor.errors import UserError

H, W, N = 32, 48, 5
RAMP = np.arange(N)[:, None, None] * 900 + np.arange(H)[:, None] * 40 + np.arange(W) * 3


def written(path: Path, data: np.ndarray, **how: object) -> Path:
    tifffile = pytest.importorskip("tifffile", reason="pip install 'scalor[export]'")
    tifffile.imwrite(path, data, **{"photometric": "minisblack", **how})
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", ["zlib", None])
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("kind", ["u2", "i2", "u4", "i4", "f4"])
def test_numbers_are_read_in_the_order_of_their_bytes(tmp_path, kind, order, compression, predictor, tile):
    if predictor and (compression is None or kind == "f4"):
        return
    data = (RAMP - (3000 if kind.startswith(("i", "f")) else 0)).astype(kind)
    how = {"byteorder": order, "compression": compression, "predictor": predictor, "tile": tile}
    path = written(tmp_path / "stack.tif", data, **how)
    assert [np.array_equal(Reader().stored((path, page)), data[page]) for page in range(N)] == [True] * N
    assert len(list(open_video(path))) == N


@pytest.mark.parametrize("compression", ["zlib", None])
def test_numbers_above_half_of_32_bits_stay_positive(tmp_path, compression):
    data = (RAMP * 800_000).astype("u4")
    path = written(tmp_path / "stack.tif", data, compression=compression)
    assert np.array_equal(Reader().stored((path, N - 1)), data[-1]) and data[-1].max() > 1 << 31


@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_dark_grey_of_16_bits_with_transparency_keeps_its_levels(tmp_path, order, predictor):
    data = np.stack([RAMP, np.full_like(RAMP, 65535)], -1).astype("u2")
    how = {"compression": "zlib", "predictor": predictor, "byteorder": order, "extrasamples": ["unassalpha"]}
    path = written(tmp_path / "stack.tif", data, **how)
    assert np.array_equal(Reader().stored((path, 2)), RAMP[2])


def test_what_only_its_upper_bits_would_be_read_of_is_refused(tmp_path):
    data = np.stack([RAMP, np.full_like(RAMP, 65535)], -1).astype("u2")
    path = written(tmp_path / "stack.tif", data, compression="zlib", tile=(16, 16), extrasamples=["unassalpha"])
    with pytest.raises(UserError, match="cannot be read"):
        open_video(path)


@pytest.mark.parametrize("compression", [34712, 34933, 50002])
def test_compressions_that_nothing_here_knows_are_no_black_pages(tmp_path, compression):
    path = written(tmp_path / "stack.tif", (RAMP // 20).astype("u1"), compression="zlib", metadata=None)
    entry = b"\x03\x01\x03\x00\x01\x00\x00\x00"
    stored = path.read_bytes()
    deflate = (8).to_bytes(2, "little")
    assert entry + deflate in stored
    path.write_bytes(stored.replace(entry + deflate, entry + compression.to_bytes(2, "little")))
    with pytest.raises(UserError, match="cannot be read"):
        open_video(path)


def test_dark_colours_of_16_bits_in_jpeg_2000_keep_their_levels(tmp_path):
    for number in range(N):
        page = np.repeat(RAMP[number, :, :, None], 3, axis=2).astype("u2")
        assert cv2.imwrite(str(tmp_path / f"{number}.jp2"), page, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    source = open_video(tmp_path)
    frames = [frame.image for frame in source]
    assert len(np.unique(frames)) > 200 and "grey levels" in source.report.words()


@pytest.mark.parametrize("form", ["ya16be", "gray16be", "rgb48be"])
def test_dark_films_of_16_bits_keep_their_levels(tmp_path, form):
    path = tmp_path / "film.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.height, stream.width, stream.pix_fmt = H, W, form
        for page in RAMP.astype("u2"):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(page, format="gray16le").reformat(format=form)))
        container.mux(stream.encode(None))
    source = open_video(path)
    assert len(np.unique([frame.image for frame in source])) > 200 and "grey levels" in source.report.words()


@pytest.mark.parametrize("copies", [1, 2])
def test_smaller_copies_before_the_pages_are_no_frames(tmp_path, copies):
    tifffile = pytest.importorskip("tifffile", reason="pip install 'scalor[export]'")
    path = tmp_path / "stack.tif"
    with tifffile.TiffWriter(path) as file:
        for _ in range(copies):
            file.write(RAMP[0, ::2, ::2].astype("u1"), photometric="minisblack", subfiletype=1, metadata=None)
        for page in RAMP // 20:
            file.write(page.astype("u1"), photometric="minisblack", metadata=None)
    for place in (path, tmp_path):
        source = open_video(place)
        assert np.array_equal([frame.image[..., 0] for frame in source], (RAMP // 20).astype("u1"))


@pytest.mark.parametrize("beside", [False, True])
def test_moving_png_in_a_folder_is_read_in_any_order(tmp_path, beside):
    images = [Image.fromarray((page // 20).astype("u1")) for page in RAMP]
    images[0].save(tmp_path / "a.png", save_all=True, append_images=images[1:], duration=100, default_image=beside)
    source = open_video(tmp_path)
    wanted = np.array([np.asarray(image) for image in images[beside:]])
    assert np.array_equal([frame.image[..., 0] for frame in source], wanted)
    for order in ([3, 1, 2, 0], [2, 2, 0, 3]):
        assert np.array_equal([frame.image[..., 0] for frame in source.read(order)], wanted[order])


def test_a_folder_of_pages_that_speak_of_a_stack_is_a_film_of_these_pages(tmp_path):
    rng = np.random.default_rng(0)
    for kind, how in (("lzw", {"compression": "tiff_lzw"}), ("plain", {}), ("metamorph", {})):
        (tmp_path / kind).mkdir()
        for number in range(5):
            said = {270: "ImageJ=1.53t\nimages=5\nslices=5\n"} if kind != "metamorph" else {33629: (7, 1)}
            tags = TiffImagePlugin.ImageFileDirectory_v2()
            for tag, value in said.items():
                if tag == 33629:
                    tags.tagtype[tag] = TiffTags.RATIONAL
                    tags[tag] = TiffImagePlugin.IFDRational(*value)
                else:
                    tags[tag] = value
            picture = Image.fromarray(rng.integers(0, 256, (24, 32), dtype=np.uint8))
            picture.save(tmp_path / kind / f"f_{number}.tif", tiffinfo=tags, **how)
        source = open_video(tmp_path / kind)
        assert len([frame for frame in source if frame.image is not None]) == 5 and not source.report.truncated
