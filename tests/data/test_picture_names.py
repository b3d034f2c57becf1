"""Names of pictures: the order that their numbers give, and the numbers that are left out."""

import datetime
from pathlib import Path

import pytest
from PIL import Image

from scalor.data.picture_names import in_order
from scalor.data.video import open_video

from .numbered import picture, shown


def named(folder: Path, names: list[str]) -> Path:
    """Pictures of these names, each with its place among them as its number."""
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        Image.fromarray(picture(number)).save(folder / f"{name}.png")
    return folder


@pytest.mark.parametrize(
    "names",
    [
        ["t=0.5s", "t=1s", "t=1.5s", "t=2s"],
        ["frame_0ms", "frame_0.25ms", "frame_0.5ms", "frame_1ms", "frame_10ms"],
        ["0,25s", "0,5s", "1s", "1,75s"],
        ["t-12", "t-4", "t-1", "t0", "t5", "t10"],
        ["x_-1_ch-2", "x_0_ch-2", "x_1_ch-2"],
        ["img-1", "img-2", "img-10"],
        ["shot1.9s", "shot1.10s"],
        ["v1.2.3", "v1.2.10"],
        ["2024-01-02", "2024-01-10", "2024-02-01"],
        ["a1", "a-0", "a-1"],
        ["a0", "a1", "a-0", "a-1"],
        ["a1", "a2", "a-1", "a-2"],
    ],
)
def test_numbers_in_names_are_in_order(tmp_path, names):
    assert sorted(reversed(names), key=in_order(names)) == names
    source = open_video(named(tmp_path / "pictures", names))
    assert [shown(frame.image) for frame in source] == list(range(len(names)))


def test_fractions_and_signs_make_no_other_kind_of_name(tmp_path):
    for place, names in enumerate((["t=0.5s", "t=1s", "t=1.5s", "t=2s"], ["t-2", "t-1", "t0", "t1"])):
        source = open_video(named(tmp_path / str(place), names))
        assert len(list(source)) == 4 and source.report.words() == "4 frames decoded"


@pytest.mark.parametrize("form", ["exp_t{:03d}_ch00", "{:06d}_96x64", "{:06d}@2x", "f{:d}"])
def test_gaps_are_told_wherever_the_number_stands(tmp_path, form):
    source = open_video(named(tmp_path / "pictures", [form.format(n) for n in range(20) if n not in (7, 8)]))
    times = [frame.time for frame in source]
    assert dict(source.report.pauses) == {7: 2}
    assert times == pytest.approx([n / 10 for n in range(20) if n not in (7, 8)])
    assert source.read([7])[0].time == pytest.approx(0.9)


@pytest.mark.parametrize("form", ["cam_%Y%m%d_%H%M%S", "%Y%m%d%H%M%S", "%H%M%S_cam2", "%H%M%S000"])
@pytest.mark.parametrize("seconds", [1, 10])
def test_minutes_and_days_that_end_in_times_of_day_are_no_gaps(tmp_path, form, seconds):
    begin = datetime.datetime(2024, 3, 9, 9, 58, 30)  # an hour that ends at once, and numbers that get no longer
    names = [(begin + datetime.timedelta(seconds=seconds * n)).strftime(form) for n in range(200)]
    source = open_video(named(tmp_path / "even", names))
    assert [frame.time for frame in source] == pytest.approx([n / 10 for n in range(200)])
    assert not source.report.pauses and source.report.words() == "200 frames decoded"
    del names[100:103]
    source = open_video(named(tmp_path / "gap", names))
    assert list(source)[-1].time == pytest.approx(19.9) and dict(source.report.pauses) == {100: 3}


def test_a_time_of_day_goes_on_behind_midnight(tmp_path):
    begin = datetime.datetime(2024, 2, 28, 23, 59, 0)
    names = [f"{begin + datetime.timedelta(seconds=n):%Y%m%d%H%M%S}" for n in range(90)]
    source = open_video(named(tmp_path / "pictures", names))
    assert len(list(source)) == 90 and not source.report.pauses


@pytest.mark.parametrize("step", [1, 10, 50, 100])
def test_numbers_of_six_digits_that_are_no_times_of_day_keep_their_gaps(tmp_path, step):
    numbers = [step * n for n in range(80) if n not in (7, 8)]
    source = open_video(named(tmp_path / "pictures", [f"{n:06d}" for n in numbers]))
    assert len(list(source)) == 78 and dict(source.report.pauses) == {7: 2}


def test_numbers_without_a_gap_or_a_rule_leave_the_rate_even(tmp_path):
    for place, numbers in enumerate([range(0, 40, 2), [1, 2, 4, 7, 8, 11, 12, 16], [1, 2, 3, 4, 5, 6, 7, 8, 9, 9.5]]):
        source = open_video(named(tmp_path / str(place), [f"f{n}" for n in numbers]))
        assert [frame.time for frame in source] == pytest.approx([n / 10 for n in range(len(numbers))])
        assert not source.report.pauses


@pytest.mark.parametrize("inside", ["", "img1"])
@pytest.mark.parametrize("first", [0, 1])
def test_numbers_of_a_sequence_count_from_0_or_1_whichever_folder_is_given(tmp_path, first, inside):
    numbers = [n for n in range(first, first + 12) if n != first + 5]
    named(tmp_path / "seq" / "img1", [f"{n:06d}" for n in numbers])
    source = open_video(tmp_path / "seq" / inside)
    assert [frame.index for frame in source if frame.image is None] == [5] and source.count() == 12


def test_gaps_in_numbers_that_count_from_elsewhere_are_told(tmp_path):
    named(tmp_path / "seq" / "img1", [f"{n:06d}" for n in range(1000, 1020) if n not in (1007, 1008)])
    source = open_video(tmp_path / "seq")
    assert len(list(source)) == 18 and dict(source.report.pauses) == {7: 2}


def test_the_pictures_of_a_sequence_given_themselves_have_its_length(tmp_path):
    named(tmp_path / "seq" / "img1", [f"{n:06d}" for n in range(1, 7)])
    (tmp_path / "seq" / "seqinfo.ini").write_text("[Sequence]\nname=a\nimDir=img1\nframeRate=30\nseqLength=10\n")
    source = open_video(tmp_path / "seq" / "img1")
    list(source)
    assert source.announced == 10 and source.report.truncated
