"""Other members of each kind of input: every frame in its place, or one sentence."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from scalor.data.video import open_video
from scalor.errors import UserError
from tests.data.numbered import H, W, picture, shown

N = 12


def numbers_of(path: Path) -> list[int | None]:
    source = open_video(path)
    found = [None if frame.image is None else shown(frame.image) for frame in source]
    assert [None if f.image is None else shown(f.image) for f in source.read(range(len(found)))] == found
    return found


def test_a_film_with_attachments_is_the_film(tmp_path):
    path, cover = tmp_path / "film.mkv", io.BytesIO()
    Image.fromarray(picture(0)).save(cover, "JPEG")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = H, W, "yuv420p"
        container.add_attachment("font.ttf", "application/x-truetype-font", b"abc" * 2000)
        container.add_attachment("cover.jpg", "image/jpeg", cover.getvalue())
        for number in range(N):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode(None))
    assert numbers_of(path) == list(range(N))


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_a_webm_of_varying_rate_keeps_frames_and_times(tmp_path, codec):
    from fractions import Fraction

    path = tmp_path / "film.webm"
    times = [0.04 * n if n <= 5 else 0.2 + 0.16 * (n - 5) for n in range(N)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"auto-alt-ref": "1", "lag-in-frames": "8"})
        stream.height, stream.width, stream.pix_fmt = H, W, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert numbers_of(path) == list(range(N))
    np.testing.assert_allclose([frame.time for frame in open_video(path)], times, atol=0.0011)


@pytest.mark.parametrize("disposal", [0, 1, 2])
def test_a_gif_of_partial_frames_is_shown_whole(tmp_path, disposal):
    pages = [Image.fromarray(picture(number)).quantize(16) for number in range(N)]
    path = tmp_path / "film.gif"
    pages[0].save(path, save_all=True, append_images=pages[1:], duration=50, disposal=disposal, optimize=True)
    assert numbers_of(path) == list(range(N))


def test_a_folder_of_one_picture_and_a_single_picture_are_films_of_one_frame(tmp_path):
    for ending in ("png", "jpg", "bmp", "webp"):
        folder = tmp_path / ending
        folder.mkdir()
        Image.fromarray(picture(5)).save(folder / f"one.{ending}", quality=95)
        assert numbers_of(folder) == numbers_of(folder / f"one.{ending}") == [5]


def test_a_folder_is_its_pictures_whatever_lies_beside_them(tmp_path):
    endings = ["PNG", "png", "Png", "JPG", "jpeg", "tif", "TIFF", "BMP"]
    for number, ending in enumerate(endings):
        Image.fromarray(picture(number)).save(tmp_path / f"bild {number} ä.{ending}")
    for name in ("Thumbs.db", ".DS_Store", "._bild 0 ä.png", "desktop.ini", "bild 0 ä.json", "notes.pdf", "3.png.tmp"):
        (tmp_path / name).write_bytes(b"beside")
    (tmp_path / "sub").mkdir()
    Image.fromarray(picture(30)).save(tmp_path / "sub" / "9.png")
    (tmp_path / "zz.png").symlink_to("nowhere.png")
    assert numbers_of(tmp_path) == list(range(len(endings)))


@pytest.mark.parametrize("name", ["{}.png", "img_t{}_c1.png", "2024-01-01_10-00-{:02d}.{:03d}.png", "a\n{}.png"])
def test_numbers_are_counted_and_not_spelled(tmp_path, name):
    for number in range(N):
        Image.fromarray(picture(number)).save(tmp_path / name.format(number, 37 * number))
    assert numbers_of(tmp_path) == list(range(N))


def test_pictures_of_two_series_in_a_folder_are_frames_and_that_is_said(tmp_path):
    for number in range(3):
        for name in (f"f{number}", f"f{number}_mask"):
            Image.fromarray(picture(number)).save(tmp_path / f"{name}.png")
    source = open_video(tmp_path)
    assert len(list(source)) == 6
    assert "names of 2 kinds are all taken for frames (3 like f#, 3 like f#_mask)" in source.report.words()
    (tmp_path / "f1_mask.png").unlink()
    (tmp_path / "f2_mask.png").unlink()
    assert open_video(tmp_path).report.notes == ()


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LA", "P"])
def test_pictures_of_other_modes_are_shown(tmp_path, mode):
    for number in range(4):
        ending = "jpg" if mode in ("CMYK", "YCbCr") else "png"
        Image.fromarray(picture(number)).convert(mode).save(tmp_path / f"{number}.{ending}")
    assert numbers_of(tmp_path) == list(range(4))


def test_colours_of_16_bits_with_alpha_are_shown(tmp_path):
    import cv2

    for number in range(4):
        deep = np.dstack([picture(number).astype(np.uint16) * 200, np.full((H, W), 65535, np.uint16)])
        cv2.imwrite(str(tmp_path / f"{number}.png"), deep)
    assert numbers_of(tmp_path) == list(range(4))


STACK = np.stack([picture(number)[..., 0] for number in range(N)])
KINDS = {
    "plain": (STACK, {}),
    "OME times": (STACK, {"ome": True, "metadata": {"axes": "TYX"}}),
    "OME slices": (STACK, {"ome": True, "metadata": {"axes": "ZYX"}}),
    **{f"{axis} of ImageJ": (STACK, {"imagej": True, "metadata": {"axes": f"{axis}YX"}}) for axis in "CZT"},
    "ImageJ as it comes": (STACK, {"imagej": True}),
    "signed bytes": ((STACK.astype(np.int16) - 128).astype(np.int8), {}),
    "one of each other axis": (STACK[:, None, None], {"ome": True, "metadata": {"axes": "TZCYX"}}),
    "BigTIFF": (STACK, {"bigtiff": True}),
    "tiles": (STACK, {"tile": (32, 32)}),
    "deflated": (STACK, {"compression": "zlib", "predictor": True}),
    "big endian": (STACK, {"byteorder": ">"}),
    "bits": (STACK > 100, {}),
    "white is 0": (255 - STACK, {"photometric": "miniswhite"}),
    **{
        kind: (STACK.astype(kind), {})
        for kind in ["uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"]
    },
    "planes of 16 bits": (
        np.repeat(STACK[:, None].astype(np.uint16) * 200, 3, axis=1),
        {"photometric": "rgb", "planarconfig": "separate"},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_stacks_of_all_kinds_give_their_pages(tmp_path, kind):
    tifffile = pytest.importorskip("tifffile", reason="pip install 'scalor[export]'")
    data, how = KINDS[kind]
    tifffile.imwrite(tmp_path / "stack.tif", data, **{"photometric": "minisblack", **how})
    assert numbers_of(tmp_path / "stack.tif") == list(range(N))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "colours of 16 bits"])
def test_stacks_of_all_kinds_are_upright(tmp_path, kind, orientation):
    tifffile = pytest.importorskip("tifffile", reason="pip install 'scalor[export]'")
    pages = np.repeat(STACK[..., None].astype(np.uint16) * 200, 3, axis=3) if "16 bits" in kind else STACK.astype(kind)
    if orientation in (3, 4, 7, 8):
        pages = pages[:, ::-1]
    if orientation in (2, 3, 6, 7):
        pages = pages[:, :, ::-1]
    if orientation > 4:
        pages = pages.swapaxes(1, 2)
    tags = [(274, "H", 1, orientation, False)]
    how = "rgb" if pages.ndim == 4 else "minisblack"
    tifffile.imwrite(tmp_path / "stack.tif", np.ascontiguousarray(pages), photometric=how, extratags=tags)
    assert numbers_of(tmp_path / "stack.tif") == list(range(N))


def test_a_stack_whose_head_is_cut_off_says_so(tmp_path):
    tifffile = pytest.importorskip("tifffile", reason="pip install 'scalor[export]'")
    path = tmp_path / "stack.ome.tif"
    tifffile.imwrite(path, STACK, ome=True)  # what OME says lies at the end
    path.write_bytes(path.read_bytes()[:-100])
    source = open_video(path)
    assert source.cut_short and numbers_of(path) == list(range(N))


@pytest.mark.parametrize("names", [["img", "img (1)", "img (2)"], ["t0", "t0.5", "t1"], ["a", "a-b", "a.b"]])
def test_a_name_comes_before_those_that_go_on(tmp_path, names):
    for number, name in enumerate(names):
        Image.fromarray(picture(number)).save(tmp_path / f"{name}.png")
    assert numbers_of(tmp_path) == [0, 1, 2]


@pytest.mark.parametrize(
    ("data", "how"),
    [
        (STACK.astype(np.complex64), {}),
        (STACK.astype(np.float16), {"compression": "lzma"}),
        (STACK.transpose(1, 2, 0).copy(), {"planarconfig": "contig"}),
        (STACK.reshape(4, 3, H, W), {"ome": True, "metadata": {"axes": "TCYX"}}),
        (STACK.reshape(4, 3, H, W), {"ome": True, "metadata": {"axes": "TZYX"}}),
    ],
)
def test_a_stack_that_cannot_be_read_is_one_sentence_and_never_one_page(tmp_path, data, how):
    tifffile = pytest.importorskip("tifffile", reason="pip install 'scalor[export]'")
    tifffile.imwrite(tmp_path / "stack.tif", data, photometric="minisblack", **how)
    with pytest.raises(UserError, match="cannot be read|one picture per time is wanted"):
        open_video(tmp_path / "stack.tif")


def test_a_film_under_a_stack_s_name_is_a_film(tmp_path):
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = H, W, "yuv420p"
        for number in range(N):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode(None))
    assert numbers_of((tmp_path / "film.mp4").rename(tmp_path / "film.tif")) == list(range(N))


def test_what_is_no_film_is_one_sentence_that_helps(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.MP4").write_bytes(b"x")
    with pytest.raises(UserError, match="it holds videos: give one of them, as .*a.MP4"):
        open_video(tmp_path / "films")
    with pytest.raises(UserError, match="is an address; the path .* give /a b.mp4"):
        open_video("file:///a%20b.mp4")
    (tmp_path / "clip" / "frames").mkdir(parents=True)
    Image.fromarray(picture(0)).save(tmp_path / "clip" / "frames" / "0.png")
    with pytest.raises(UserError, match="its folders hold images: give one of them, as .*frames"):
        open_video(tmp_path / "clip")
    Image.fromarray(picture(0)).save(tmp_path / "clip" / "frames" / "0.jpg")
    with pytest.raises(UserError, match="0.jpg and 0.png, two pictures of one name"):
        open_video(tmp_path / "clip" / "frames")
    (tmp_path / "page.mp4").write_text("<html>404</html>")
    with pytest.raises(UserError, match="is not a video"):
        open_video(tmp_path / "page.mp4")


@pytest.mark.parametrize("name", ["a.lsm", "a.btf", "A.TIF", "no ending"])
def test_a_stack_is_told_by_what_it_holds_and_not_by_its_name(tmp_path, name):
    tifffile = pytest.importorskip("tifffile", reason="pip install 'scalor[export]'")
    with (tmp_path / name).open("wb") as file:
        tifffile.imwrite(file, STACK, photometric="minisblack", bigtiff=name == "a.btf")
    assert numbers_of(tmp_path / name) == list(range(N))


def test_a_metamorph_stack_has_all_its_planes_behind_one_head(tmp_path):
    tifffile = pytest.importorskip("tifffile", reason="pip install 'scalor[export]'")
    path, planes = tmp_path / "a.stk", [(33629, 5, N, (1, 1) * N, True)]
    tifffile.imwrite(path, STACK[0], photometric="minisblack", metadata=None, extratags=planes)
    path.write_bytes(path.read_bytes() + STACK[1:].tobytes())
    assert numbers_of(path) == list(range(N))
    path.write_bytes(path.read_bytes()[:-9])
    assert open_video(path).cut_short and len(numbers_of(path)) == N - 1


@pytest.mark.parametrize("name", ["a.gif", "no ending"])
def test_a_moving_webp_moves_whatever_it_is_called(tmp_path, name):
    pages = [Image.fromarray(picture(number)) for number in range(N)]
    pages[0].save(tmp_path / "a.webp", save_all=True, append_images=pages[1:], duration=40, lossless=True)
    assert numbers_of((tmp_path / "a.webp").rename(tmp_path / name)) == list(range(N))


def test_numbers_below_0_come_before_those_above(tmp_path):
    for number in range(N):
        Image.fromarray(picture(number)).save(tmp_path / f"{number - 5}.png")
    assert numbers_of(tmp_path) == list(range(N))


@pytest.mark.parametrize(("first", "step"), [(0, 1), (1, 1), (100, 10)])
def test_numbers_that_are_missing_in_names_are_told_as_pauses(tmp_path, first, step):
    for number in range(N):
        if number not in (5, 6):
            Image.fromarray(picture(number)).save(tmp_path / f"cam2_{first + step * number:04d}.png")
    source = open_video(tmp_path)
    assert len(list(source)) == N - 2 and source.report.pauses == {5: 2} and source.report.clean
    for file in sorted(tmp_path.iterdir())[1::2]:
        file.unlink()
    source = open_video(tmp_path)
    assert len(list(source)) == 5 and not source.report.pauses


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"%PDF-1.7", "is a PDF document"),
        (b"PK\3\4", "is an archive; .* unpack it"),
        (b"\x1f\x8b\x08", "is an archive"),
        (b"\x93NUMPY\1", "is an array; .* tifffile.imwrite"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
    ],
)
def test_files_of_other_kinds_are_named_and_no_film_is_found_in_them(tmp_path, head, words):
    (tmp_path / "a.mp4").write_bytes(head + bytes(2000))
    with pytest.raises(UserError, match=words):
        open_video(tmp_path / "a.mp4")


def test_one_number_written_in_two_ways_is_one_moment(tmp_path):
    for name in ("0.05", "0.5", "10.05"):
        Image.fromarray(picture(0)).save(tmp_path / f"{name}.png")
    assert open_video(tmp_path).count() == 3
    for name in ("f_002", "f_003", "f_3", "f_004"):
        Image.fromarray(picture(0)).save(tmp_path / f"{name}.png")
    with pytest.raises(UserError, match=r"f_3\.png and f_003\.png|f_003\.png and f_3\.png"):
        open_video(tmp_path)


@pytest.mark.parametrize("name", ["004 (1)", "004 - Copy", "cover"])
def test_a_name_unlike_all_others_is_said(tmp_path, name):
    for number in range(6):
        Image.fromarray(picture(number)).save(tmp_path / f"{number:03d}.png")
    assert open_video(tmp_path).report.notes == ()
    Image.fromarray(picture(4)).save(tmp_path / f"{name}.png")
    assert any(
        "names of 2 kinds are all taken for frames (6 like #, 1 like" in note
        for note in open_video(tmp_path).report.notes
    )


def test_digits_of_other_scripts_are_numbers(tmp_path):
    for number in range(N):
        arabic = "".join("٠١٢٣٤٥٦٧٨٩"[int(digit)] for digit in str(number))
        Image.fromarray(picture(number)).save(tmp_path / f"frame{arabic}.png")
    assert numbers_of(tmp_path) == list(range(N))


@pytest.mark.parametrize(
    "names",
    [
        ["t0.25", "t0.5", "t0.75", "t1.0", "t1.125"],
        ["1700000000.0312", "1700000000.131", "1700000000.23", "1700000001.0"],
        ["shot1.1", "shot1.2", "shot1.9", "shot1.10", "shot1.11"],
        ["1.05", "1.10", "1.20", "2.00"],
        ["2024.1.9", "2024.1.10", "2024.2.1"],
    ],
)
def test_digits_behind_a_point_are_a_fraction_where_programs_wrote_them_so(tmp_path, names):
    for number, name in enumerate(names):
        Image.fromarray(np.full((32, 48, 3), 20 * number, np.uint8)).save(tmp_path / f"{name}.png")
    assert [int(frame.image[0, 0, 0]) // 20 for frame in open_video(tmp_path)] == list(range(len(names)))
