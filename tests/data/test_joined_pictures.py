"""Pictures joined byte by byte: all are read, or one sentence refuses."""

import itertools

import av
import numpy as np
import pytest
from PIL import Image

from scalor.data.video import open_video
from scalor.errors import UserError

from .numbered import picture, shown

READ = ("jpg", "png", "gif", "bmp", "ppm", "pgm", "qoi", "jp2")
REFUSED = ("tga", "pcx", "dds", "sgi", "webp", "avif", "tif", "sun", "pam", "exr")


def stored(number: int, ending: str, folder) -> bytes:
    image = Image.fromarray(picture(number))
    path = folder / f"one.{ending}"
    if ending not in ("sun", "pam", "exr"):
        try:
            (image.convert("L") if ending == "pgm" else image).save(path)
        except (OSError, KeyError, ValueError):
            pytest.skip(f"this Pillow cannot write {ending}")
        return path.read_bytes()
    encoder = av.CodecContext.create({"sun": "sunrast"}.get(ending, ending), "w")
    encoder.width, encoder.height, encoder.time_base = image.width, image.height, 1
    encoder.pix_fmt = {"exr": "gbrpf32le", "sun": "bgr24"}.get(ending, "rgb24")
    frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24").reformat(format=encoder.pix_fmt)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


@pytest.mark.parametrize("ending", [*READ, *REFUSED])
def test_joined_pictures_are_all_read_or_refused(tmp_path, ending):
    raw = [stored(number, ending, tmp_path) for number in range(3)]
    path = tmp_path / f"all.{ending}"
    path.write_bytes(raw[2])
    alone = open_video(path)
    assert len(list(alone)) == 1 and not any("damaged" in note for note in alone.report.notes)
    path.write_bytes(b"".join(raw))
    if ending in REFUSED:
        with pytest.raises(UserError, match=r"joined.*wanted"):
            open_video(path)
    else:
        assert [shown(frame.image) for frame in open_video(path)] == [0, 1, 2]


@pytest.mark.parametrize("ending", [*READ, "tga", "pcx", "webp", "avif", "tif"])
def test_a_folder_with_joined_pictures_is_refused(tmp_path, ending):
    raw = [stored(number, ending, tmp_path) for number in range(3)]
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, content in enumerate(raw):
        (folder / f"{number}.{ending}").write_bytes(content)
    assert [shown(frame.image) for frame in open_video(folder)] == [0, 1, 2]
    (folder / f"1.{ending}").write_bytes(b"".join(raw))
    with pytest.raises(UserError, match=rf"1\.{ending} is . pictures joined"):
        open_video(folder)


def test_a_stereo_picture_and_pictures_of_black_are_no_joined_ones(tmp_path):
    left, right = (Image.fromarray(picture(number)) for number in (0, 1))
    for number, ending in itertools.product(range(2), ("tga", "pcx")):
        Image.fromarray(np.zeros((64, 96, 3), np.uint8)).save(tmp_path / f"{ending}_{number}.{ending}")
    for number in range(2):
        left.save(tmp_path / f"x{number}.jpg", format="MPO", save_all=True, append_images=[right])
    assert len(list(open_video(tmp_path))) == 6
