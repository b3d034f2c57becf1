"""Containers that lie, or are damaged: every frame in order, each at its own time, and nothing said that is not so."""

import re
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from scalor.data.video import open_video
from tests.data.numbered import H, W, picture, shown

N = 30
DEFAULT_DURATION, VOID = re.compile(rb"\x23\xe3\x83\x84.{4}", re.DOTALL), b"\xec\x86" + bytes(6)
"""Matroska's time of a frame, and what stands for nothing."""
SOUND, RATE = {".webm": "libopus", ".flv": "libmp3lame"}, 48000


def film(
    path: Path,
    *,
    codec: str = "libx264",
    times: list[float] | None = None,
    sound: float = 0.0,
    numbers: range = range(N),
    options: dict[str, str] | None = None,
) -> Path:
    """Pictures at 25 per second, or at ``times``, with ``sound`` seconds of silence beside."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width, stream.pix_fmt, stream.time_base = H, W, "yuv420p", Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        if codec in ("mpeg1video", "mpeg2video", "mpeg4", "wmv2", "msmpeg4"):
            stream.codec_context.time_base = Fraction(1, 25)
        voice = container.add_stream(SOUND.get(path.suffix, "mp2"), rate=RATE) if sound else None
        unit = stream.codec_context.time_base
        for place, number in enumerate(numbers):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts = round((place / 25 if times is None else times[place]) / unit)
            frame.time_base = unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None:
            for place in range(round(sound * RATE / 1152)):
                layout = voice.codec_context.layout.name
                silence = np.zeros((1, 1152 * len(voice.codec_context.layout.channels)), np.int16)
                quiet = av.AudioFrame.from_ndarray(silence, format="s16", layout=layout)
                quiet.sample_rate, quiet.pts, quiet.time_base = RATE, place * 1152, Fraction(1, RATE)
                container.mux(voice.encode(quiet))
            container.mux(voice.encode(None))
    return path


def numbers_of(path: Path) -> list[int | None]:
    return [None if frame.image is None else shown(frame.image) for frame in open_video(path)]


@pytest.mark.parametrize("ending", ["mkv", "webm", "ts", "flv", "mp4", "mov", "mpg"])
def test_sound_that_is_longer_is_no_missing_film(tmp_path, ending):
    codec = {"webm": "libvpx", "mpg": "mpeg2video"}.get(ending, "libx264")
    path = film(tmp_path / f"long.{ending}", codec=codec, sound=3.0)
    source = open_video(path)
    assert [shown(frame.image) for frame in source] == list(range(N))
    assert source.report.clean and not source.cut_short and source.count() == N


@pytest.mark.parametrize("ending", ["mkv", "mp4", "flv", "ts"])
def test_pauses_late_starts_and_odd_rates_keep_every_frame_and_its_time(tmp_path, ending):
    pause = [2 + n / 25 for n in range(N - 1)] + [30.0]
    odd = [0.04 * n if n <= 15 else 0.6 + 0.16 * (n - 15) for n in range(N)]
    for name, times in (("pause", pause), ("odd", odd)):
        source = open_video(film(tmp_path / f"{name}.{ending}", times=times))
        frames = list(source)
        assert [shown(frame.image) for frame in frames] == list(range(N)) and not source.report.truncated
        np.testing.assert_allclose([frame.time for frame in frames], np.array(times) - times[0], atol=0.0011)
        assert ("pauses" in source.report.words()) == (name == "pause")


@pytest.mark.parametrize(
    ("ending", "codec", "options"),
    [
        ("ts", "libx264", {}),
        ("ts", "libx264", {"bf": "0"}),
        ("ts", "mpeg2video", {"bf": "2"}),
        ("mpg", "mpeg1video", {"bf": "2"}),
        ("mpg", "mpeg2video", {}),
        ("mkv", "libx264", {}),
        ("mkv", "mpeg4", {"bf": "2"}),
        ("mkv", "mpeg2video", {"bf": "2"}),
        ("avi", "mpeg4", {}),
        ("h264", "libx264", {"bf": "2"}),
    ],
)
def test_files_joined_byte_by_byte_hold_all_frames_in_order(tmp_path, ending, codec, options):
    parts = [film(tmp_path / f"{n}.{ending}", codec=codec, options=options) for n in (0, 1)]
    whole = tmp_path / f"whole.{ending}"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    source = open_video(whole)
    frames = list(source)
    assert [shown(frame.image) for frame in frames] == [*range(N), *range(N)]
    assert source.count() == 2 * N and not source.report.failed
    times = [frame.time for frame in frames]
    assert all(b > a for a, b in zip(times, times[1:], strict=False)) and times[-1] == pytest.approx(59 / 25, abs=0.1)


@pytest.mark.parametrize("ending", ["ts", "m2ts", "mkv", "mp4", "avi"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_films_of_a_few_frames_are_films(tmp_path, ending, number):
    path = film(tmp_path / f"short.{ending}", codec="mpeg4" if ending == "avi" else "libx264", numbers=range(number))
    assert numbers_of(path) == list(range(number))


def test_a_joined_stream_of_other_programmes_is_said_to_go_on(tmp_path):
    parts = []
    for pid in ("256", "512"):
        path = tmp_path / f"{pid}.ts"
        with av.open(str(path), "w", container_options={"mpegts_start_pid": pid}) as container:
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = H, W, "yuv420p"
            for number in range(N):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
            container.mux(stream.encode(None))
        parts.append(path.read_bytes())
    for times in (1, 400):  # within, and far behind, what is looked at when a file is opened
        (tmp_path / "both.ts").write_bytes(parts[0] * times + parts[1])
        source = open_video(tmp_path / "both.ts")
        assert source.count() == times * N and source.cut_short and "joined on" in source.report.words()


@pytest.mark.parametrize(("codec", "options"), [("libx264", {"bf": "3"}), ("mpeg4", {"bf": "2"})])
def test_decode_times_in_place_of_display_times_do_not_shuffle(tmp_path, codec, options):
    assert numbers_of(film(tmp_path / "decode.asf", codec=codec, options=options)) == list(range(N))


def test_a_lost_packet_of_a_transport_stream_leaves_a_hole(tmp_path):
    path = film(tmp_path / "whole.ts", options={"g": "10", "bf": "0"})
    data = path.read_bytes()
    packets = [data[place : place + 188] for place in range(0, len(data), 188)]
    starts = [n for n, p in enumerate(packets) if p[1] & 0x40 and (p[1] & 0x1F) << 8 | p[2] == 0x100]
    lost = range(starts[17], starts[18])
    kept = [p for n, p in enumerate(packets) if n not in lost or (p[1] & 0x1F) << 8 | p[2] != 0x100]
    (tmp_path / "lost.ts").write_bytes(b"".join(kept))
    source = open_video(tmp_path / "lost.ts")
    frames = list(source)
    assert len(frames) == N and source.report.failed == (17,)
    good = [frame for frame in frames if frame.image is not None and not 17 <= frame.index < 20]
    assert [shown(frame.image) for frame in good] == [frame.index for frame in good]


def test_frames_lost_without_a_trace_are_told_as_a_pause(tmp_path):
    source = open_video(film(tmp_path / "gap.mkv", times=[(n + 3 * (n > 19)) / 25 for n in range(N)]))
    assert len(list(source)) == N and source.report.pauses == {20: 3} and "3 before frame 21" in source.report.words()


@pytest.mark.parametrize("ending", ["mkv", "webm", "avi", "flv", "mov", "mp4"])
def test_a_file_that_breaks_off_is_told_from_a_whole_one_by_its_bytes(tmp_path, ending):
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(ending, "libx264")
    path = film(tmp_path / f"whole.{ending}", codec=codec)
    if ending in ("mov", "mp4"):  # the head in front, or nothing could be read at all
        with (
            av.open(str(path)) as old,
            av.open(str(tmp_path / f"f.{ending}"), "w", options={"movflags": "faststart"}) as new,
        ):
            stream = new.add_stream_from_template(old.streams.video[0])
            for packet in old.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    new.mux(packet)
        path = tmp_path / f"f.{ending}"
    source = open_video(path)
    assert len(list(source)) == N and source.report.clean and not source.cut_short
    with av.open(str(path)) as container:
        place = [packet.pos for packet in container.demux(video=0) if packet.size][20]
    (tmp_path / f"cut.{ending}").write_bytes(path.read_bytes()[: place + 9])
    source = open_video(tmp_path / f"cut.{ending}")
    good = [frame for frame in source if frame.image is not None]
    assert 3 < len(good) < N and source.report.truncated and source.cut_short
    clear = [frame for frame in good if not frame.damaged][:-2]
    assert [shown(frame.image) for frame in clear] == [frame.index for frame in clear]


@pytest.mark.parametrize("group", ["6", "30"])
def test_a_film_trimmed_without_encoding_again_has_the_frames_a_player_shows(tmp_path, group):
    path = film(tmp_path / "whole.mp4", options={"g": group, "bf": "2"})
    trimmed = tmp_path / "trimmed.mp4"
    with (
        av.open(str(path)) as old,
        av.open(str(trimmed), "w", container_options={"avoid_negative_ts": "disabled"}) as new,
    ):
        stream = new.add_stream_from_template(old.streams.video[0])
        first = round(8 / 25 / old.streams.video[0].time_base)
        for packet in old.demux(video=0):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - first, packet.dts - first, stream
                new.mux(packet)
    source = open_video(trimmed)
    assert [shown(frame.image) for frame in source] == list(range(8, N))
    assert source.report.clean and source.count() == source.announced == N - 8 and not source.cut_short


def test_the_film_is_taken_and_not_its_cover(tmp_path):
    path = tmp_path / "cover.mkv"
    source = film(tmp_path / "film.mkv")
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        cover = new.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 200, 200, "yuvj420p"
        stream = new.add_stream_from_template(old.streams.video[0])
        new.mux(cover.encode(av.VideoFrame.from_ndarray(np.full((200, 200, 3), 99, np.uint8), format="rgb24")))
        new.mux(cover.encode(None))
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    assert numbers_of(path) == list(range(N))


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts", "avi"])
def test_videos_that_lie_beside_the_one_that_is_read_are_said(tmp_path, ending):
    """Two cameras in one file: players show the first, and let people choose."""
    path = tmp_path / f"two.{ending}"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(2)]
        for stream in streams:
            stream.height, stream.width, stream.pix_fmt = H, W, "yuv420p"
        for number in range(N):
            for stream, shift in zip(streams, (0, 3), strict=True):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number + shift), format="rgb24")))
        for stream in streams:
            container.mux(stream.encode(None))
    assert numbers_of(path) == list(range(N))
    source = open_video(path)
    source.count()
    assert "the file holds 1 more video, left out" in source.report.words() and not source.cut_short


def test_hidden_frames_of_vp8_are_not_counted(tmp_path):
    options = {"auto-alt-ref": "1", "lag-in-frames": "12", "arnr-maxframes": "7", "arnr-strength": "5"}
    path = film(tmp_path / "alt.webm", codec="libvpx", options=options)
    assert numbers_of(path) == list(range(N))


@pytest.mark.parametrize("name", ["cam:1.mp4", "a%03d.mp4", "no ending", "-x.mkv", "Zürich 東京.mp4", "http:.ts"])
def test_names_are_names(tmp_path, name):
    made = film(tmp_path / ("plain" + (Path(name).suffix or ".mkv")))
    shutil.move(made, tmp_path / name)
    assert numbers_of(tmp_path / name) == list(range(N))


def test_a_list_of_films_is_no_film_that_breaks_off(tmp_path):
    film(tmp_path / "a.ts")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n")
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile a.ts\n")
    for name in ("list.m3u8", "list.ffconcat"):
        source = open_video(tmp_path / name)
        assert [shown(frame.image) for frame in source] == numbers_of(tmp_path / "a.ts")
        assert source.report.notes == () and source.report.clean


def test_a_relative_name_with_a_colon_is_no_protocol(tmp_path, monkeypatch):
    shutil.move(film(tmp_path / "plain.mp4"), tmp_path / "cam:1.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(numbers_of(Path("cam:1.mp4"))) == N


@pytest.mark.parametrize(("aspect", "width"), [(Fraction(2), 2 * W), (Fraction(16, 15), 102), (Fraction(8, 9), 85)])
def test_pixels_that_are_not_square_are_shown_as_players_do(tmp_path, aspect, width):
    path = tmp_path / "wide.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = H, W, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        for number in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode(None))
    source = open_video(path)
    frame = next(iter(source))
    assert (source.height, source.width) == frame.image.shape[:2] == (H, width)


@pytest.mark.parametrize(("ending", "pixels"), [("mkv", "gray16le"), ("avi", "gray12le"), ("mkv", "gray10le")])
def test_dark_grey_films_of_more_than_8_bits_keep_their_levels(tmp_path, ending, pixels):
    path = tmp_path / f"deep.{ending}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = H, W, pixels
        for number in range(N):
            grey = picture(number)[..., 0].astype(np.uint16) * 8 + np.arange(H, dtype=np.uint16)[:, None]
            grey[1, 1] = 65535
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="gray16le")))
        container.mux(stream.encode(None))
    source = open_video(path)
    frames = list(source)
    assert [shown(frame.image) for frame in frames] == list(range(N)) and "grey levels" in source.report.words()
    assert frames[0].image.max() > 225 and len(np.unique(frames[0].image)) > 3
    np.testing.assert_array_equal(source.read([7])[0].image, frames[7].image)


def test_two_moments_in_one_interlaced_picture_become_one(tmp_path):
    path = tmp_path / "woven.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "mpeg2video", rate=25, options={"flags": "+ilme+ildct", "qscale": "1", "field_order": "tt"}
        )
        stream.height, stream.width, stream.pix_fmt = H, W, "yuv422p"
        for number in range(6):
            woven = picture(4 * number)
            woven[1::2] = picture(4 * number + 4)[1::2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(woven, format="rgb24")))
        container.mux(stream.encode(None))
    source = open_video(path)
    for frame in source:
        lines = frame.image[11:24].astype(int).sum(axis=2)
        assert np.abs(lines[1::2] - lines[:-1:2]).max() < 250
    assert "interlaced" in source.report.words()


def test_a_rate_that_is_not_stated_is_told_by_the_times(tmp_path):
    times = np.cumsum(np.tile([0.03, 0.035, 0.035], N // 3)).tolist()
    path, copy = film(tmp_path / "film.mkv", codec="libvpx", times=times), tmp_path / "copy.avi"
    path.write_bytes(DEFAULT_DURATION.sub(VOID, path.read_bytes()))
    with av.open(str(path)) as source, av.open(str(copy), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in (each for each in source.demux(video=0) if each.size):
            packet.stream = stream
            container.mux(packet)
    for each in (path, copy):
        source = open_video(each)
        assert source.fps == pytest.approx(30, rel=0.02)
        assert [shown(frame.image) for frame in source if frame.image is not None][-1] == N - 1


@pytest.mark.parametrize("ending", ["avi", "mkv", "mp4"])
def test_one_frame_left_out_is_told(tmp_path, ending):
    times = [n / 25 for n in range(N + 1) if n != 17]
    source = open_video(film(tmp_path / f"film.{ending}", codec="mpeg4", times=times))
    assert len(list(source)) == N and dict(source.report.pauses) == {17: 1}


@pytest.mark.parametrize("rate", [24, 60, 400, 950])
def test_a_coarse_clock_makes_no_gaps(tmp_path, rate):
    path = film(tmp_path / "film.mkv", codec="libvpx", times=[n / rate for n in range(N)])
    path.write_bytes(DEFAULT_DURATION.sub(VOID, path.read_bytes()))
    source = open_video(path)
    assert len(list(source)) == N and not source.report.pauses


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(25, 2), Fraction(24000, 1001)])
def test_the_clock_of_mpeg4_in_avi_is_not_its_rate(tmp_path, rate):
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height = 64, 48
        for number in range(12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 9 * number, np.uint8))))
        container.mux(stream.encode(None))
    assert abs(open_video(tmp_path / "a.avi").fps - float(rate)) < 0.01
