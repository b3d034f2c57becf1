"""MOTChallenge's files in all their dialects: one base, the benchmarks' rules, and readers of other houses agree."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.core.tracks import Tracks
from scalor.data.mot_dialects import dialect_of
from scalor.data.motchallenge import read_mot, read_truth, write_mot
from scalor.errors import UserError
from scalor.metrics.distractors import outside_regions, without_distractors
from scalor.metrics.mot import evaluate
from scalor.outputs.options import Options
from scalor.outputs.sheets import write_tables
from scalor.outputs.supervision import write as write_supervision
from scalor.outputs.tracked import Tracked

ROWS = [
    (0, 3, 0.0, 0.0, 10.0, 20.0, 0.5, 1.0),
    (0, 7, 30.5, 12.25, 8.0, 8.0, 1.0, 1.0),
    (4, 3, 2.0, 1.0, 9.0, 9.0, 1.0, 1.0),
]


def table() -> Tracks:
    return Tracks.from_rows(ROWS, length=5)


def py_motmetrics(path: Path) -> np.ndarray:
    """(frame, id, x, y, w, h) as py-motmetrics loads a file: it takes 1 from x and y and leaves frames from 1."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2)[:, :6]
    return rows - [0, 0, 1, 1, 0, 0]


def trackeval(path: Path) -> dict[int, np.ndarray]:
    """Boxes by time step from 0 as TrackEval reads them: places as they stand, in truth and tracks alike."""
    boxes: dict[int, list[list[float]]] = {}
    with path.open() as file:
        for row in csv.reader(file):
            boxes.setdefault(int(row[0]) - 1, []).append([float(value) for value in row[2:6]])
    return {time: np.array(found) for time, found in boxes.items()}


def cvat(path: Path) -> list[tuple[int, int, float, float, float, float]]:
    """(frame from 0, id, x, y, w, h) as CVAT imports a file: 1 is taken from the frame, nothing from the box."""
    with path.open() as file:
        return [(int(r[0]) - 1, int(r[1]), *(float(v) for v in r[2:6])) for r in csv.reader(file)]


def write_sheet(tracks: Tracks, path: Path, **how: int) -> None:
    write_tables(path.parent, tracks, **how)


@pytest.mark.parametrize("write", [write_mot, write_sheet])
def test_other_houses_find_the_boxes_where_they_are(tmp_path, write):
    tracks, path = table(), tmp_path / "tracks.txt"
    write(tracks, path)
    np.testing.assert_allclose(py_motmetrics(path)[:, 2:], tracks.box_tlwh)
    assert py_motmetrics(path)[:, 0].tolist() == (tracks.frame + 1).tolist()
    np.testing.assert_allclose(np.concatenate(list(trackeval(path).values())) - [1, 1, 0, 0], tracks.box_tlwh)
    write(tracks, path, box_base=0)
    assert cvat(path) == [row[:6] for row in ROWS]


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("name", ["tracks.txt", "tracks.csv"])
def test_what_was_written_from_either_base_is_read_back(tmp_path, name, base):
    write_tables(tmp_path, table(), box_base=base)
    back = read_mot(tmp_path / name, box_base=base)
    np.testing.assert_allclose(back.box_tlwh, table().box_tlwh, atol=0.005)
    assert (back.frame.tolist(), back.id.tolist()) == (table().frame.tolist(), table().id.tolist())
    (tmp_path / "summary.json").write_text(json.dumps({"made_by": "scalor track 0.2", "box_base": base}))
    np.testing.assert_allclose(read_mot(tmp_path / name).box_tlwh, back.box_tlwh)


