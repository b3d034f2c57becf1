"""What stacks say of their axes and their clock, as tifffile, ImageJ, Bio-Formats and Zeiss write it."""

import json
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from scalor.cli.main import main
from scalor.data.video import open_video
from scalor.errors import UserError

H, W, N = 32, 48, 12
ZEISS = 34412


def stack(path: Path, words: str = "", *, kind: str = "u1", tags: dict[int, object] | None = None) -> Path:
    """Twelve pages; page n has 10 n + 5 everywhere but in its first column, which is 0."""
    pages = [np.full((H, W), 10 * number + 5, kind) for number in range(N)]
    for page in pages:
        page[:, 0] = 0
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in ({270: words} if words else {}).items() | (tags or {}).items():
        info[tag] = value
        if isinstance(value, bytes):
            info.tagtype[tag] = 7
    images = [Image.fromarray(page) for page in pages]
    images[0].save(path, format="TIFF", save_all=True, append_images=images[1:], tiffinfo=info)
    return path


def zeiss(*, slices: int, times: int) -> bytes:
    return struct.pack("<Ii5i", 0x00400494C, 500, W, H, slices, 1, times) + bytes(472)


@pytest.mark.parametrize(
    ("shape", "frames"),
    [((12, H, W), 12), ((1, 12, H, W), 12), ((12, 1, H, W), 12), ((4, 3, H, W), None), ((H, W), 12)],
)
def test_pages_that_tifffile_wrote_along_two_axes_are_no_film(tmp_path, shape, frames):
    path = stack(tmp_path / "s.tif", json.dumps({"shape": shape}))
    if frames is None:
        with pytest.raises(UserError, match="4 x 3 pages, along more axes than time"):
            open_video(path)
    else:
        assert len(list(open_video(path))) == frames


def test_slices_and_times_of_zeiss_are_told(tmp_path):
    assert open_video(stack(tmp_path / "t.lsm", tags={ZEISS: zeiss(slices=1, times=12)})).count() == 12
    with pytest.raises(UserError, match="6 x 2 pages"):
        open_video(stack(tmp_path / "zt.lsm", tags={ZEISS: zeiss(slices=2, times=6)}))


OME = '<OME><Image><Pixels SizeC="1" SizeT="12" SizeZ="1" TimeIncrement="{}"{}/></Image></OME>'
IMAGEJ = "ImageJ=1.53\nimages=12\nframes=12\n"


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        (IMAGEJ, 0.1),
        (IMAGEJ + "finterval=0.5\n", 0.5),
        (IMAGEJ + "fps=20\nfinterval=0.5\ntunit=min\n", 30.0),
        (IMAGEJ + "finterval=2\ntunit=hours\n", 7200.0),
        (IMAGEJ + "finterval=250\ntunit=ms\n", 0.25),
        (IMAGEJ + "finterval=3\ntunit=sec\n", 3.0),
        (IMAGEJ + "fps=20\n", 0.05),
        (IMAGEJ + "fps=0\nfinterval=nonsense\n", 0.1),
        (OME.format(2, ""), 2.0),
        (OME.format(1.5, ' TimeIncrementUnit="min"'), 90.0),
        (OME.format(40, ' TimeIncrementUnit="ms"'), 0.04),
    ],
)
def test_the_clock_of_a_stack_is_in_the_unit_it_names(tmp_path, words, seconds):
    source = open_video(stack(tmp_path / "s.tif", words))
    assert [frame.time for frame in source] == pytest.approx([seconds * n for n in range(N)])


def test_a_picture_a_day_makes_a_film_that_can_be_watched(tmp_path):
    path, out = stack(tmp_path / "s.tif", IMAGEJ + "finterval=1\ntunit=day\n"), tmp_path / "out"
    assert main(["track", str(path), "--method", "mog2-sort", "-o", str(out)]) == 0
    with av.open(str(out / "overlay.mp4")) as film:
        assert film.streams.video[0].frames == N and film.duration < 10 * av.time_base
    assert json.loads((out / "summary.json").read_text())["fps"] == pytest.approx(1 / 86400)


def test_a_stack_of_doubles_says_its_axes_and_its_clock_too(tmp_path):
    def written(words: str) -> Path:
        path, text, pages = tmp_path / "f8.tif", words.encode() + b"\0", [n + np.eye(H, W) for n in range(N)]
        raw, size = b"II*\0" + struct.pack("<I", 8), 2 + 9 * 12 + 4
        first = 8 + N * size
        for number in range(N):
            at = first + len(text) + number * H * W * 8
            entries = [(256, 4, W), (257, 4, H), (258, 3, 64), (259, 3, 1), (262, 3, 1), (270, 2, first)]
            entries += [(273, 4, at), (279, 4, H * W * 8), (339, 3, 3)]
            raw += struct.pack("<H", len(entries))
            for tag, kind, value in entries:
                raw += struct.pack("<HHII", tag, kind, len(text) if tag == 270 else 1, value)
            raw += struct.pack("<I", 8 + (number + 1) * size if number + 1 < N else 0)
        path.write_bytes(raw + text + b"".join(page.astype("<f8").tobytes() for page in pages))
        return path

    assert open_video(written(OME.format(2, ""))).time_of(3) == pytest.approx(6.0)
    with pytest.raises(UserError, match="6 times of 1 slices in 2 channels"):
        open_video(written(OME.format(2, "").replace('SizeC="1" SizeT="12"', 'SizeC="2" SizeT="6"')))


