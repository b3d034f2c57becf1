"""Laws of video input: numbers never shift, failures are counted, every picture is RGB, mistakes are one sentence."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scalor.data.picture_names import natural_key
from scalor.data.source import shrink
from scalor.data.video import open_video
from scalor.errors import UserError

H, W, N = 48, 96, 40


def bar(index: int) -> np.ndarray:
    """A picture that tells its own number: a red bar whose left edge is 2 * index."""
    image = np.full((H, W, 3), 60, np.uint8)
    image[: H // 2] = 130
    image[:, 2 * index : 2 * index + 6] = (255, 0, 0)
    return image


def number_shown(image: np.ndarray) -> int:
    red = image.astype(int) @ [2, -1, -1]
    return int(np.argmax(np.convolve(red.mean(0), np.ones(6), "valid"))) // 2


def encode(path: Path, *, codec: str = "libx264", pixels: str = "yuv420p", options: dict | None = None) -> Path:
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as container:
        stream = container.add_stream(codec, rate=10, options=options or {})
        stream.height, stream.width, stream.pix_fmt = H, W, pixels
        for index in range(N):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(bar(index), format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def mp4(tmp_path_factory) -> Path:
    """H.264 with B frames: packets lie in another order than pictures."""
    return encode(tmp_path_factory.mktemp("video") / "bars.mp4", options={"g": "10", "bf": "2"})


@pytest.fixture(scope="module")
def intra(tmp_path_factory) -> Path:
    """PNG frames in a mov: every packet stands alone, so damage stays where it is."""
    return encode(tmp_path_factory.mktemp("video") / "bars.mov", codec="png", pixels="rgb24")


def packet_bytes(path: Path) -> list[tuple[int, int]]:
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def spoil(path: Path, target: Path, packets: list[int]) -> Path:
    data = bytearray(path.read_bytes())
    places = packet_bytes(path)
    for packet in packets:
        start, size = places[packet]
        data[start : start + size] = bytes(size)
    target.write_bytes(data)
    return target


def save_frames(folder: Path, images: list[np.ndarray], ending: str = "png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / f"frame{index + 1}.{ending}")
    return folder


def test_frames_come_in_order_with_their_numbers_and_again_on_a_second_pass(mp4):
    source = open_video(mp4)
    assert (source.name, source.fps, source.height, source.width, source.announced) == ("bars", 10.0, H, W, N)
    for _ in range(2):
        frames = list(source)
        assert [frame.index for frame in frames] == list(range(N)) == [number_shown(frame.image) for frame in frames]
        assert source.report.clean and source.report.decoded == source.count() == N


@pytest.mark.parametrize("name", ["bars.mkv", "bars.avi", "bars.ts", "bars.gif", "bars.h264"])
def test_every_container_gives_every_frame_its_number(tmp_path, name):
    codec, pixels = ("gif", "rgb8") if name.endswith("gif") else ("libx264", "yuv420p")
    source = open_video(encode(tmp_path / name, codec=codec, pixels=pixels))
    assert [number_shown(frame.image) for frame in source] == list(range(N))
    assert source.report.clean


@pytest.mark.parametrize("name", ["bars.mp4", "bars.avi"])
def test_random_access_equals_iteration(tmp_path, name):
    source = open_video(encode(tmp_path / name, options={"g": "12", "bf": "2"}))
    frames = list(source)
    wanted = [37, 3, 3, 11, 12, 25, 0, 39]
    for index, frame in zip(wanted, source.read(wanted), strict=True):
        assert frame.index == index
        np.testing.assert_array_equal(frame.image, frames[index].image)
    assert source.read([N + 5])[0].image is None
    assert source.read([]) == []


def test_a_frame_that_fails_leaves_a_hole_and_shifts_nothing(intra, tmp_path):
    source = open_video(spoil(intra, tmp_path / "spoiled.mov", [7, 8, 20]))
    frames = list(source)
    assert [frame.index for frame in frames] == list(range(N))
    assert source.report.failed == (7, 8, 20) == tuple(f.index for f in frames if f.image is None)
    assert all(number_shown(f.image) == f.index for f in frames if f.image is not None)
    assert not source.report.truncated and not source.report.clean
    assert "3 could not be decoded (8-9, 21)" in source.report.words()
    assert [frame.image is None for frame in source.read([6, 7, 9, 20])] == [False, True, False, True]


def test_a_key_frame_that_fails_does_not_shift_what_follows(mp4, tmp_path):
    source = open_video(spoil(mp4, tmp_path / "spoiled.mp4", [10]))
    frames = list(source)
    assert [frame.index for frame in frames] == list(range(N))
    assert set(range(10, 17)) <= set(source.report.failed)
    assert all(number_shown(frame.image) == frame.index for frame in frames[20:])


def test_a_video_that_is_cut_off_is_reported_as_truncated(mp4, tmp_path):
    (tmp_path / "cut.mp4").write_bytes(mp4.read_bytes()[: packet_bytes(mp4)[24][0] + 3])
    source = open_video(tmp_path / "cut.mp4")
    good = [frame for frame in source if frame.image is not None]
    assert [number_shown(frame.image) for frame in good] == [frame.index for frame in good]
    assert source.report.truncated and 5 < source.report.decoded < N == source.report.announced
    assert "missing" in source.report.words()


def test_a_pass_that_was_left_early_is_not_called_truncated(mp4):
    source = open_video(mp4)
    next(iter(source))
    assert not source.report.truncated and source.report.seen == 1


def test_sample_gives_runs_of_consecutive_frames_spread_over_the_video(mp4):
    indices = [frame.index for frame in open_video(mp4).sample(10, consecutive=2)]
    assert len(indices) == 10 and indices[0] == 0 and indices[-1] == N - 1
    assert all(b == a + 1 for a, b in zip(indices[::2], indices[1::2], strict=True))


def test_scaling_keeps_places(mp4):
    whole, small = open_video(mp4), open_video(mp4, scale=0.37)
    assert small.height * small.scale_y == whole.height and small.width * small.scale_x == whole.width
    picture = next(iter(small)).image
    assert picture.shape == (small.height, small.width, 3) == (18, 36, 3)


@given(st.integers(16, 60), st.integers(16, 60), st.integers(5, 16), st.integers(5, 16), st.integers(0, 10**6))
def test_shrinking_keeps_the_centre_of_mass(height, width, small_h, small_w, seed):
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.uint8)
    y, x = rng.integers(0, height - 4), rng.integers(0, width - 4)
    image[y : y + 4, x : x + 4] = 255
    mass = shrink(image, (small_h, small_w))[..., 0].astype(float)
    rows, columns = np.arange(small_h) + 0.5, np.arange(small_w) + 0.5
    center_y = (mass.sum(1) * rows).sum() / mass.sum() * height / small_h
    center_x = (mass.sum(0) * columns).sum() / mass.sum() * width / small_w
    # An area average cannot say where inside a pixel something lies.
    assert abs(center_y - (y + 2)) <= height / small_h and abs(center_x - (x + 2)) <= width / small_w


def test_grey_video_becomes_rgb(tmp_path):
    source = open_video(encode(tmp_path / "grey.mov", codec="png", pixels="gray"))
    image = next(iter(source)).image
    assert image.shape == (H, W, 3) and (image == image[..., :1]).all()


def test_video_with_alpha_becomes_rgb(tmp_path):
    source = open_video(encode(tmp_path / "rgba.mov", codec="png", pixels="rgba"))
    np.testing.assert_array_equal(next(iter(source)).image, bar(0))


def test_a_phone_video_is_turned_upright(mp4, tmp_path):
    data = bytearray(mp4.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    quarter = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30]  # x' = -y, y' = x: a quarter turn to the right
    data[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in quarter)
    (tmp_path / "phone.mp4").write_bytes(data)
    source = open_video(tmp_path / "phone.mp4")
    assert (source.height, source.width) == (W, H)
    upright = np.rot90(next(iter(open_video(mp4))).image, -1)
    np.testing.assert_array_equal(next(iter(source)).image, upright)


def test_a_folder_is_read_in_natural_order(tmp_path):
    source = open_video(save_frames(tmp_path / "frames", [bar(i) for i in range(12)]))
    assert [number_shown(frame.image) for frame in source] == list(range(12))
    assert (source.name, source.announced, source.report.clean) == ("frames", 12, True)


@given(st.lists(st.integers(0, 10**9), unique=True, min_size=2), st.integers(0, 4), st.text("ab_-", max_size=4))
def test_natural_order_is_the_order_of_the_numbers(numbers, zeros, stem):
    names = [f"{stem}{'0' * zeros}{number}.png" for number in numbers]
    assert sorted(names, key=natural_key) == [f"{stem}{'0' * zeros}{number}.png" for number in sorted(numbers)]


@given(st.lists(st.text(max_size=8)))
def test_natural_order_takes_any_names(names):
    assert sorted(names, key=natural_key) == sorted(sorted(names, key=natural_key), key=natural_key)


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "bmp"])
def test_image_kinds(tmp_path, ending):
    folder = save_frames(tmp_path / "frames", [bar(0), bar(5)], ending)
    assert [number_shown(frame.image) for frame in open_video(folder)] == [0, 5]


@pytest.mark.parametrize("mode", ["L", "RGBA", "LA", "P", "1"])
def test_image_modes_become_rgb(tmp_path, mode):
    picture = Image.fromarray(bar(3)).convert(mode)
    picture.save(tmp_path / "a.png")
    (frame,) = open_video(tmp_path)
    np.testing.assert_array_equal(frame.image, np.asarray(picture.convert("RGB")))


def test_alpha_is_dropped_not_blended(tmp_path):
    picture = np.dstack([bar(3), np.zeros((H, W), np.uint8)])
    Image.fromarray(picture).save(tmp_path / "a.png")
    np.testing.assert_array_equal(next(iter(open_video(tmp_path))).image, bar(3))


@pytest.mark.parametrize("brightest", [65535, 3000, 200])
def test_16_bit_frames_share_one_scale(tmp_path, brightest):
    ramp = np.linspace(0, brightest, H * W).reshape(H, W).astype(np.uint16)
    for index, picture in enumerate([ramp // 3, ramp]):
        cv2.imwrite(str(tmp_path / f"{index}.tif"), picture)
    source = open_video(tmp_path)
    frames = [frame.image for frame in source]
    np.testing.assert_allclose(frames[1][..., 0], ramp / brightest * 255, atol=2.5)
    np.testing.assert_allclose(frames[0][..., 0], ramp // 3 / brightest * 255, atol=2.5)
    assert "became 0 to 255" in source.report.words()


def test_16_bit_colour_frames_keep_their_channels(tmp_path):
    cv2.imwrite(str(tmp_path / "a.tif"), bar(4)[..., ::-1].astype(np.uint16) * 257)
    np.testing.assert_array_equal(next(iter(open_video(tmp_path))).image, bar(4))


@pytest.mark.parametrize("shape", [(24, 32), (24, 32, 3)])
def test_a_folder_of_8_and_of_16_bits_is_refused(tmp_path, shape):
    picture = np.full(shape, 200, np.uint8)
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture if number else picture.astype(np.uint16) * 257)
    with pytest.raises(UserError, match=r"0\.png has more than 8 bits and 1\.png has 8"):
        open_video(tmp_path)


def test_pictures_that_cannot_be_read_here_are_told_unless_others_stand_for_them(tmp_path):
    for number in range(3):
        Image.new("RGB", (32, 24)).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.DNG").touch()
    assert open_video(tmp_path).count() == 3
    (tmp_path / "3.HEIC").touch()
    with pytest.raises(UserError, match=r"1 pictures that cannot be read here, as 3\.HEIC"):
        open_video(tmp_path)


def test_the_pages_of_a_tiff_are_frames(tmp_path):
    pages = [Image.fromarray(bar(i)) for i in range(5)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    source = open_video(tmp_path / "stack.tif")
    assert [number_shown(frame.image) for frame in source] == list(range(5))
    assert number_shown(source.read([3])[0].image) == 3


def test_an_image_cut_short_is_a_failed_frame(tmp_path):
    save_frames(tmp_path, [bar(i) for i in range(4)])
    place = tmp_path / "frame3.png"
    place.write_bytes(place.read_bytes()[:-40])
    (tmp_path / "frame4.png").write_bytes(b"")
    source = open_video(tmp_path)
    assert [frame.image is None for frame in source] == [False, False, True, True]
    assert source.report.failed == (2, 3)


def test_a_motchallenge_folder_keeps_its_numbers(tmp_path):
    (tmp_path / "img1").mkdir()
    for number in (1, 2, 4, 5):
        Image.fromarray(bar(number)).save(tmp_path / "img1" / f"{number:06d}.png")
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nname=HALL-01\nimDir=img1\nframeRate=25\nseqLength=9\n")
    source = open_video(tmp_path)
    assert (source.name, source.fps, source.announced) == ("HALL-01", 25.0, 9)
    assert {f.index: number_shown(f.image) for f in source if f.image is not None} == {0: 1, 1: 2, 3: 4, 4: 5}
    assert source.report.failed == (2,) and source.report.truncated
    # The folder of its pictures is the same film.
    inner = open_video(tmp_path / "img1")
    assert [(f.index, f.time, f.image is None) for f in inner] == [(f.index, f.time, f.image is None) for f in source]
    assert (inner.name, inner.fps) == ("HALL-01", 25.0) and inner.report.truncated
    (tmp_path / "seqinfo.ini").write_text("nothing")
    assert open_video(tmp_path / "img1").fps == 10.0


def refused(path: Path, **options) -> str:
    with pytest.raises(UserError) as caught:
        open_video(path, **options)
    message = str(caught.value)
    assert "\n" not in message and ("wanted" in message or "asked" in message)
    return message


def test_mistakes_are_named_in_one_sentence(tmp_path, mp4):
    assert "does not exist" in refused(tmp_path / "none.mp4")
    for name, content in {"text.txt": b"hello\n" * 99, "empty.mp4": b"", "noise.avi": bytes(range(256)) * 40}.items():
        (tmp_path / name).write_bytes(content)
        assert "video" in refused(tmp_path / name)
    (tmp_path / "folder").mkdir()
    assert "no images" in refused(tmp_path / "folder")
    assert "scale" in refused(mp4, scale=2.0)
    assert "made smaller" in refused(mp4, size=(H, 2 * W))


def test_frames_that_are_too_small_are_refused(tmp_path):
    for index in range(2):
        Image.new("RGB", (1, 1)).save(tmp_path / f"{index}.png")
    assert "1x1" in refused(tmp_path)
    assert "1x1" in refused(tmp_path / "0.png")


def test_frames_of_differing_sizes_are_refused(tmp_path):
    save_frames(tmp_path, [bar(0), np.zeros((H, W + 2, 3), np.uint8)])
    assert f"{W + 2}x{H}" in refused(tmp_path)


def test_a_video_without_a_decodable_frame_is_refused(intra, tmp_path):
    assert "no frame" in refused(spoil(intra, tmp_path / "bad.mov", list(range(N))))


def test_sound_is_not_a_video(tmp_path):
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    assert "no video stream" in refused(tmp_path / "a.wav")
