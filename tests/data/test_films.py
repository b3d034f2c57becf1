"""Films joined byte by byte, and films that break off: every frame in order, and what is missing is said."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalor.data.films import films_in
from scalor.data.video import open_video
from scalor.errors import UserError
from tests.data.numbered import H, W, picture, shown

N = 20


@dataclass(frozen=True)
class Kind:
    """A container and what lies in it; ``how`` goes to the muxer."""

    ending: str
    codec: str
    pixels: str = "yuv420p"
    container: str | None = None
    how: dict[str, str] = field(default_factory=dict)


KINDS = {
    "mp4": Kind("mp4", "libx264"),
    "mp4 with the head in front": Kind("mp4", "libx264", how={"movflags": "faststart"}),
    "mp4 in fragments": Kind("mp4", "libx264", how={"movflags": "frag_keyframe+empty_moov"}),
    "mov": Kind("mov", "mjpeg", "yuvj420p"),
    "3gp": Kind("3gp", "mpeg4"),
    "asf": Kind("wmv", "wmv2", container="asf"),
    "flv": Kind("flv", "libx264"),
    "flashsv": Kind("flv", "flashsv", "bgr24"),
    "ivf of vp8": Kind("ivf", "libvpx"),
    "ivf of vp9": Kind("ivf", "libvpx-vp9"),
    "swf": Kind("swf", "flv"),
    "apng": Kind("apng", "apng", "rgb24"),
    "apng under another name": Kind("png", "apng", "rgb24", container="apng"),
    "y4m": Kind("y4m", "wrapped_avframe", container="yuv4mpegpipe"),
    "y4m of 4:4:4": Kind("y4m", "wrapped_avframe", "yuv444p", container="yuv4mpegpipe"),
    "y4m of grey": Kind("y4m", "wrapped_avframe", "gray", container="yuv4mpegpipe"),
    "nut": Kind("nut", "ffv1"),
    "wtv": Kind("wtv", "mpeg2video"),
    "fits": Kind("fits", "fits", "gray"),
    "gif": Kind("gif", "gif", "rgb8"),
    "mkv": Kind("mkv", "ffv1"),
    "ts": Kind("ts", "mpeg2video"),
    "mxf": Kind("mxf", "mpeg2video", "yuv422p"),
    "ogg": Kind("ogv", "libvpx"),
    "avi": Kind("avi", "mjpeg", "yuvj420p"),
}
NO_END = {"ts", "mp4 in fragments", "wtv"}
"""What breaks off between two of its pieces looks like a whole one."""


def film(path: Path, kind: Kind, *, size: tuple[int, int] = (H, W), options: dict[str, str] | None = None) -> Path:
    with av.open(str(path), "w", format=kind.container, options=kind.how) as container:
        stream = container.add_stream(kind.codec, rate=25, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *size, kind.pixels
        for number in range(N):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24").reformat(size[1], size[0])
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    return {name: film(folder / f"{n}.{kind.ending}", kind) for n, (name, kind) in enumerate(KINDS.items())}


def seen(path: Path) -> list[int | None]:
    return [None if frame.image is None else shown(frame.image) for frame in open_video(path)]


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_film_is_called_whole(made, name):
    source = open_video(made[name])
    assert [shown(frame.image) for frame in source] == list(range(N))
    assert source.report.words() == f"{N} frames decoded" and source.report.clean and not source.cut_short


@pytest.mark.parametrize("name", KINDS)
def test_joined_films_are_one_film(made, tmp_path, name):
    path = tmp_path / f"joined{made[name].suffix}"
    path.write_bytes(made[name].read_bytes() * 3)
    source = open_video(path)
    frames = list(source)
    assert [shown(frame.image) for frame in frames] == 3 * list(range(N))
    assert source.report.clean and source.count() == 3 * N and not source.cut_short
    times = [frame.time for frame in frames]
    assert np.diff(times).min() > 0 and times[-1] == pytest.approx((3 * N - 1) / source.fps, rel=0.05)
    picked = [2 * N, 1, 3 * N - 1, N - 1, N]
    for index, frame in zip(picked, source.read(picked), strict=True):
        np.testing.assert_array_equal(frame.image, frames[index].image)
        assert frame.time == times[index]
    for index, frame in zip(sorted(picked), source.passing(picked), strict=True):
        assert frame.index == index and frame.time == times[index]
        np.testing.assert_array_equal(frame.image, frames[index].image)


@pytest.mark.parametrize("name", sorted(KINDS.keys() - {"fits"}))
def test_a_film_that_breaks_off_is_told(made, tmp_path, name):
    data = made[name].read_bytes()
    path = tmp_path / f"cut{made[name].suffix}"
    silent = []
    for end in np.linspace(0.3, 1, 16, endpoint=False):
        path.write_bytes(data[: int(end * len(data))])
        try:
            source = open_video(path)
        except UserError as error:
            assert "\n" not in str(error) and "wanted" in str(error)
            continue
        found = [None if frame.image is None else shown(frame.image) for frame in source]
        if found != list(range(N)) and source.report.words() == f"{len(found)} frames decoded":
            silent.append(len(found))
    assert len(silent) <= (1 if name in NO_END else 0), silent


@pytest.mark.parametrize("name", ["gif", "apng", "y4m", "mxf", "ivf of vp9", "swf", "flashsv"])
def test_a_film_cut_inside_a_frame_is_refused_before_it_is_tracked(made, tmp_path, name):
    data = made[name].read_bytes()
    path = tmp_path / f"cut{made[name].suffix}"
    path.write_bytes(data[: len(data) * 7 // 10 + 1])
    source = open_video(path)
    assert source.cut_short and len(list(source)) < N and source.report.truncated
    assert f"breaks off after {path.stat().st_size} of at least" in source.report.words()


@pytest.mark.parametrize("name", ["mp4", "mov", "3gp", "avi"])
def test_a_file_that_cannot_be_read_since_it_breaks_off_is_said_to(made, tmp_path, name):
    data = made[name].read_bytes()
    path = tmp_path / f"cut{made[name].suffix}"
    path.write_bytes(data[: 300 if name == "avi" else len(data) // 2])
    with pytest.raises(
        UserError, match=f"breaks off after {path.stat().st_size} of at least .* a whole video is wanted"
    ):
        open_video(path)


def test_a_gif_without_its_trailer_is_read_and_said_to_have_none(made, tmp_path):
    path = tmp_path / "no trailer.gif"
    path.write_bytes(made["gif"].read_bytes()[:-1])
    source = open_video(path)
    assert len(list(source)) == N and source.report.clean and "without a mark" in source.report.words()


@pytest.mark.parametrize("name", ["mp4", "flv", "ivf of vp8"])
def test_what_is_joined_on_and_cannot_be_read_is_said(made, tmp_path, name):
    path, data = tmp_path / f"half{made[name].suffix}", made[name].read_bytes()
    path.write_bytes(data + data[: len(data) // 8])
    source = open_video(path)
    assert source.cut_short and [shown(f.image) for f in source if f.image is not None][:N] == list(range(N))
    assert source.report.truncated and ("joined" in source.report.words())


def test_films_of_other_codecs_may_be_joined_but_not_of_other_sizes(made, tmp_path):
    other = film(tmp_path / "other.mp4", Kind("mp4", "mpeg4"))
    (tmp_path / "both.mp4").write_bytes(made["mp4"].read_bytes() + other.read_bytes())
    assert seen(tmp_path / "both.mp4") == 2 * list(range(N))
    larger = film(tmp_path / "larger.mp4", KINDS["mp4"], size=(2 * H, 2 * W))
    (tmp_path / "both.mp4").write_bytes(made["mp4"].read_bytes() + larger.read_bytes())
    with pytest.raises(
        UserError, match="192x128 px after joined ones of 96x64 px; films of one size are wanted; split the file"
    ):
        open_video(tmp_path / "both.mp4")


@pytest.mark.parametrize("name", ["mp4", "asf", "flv", "swf", "apng", "gif", "avi", "mkv", "ogg"])
def test_padding_behind_a_film_is_no_film(made, tmp_path, name):
    path = tmp_path / f"padded{made[name].suffix}"
    path.write_bytes(made[name].read_bytes() + bytes(5000))
    assert seen(path) == list(range(N)) and not open_video(path).cut_short


def test_joined_films_are_scaled_and_sampled_as_one(made, tmp_path):
    path = tmp_path / "two, start=1.mp4"
    path.write_bytes(made["mp4"].read_bytes() * 2)
    source = open_video(path, scale=0.5)
    assert {frame.image.shape for frame in source} == {(H // 2, W // 2, 3)}
    assert [frame.index for frame in source.sample(4)] == [0, 13, 26, 39] and source.announced == 2 * N


@pytest.mark.parametrize("ending", ["webp", "avif"])
def test_moving_pictures_that_are_joined_are_refused(tmp_path, ending):
    from PIL import Image

    pages = [Image.fromarray(picture(number)) for number in range(3)]
    pages[0].save(tmp_path / f"one.{ending}", save_all=True, append_images=pages[1:], duration=40)
    (tmp_path / f"two.{ending}").write_bytes((tmp_path / f"one.{ending}").read_bytes() * 2)
    assert len(seen(tmp_path / f"one.{ending}")) == 3
    with pytest.raises(UserError, match="2 pictures joined byte by byte"):
        open_video(tmp_path / f"two.{ending}")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_the_films_of_any_bytes_lie_one_behind_the_other(made, tmp_path, data):
    content = bytearray(made[data.draw(st.sampled_from(sorted(made)))].read_bytes() * data.draw(st.integers(1, 2)))
    for place in data.draw(st.lists(st.integers(0, min(len(content), 4000) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "any"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    films = films_in(path)
    assert films[0].start == 0 and films[-1].end == path.stat().st_size
    assert all(a.end == b.start for a, b in zip(films, films[1:], strict=False))
    assert all(film.stated >= film.end for film in films)


@pytest.mark.parametrize("kind", ["mxf", "mp4", "asf", "flv", "nut", "wtv", "avi"])
def test_a_film_that_breaks_off_in_its_first_bytes_is_refused(made, tmp_path, kind):
    content = made[kind].read_bytes()
    for length in (*range(1, 40), 64, 100):
        path = tmp_path / f"film{made[kind].suffix}"
        path.write_bytes(content[:length])
        with pytest.raises(UserError):
            open_video(path)