def test_results_of_the_first_version_are_read_as_they_were_meant(tmp_path):
    (tmp_path / "tracks.csv").write_text("frame,id,left,top,width,height,center_x\n0,1,5,6,7,8,9\n3,1,5,6,7,8,9\n")
    old = read_mot(tmp_path / "tracks.csv")
    assert old.frame.tolist() == [0, 3] and old.box_tlwh[0].tolist() == [5, 6, 7, 8]
    (tmp_path / "tracks.txt").write_text("1,1,5,6,7,8,1,-1,-1,-1\n")
    assert read_mot(tmp_path / "tracks.txt").box_tlwh[0].tolist() == [4, 5, 7, 8]
    (tmp_path / "summary.json").write_text('{"made_by": "scalor track 0.1.0"}')
    assert read_mot(tmp_path / "tracks.txt").box_tlwh[0].tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,1,0.1,0.2,0.05,0.1\n2,1,0.11,0.2,0.05,0.1\n", "as shares of the picture"),
        ("frame,id,cx,cy,w,h\n1,1,0.5,0.5,0.1,0.1\n", "as shares of the picture"),
        ('{"frame": 1, "id": 1, "left": 1, "top": 2, "width": 3, "height": 4}\n', "wanted numbers only"),
        ("frame,id,left,top,width,height\n1,1,10,5,20,30,40\n", "7 columns under 6 names"),
        ("frame id left top width height\n1 1 1 10 20 30 40\n", "7 columns under 6 names"),
        ("1,-1,1,2,3,4\n1,-1,5,6,7,8\n", "boxes without identities"),
        ("1,1,NA,20,30,40\n", "not finite"),
        ("1_0,1,10,20,30,40\n", "wanted numbers only"),
        ("\0" * 100, "it holds zeros only"),
        ("PK\x03\x04 and more", "a workbook or an archive"),
        ("PAR1 and more", "a Parquet file"),
    ],
)
def test_what_would_be_taken_for_other_boxes_is_refused(tmp_path, text, words):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UserError, match=words):
        read_mot(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "text",
    [
        '"frame","id","left","top","width","height"\n"1",1,7,6,7,8,9\n',
        "frame,id,left,top,width,height,conf\n1,7,6,7,8,9,1,-1,-1,-1\n",
        "1,7,6,7,8,9,NA,None,n/a\n",
    ],
)
def test_row_names_of_r_and_marks_for_nothing_shift_nothing(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    tracks = read_mot(tmp_path / "t.csv")
    assert (tracks.frame.tolist(), tracks.id.tolist(), tracks.box_tlwh.tolist()) == ([0], [7], [[5, 6, 8, 9]])
    assert tracks.score.tolist() == [1.0]


@pytest.mark.parametrize("head", ["", "frame,id,left,top,width,height\n", "frame_index,tracker_id,x,y,w,h\n"])
def test_a_table_with_a_frame_0_counts_from_0_and_that_is_said(tmp_path, head):
    (tmp_path / "t.txt").write_text(head + "0,1,5,6,7,8\n3,1,5,6,7,8\n")
    for base, edge, words in ((None, 5, 1), (0, 5, 0), (1, 4, 0)):
        said = []
        for tracks in (
            read_mot(tmp_path / "t.txt", box_base=base, say=said.append),
            read_truth(tmp_path / "t.txt", box_base=base).tracks,
        ):
            assert tracks.frame.tolist() == [0, 3] and tracks.box_tlwh[0].tolist() == [edge, edge + 1, 7, 8]
        assert len(said) == words and all("counts frames from 0" in text for text in said)
    (tmp_path / "t.txt").write_text("-1,1,5,6,7,8\n0,1,5,6,7,8\n")
    with pytest.raises(UserError, match="frame -1"):
        read_mot(tmp_path / "t.txt")


@pytest.mark.parametrize(
    "text",
    [
        "1,7,6,7,8,9\n",
        "\ufeff1,7,6,7,8,9\r\n",
        "1\t7\t6\t7\t8\t9\n",
        "1;7;6;7;8;9\n",
        "  1   7 6 7 8 9  \n\n",
        "1.0,7.0,6.0,7.0,8.0,9.0,1,-1,-1,-1,\n",
        "# made by hand\n1,7,6,7,8,9\n",
        "frame,id,bb_left,bb_top,bb_width,bb_height,conf,x,y,z\n1,7,6,7,8,9,1,-1,-1,-1\n",
        "Id,Frame,X,Y,W,H\n7,1,6,7,8,9\n",
        '"frame","track_id","left","top","width","height"\n"1","7","6","7","8","9"\n',
        "nr,name,a,b,c,d\n1,7,6,7,8,9\n",
        "+1,7,6e0,7.,8,9\n",
        "1|7|6|7|8|9\n",
        "1\t7\t6,0\t7,0\t8,0\t9,0\n",
        "1 7 6,0 7,0 8,0 9,0\n",
        '"1","7","6,0","7,0","8,0","9,0"\n',
        "sep=;\nframe;id;left;top;width;height\n1;7;6;7;8;9\n",
        "// made by hand\n1,\t7,\t6,\t7,\t8,\t9\n",
        "# id, frame, left, top, width, height\n7,1,6,7,8,9\n",
        "Track ID,Frame Number,BB Left [px],BB Top [px],Width (px),Height (px)\n7,1,6,7,8,9\n",
        'frame,id,"note, long",left,top,width,height\n1,7,"a, b",6,7,8,9\n',
        "frame,id,left,top,width,height,class\n1,7,6,7,8,9,person\n",
        "frame,id,cx,cy,w,h\n1,7,10,11.5,8,9\n",
        "frame,id,center_x,center_y,x2,y2\n1,7,10,11.5,14,16\n",
        "1,7,6,7,8,9\n\x1a",
        "1,7,6,7,8,9\r\0\0",
    ],
)
def test_marks_heads_and_separators_of_all_kinds(tmp_path, text):
    for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        (tmp_path / "t.txt").write_bytes(text.encode(encoding))
        tracks = read_mot(tmp_path / "t.txt")
        assert (tracks.frame.tolist(), tracks.id.tolist(), tracks.box_tlwh.tolist()) == ([0], [7], [[5, 6, 8, 9]])


@pytest.mark.parametrize("names", ["x,y,vx,vy", "cx,cy,area,score", "left,top,area,angle", "x1,y1,x2,score"])
def test_columns_that_are_no_boxes_are_not_taken_for_boxes(tmp_path, names):
    (tmp_path / "t.csv").write_text(f"frame,id,{names}\n1,7,6,7,8,9\n")
    with pytest.raises(UserError, match="names the columns frame, id.*are wanted"):
        read_mot(tmp_path / "t.csv")


def test_a_truth_of_mot17_counts_what_is_flagged_and_of_class_1(tmp_path):
    lines = [f"{f},{i},{9 * i},5,8,8,{flag},{kind},0.9" for f in (1, 2) for i, flag, kind in FLAGS]
    (tmp_path / "gt.txt").write_text("\n".join(lines))
    truth = read_truth(tmp_path / "gt.txt")
    assert set(truth.tracks.id.tolist()) == {1, 2} and set(truth.distractors.id.tolist()) == {5, 6}
    assert set(read_truth(tmp_path / "gt.txt", classes=[3, 8]).tracks.id.tolist()) == {4, 6}
    assert set(read_mot(tmp_path / "gt.txt").id.tolist()) == {1, 2, 3, 4, 5, 6}
    with pytest.raises(UserError, match="class 11.*8 rows of class|--classes"):
        read_truth(tmp_path / "gt.txt", classes=[11])


FLAGS = [(1, 1, 1), (2, 1, 1), (3, 0, 1), (4, 1, 3), (5, 0, 7), (6, 1, 8)]


def test_reports_on_distractors_are_neither_right_nor_wrong():
    truth = Tracks.from_rows([(0, 1, 0, 0, 10, 10, 1, 1)], length=1)
    aside = Tracks.from_rows([(0, 9, 30, 0, 10, 10, 1, 1), (0, 8, 1, 0, 10, 10, 1, 1)], length=1)
    found = Tracks.from_rows(
        [(0, 1, 0, 0, 10, 10, 1, 1), (0, 2, 31, 0, 10, 10, 1, 1), (0, 3, 60, 0, 9, 9, 1, 1)], length=1
    )
    fair = without_distractors(truth, aside, found)
    assert fair.id.tolist() == [1, 3]
    scores = evaluate(truth, fair, iou=0.5)
    assert (scores.tp, scores.fp, scores.fn) == (1, 1, 0)


@pytest.mark.parametrize(
    ("row", "seen"),
    [
        ("1,7,6,7,8,9,1,-2.5,0.05,0.457", 1.0),
        ("1,7,6,7,8,9,1,2,0.5,0.25", 0.5),
        ("1,7,6,7,8,9,1,-1,-1,-1", 1.0),
        ("1,7,6,7,8,9,1,1,0.3", 0.3),
        ("1,7,6,7,8,9,1,1,0.3,4.5,5.5,6.5", 0.3),
        ("1,7,6,7,8,9,1,1", 1.0),
    ],
)
def test_the_last_columns_are_what_the_benchmarks_year_made_them(tmp_path, row, seen):
    (tmp_path / "gt.txt").write_text(row)
    kinds = [1, 2]
    assert read_truth(tmp_path / "gt.txt", classes=kinds).tracks.visibility.tolist() == [seen]


def test_an_empty_truth_is_an_empty_table_and_a_folder_is_read_too(tmp_path):
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text("")
    assert len(read_truth(tmp_path).tracks) == 0 and len(read_mot(tmp_path)) == 0


@given(st.text(alphabet='0123456789,.;\t -+e#"abcframeidx\n\r\ufeff\x00', max_size=120))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_table_or_one_sentence(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.txt"
    file.write_text(text, newline="")
    for read in (read_mot, read_truth):
        try:
            read(file)
        except UserError as error:
            assert "\n" not in str(error)


BOXES = [(1, 3, 11.5, 21.0, 8.0, 9.25), (2, 4, 12.5, 22.0, 8.0, 9.25)]


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("".join("{};{};{};{};{};{}\n".format(*row).replace(".", ",") for row in BOXES), 1),
        ("% from MATLAB\n" + "".join("{},{},{},{},{},{}\n".format(*row) for row in BOXES), 1),
        ("frame,id,x1,y1,x2,y2\n" + "".join(f"{f},{i},{x},{y},{x + w},{y + h}\n" for f, i, x, y, w, h in BOXES), 1),
        (
            "xmin,ymin,xmax,ymax,frame,id\n"
            + "".join(f"{x},{y},{x + w},{y + h},{f},{i}\n" for f, i, x, y, w, h in BOXES),
            1,
        ),
        (
            "x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,frame_index\n"
            + "".join(f"{x - 1},{y - 1},{x + w - 1},{y + h - 1},,0.5,{i},{f - 1}\n" for f, i, x, y, w, h in BOXES),
            0,
        ),
        ("frameNo,objNo,bbX,bbY,bbW,bbH\n" + "".join("{},{},{},{},{},{}\n".format(*row) for row in BOXES), 1),
    ],
)
def test_tables_of_other_tools_say_where_boxes_end_or_how_large_they_are(tmp_path, text, base):
    (tmp_path / "a.csv").write_text(text)
    back = read_mot(tmp_path / "a.csv")
    assert (back.frame.tolist(), back.id.tolist()) == ([0, 1], [3, 4])
    np.testing.assert_allclose(back.box_tlwh, np.array(BOXES)[:, 2:] - [1, 1, 0, 0])


