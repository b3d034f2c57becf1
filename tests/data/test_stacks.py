"""Pictures as frames: stacks, depths, orientations and formats, all as viewers show them."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from scalor.data.pictures import endings
from scalor.data.seqinfo import sequence_info, sequence_length, sequence_rate
from scalor.data.video import open_video
from scalor.errors import UserError

H, W, N = 40, 64, 12


def scene(number: int, *, low: float = 600, high: float = 900, kind: str = "u2") -> np.ndarray:
    """A disc of ``high`` that moves over a noisy ground of ``low``."""
    rng = np.random.default_rng(number)
    picture = low + rng.normal(0, 0.02 * (high - low), (H, W))
    y, x = np.mgrid[:H, :W]
    picture[(y - 20) ** 2 + (x - 8 - 4 * number) ** 2 < 20] = high
    return picture.astype(kind)


def stack(path: Path, pages: list[np.ndarray]) -> Path:
    assert cv2.imwritemulti(str(path), pages)
    return path


def levels_of(path: Path) -> np.ndarray:
    return np.stack([frame.image[..., 0] for frame in open_video(path)])


def hot(pages: list[np.ndarray], *, value: float) -> list[np.ndarray]:
    for page in pages:
        page[3, 5] = page[3, 6] = value
    return pages


@pytest.mark.parametrize(
    ("kind", "low", "high", "spike"),
    [
        ("u2", 600, 900, 65535),
        ("u2", 20, 180, 60000),
        ("u2", 60000, 60400, 0),
        ("i2", -300, -200, 32767),
        ("f4", -0.25, 0.5, 1e9),
        ("f4", 1e-4, 2e-4, np.nan),
        ("f4", 1e5, 2e5, -np.inf),
    ],
)
def test_a_hot_pixel_an_offset_or_a_sign_costs_no_grey_levels(tmp_path, kind, low, high, spike):
    plain = levels_of(stack(tmp_path / "plain.tif", [scene(n, low=low, high=high, kind=kind) for n in range(N)]))
    pages = hot([scene(n, low=low, high=high, kind=kind) for n in range(N)], value=spike)
    path = stack(tmp_path / "hot.tif", pages)
    spoiled = levels_of(path)
    assert len(np.unique(spoiled)) > 10 and spoiled[0, 20, 8] > 225 and np.median(spoiled) < 60
    rest = np.ones((H, W), bool)
    rest[3, 5:7] = False
    assert np.abs(plain[:, rest].astype(int) - spoiled[:, rest]).max() <= 8
    source = open_video(path)
    list(source)
    assert "grey levels" in source.report.words() and source.report.clean


def test_a_flat_stack_and_tiny_bright_beads_are_seen(tmp_path):
    flat = levels_of(stack(tmp_path / "flat.tif", [np.full((H, W), 500, np.uint16)] * 3))
    assert (flat == flat[0, 0, 0]).all()
    pages = []
    for n in range(N):
        page = np.random.default_rng(n).normal(100, 5, (400, 400)).astype(np.uint16)
        page[10 * n + 20 : 10 * n + 23, 200:203] = 3000
        pages.append(page)
    beads = levels_of(stack(tmp_path / "beads.tif", pages))
    assert beads[0, 21, 201] == 255 and np.median(beads) < 100


def test_colour_stacks_of_16_bits_keep_their_pages(tmp_path):
    pages = [np.dstack([scene(n), scene(n), scene(n) // 2]) for n in range(4)]
    frames = list(open_video(stack(tmp_path / "rgb.tif", pages)))
    assert len(frames) == 4
    places = [int(frame.image[20, :, 1].astype(int).argmax()) for frame in frames]
    assert all(abs(place - 8 - 4 * n) <= 4 for n, place in enumerate(places))


def imagej(path: Path, *, images: int, stored: int, kind: str = ">u2", words: str = "") -> Path:
    """A stack as ImageJ writes large and virtual ones: one head, the pages raw behind it."""
    pages = b"".join(scene(n).astype(kind).tobytes() for n in range(stored))
    order = "<" if kind[0] == "<" else ">"
    description = f"ImageJ=1.53t\nimages={images}\nslices={images}\nfinterval=0.5\n{words}\0".encode()
    bits = 8 * np.dtype(kind).itemsize
    entries = [(256, 4, 1, W), (257, 4, 1, H), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(270, 2, len(description), 0), (273, 4, 1, 0), (277, 3, 1, 1), (278, 4, 1, H)]
    entries += [(279, 4, 1, H * W * bits // 8), (339, 3, 1, {"u": 1, "i": 2, "f": 3}[kind[1]])]
    start = 8 + 2 + 12 * len(entries) + 4
    places = {270: start, 273: start + len(description)}
    body = struct.pack(f"{order}H", len(entries))
    for tag, form, count, value in entries:
        value = places.get(tag, value)
        packed = struct.pack(f"{order}HH", value, 0) if form == 3 else struct.pack(f"{order}I", value)
        body += struct.pack(f"{order}HHI", tag, form, count) + packed
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    path.write_bytes(head + body + bytes(4) + description + pages)
    return path


@pytest.mark.parametrize("kind", [">u2", "<u2", ">f4", "<i2"])
def test_a_stack_with_one_head_has_all_its_pages(tmp_path, kind):
    source = open_video(imagej(tmp_path / "virtual.tif", images=N, stored=N, kind=kind))
    frames = list(source)
    assert len(frames) == N == source.count() and source.report.clean and source.fps == 2.0
    assert all(frame.image[20, 8 + 4 * frame.index, 0] > 225 for frame in frames)
    assert all(np.median(frame.image) < 60 for frame in frames)


def test_a_stack_that_breaks_off_says_so(tmp_path):
    source = open_video(imagej(tmp_path / "virtual.tif", images=N, stored=7))
    assert source.cut_short and len(list(source)) == 7 and source.report.truncated and source.announced == N
    pages = [Image.fromarray(scene(n)) for n in range(N)]
    pages[0].save(tmp_path / "whole.tif", save_all=True, append_images=pages[1:])
    raw = (tmp_path / "whole.tif").read_bytes()
    assert not open_video(tmp_path / "whole.tif").cut_short
    (tmp_path / "cut.tif").write_bytes(raw[: len(raw) * 2 // 3])
    source = open_video(tmp_path / "cut.tif")
    good = [frame for frame in source if frame.image is not None]
    assert source.cut_short and source.report.truncated and 4 <= len(good) <= 8
    assert all(frame.image[20, 8 + 4 * frame.index, 0] > 225 for frame in good)


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_two_stacks_joined_byte_by_byte_are_told(tmp_path, compression):
    pages = [Image.fromarray(np.random.default_rng(page).integers(0, 255, (24, 32), np.uint8)) for page in range(5)]
    one = tmp_path / "one.tif"
    pages[0].save(one, save_all=True, append_images=pages[1:], compression=compression)
    assert len(list(open_video(one))) == 5
    joined = tmp_path / "joined.tif"
    joined.write_bytes(one.read_bytes() * 2)
    with pytest.raises(UserError, match="two TIFF files"):
        open_video(joined)


@pytest.mark.parametrize("ending", ["tif", "png"])
@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_dark_colours_of_16_bits_keep_their_levels(tmp_path, ending, orientation):
    for n in range(3):
        upright = np.dstack([scene(n, low=100, high=900)] * 3)
        turned = {1: upright, 6: np.rot90(upright), 8: np.rot90(upright, -1)}[orientation]
        cv2.imwrite(str(tmp_path / f"{n}.{ending}"), np.ascontiguousarray(turned))
        if ending == "png" and orientation > 1:
            exif = Image.Exif()
            exif[0x0112] = orientation
            raw = (tmp_path / f"{n}.png").read_bytes()
            body = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
            chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
            (tmp_path / f"{n}.png").write_bytes(raw[:33] + chunk + raw[33:])
    source = open_video(tmp_path)
    frames = list(source)
    if ending == "png":
        assert (source.height, source.width) == (H, W)
        assert all(frame.image[20, 8 + 4 * frame.index, 1] > 225 for frame in frames)
    assert all(len(np.unique(frame.image)) > 10 for frame in frames) and "grey levels" in source.report.words()


@pytest.mark.parametrize(("ending", "planes"), [("png", 3), ("png", 4), ("ppm", 3), ("tif", 3)])
def test_a_deep_picture_is_the_same_each_time_it_is_read(tmp_path, ending, planes):
    for number in range(3):
        picture = np.repeat(scene(number)[:, :, None], planes, axis=2)
        assert cv2.imwrite(str(tmp_path / f"{number}.{ending}"), picture)
    source = open_video(tmp_path)
    first = [frame.image for frame in source]
    assert all(image[20, 8 + 4 * number, 0] > 225 and image[0, 60, 0] < 60 for number, image in enumerate(first))
    for index in (2, 2, 0, 0, 1):
        np.testing.assert_array_equal(source.read([index])[0].image, first[index])


def test_doubles_single_pages_and_pyramids(tmp_path):
    frames = list(open_video(stack(tmp_path / "f8.tif", [scene(n, low=0.1, high=0.9, kind="f8") for n in range(N)])))
    assert len(frames) == N and all(frame.image[20, 8 + 4 * frame.index, 0] > 225 for frame in frames)
    source = open_video(stack(tmp_path / "one.tif", [scene(2)]))
    assert next(iter(source)).image[20, 16, 0] > 225 and "grey levels" in source.report.words()
    pages = [Image.fromarray(scene(n).astype(np.uint8)) for n in range(3)]
    pages[0].save(tmp_path / "mixed.tif", save_all=True, append_images=[*pages[1:], pages[0].resize((32, 20))])
    with pytest.raises(UserError, match="page 4 of mixed.tif is 32x20"):
        open_video(tmp_path / "mixed.tif")


@pytest.mark.parametrize("words", ["channels=2\n", "frames=6\n"])
def test_stacks_of_more_than_one_picture_per_time_are_refused(tmp_path, words):
    with pytest.raises(UserError, match="one picture per time is wanted"):
        open_video(imagej(tmp_path / "hyper.tif", images=N, stored=N, words=words))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_pictures_are_turned_as_viewers_turn_them(tmp_path, orientation, ending):
    upright = np.full((H, W, 3), 30, np.uint8)
    upright[4:12, 4:24] = (250, 20, 20)
    undo = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1]}
    undo |= {5: lambda a: a.transpose(1, 0, 2), 6: lambda a: np.rot90(a), 7: lambda a: a[::-1, ::-1].transpose(1, 0, 2)}
    undo |= {8: lambda a: np.rot90(a, -1)}
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo[orientation](upright)))
    for name in ("0", "1"):
        stored.save(tmp_path / f"{name}.{ending}", exif=exif, quality=95)
    source = open_video(tmp_path)
    assert (source.height, source.width) == (H, W)
    assert np.abs(next(iter(source)).image.astype(int) - upright).mean() < 6


@pytest.mark.parametrize("ending", ["pgm", "ppm", "webp", "gif", "tga", "jp2", "sgi", "pcx", "qoi", "dib", "avif"])
def test_a_folder_of_whatever_pillow_reads(tmp_path, ending):
    for n in range(3):
        grey = Image.fromarray((scene(n, low=40, high=240)).astype(np.uint8))
        grey.convert("RGB" if ending in ("ppm", "qoi", "jp2", "webp", "avif") else "L").save(
            tmp_path / f"f{n}.{ending}"
        )
    frames = list(open_video(tmp_path))
    assert len(frames) == 3 and all(frame.image[20, 8 + 4 * frame.index, 0] > 220 for frame in frames)
    assert f".{ending}" in endings()


@pytest.mark.parametrize("ending", ["webp", "gif", "png", "avif"])
def test_a_picture_that_moves_is_a_film_with_its_own_times(tmp_path, ending):
    pages = [Image.fromarray(scene(n, low=40, high=240).astype(np.uint8)).convert("RGB") for n in range(5)]
    lengths = [100, 200, 100, 400, 100]
    path = tmp_path / f"moving.{ending}"
    pages[0].save(path, save_all=True, append_images=pages[1:], duration=lengths, loop=0)
    source = open_video(path)
    frames = list(source)
    assert len(frames) == 5 and source.read([3])[0].image is not None
    np.testing.assert_allclose([frame.time for frame in frames], np.cumsum([0, *lengths[:-1]]) / 1000, atol=0.011)
    assert all(frame.image[20, 8 + 4 * frame.index, 0] > 200 for frame in frames)


def test_stacks_in_a_folder_give_all_their_pages(tmp_path):
    for part in range(2):
        stack(tmp_path / f"part{part}.tif", [scene(6 * part + n) for n in range(6)])
    frames = list(open_video(tmp_path))
    assert len(frames) == N and all(frame.image[20, 8 + 4 * frame.index, 0] > 225 for frame in frames)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_before_seqinfo_do_not_matter(tmp_path, encoding):
    (tmp_path / "img1").mkdir()
    (tmp_path / "gt").mkdir()
    for n in range(3):
        Image.fromarray(scene(n, low=40, high=240).astype(np.uint8)).save(tmp_path / "img1" / f"{n + 1:06d}.jpg")
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\r\nname=A\r\nframeRate=30\r\nseqLength=3\r\n", encoding=encoding)
    (tmp_path / "gt" / "gt.txt").write_text("1,1,5,5,5,5,1,1,1\n", encoding=encoding)
    from scalor.data.motchallenge import read_mot

    assert (open_video(tmp_path).fps, read_mot(tmp_path).length) == (30.0, 3)


@pytest.mark.parametrize("said", ["img1", "IMG1", "img1\\\\", "./img1/", "frames"])
def test_the_folder_of_a_sequence_is_found(tmp_path, said):
    (tmp_path / "img1").mkdir()
    Image.fromarray(scene(0).astype(np.uint8)).save(tmp_path / "img1" / "000001.png")
    (tmp_path / "seqinfo.ini").write_text(f"[Sequence]\nimDir={said}\n")
    assert open_video(tmp_path).count() == 1


SAID = "name=Zürich\nimDir=img1\nframeRate=30\nseqLength=12\n"


@pytest.mark.parametrize(
    "raw",
    [
        f"[Sequence]\n{SAID}".encode("latin-1"),
        f"[Sequence]\n{SAID}".encode("utf-16-le"),
        f"[Sequence]\n{SAID}".encode("utf-32"),
        f"\n; made by hand\n[ SEQUENCE ]\n{SAID}".encode(),
        f"{SAID}\0\0".encode(),
        SAID.replace("\n", "\r").encode(),
        SAID.replace("=", " : ").encode(),
        SAID.replace("=", "\t").encode(),
        SAID.replace("=", " ").encode(),
        SAID.replace("=", ";").encode(),
        SAID.replace("=", ",").encode(),
        SAID.replace("\n", ";\n").encode(),
        SAID.replace("\n", "\n  ").encode(),
        SAID.replace("=30", "=30.0 # per second").replace("=12", '="12"').encode(),
        SAID.replace("=30", "=30000/1000").replace("seqLength", "seq_length").encode(),
        SAID.replace("=30", "=30,0").replace("=12", "=12.0\nfinished").encode(),
        f"[Other]\nseqLength=99\n[Sequence]\n{SAID}".encode(),
    ],
)
def test_seqinfo_is_read_in_all_dialects(tmp_path, raw):
    (tmp_path / "seqinfo.ini").write_bytes(raw)
    assert sequence_info(tmp_path)["imdir"] == "img1"
    assert (sequence_length(tmp_path), sequence_rate(tmp_path)) == (12, 30.0)


@pytest.mark.parametrize("raw", [b"\0\1\2garbage", b"[Clip]\nseqLength=3\n", b"how long it is\n"])
def test_a_seqinfo_that_says_nothing_is_refused(tmp_path, raw):
    (tmp_path / "seqinfo.ini").write_bytes(raw)
    with pytest.raises(UserError, match="seqinfo.ini cannot be read"):
        sequence_info(tmp_path)


@pytest.mark.parametrize("line", ["frameRate=0", "frameRate=nan", "frameRate=fast", "seqLength=-3", "seqLength=many"])
def test_numbers_of_seqinfo_that_are_none_are_refused(tmp_path, line):
    Image.fromarray(scene(0).astype(np.uint8)).save(tmp_path / "1.png")
    (tmp_path / "seqinfo.ini").write_text(f"[Sequence]\nimDir=.\n{line}\n")
    with pytest.raises(UserError, match=line.split("=")[0]):
        open_video(tmp_path)
