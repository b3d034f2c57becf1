"""Which video goes where: everyone knows it from the list alone, and no two go to one place."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.errors import UserError
from scalor.fleet.plan import LONGEST, Part, marked, planned

WORDS = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=120)
PATHS = st.lists(st.tuples(WORDS, WORDS).map("/".join), min_size=1, max_size=8)


@settings(deadline=None)
@given(PATHS, st.integers(1, 5))
def test_parts_are_the_whole_once_and_no_two_videos_share_a_folder(paths: list[str], of: int) -> None:
    whole = planned(paths)
    parts = [job for number in range(1, of + 1) for job in planned(paths, Part(number, of))]
    assert sorted(parts, key=lambda job: job.name) == sorted(whole, key=lambda job: job.name)
    assert {job.video for job in whole} == {str(Path(path).absolute()) for path in paths}
    names = [job.name.casefold() for job in whole]
    assert len(set(names)) == len(names)
    assert all(name and not name.startswith(".") and "/" not in name and len(name) <= LONGEST + 20 for name in names)


def test_a_folder_is_called_as_its_video_where_it_can_be(tmp_path: Path) -> None:
    (tmp_path / "frames.2").mkdir()
    names = [job.name for job in planned(["a/cam.mp4", "b/CAM.avi", "b/door.mp4", str(tmp_path / "frames.2"), "fleet"])]
    assert names[2:4] == ["door", "frames.2"]
    assert names[0].startswith("cam-") and names[1].startswith("CAM-") and names[4].startswith("fleet-")
    assert marked("/a/b.mp4") == marked("/a/b.mp4") != marked("/c/b.mp4")


@pytest.mark.parametrize("letter", ["a", "漢", "🐁"])
def test_names_of_any_letters_leave_room_for_temporary_ones(letter: str) -> None:
    videos = [letter * (240 // len(letter.encode())), letter * 30 + "b", letter * 30 + "c"]
    jobs = planned(videos)
    assert all(len(f".{job.name}.host-of-twenty-lette-4194304.0-4194304.partial".encode()) < 256 for job in jobs)
    assert jobs[0].name.startswith(letter * 30) and [job.name for job in jobs[1:]] == videos[1:]


def test_the_same_video_twice_is_one_job() -> None:
    assert len(planned(["a/x.mp4", "./a/x.mp4", "a/x.mp4", "b/../a/x.mp4"])) == 1
    assert [job.name for job in planned(["a/x.mp4", "a/y.mp4", "./a/x.mp4"])] == ["x", "y"]


@pytest.mark.parametrize("text", ["3", "0/2", "3/2", "a/b", "1/", "/", "-1/2", "1/2/3", "²/3"])
def test_parts_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="is wanted"):
        Part.parse(text)


def test_parts_have_tables_of_their_own() -> None:
    assert Part.parse("1/1").table == "fleet.csv" and Part.parse("3/50").table == "fleet-3-of-50.csv"


def test_a_stream_is_no_video_of_a_fleet() -> None:
    for address in ("cam:0", "rtsp://door/1"):
        with pytest.raises(UserError, match="record it first"):
            planned(["a.mp4", address])


def test_no_video_is_refused() -> None:
    with pytest.raises(UserError, match="no video came"):
        planned([])