def test_letters_of_other_encodings_are_no_hindrance_and_columns_in_another_order_are_told(tmp_path):
    (tmp_path / "a.txt").write_bytes("# Fußgänger\n1,3,11,21,8,9\n".encode("latin-1"))
    assert read_mot(tmp_path / "a.txt").box_tlwh.tolist() == [[10, 20, 8, 9]]
    (tmp_path / "b.txt").write_text("id,frame,a,b,c,d\n3,1,11,21,8,9\n")
    with pytest.raises(UserError, match="names the columns id, frame"):
        read_mot(tmp_path / "b.txt")


def test_what_is_exported_for_supervision_is_read_back_also_where_nothing_is_in_the_first_frame(tmp_path):
    rows = [(f, i, x - 1, y - 1, w, h, 0.5, 1.0) for f, i, x, y, w, h in BOXES]
    tracked = Tracked(Tracks.from_rows(rows, length=3), np.arange(3) / 10, {"fps": 10, "width": 64, "height": 48})
    write_supervision(tracked, tmp_path / "a.csv", Options())
    back = read_mot(tmp_path / "a.csv", length=3)
    np.testing.assert_allclose(back.box_tlwh, tracked.tracks.box_tlwh)
    assert (back.frame.tolist(), back.id.tolist()) == ([1, 2], [3, 4])


