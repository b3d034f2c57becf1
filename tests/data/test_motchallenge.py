from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scalor.core.tracks import Tracks
from scalor.data.clip import Clip
from scalor.data.motchallenge import read_mot, write_clip, write_mot
from scalor.data.sprites import Sprites, sprites
from scalor.errors import UserError

share = st.floats(0, 1)
side = st.floats(0, 5000)
place = st.floats(-5000, 5000)
rows = st.dictionaries(
    st.tuples(st.integers(0, 500), st.integers(0, 2**40)),
    st.tuples(place, place, side, side, share, share),
    max_size=12,
)


@given(rows)
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read_and_writing_it_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, table: dict
) -> None:
    file = tmp_path_factory.mktemp("mot") / "tracks.txt"
    tracks = Tracks.from_rows([(*key, *value) for key, value in table.items()], length=600)
    write_mot(tracks, file)
    back = read_mot(file, length=600)
    np.testing.assert_array_equal(back.frame, tracks.frame)
    np.testing.assert_array_equal(back.id, tracks.id)
    np.testing.assert_allclose(back.box_tlwh, tracks.box_tlwh, atol=0.00051)
    np.testing.assert_allclose(back.score, tracks.score, atol=0.000051)
    np.testing.assert_allclose(back.visibility, tracks.visibility, atol=0.000051)
    text = file.read_text()
    write_mot(back, file)
    assert file.read_text() == text
    assert [path.name for path in file.parent.iterdir()] == ["tracks.txt"]


@given(st.text(alphabet="0123456789,.-+e naif\n", max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused_in_one_sentence(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("mot") / "tracks.txt"
    file.write_text(text)
    try:
        tracks = read_mot(file)
    except UserError as error:
        assert "line" in str(error) and "\n" not in str(error)
    else:
        assert np.isfinite(tracks.box_tlwh).all() and (tracks.frame >= 0).all() and (tracks.frame < tracks.length).all()


@pytest.mark.parametrize(
    ("line", "score", "visibility"),
    [
        ("2,7,1,2,3,4", 1.0, 1.0),
        ("2,7,1,2,3,4,0.5", 0.5, 1.0),
        ("2,7,1,2,3,4,-1,-1,-1,-1", 1.0, 1.0),
        ("2, 7, 1, 2, 3, 4, 1, 1, 0.25", 1.0, 0.25),
        ("2 7 1 2 3 4 0.5 1 0.25", 0.5, 0.25),
        ("2.0,7.0,1,2,3,4,1,1,0.25,5.0,6.0,7.0\r", 1.0, 0.25),
    ],
)
def test_all_usual_dialects_are_understood(tmp_path: Path, line: str, score: float, visibility: float) -> None:
    (tmp_path / "t.txt").write_text(f"\n{line}\n\n")
    tracks = read_mot(tmp_path / "t.txt")
    assert (tracks.frame.tolist(), tracks.id.tolist(), tracks.length) == ([1], [7], 2)
    assert tracks.box_tlwh.tolist() == [[0, 1, 3, 4]]
    assert (tracks.score[0], tracks.visibility[0]) == (score, visibility)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3,4,5", "5 columns"),
        ("1,2,3,4,5,x", "numbers"),
        ("-1,2,3,4,5,6", "from 1"),
        ("1.5,2,3,4,5,6", "whole"),
        ("1,2,3,4,-5,6", "negative"),
        ("1,2,nan,4,5,6", "finite"),
        (f"1,{2**53},3,4,5,6", "id 9007199254740992; numbers below 2\\^53"),
        ("1,1,9,9,9,9", "as line 1"),
    ],
)
def test_a_wrong_line_is_named_by_its_number(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "t.txt").write_text(f"1,1,0,0,5,5\n\n{line}\n")
    with pytest.raises(UserError, match=message) as caught:
        read_mot(tmp_path / "t.txt")
    assert "t.txt line 3" in str(caught.value)


def test_missing_and_binary_files_and_too_short_videos_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_mot(tmp_path / "none.txt")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UserError, match="numbers"):
        read_mot(tmp_path / "b.txt")
    (tmp_path / "t.txt").write_text("9,1,0,0,5,5\n")
    with pytest.raises(UserError, match="frame 9 of a video of 4"):
        read_mot(tmp_path / "t.txt", length=4)
    with pytest.raises(UserError, match="cannot be written"):
        write_mot(read_mot(tmp_path / "t.txt"), tmp_path / "no" / "t.txt")


def test_a_clip_becomes_a_sequence_folder_that_gives_back_frames_and_truth(tmp_path: Path) -> None:
    clip = Sprites(sprites("md"), seed=1).clip(0, frames=4)
    folder = write_clip(clip, tmp_path / "a" / "seq")
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert names == ["gt/gt.txt", *(f"img1/{n:06d}.png" for n in range(1, 5)), "seqinfo.ini"]
    for number, frame in enumerate(clip.video, start=1):
        stored = np.asarray(Image.open(folder / "img1" / f"{number:06d}.png"))
        np.testing.assert_array_equal(stored, frame.permute(1, 2, 0).numpy())
    assert clip.truth is not None
    truth = clip.truth.tracks()
    back = read_mot(folder)
    assert back.length == 4 and back.id.tolist() == truth.id.tolist() and back.frame.tolist() == truth.frame.tolist()
    np.testing.assert_allclose(back.box_tlwh, truth.box_tlwh, atol=0.00051)
    np.testing.assert_allclose(back.visibility, truth.visibility, atol=0.000051)


def test_the_length_comes_from_seqinfo_even_where_the_last_frames_are_empty(tmp_path: Path) -> None:
    folder = write_clip(Sprites(sprites("md"), seed=1).clip(0, frames=3), tmp_path / "seq")
    (folder / "gt" / "gt.txt").write_text("1,1,0,0,5,5\n")
    assert read_mot(folder / "gt" / "gt.txt").length == 3
    (folder / "seqinfo.ini").write_text("[Sequence]\nseqLength=three\n")
    with pytest.raises(UserError, match="seqinfo.ini"):
        read_mot(folder)


def test_grey_clips_without_truth_are_written_as_grey_pictures(tmp_path: Path) -> None:
    folder = write_clip(Clip(video=torch.full((2, 1, 5, 6), 77, dtype=torch.uint8)), tmp_path / "grey")
    picture = Image.open(folder / "img1" / "000002.png")
    assert picture.mode == "L" and picture.size == (6, 5) and picture.getpixel((0, 0)) == 77
    assert not (folder / "gt").exists()


def test_what_exists_is_never_overwritten_and_a_failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = Sprites(sprites("vld")).clip(0, frames=1)
    (tmp_path / "seq").mkdir()
    write_clip(clip, tmp_path / "seq")
    with pytest.raises(UserError, match="exists already"):
        write_clip(clip, tmp_path / "seq")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(RuntimeError):
        write_clip(clip, tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["seq"]
