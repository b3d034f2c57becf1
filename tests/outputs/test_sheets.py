"""Laws of the tables: readable by others, nothing lost on the way."""

import csv
import json

import numpy as np
import pytest
from pycocotools import mask as coco

from scalor.core.tracks import Tracks
from scalor.outputs.sheets import write_tables
from scalor.outputs.tracked import read_tracked
from scalor.viz.export import write_summary_json

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
    write_tables(tmp_path, tracks)
    rows = np.loadtxt(tmp_path / "tracks.txt", delimiter=",")
    assert rows.shape == (13, 10) and rows[0, 0] == 1
    np.testing.assert_array_equal(rows[:, 0] - 1, tracks.frame)
    np.testing.assert_array_equal(rows[:, 1], tracks.id)
    np.testing.assert_allclose(rows[:, 2:6] - [1, 1, 0, 0], tracks.box_tlwh, atol=0.005)
    assert (rows[:, 7:] == -1).all()


def test_tracks_csv_names_its_columns(tmp_path, tracks):
    write_tables(tmp_path, tracks, fps=4)
    with (tmp_path / "tracks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) - 1 for row in rows] == tracks.frame.tolist()
    assert float(rows[-1]["time"]) == tracks.frame[-1] / 4
    centers = [[float(row["center_x"]) - 1, float(row["center_y"]) - 1] for row in rows]
    np.testing.assert_allclose(centers, tracks.center, atol=0.005)


def test_masks_json_gives_back_the_masks(tmp_path, tracks):
    write_tables(tmp_path, tracks)
    stored = json.loads((tmp_path / "masks.json").read_text())
    assert stored["length"] == 8 and len(stored["annotations"]) == 12
    for item in stored["annotations"]:
        np.testing.assert_array_equal(coco.decode(item["segmentation"]), disc(16, 3 * item["frame"] + 5))


def test_every_frame_has_its_time_where_the_rate_varies(tmp_path, tracks):
    times = np.array([0, 0.1, 0.2, 0.9, 1.0, 1.1, 4.0, 4.1])
    (tmp_path / "summary.json").write_text(json.dumps({"frames": 8, "fps": 10, "width": W, "height": H, "box_base": 1}))
    write_tables(tmp_path, tracks, times=times.tolist(), fps=10)
    np.testing.assert_array_equal(read_tracked(tmp_path).times, times)
    assert (tmp_path / "times.csv").read_text().startswith("frame,time\n1,0.000000\n2,0.100000\n")


def test_an_empty_table_gives_valid_files(tmp_path):
    nothing = Tracks.from_rows([], length=3)
    write_tables(tmp_path, nothing)
    assert (tmp_path / "tracks.txt").read_text() == ""
    assert (tmp_path / "tracks.csv").read_text().count("\n") == 1
    assert json.loads((tmp_path / "masks.json").read_text()) == {"length": 3, "annotations": []}
    assert len(list(tmp_path.iterdir())) == 3
    # By lines, as reports read the masks of long films; and as files of earlier versions are, with an empty line.
    write_summary_json(tmp_path / "summary.json", {"frames": 3, "fps": 25.0, "width": 16, "height": 16})
    assert len(read_tracked(tmp_path, masks_of={0, 1, 2}).tracks) == 0
    (tmp_path / "masks.json").write_text('{"length":3,"annotations":[\n\n]}\n')
    assert len(read_tracked(tmp_path, masks_of={0, 1, 2}).tracks) == 0