def test_a_folder_of_tracks_stands_for_its_table(tmp_path):
    write_tables(tmp_path / ".", table())
    assert read_mot(tmp_path).frame.tolist() == table().frame.tolist()
    (tmp_path / "tracks.csv").unlink()
    with pytest.raises(UserError, match="neither gt/gt.txt nor tracks.csv"):
        read_mot(tmp_path)


VISDRONE = """1,1,10,10,20,20,1,4,0,0
1,2,50,10,20,20,1,1,1,1
1,3,90,10,20,20,1,11,0,2
1,0,0,100,200,100,0,0,0,0
2,1,12,10,20,20,0,4,0,0
2,1,12,10,20,20,1,4,0,2
"""


def test_a_truth_of_visdrone_is_read_by_its_own_rules(tmp_path):
    (tmp_path / "gt.txt").write_text(VISDRONE)
    said: list[str] = []
    truth = read_truth(tmp_path / "gt.txt", say=said.append)
    assert len(said) == 1 and "VisDrone" in said[0] and "--classes" in said[0]
    assert truth.tracks.id.tolist() == [1, 2, 1] and (truth.tracks.visibility == 1).all()
    assert truth.distractors.id.tolist() == [3, 1] and truth.regions.id.tolist() == [0]
    boxes = [(0, 1, 90, 110, 30, 30), (0, 2, 180, 110, 30, 30), (0, 3, 195, 100, 30, 30), (1, 4, 90, 110, 30, 30)]
    rest = outside_regions(truth.regions, Tracks.from_rows([(*box, 1.0, 1.0) for box in boxes], length=2))
    assert rest.id.tolist() == [3, 4]
    cars = read_truth(tmp_path / "gt.txt", classes=[4], say=said.append)
    assert cars.tracks.id.tolist() == [1, 1] and len(said) == 1


