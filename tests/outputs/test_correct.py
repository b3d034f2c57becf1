"""Laws of corrections: what is done can be undone, rows keep all but their names, impossible ones are refused."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalor.core.tracks import Tracks
from scalor.data.motchallenge import read_mot
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.outputs.correct import Correction, corrected, read_corrections
from scalor.outputs.corrected_folder import correct_folder
from scalor.outputs.export import export
from scalor.outputs.sheets import write_tables
from scalor.outputs.tracked import read_tracked

from .conftest import toy_tracks, write_folder

LENGTH, NAMES = 9, 5


@st.composite
def tables(draw: st.DrawFn) -> Tracks:
    """Any subset of five identities in nine frames; the box tells which row it was."""
    there = draw(st.sets(st.tuples(st.integers(0, LENGTH - 1), st.integers(0, NAMES - 1)), min_size=1))
    rows = [(t, i, t, i, 1.0 + t, 1.0 + i, 1.0, 1.0, {"size": [t, i], "counts": ""}) for t, i in there]
    return Tracks.from_rows(rows, length=LENGTH, masks=True)


spans = st.tuples(st.integers(0, LENGTH - 1), st.integers(0, LENGTH - 1)).map(sorted)
names = st.integers(0, NAMES - 1)


def contents(tracks: Tracks) -> list[tuple]:
    boxes = [tuple(box) for box in tracks.box_tlwh.tolist()]
    return list(zip(tracks.frame.tolist(), tracks.id.tolist(), boxes, map(str, tracks.masks), strict=True))


def unnamed(tracks: Tracks) -> list[tuple]:
    return sorted((frame, box, mask) for frame, _, box, mask in contents(tracks))


def attempt(tracks: Tracks, *corrections: Correction) -> Tracks | None:
    try:
        return corrected(tracks, corrections)
    except UserError:
        return None


@given(tables(), names, names, spans)
def test_swapping_twice_changes_nothing_and_once_only_names(tracks, one, two, span):
    swap = Correction("swap", one, two, *span)
    once = attempt(tracks, swap)
    if once is None:
        here = (tracks.frame >= span[0]) & (tracks.frame <= span[1])
        assert one == two or not (here & (tracks.id == one)).any() or two not in tracks.id
        return
    assert unnamed(once) == unnamed(tracks)
    back = attempt(tracks, swap, Correction("swap", two, one, *span)) if one != two else once
    # The way back wants rows of `two`, which are those that `one` had.
    assert contents(back) == contents(tracks)


@given(tables(), names, st.integers(0, LENGTH - 1))
def test_a_split_is_mended_by_a_merge(tracks, name, first):
    apart = attempt(tracks, Correction("split", name, None, first))
    if apart is None:
        assert not ((tracks.id == name) & (tracks.frame >= first)).any()
        return
    new = int(tracks.id.max()) + 1
    assert not (apart.id[apart.frame >= first] == name).any() and (apart.id == new).any()
    assert contents(corrected(tracks, [Correction("split", name, None, first), Correction("merge", name, new)])) == (
        contents(tracks)
    )


@given(tables(), names, st.integers(10, 20))
def test_a_new_name_can_be_taken_back(tracks, name, other):
    there = attempt(tracks, Correction("relabel", name, other))
    assert (there is None) == (name not in tracks.id)
    if there is not None:
        assert contents(corrected(there, [Correction("relabel", other, name)])) == contents(tracks)


@given(tables(), names, spans)
def test_deleting_removes_these_rows_and_no_others(tracks, name, span):
    less = attempt(tracks, Correction("delete", name, None, *span))
    gone = (tracks.id == name) & (tracks.frame >= span[0]) & (tracks.frame <= span[1])
    assert (less is None) == (not gone.any())
    if less is not None:
        assert contents(less) == contents(tracks.select(~gone))


@given(tables(), names, names)
def test_a_merge_never_gives_an_id_twice_in_a_frame(tracks, one, two):
    joined = attempt(tracks, Correction("merge", one, two))
    frames = [set(tracks.frame[tracks.id == name].tolist()) for name in (one, two)]
    if one != two:
        assert (joined is None) == (not all(frames) or bool(frames[0] & frames[1]))
    if joined is not None:
        assert len({row[:2] for row in contents(joined)}) == len(joined) == len(tracks)


@pytest.mark.parametrize(("action", "one", "two"), [("swap", 0, 9), ("swap", 9, 0), ("merge", 9, 0), ("merge", 0, 9)])
def test_an_id_that_is_nowhere_is_refused(action, one, two):
    with pytest.raises(UserError, match=rf"correction 1 \({action},{one},{two},1,\) .* id 9 is nowhere in the tracks"):
        corrected(toy_tracks(), [Correction(action, one, two)])


@given(st.lists(st.builds(Correction, st.just("swap"), names, names, st.integers(0, 4), st.none() | st.integers(4, 9))))
def test_corrections_come_back_from_a_file_as_they_were_written(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("c") / "c.csv"
    rows = [row for row in rows if row.id != row.other]
    text = "action,id,other,first,last\n" + "".join(f"{row}\n" for row in rows)
    file.write_text(text)
    assert read_corrections(file) == rows
    file.write_bytes(b"\xef\xbb\xbf" + text.replace(",", ";").replace("swap", " Swap ").replace("\n", "\r\n").encode())
    assert read_corrections(file) == rows


@pytest.mark.parametrize(
    "text",
    ["Action\tID\tNote\ndelete\t2\tno cell\n", " action , id ,,\ndelete,2,,\n", "action,id\n,\n\ndelete,2\n,\n"],
)
def test_tabs_capitals_and_notes_do_not_matter(tmp_path, text):
    (tmp_path / "c.csv").write_text(text)
    assert read_corrections(tmp_path / "c.csv") == [Correction("delete", 2)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("frame,id\n1,2\n", "columns action,id,other,first,last are wanted"),
        ("action,id,frame\ndelete,2,100\n", "begins with 'action,id,frame'; the columns"),
        ("action,id\ndelete,2,100\n", "line 2 .* more cells than the 2 columns"),
        ("action,id\nmove,2\n", "line 2 .* action is 'move'"),
        ("action,id,other\nmerge,2,\n", "line 2 .* wants another id"),
        ("action,id,other\nswap,2,2\n", "line 2 .* wants another id"),
        ("action,id\nsplit,x\n", "line 2"),
        ("action,id,first,last\ndelete,1,5,4\n", "no range"),
        ("action,id,first,last\ndelete,1,0,4\n", "from 1 on"),
    ],
)
def test_a_slip_in_the_file_is_told_with_its_line(tmp_path, text, words):
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(UserError, match=words):
        read_corrections(tmp_path / "c.csv")


def test_every_file_of_the_folder_follows(folder, video, tmp_path):
    (tmp_path / "c.csv").write_text("action,id,other,first,last\nswap,0,3,8,\ndelete,70000,,,\nsplit,3,9,10,\n")
    out = tmp_path / "fixed"
    correct_folder(folder, tmp_path / "c.csv", out, video=video)
    expected = corrected(
        toy_tracks(), [Correction("swap", 0, 3, 7), Correction("delete", 70000), Correction("split", 3, 9, 9)]
    )
    again = read_tracked(out)
    np.testing.assert_array_equal(again.tracks.id, expected.id)
    assert again.tracks.masks == expected.masks
    from_txt = read_mot(out / "tracks.txt", length=12)
    np.testing.assert_array_equal(from_txt.id, expected.id)
    np.testing.assert_array_equal(from_txt.frame, expected.frame)
    masks = json.loads((out / "masks.json").read_text())["annotations"]
    assert [(item["frame"], item["id"]) for item in masks] == list(zip(expected.frame, expected.id, strict=True))
    assert again.summary["tracks"] == 3 and again.summary["boxes"] == 18
    assert again.summary["corrections"] == ["swap,0,3,8,", "delete,70000,,1,", "split,3,9,10,"]
    assert sum(frame.image is not None for frame in open_video(out / "overlay.mp4")) == 12
    # What is exported afterwards is corrected too.
    with export(out, "trackpy", tmp_path / "p.csv").open() as file:
        assert [int(row["particle"]) for row in csv.DictReader(file)] == expected.id.tolist()
    np.testing.assert_array_equal(read_tracked(folder).tracks.id, toy_tracks().id)


@pytest.mark.parametrize("box_base", [0, 1])
def test_corrected_tables_are_read_from_the_base_of_those_that_were_corrected(tmp_path, tracks, box_base):
    write_folder(tmp_path / "tracks", tracks, box_base=box_base)
    write_tables(tmp_path / "tracks", tracks, fps=10, box_base=box_base)
    (tmp_path / "c.csv").write_text("action,id,other,first,last\nswap,0,3,8,\n")
    correct_folder(tmp_path / "tracks", tmp_path / "c.csv", tmp_path / "fixed")
    for name in ("tracks.txt", "tracks.csv"):
        np.testing.assert_allclose(
            read_mot(tmp_path / "fixed" / name).box_tlwh, read_tracked(tmp_path / "fixed").tracks.box_tlwh
        )


def test_the_frames_own_times_stay(tmp_path):
    times = np.cumsum([0.1, 0.3] * 6)
    folder = write_folder(tmp_path / "tracks", toy_tracks(), times=times)
    (tmp_path / "c.csv").write_text("action,id\nsplit,0\n")
    correct_folder(folder, tmp_path / "c.csv", tmp_path / "fixed")
    np.testing.assert_allclose(read_tracked(tmp_path / "fixed").times[1:11], times[1:11], atol=1e-4)


def test_an_impossible_correction_leaves_nothing_behind(folder, tmp_path):
    (tmp_path / "c.csv").write_text("action,id,other\nmerge,0,3\n")
    with pytest.raises(UserError, match="correction 1 .* id 0 would be twice in frame 2"):
        correct_folder(folder, tmp_path / "c.csv", tmp_path / "fixed")
    assert not (tmp_path / "fixed").exists()


@pytest.mark.parametrize(
    "text",
    [
        "action,id,other,first,last\nrelabel,1.0,77.0,3.0,NaN\n",  # a column with empty cells, as pandas writes it
        "sep=;\naction;id;other;first;last\nrelabel;1;77;3;\n",
        "action,id,other,first,last\nrelabel,1,77,3,,,\n,,,,,,\n",
    ],
)
def test_what_spreadsheets_and_pandas_write_is_understood(tmp_path, text):
    path = tmp_path / "c.csv"
    path.write_text(text)
    assert read_corrections(path) == [Correction("relabel", 1, 77, first=2)]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("relabel,1,99999999999999999999,,", "other is '99999999999999999999', and a whole number"),
        ("relabel,1,-3,,", "ids from 0 on"),
        ("relabel,1.5,77,,", "id is '1.5', and a whole number"),
        ("delete,,,,", "the id is empty"),
        ("delete,1,,,,,bad", "more cells"),
    ],
)
def test_numbers_that_are_none_are_named(tmp_path, row, said):
    path = tmp_path / "c.csv"
    path.write_text(f"action,id,other,first,last\n{row}\n")
    with pytest.raises(UserError, match=said) as caught:
        read_corrections(path)
    assert "line 2" in str(caught.value)


def test_frames_keep_their_times_whatever_is_deleted(tmp_path):
    times = np.cumsum([0, *[0.1] * 5, 3.0, *[0.2] * 5])
    folder, file = write_folder(tmp_path / "tracks", toy_tracks(), times=times), tmp_path / "c.csv"
    file.write_text("action,id,other,first,last\ndelete,0,,,\ndelete,3,,,\n")
    correct_folder(folder, file, tmp_path / "fixed")
    np.testing.assert_allclose(read_tracked(tmp_path / "fixed").times, times)


def test_what_is_left_out_for_want_of_the_video_is_said(tmp_path, video):
    file, said = tmp_path / "c.csv", []
    file.write_text("action,id,other,first,last\ndelete,0,,,\n")
    folder = write_folder(tmp_path / "tracks", toy_tracks(), path=str(video))
    correct_folder(folder, file, tmp_path / "whole", say=said.append)
    assert said == [] and {"overlay.mp4", "doubts.png"} <= {path.name for path in (tmp_path / "whole").iterdir()}
    moved = video.rename(tmp_path / "moved")
    correct_folder(folder, file, tmp_path / "bare", say=said.append)
    assert len(said) == 1 and f"not at {video} any more, so there is no overlay.mp4" in said[0]
    correct_folder(folder, file, tmp_path / "given", video=moved, say=said.append)
    assert len(said) == 1 and (tmp_path / "given" / "doubts.png").is_file()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("delete,0,77,,", r"line 2 is no correction .*other is 77"),
        ("delete,0,,,\nswap,3,0,,", r"correction 2 \(swap,3,0,1,\) .*id 0 is nowhere"),
        (f"relabel,0,{10**18 - 1},,\nsplit,3,,6,", r"correction 2 \(split,3,,6,\) .*give one that is free"),
    ],
)
def test_what_a_correction_would_ignore_or_cannot_do_is_refused(tmp_path, rows, words):
    folder, file = write_folder(tmp_path / "tracks", toy_tracks()), tmp_path / "c.csv"
    file.write_text(f"action,id,other,first,last\n{rows}\n")
    with pytest.raises(UserError, match=words):
        correct_folder(folder, file, tmp_path / "fixed")
    assert not (tmp_path / "fixed").exists()


def test_a_column_that_comes_twice_is_refused(tmp_path):
    file = tmp_path / "c.csv"
    file.write_text("action,id,other,id,last\nswap,0,3,9,\n")
    with pytest.raises(UserError, match="the column id twice"):
        read_corrections(file)
