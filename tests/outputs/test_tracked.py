"""Laws of reading a folder of tracks back: nothing lost, nothing guessed, every slip told in a sentence."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalor.cli.main import main
from scalor.errors import UserError
from scalor.outputs.export import export
from scalor.outputs.report import write_report
from scalor.outputs.tracked import frame_times, read_tracked

from .conftest import rle


def test_a_folder_comes_back_as_it_was_written(tracked, tracks):
    back = tracked.tracks
    assert back.length == tracks.length and tracked.size == (40, 64) and tracked.name == "toy"
    np.testing.assert_array_equal(back.frame, tracks.frame)
    np.testing.assert_array_equal(back.id, tracks.id)
    np.testing.assert_allclose(back.box_tlwh, tracks.box_tlwh, atol=0.005)
    np.testing.assert_array_equal(back.score, tracks.score)
    np.testing.assert_array_equal(back.visibility, tracks.visibility)
    assert back.masks == tracks.masks
    np.testing.assert_allclose(tracked.times, np.arange(12) / 10)


def test_times_of_frames_are_those_of_the_file_and_lie_between_where_a_frame_has_no_row():
    times = frame_times({2: 0.5, 4: 1.5}, 7, 10.0)
    np.testing.assert_allclose(times, [0.3, 0.4, 0.5, 1.0, 1.5, 1.6, 1.7])


@given(st.dictionaries(st.integers(0, 30), st.floats(0, 1), max_size=8), st.integers(31, 40))
def test_known_times_are_kept(gaps, length):
    known = dict(zip(sorted(gaps), np.cumsum([gaps[key] + 0.01 for key in sorted(gaps)]).tolist(), strict=True))
    times = frame_times(known, length, 25.0)
    assert len(times) == length and all(times[frame] == seconds for frame, seconds in known.items())
    assert (np.diff(times) > 0).all()


def test_a_folder_without_masks_has_boxes_only(folder):
    (folder / "masks.json").unlink()
    tracked = read_tracked(folder)
    assert tracked.tracks.masks is None and len(tracked.tracks) == 20
    with pytest.raises(UserError, match="ctc is made of masks"):
        tracked.masks("ctc")


@pytest.mark.parametrize("name", ["summary.json", "tracks.csv"])
def test_what_is_missing_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"no {name}"):
        read_tracked(folder)


LATE, EARLY = ("40,0,1,2,3,4", "frame 40"), ("0,9,1,2,3,4", "line 22")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x,0,1,2,3,4", "line 22"),
        ("1,9,1,2,-3,4", "line 22"),
        ("2,0,1,2,3,4", "twice"),
        ("40,0,1,2,3,4", "frame 40"),
        ("0,9,1,2,3,4", "line 22"),
        ("2,-1,1,2,3,4", "line 22 .* ids from 0"),
        (f"2,{10**30},1,2,3,4", "line 22 .* ids from 0"),
        ("2,9,1,2,3,4,1,1,1,1,nan", "line 22 .* seconds are wanted"),
    ],
)
def test_a_row_that_cannot_be_is_told_with_its_line(folder, line, words):
    with (folder / "tracks.csv").open("a") as file:
        file.write(line + ",1,1,1,1,0.1\n")
    with pytest.raises(UserError, match=words):
        read_tracked(folder)


@pytest.mark.parametrize(
    "saved",
    [
        lambda text: text.encode("utf-16"),
        lambda text: text.replace(",", ";").replace(".", ",").encode("utf-8-sig"),
        lambda text: text.replace(",", "\t").encode(),
        lambda text: "".join(f'"{line}"\r\n' for line in text.splitlines()).replace(",", '","').encode(),
        lambda text: text.encode() + b"\n,,,,,,,,,,\n",
        lambda text: "".join(f"x,{line},0.5\n" for line in text.replace("frame", "Frame").splitlines()).encode(),
        lambda text: re.sub(r"^(\d+),(\d+),", r"\1.0,\2.0,", text, flags=re.MULTILINE).encode(),
    ],
)
def test_a_table_that_a_spreadsheet_saved_is_the_same(folder, tracks, saved):
    table = folder / "tracks.csv"
    table.write_bytes(saved(table.read_text()))
    back = read_tracked(folder)
    np.testing.assert_array_equal(back.tracks.id, tracks.id)
    np.testing.assert_allclose(back.tracks.box_tlwh, tracks.box_tlwh, atol=0.006)
    assert (np.diff(back.times) > 0).all()


def test_a_table_that_is_no_text_is_refused(folder):
    (folder / "tracks.csv").write_bytes(bytes(range(256)))
    with pytest.raises(UserError, match="cannot be read"):
        read_tracked(folder)


def test_other_json_is_no_summary(folder):
    (folder / "summary.json").write_text(json.dumps({"made_by": "scalor imagine 0"}))
    with pytest.raises(UserError, match="no summary of tracks"):
        read_tracked(folder)


def test_tables_of_other_bases_are_read_in_their_own(folder, tracks):
    lines = (folder / "tracks.csv").read_text().splitlines()
    with (folder / "tracks.csv").open("w") as file:
        file.write(lines[0] + "\n")
        for line in lines[1:]:
            frame, identity, left, top, *rest = line.split(",")
            file.write(
                ",".join([str(int(frame) - 1), identity, str(float(left) - 1), str(float(top) - 1), *rest]) + "\n"
            )
    summary = json.loads((folder / "summary.json").read_text())
    del summary["box_base"]  # as before version 0.2, when tables counted from 0
    (folder / "summary.json").write_text(json.dumps(summary))
    back = read_tracked(folder).tracks
    np.testing.assert_array_equal(back.frame, tracks.frame)
    np.testing.assert_allclose(back.box_tlwh, tracks.box_tlwh, atol=0.006)


@pytest.mark.parametrize("layout", ["a line each", "one line"])
def test_the_masks_of_some_frames_can_be_read_alone(folder, layout):
    if layout == "one line":
        whole = json.loads((folder / "masks.json").read_text())
        (folder / "masks.json").write_text(json.dumps(whole))
    everything, some = read_tracked(folder).tracks, read_tracked(folder, masks_of={3, 7}).tracks
    for frame, one, other in zip(everything.frame.tolist(), everything.masks, some.masks, strict=True):
        assert other == (one if frame in (3, 7) else None)


def test_times_that_are_none_are_told_with_their_line(folder):
    (folder / "times.csv").write_text("frame,time\n1,0\n2,late\n")
    with pytest.raises(UserError, match=r"times.csv line 3 is no frame with its time"):
        read_tracked(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fps": 0}, "fps is 0, and a number above 0"),
        ({"fps": "x"}, "fps is 'x'"),
        ({"box_base": "a"}, "box_base is 'a', and 0 or 1"),
        ({"box_base": True}, "box_base is True, and 0 or 1"),
        ({"frames": 10**400}, "frames is 1"),
        ({"frames": -1}, "frames is -1"),
        ({"width": 1.5}, "width is 1.5"),
    ],
)
def test_a_summary_that_cannot_be_is_told(folder, changes, words):
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps({**summary, **changes}))
    with pytest.raises(UserError, match=words):
        read_tracked(folder)


def test_a_number_is_no_summary(folder):
    (folder / "summary.json").write_text("3")
    for read in (read_tracked, write_report):
        with pytest.raises(UserError, match="no summary of tracks"):
            read(folder)


@pytest.mark.parametrize("changes", [{"counts": 5}, {"size": [3, 4]}, {"size": 5}])
def test_a_mask_that_does_not_fit_the_video_is_told(folder, changes):
    masks = json.loads((folder / "masks.json").read_text())
    masks["annotations"][2]["segmentation"] |= changes
    (folder / "masks.json").write_text(json.dumps(masks))
    with pytest.raises(UserError, match="is not a file of masks by scalor"):
        read_tracked(folder)


def test_run_lengths_that_do_not_fit_their_size_are_told(folder, tmp_path):
    masks = json.loads((folder / "masks.json").read_text())
    masks["annotations"][2]["segmentation"]["counts"] = rle(np.ones((400, 640)))["counts"]
    (folder / "masks.json").write_text(json.dumps(masks))
    with pytest.raises(UserError, match="run lengths that fit its size are wanted"):
        export(folder, "ctc", tmp_path / "ctc")


@pytest.mark.parametrize("frames", [None, range(12)])
def test_masks_whose_id_was_changed_by_hand_are_said_to_be_left_out(folder, capsys, frames):
    read_tracked(folder, masks_of=frames)
    assert capsys.readouterr().err == ""
    table = folder / "tracks.csv"
    table.write_text(re.sub(r"^(\d+),3,", r"\1,4,", table.read_text(), flags=re.MULTILINE))
    assert sum(mask is None for mask in read_tracked(folder, masks_of=frames).tracks.masks) == 8
    said = capsys.readouterr().err
    assert "8 masks of" in said and "8 rows have no mask" in said and "scalor correct" in said
    assert said.count("\n") == 1


def test_areas_of_boxes_among_those_of_masks_are_said(folder, tmp_path, capsys):
    with (folder / "tracks.csv").open("a") as file:
        file.write("3,9,1,2,3,4,2,4,1,1,0.2\n")
    assert main(["measure", str(folder), "-o", str(tmp_path / "m")]) == 0
    assert "1 row without a mask" in capsys.readouterr().err
    assert main(["export", str(folder), "--to", "trackpy", "-o", str(tmp_path / "t.csv")]) == 0
    assert "1 row without a mask" in capsys.readouterr().out