def test_columns_of_uavdt_are_no_class_and_no_visibility(tmp_path):
    for number, rows in enumerate((["2,1,1", "1,1,1"], ["1,1,3", "1,1,2"])):
        file, said = tmp_path / f"{number}.txt", list[str]()
        file.write_text("\n".join(f"{frame},7,10,10,20,20,{row}" for frame, row in enumerate(rows, start=1)))
        truth = read_truth(file, say=said.append)
        assert truth.tracks.frame.tolist() == [0, 1] and (truth.tracks.visibility == 1).all()
        assert len(said) == 1 and "UAVDT" in said[0]


@pytest.mark.parametrize(
    "row", ["1,0,0,0", "1,-1,-1,-1", "1,2,1,0", "1,2,0.5,0", "1,1,1", "0,1,1", "1,2,0.3", "1,13,0,0", "1,1.5,0,0"]
)
def test_columns_of_motchallenge_are_taken_for_no_other_s(tmp_path, row):
    (tmp_path / "gt.txt").write_text("".join(f"{frame},7,10,10,20,20,{row}\n" for frame in (1, 2)))
    said: list[str] = []
    read_mot(tmp_path / "gt.txt", say=said.append)
    assert not said and dialect_of([[1.0, 7.0, 0.0, 0.0, 9.0, 9.0, *map(float, row.split(","))]]) is None


def test_a_truth_in_which_every_class_numbers_its_objects_anew_is_motchallenge_s(tmp_path):
    path, said = tmp_path / "gt.txt", []
    path.write_text("".join(f"{n},1,{9 * kind},9,20,30,1,{kind},1\n" for n in range(1, 6) for kind in (1, 2, 3)))
    assert len(read_truth(path, say=said.append).tracks) == 5 and not said
