"""Streams that were cut anywhere: they begin with their first whole picture, and what is lost at the end is a hole."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalor.data.packets import with_holes
from scalor.data.video import open_video
from scalor.errors import UserError
from tests.data.test_films import Kind, film, seen

N = 20
GROUPS = {"g": "8", "bf": "2"}
STREAMS = {
    "H.264": Kind("h264", "libx264"),
    "MPEG-1": Kind("m1v", "mpeg1video"),
    "MPEG-2": Kind("m2v", "mpeg2video"),
    "MPEG-4": Kind("m4v", "mpeg4", container="m4v"),
    "H.264 in packets": Kind("ts", "libx264"),
    "MPEG-2 in packets": Kind("ts", "mpeg2video"),
    "MPEG-4 in packets": Kind("ts", "mpeg4"),
    "packets with times": Kind("m2ts", "libx264", container="mpegts", how={"mpegts_m2ts_mode": "1"}),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_bare_stream_is_in_order_though_it_says_no_times(tmp_path, name):
    path = film(tmp_path / f"whole.{STREAMS[name].ending}", STREAMS[name], options=GROUPS)
    source = open_video(path)
    assert seen(path) == list(range(N)) and source.count() == N and source.report.clean


@pytest.mark.parametrize("share", [0.05, 0.2, 0.45])
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_recorded_from_between_key_frames_begins_with_the_next_one(tmp_path, name, share):
    path = film(tmp_path / f"whole.{STREAMS[name].ending}", STREAMS[name], options=GROUPS)
    raw = path.read_bytes()
    path.write_bytes(raw[int(share * len(raw)) :])
    source = open_video(path)
    numbers = [frame.index for frame in source]
    first = N - len(numbers)
    assert seen(path) == list(range(first, N)) and first in (0, 8, 9, 15, 16)
    assert numbers == list(range(len(numbers))) and source.report.clean
    if name == "MPEG-2 in packets" and share > 0.1:
        assert "frames before the first one left out" in source.report.words()
    assert [frame.time for frame in source] == pytest.approx([number / 25 for number in numbers])


@pytest.mark.parametrize("name", ["H.264 in packets", "MPEG-2 in packets"])
def test_what_a_cut_takes_from_among_the_last_frames_is_a_hole(tmp_path, name):
    path = film(tmp_path / "whole.ts", STREAMS[name], options=GROUPS)
    raw, holes = path.read_bytes(), 0
    for end in range(len(raw) // 2, len(raw), 188 * 3):
        path.write_bytes(raw[:end])
        found = seen(path)
        holes += None in found
        # The last frame may be cut itself, and is then painted over the one before.
        assert all(number in (None, place) for place, number in enumerate(found[:-1]))
    assert holes


@pytest.mark.parametrize("lost", [(12, 16, 17, 24), (14, 20, 26, 27, 28), (13, 14, 15, 16)])
def test_many_lost_packets_of_a_short_stream_shift_nothing(tmp_path, lost):
    path = film(tmp_path / "whole.ts", STREAMS["MPEG-2 in packets"], options=GROUPS)
    raw = path.read_bytes()
    packets = [raw[place : place + 188] for place in range(0, len(raw), 188)]
    path.write_bytes(b"".join(packet for number, packet in enumerate(packets) if number not in lost))
    found = seen(path)
    assert len(found) == N and found[-4:] == list(range(N - 4, N)) and None in found


def test_fragments_of_which_the_index_speaks_must_be_there(tmp_path):
    how = {"movflags": "frag_keyframe+dash+global_sidx+skip_trailer"}
    path = film(tmp_path / "whole.mp4", Kind("mp4", "libx264", how=how), options=GROUPS)
    assert seen(path) == list(range(N)) and not open_video(path).cut_short
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.rindex(b"moof") - 4])
    assert open_video(path).cut_short


def test_fragments_without_an_end_are_said_to_have_none(tmp_path):
    path = film(tmp_path / "whole.mp4", Kind("mp4", "libx264", how={"movflags": "frag_keyframe"}), options=GROUPS)
    assert "without a mark" not in open_video(path).report.words()
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.rindex(b"moof") - 4])
    source = open_video(path)
    assert not source.cut_short and "without a mark that it is whole" in source.report.words()


def test_a_recording_of_which_the_end_is_missing_says_so(tmp_path):
    path = film(tmp_path / "whole.wtv", Kind("wtv", "mpeg2video"))
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(UserError, match="breaks off after"):
        open_video(path)


def test_frames_that_damage_hides_from_the_demuxer_are_missed(tmp_path):
    path = film(tmp_path / "whole.mkv", Kind("mkv", "ffv1"))
    source = open_video(path)
    assert seen(path) == list(range(N)) and not source.cut_short
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 2000] = bytes(2000)
    path.write_bytes(raw)
    source = open_video(path)
    assert len(list(source)) < N and source.report.truncated and source.cut_short


@pytest.mark.parametrize("number", [4, 5, 9, 13])
def test_a_frame_of_avi_that_says_nothing_keeps_its_place(tmp_path, number):
    path = film(tmp_path / "whole.avi", Kind("avi", "mpeg4"), options=GROUPS)
    raw = bytearray(path.read_bytes())
    starts = [at for at in range(len(raw)) if raw[at : at + 4] == b"00dc" and at < raw.index(b"idx1")]
    place, length = starts[number] + 8, int.from_bytes(raw[starts[number] + 4 : starts[number] + 8], "little")
    raw[place : place + length] = bytes(length)
    path.write_bytes(raw)
    found = seen(path)
    assert len(found) == N == open_video(path).count()
    assert None in found and all(value in (place, None) for place, value in enumerate(found) if place > number + 10)


@given(st.permutations(range(4)), st.integers(0, 5), st.sets(st.integers(0, 23)))
def test_holes_are_as_many_as_packets_without_a_picture(group, whole, lost):
    """Groups of four packets leave the decoder in one order, and some not at all."""

    @dataclass
    class Picture:
        pts: int

    order = [4 * turn + number for turn in range(whole + 1) for number in group]
    total = len(order)
    found = list(with_holes([Picture(number) for number in order if number not in lost], total))
    kept = [picture.pts for picture in found if picture is not None]
    assert len(found) == total and kept == [number for number in order if number not in lost]