@pytest.mark.parametrize("kind", ["u2", "i4", "f4"])
def test_where_white_is_0_it_is_shown_so_in_any_depth(tmp_path, kind):
    frames = list(open_video(stack(tmp_path / "s.tif", kind=kind, tags={262: 0})))
    bright = [(int(frame.image[5, 0, 0]), int(frame.image[5, 20, 0])) for frame in frames]
    assert all(edge > inside for edge, inside in bright)
    assert [inside for _, inside in bright] == sorted((inside for _, inside in bright), reverse=True)


@pytest.mark.parametrize("series", [(6, 6), (12, 12), (1,) * 12])
def test_several_series_of_ome_in_one_file_are_no_film(tmp_path, series):
    said = "".join(f'<Image><Pixels SizeC="1" SizeT="{pages}" SizeZ="1"/></Image>' for pages in series)
    path = stack(tmp_path / "a.ome.tif", f"<OME>{said}</OME>")
    if series == (6, 6):
        with pytest.raises(UserError, match="holds 2 series"):
            open_video(path)
    else:  # each file of a set tells of all; a series a frame is a film
        assert len(list(open_video(path))) == 12


def test_stacks_in_a_folder_are_checked_as_single_ones_are(tmp_path):
    stack(tmp_path / "a.tif", "ImageJ=1.53\nimages=12\nchannels=2\nframes=6\n")
    with pytest.raises(UserError, match=r"a\.tif has 6 times of 1 slices in 2 channels"):
        open_video(tmp_path)
    stack(tmp_path / "a.tif", "ImageJ=1.53\nimages=20\nframes=20\n")
    source = open_video(tmp_path)
    assert len(list(source)) == N and source.cut_short and source.report.truncated


def test_a_stack_with_one_head_has_all_its_pages_in_a_folder_too(tmp_path):
    path = tmp_path / "a.tif"
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[270] = f"ImageJ=1.53\nimages={N}\nframes={N}\n"
    pages = [np.full((H, W), 10 * number + 5, np.uint8) for number in range(N)]
    Image.fromarray(pages[0]).save(path, tiffinfo=info)
    with Image.open(path) as picture:
        start = picture.tag_v2[273][0]
    path.write_bytes(path.read_bytes()[: start + H * W] + b"".join(page.tobytes() for page in pages[1:]))
    for place in (path, tmp_path):
        assert [int(frame.image[0, 0, 0]) for frame in open_video(place)] == [10 * number + 5 for number in range(N)]


def test_slices_of_several_files_are_said_to_be_taken_for_times(tmp_path):
    for name in ("t0", "t1"):
        stack(tmp_path / f"{name}.tif", "ImageJ=1.53\nimages=12\nslices=12\n")
    source = open_video(tmp_path)
    assert len(list(source)) == 2 * N and "pages of 2 files are called slices or channels" in source.report.words()


def plane(time: int, seconds: float | None, *, unit: str = "s", channel: int = 0) -> str:
    said = "" if seconds is None else f' DeltaT="{seconds}" DeltaTUnit="{unit}"'
    return f'<Plane TheC="{channel}" TheZ="0" TheT="{time}"{said}/>'


def test_times_that_ome_says_of_each_plane_are_those_of_the_frames(tmp_path):
    times = [5.0 + 2 * number + 20 * (number > 6) for number in range(N)]
    sizes = f'<OME><Image><Pixels SizeC="1" SizeZ="1" SizeT="{N}" {{}}>{{}}</Pixels></Image></OME>'
    for place, factor, unit in ((0, 1, "s"), (1, 1000, "ms")):
        planes = "".join(plane(number, factor * time, unit=unit) for number, time in enumerate(times))
        planes += plane(0, 77, channel=1)
        source = open_video(stack(tmp_path / f"{place}.ome.tif", sizes.format("", planes)))
        assert [frame.time for frame in source] == pytest.approx([time - 5 for time in times])
        assert source.fps == pytest.approx(0.5)
    some = "".join(plane(number, None if number == 3 else time) for number, time in enumerate(times))
    source = open_video(stack(tmp_path / "some.ome.tif", sizes.format('TimeIncrement="4"', some)))
    assert [frame.time for frame in source] == pytest.approx([4 * number for number in range(N)])
