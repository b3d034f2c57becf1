"""Laws of the written files: complete or absent, readable by others, nothing lost on the way."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco

from scalor.core.tracks import Tracks
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.viz.export import (
    SUMMARY,
    atomic_folder,
    atomic_path,
    video_writer,
    write_masks_json,
    write_overlay,
    write_summary_json,
    write_tracks_csv,
    write_tracks_txt,
)

H, W = 48, 65


def disc(y: int, x: int) -> np.ndarray:
    rows, columns = np.ogrid[:H, :W]
    return (rows - y) ** 2 + (columns - x) ** 2 <= 25


def rle(mask: np.ndarray) -> dict:
    packed = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": packed["size"], "counts": packed["counts"].decode()}


@pytest.fixture
def tracks() -> Tracks:
    rows = [
        (t, i, 3.0 * t + 20 * i, 10.5, 11.0, 11.0, 0.75, 0.5, rle(disc(16, 3 * t + 5)))
        for t in range(6)
        for i in (0, 7)
    ]
    rows.append((3, 9, 1.0, 2.0, 3.0, 4.0, 1.0, 1.0, None))
    return Tracks.from_rows(rows, length=8, masks=True)


def test_tracks_txt_holds_one_based_motchallenge_rows(tmp_path, tracks):
    write_tracks_txt(tmp_path / "tracks.txt", tracks)
    rows = np.loadtxt(tmp_path / "tracks.txt", delimiter=",")
    assert rows.shape == (13, 10) and rows[0, 0] == 1
    np.testing.assert_array_equal(rows[:, 0] - 1, tracks.frame)
    np.testing.assert_array_equal(rows[:, 1], tracks.id)
    np.testing.assert_allclose(rows[:, 2:6] - [1, 1, 0, 0], tracks.box_tlwh, atol=0.005)
    assert (rows[:, 7:] == -1).all()


def test_tracks_csv_names_its_columns(tmp_path, tracks):
    write_tracks_csv(tmp_path / "tracks.csv", tracks, times=np.arange(8) / 4)
    with (tmp_path / "tracks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) - 1 for row in rows] == tracks.frame.tolist()
    assert float(rows[-1]["time"]) == tracks.frame[-1] / 4
    centers = [[float(row["center_x"]) - 1, float(row["center_y"]) - 1] for row in rows]
    np.testing.assert_allclose(centers, tracks.center, atol=0.005)


def test_masks_json_gives_back_the_masks(tmp_path, tracks):
    write_masks_json(tmp_path / "masks.json", tracks)
    stored = json.loads((tmp_path / "masks.json").read_text())
    assert stored["length"] == 8 and len(stored["annotations"]) == 12
    for item in stored["annotations"]:
        np.testing.assert_array_equal(coco.decode(item["segmentation"]), disc(16, 3 * item["frame"] + 5))


def test_an_empty_table_gives_valid_files(tmp_path):
    nothing = Tracks.from_rows([], length=3)
    write_tracks_txt(tmp_path / "tracks.txt", nothing)
    write_tracks_csv(tmp_path / "tracks.csv", nothing)
    write_masks_json(tmp_path / "masks.json", nothing)
    assert (tmp_path / "tracks.txt").read_text() == ""
    assert (tmp_path / "tracks.csv").read_text().count("\n") == 1
    assert json.loads((tmp_path / "masks.json").read_text()) == {"length": 3, "annotations": []}


def test_a_summary_takes_numpy_and_never_writes_nan(tmp_path):
    write_summary_json(
        tmp_path / "s.json", {"a": np.float32("nan"), "b": np.int64(3), "c": {"d": np.arange(2)}, "e": tmp_path}
    )
    assert json.loads((tmp_path / "s.json").read_text()) == {"a": None, "b": 3, "c": {"d": [0, 1]}, "e": str(tmp_path)}


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        assert (tmp_path / "a.txt").read_text() == "old"
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old"


def test_a_folder_appears_only_when_it_is_complete(tmp_path):
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "out") as temporary:
        (temporary / "tracks.txt").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(tmp_path / "out") as temporary:
        (temporary / "tracks.txt").write_text("new")
        assert not (tmp_path / "out").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["out"] and (tmp_path / "out" / "tracks.txt").read_text() == "new"


def test_a_folder_that_exists_keeps_foreign_files_and_gets_its_summary_last(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("foreign.doc", "tracks.txt", SUMMARY):
        (out / name).write_text("old")
    moved = []
    real = __import__("os").replace

    def watched(source, target):
        assert not (out / SUMMARY).exists(), "an old summary must not stand beside new tracks"
        moved.append(Path(target).name)
        real(source, target)

    monkeypatch.setattr("scalor.viz.export.os.replace", watched)
    with atomic_folder(out) as temporary:
        for name in (SUMMARY, "tracks.txt", "zebra.txt"):
            (temporary / name).write_text("new")
    assert moved[-1] == SUMMARY
    assert {p.name: p.read_text() for p in out.iterdir()} == {
        "foreign.doc": "old",
        "tracks.txt": "new",
        "zebra.txt": "new",
        SUMMARY: "new",
    }


@pytest.mark.parametrize("opener", [atomic_path, atomic_folder])
def test_an_unwritable_place_is_one_sentence(tmp_path, opener):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"), opener(tmp_path / "file" / "below"):
        pass


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"), atomic_folder(tmp_path / "file"):
        pass


def test_a_video_of_odd_size_plays_and_keeps_its_pictures(tmp_path):
    pictures = [np.full((H, W, 3), 40 * t, np.uint8) for t in range(6)]
    with video_writer(tmp_path / "a.mp4", fps=12.5) as video:
        for picture in pictures:
            video.write(picture)
        assert not (tmp_path / "a.mp4").exists()
    source = open_video(tmp_path / "a.mp4")
    assert (source.fps, source.height, source.width) == (12.5, H, W + 1)
    for frame, picture in zip(source, pictures, strict=True):
        assert abs(frame.image.astype(int).mean() - picture.mean()) < 4


def test_a_video_that_fails_half_way_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="one size"), video_writer(tmp_path / "a.mp4", fps=10) as video:
        video.write(np.zeros((H, W, 3), np.uint8))
        video.write(np.zeros((H, W + 2, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_frames_is_no_file(tmp_path):
    with video_writer(tmp_path / "a.mp4", fps=10):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_overlay_has_as_many_frames_as_the_video_unreadable_ones_included(tmp_path, tracks):
    frames = [np.full((H, W, 3), 90, np.uint8) for _ in range(8)]
    frames[0] = frames[4] = None
    write_overlay(tmp_path / "overlay.mp4", frames, tracks, fps=10)
    source = open_video(tmp_path / "overlay.mp4")
    pictures = [frame.image.mean() for frame in source]
    assert len(pictures) == 8 and source.width >= 3 * W
    assert pictures[0] < 30 and pictures[4] < pictures[3] / 2 < pictures[5]
