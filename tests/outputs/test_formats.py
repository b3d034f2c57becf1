"""Every format read back by its owner's code: identities, boxes and masks are those of the table.

A library that the development setup leaves out for its size is named as the reason where its check is skipped.
"""

import csv
import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from pycocotools import mask as coco
from pycocotools.coco import COCO

from scalor.core.tracks import Tracks
from scalor.errors import UserError
from scalor.outputs.export import FORMATS, export
from scalor.outputs.options import Options
from scalor.outputs.supervision import detections

from .conftest import LENGTH, blob, rle, toy_tracks, write_folder

OUT = {
    "cvat": "t.zip",
    "coco": "t.json",
    "movement": "t.csv",
    "trackmate": "t.xml",
    "sleap": "t.slp",
    "supervision": "s.csv",
    "trackpy": "p.csv",
    "video": "t.mp4",
    "plot": "t.png",
}


LIBRARY = {
    "ctc": ("tifffile", "pip install 'scalor[export]'"),
    "napari": ("tifffile", "pip install 'scalor[export]'"),
    "geff": ("geff", "pip install 'scalor[export]'"),
    "sleap": ("sleap_io", "sleap-io brings ffmpeg and skia: pip install 'scalor[sleap]'"),
}


def written_by(to: str) -> None:
    """Skip where the library that writes a format is not installed."""
    if to in LIBRARY:
        name, reason = LIBRARY[to]
        pytest.importorskip(name, reason=reason)


def dense(tracks) -> np.ndarray:
    return np.array([coco.decode(mask).astype(bool) for mask in tracks.masks])


def keys(tracks) -> list[tuple[int, int]]:
    return list(zip(tracks.frame.tolist(), tracks.id.tolist(), strict=True))


def by_key(tracks) -> dict[tuple[int, int], np.ndarray]:
    return dict(zip(keys(tracks), tracks.box_tlwh, strict=True))


def test_the_command_line_offers_every_format():
    from scalor.cli.export import FORMATS as offered

    assert offered == tuple(FORMATS)


def test_cvat_rows_count_from_one_and_its_labels_are_beside(folder, tracks, tmp_path):
    out = export(folder, "cvat", tmp_path / "t.zip", options=Options(label="fly"))
    with zipfile.ZipFile(out) as pack:
        assert sorted(pack.namelist()) == ["gt/gt.txt", "gt/labels.txt"]
        assert pack.read("gt/labels.txt") == b"fly\n"
        table = np.loadtxt(pack.open("gt/gt.txt"), delimiter=",")
    assert table.shape == (len(tracks), 9)
    np.testing.assert_array_equal(table[:, 0], tracks.frame + 1)
    np.testing.assert_array_equal(table[:, 1], tracks.id + 1)
    np.testing.assert_allclose(table[:, 2:6], tracks.box_tlwh, atol=0.005)
    assert (table[:, 6:8] == 1).all()


def test_cvat_by_datumaro(folder, tracks, tmp_path):
    datumaro = pytest.importorskip("datumaro", reason="datumaro pins an older numpy and opencv than scalor's")
    with zipfile.ZipFile(export(folder, "cvat", tmp_path / "t.zip")) as pack:
        pack.extractall(tmp_path / "mot")
    found = {}
    for item in datumaro.Dataset.import_from(str(tmp_path / "mot"), "mot_seq"):
        for box in item.annotations:
            found[int(item.id) - 1, box.attributes["track_id"] - 1] = np.array(box.get_bbox())
            assert box.label == 0
    assert sorted(found) == keys(tracks)
    for key, box in by_key(tracks).items():
        np.testing.assert_allclose(found[key], box, atol=0.011)


def test_coco_by_pycocotools(folder, tracks, tmp_path, capsys):
    data = COCO(str(export(folder, "coco", tmp_path / "t.json")))
    assert len(data.imgs) == LENGTH and 0 not in data.anns and 0 not in data.imgs
    found = list(data.anns.values())
    assert [(data.imgs[a["image_id"]]["frame_id"], a["track_id"]) for a in found] == keys(tracks)
    np.testing.assert_allclose([a["bbox"] for a in found], tracks.box_tlwh, atol=0.005)
    np.testing.assert_array_equal([data.annToMask(a) for a in found], dense(tracks))
    assert [a["area"] for a in found] == dense(tracks).sum((1, 2)).tolist()


@pytest.mark.parametrize("mask", [None, rle(blob(0, 0, 0.1, 0.1))])
def test_coco_gives_rows_without_a_mask_their_box_and_says_so(tracks, tmp_path, mask):
    tracks.masks[2] = mask
    folder, said = write_folder(tmp_path / "tracks", tracks), []
    data = COCO(str(export(folder, "coco", tmp_path / "t.json", options=Options(say=said.append))))
    left, top, width, height = tracks.box_tlwh[2]
    shown = data.annToMask(data.anns[3])
    assert abs(shown.sum() - width * height) <= width + height and shown[int(top) + 2, int(left) + 2]
    assert said == ["1 row without a mask, or with an empty one: the segmentation there is the box"]


def test_coco_by_supervision(folder, tracks, tmp_path):
    import supervision as sv

    out = export(folder, "coco", tmp_path / "t.json")
    data = sv.DetectionDataset.from_coco(str(tmp_path), str(out), force_masks=False)
    boxes = np.concatenate([data.annotations[path].xyxy for path in sorted(data.annotations)])
    np.testing.assert_allclose(boxes[:, 2:] - boxes[:, :2], tracks.box_tlwh[:, 2:], atol=0.006)


def read_ctc(out: Path) -> dict[tuple[int, int], np.ndarray]:
    """Masks by frame and label, as the challenge's files are laid out."""
    tifffile = pytest.importorskip("tifffile", reason="pip install 'scalor[export]'")

    masks = {}
    for file in sorted((out / "01_RES").glob("mask*.tif")):
        picture = tifffile.imread(file)
        assert picture.dtype == np.uint16
        for label in np.unique(picture[picture > 0]):
            masks[int(file.stem[4:]), int(label)] = picture == label
    return masks


def test_ctc_masks_are_ours_and_gaps_make_children(folder, tracks, tmp_path):
    written_by("ctc")
    out = export(folder, "ctc", tmp_path / "ctc")
    with (out / "labels.csv").open() as file:
        name = {int(row["label"]): int(row["id"]) for row in csv.DictReader(file)}
    masks = {(frame, name[label]): mask for (frame, label), mask in read_ctc(out).items()}
    assert sorted(masks) == keys(tracks)
    for key, mask in zip(keys(tracks), dense(tracks), strict=True):
        # Later masks lie above earlier ones; these do not overlap.
        np.testing.assert_array_equal(masks[key], mask)
    lines = [tuple(map(int, line.split())) for line in (out / "01_RES" / "res_track.txt").read_text().splitlines()]
    assert len(list((out / "01_RES").glob("mask*.tif"))) == LENGTH
    assert [(name[label], first, last, name.get(parent)) for label, first, last, parent in lines] == [
        (0, 1, 10, None),
        (3, 1, 4, None),
        (3, 7, 10, 3),
        (70000, 7, 8, None),
    ]


def test_ctc_says_which_rows_it_cannot_show(tmp_path):
    written_by("ctc")
    box = (10.0, 10.0, 9.0, 9.0, 0.9, 0.75, rle(blob(10.0, 10.0, 9.0, 9.0)))
    rows = [(0, 0, *box), (0, 1, *box), (1, 0, *box)]
    twins = write_folder(tmp_path / "twins", Tracks.from_rows(rows, length=LENGTH, masks=True))
    said: list[str] = []
    export(twins, "ctc", tmp_path / "ctc", options=Options(say=said.append))
    assert said == ["1 of 3 rows show no pixel of their own, and are gaps in ctc"]


def test_ctc_by_the_challenges_checks(folder, tmp_path):
    written_by("ctc")
    pytest.importorskip("ctc_metrics", reason="py-ctcmetrics wants scikit-learn and imagecodecs")
    from ctc_metrics.scripts.evaluate import evaluate_sequence

    result = export(folder, "ctc", tmp_path / "ctc") / "01_RES"
    truth = tmp_path / "ctc" / "01_GT" / "TRA"
    truth.mkdir(parents=True)
    for file in result.glob("mask*.tif"):
        (truth / f"man_track{file.stem[4:]}.tif").write_bytes(file.read_bytes())
    (truth / "man_track.txt").write_bytes((result / "res_track.txt").read_bytes())
    scores = evaluate_sequence(str(result), str(truth.parent), metrics=["Valid", "TRA"], threads=1)
    assert (scores["Valid"], scores["TRA"]) == (1, 1)


def test_geff_by_geff(folder, tracks, tmp_path):
    written_by("geff")
    import geff

    out = export(folder, "geff", tmp_path / "t.geff")
    geff.validate_structure(out)
    graph, metadata = geff.read(out)
    nodes = sorted(graph.nodes(data=True))
    assert [(a["t"], a["track_id"]) for _, a in nodes] == keys(tracks)
    boxes = [[a[name] for name in ("left", "top", "width", "height")] for _, a in nodes]
    np.testing.assert_allclose(boxes, tracks.box_tlwh, atol=0.005)
    np.testing.assert_allclose([[a["x"], a["y"]] for _, a in nodes], tracks.center - 0.5, atol=0.006)
    assert [axis.name for axis in metadata.axes] == ["t", "y", "x"]
    # A track is a chain: its edges lead from each of its rows to the next.
    pairs = {((tracks.frame[a], tracks.id[a]), (tracks.frame[b], tracks.id[b])) for a, b in graph.edges}
    for identity in np.unique(tracks.id):
        frames = tracks.frame[tracks.id == identity]
        assert all(((a, identity), (b, identity)) in pairs for a, b in zip(frames[:-1], frames[1:], strict=True))
    assert len(pairs) == len(tracks) - 3


def test_napari_by_tifffile_and_its_own_tables(folder, tracks, tmp_path):
    tifffile = pytest.importorskip("tifffile", reason="pip install 'scalor[export]'")
    out = export(folder, "napari", tmp_path / "napari")
    labels = tifffile.imread(out / "labels.tif")
    assert labels.shape == (LENGTH, 40, 64) and labels.dtype == np.uint32
    for (frame, identity), mask in zip(keys(tracks), dense(tracks), strict=True):
        np.testing.assert_array_equal(labels[frame] == identity + 1, mask)
    table = np.loadtxt(out / "tracks.csv", delimiter=",", skiprows=1)
    order = np.lexsort((tracks.frame, tracks.id))
    np.testing.assert_array_equal(table[:, :2], np.stack([tracks.id, tracks.frame], axis=1)[order])
    np.testing.assert_allclose(table[:, :1:-1], tracks.center[order] - 0.5, atol=0.006)
    compile((out / "show.py").read_text(), "show.py", "exec")


def test_napari_by_napari(folder, tracks, tmp_path):
    written_by("napari")
    pytest.importorskip("napari", reason="napari brings a viewer of its own")
    import tifffile
    from napari.layers import Labels
    from napari.layers import Tracks as TracksLayer
    from napari_builtins.io import napari_get_reader

    out = export(folder, "napari", tmp_path / "napari")
    table = np.loadtxt(out / "tracks.csv", delimiter=",", skiprows=1)
    assert set(TracksLayer(table).data[:, 0]) == {0, 3, 70000}
    assert Labels(tifffile.imread(out / "labels.tif")).data.max() == 70001
    shapes, about, kind = napari_get_reader(str(out / "boxes.csv"))(str(out / "boxes.csv"))[0]
    assert kind == "shapes" and set(about["shape_type"]) == {"rectangle"} and len(shapes) == len(tracks)
    for corners, frame, box in zip(shapes, tracks.frame, tracks.box_tlwh, strict=True):
        assert (corners[:, 0] == frame).all()
        low, high = corners[:, 1:].min(axis=0)[::-1] + 0.5, corners[:, 1:].max(axis=0)[::-1] + 0.5
        np.testing.assert_allclose(np.concatenate([low, high - low]), box, atol=0.006)


def test_movement_rows_are_via_regions(folder, tracks, tmp_path):
    with export(folder, "movement", tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    boxes = [json.loads(row["region_shape_attributes"]) for row in rows]
    np.testing.assert_allclose([[b["x"], b["y"], b["width"], b["height"]] for b in boxes], tracks.box_tlwh, atol=0.005)
    assert [int(json.loads(row["region_attributes"])["track"]) for row in rows] == tracks.id.tolist()
    assert [int(row["filename"].split("_")[-1].removesuffix(".png")) for row in rows] == tracks.frame.tolist()


def test_movement_by_movement(folder, tracks, tmp_path):
    pytest.importorskip(
        "movement", reason="movement brings opencv-python-headless, which must not stand beside opencv-python"
    )
    from movement.io import load_bboxes

    out = export(folder, "movement", tmp_path / "t.csv")
    data = load_bboxes.from_via_tracks_file(out, use_frame_numbers_from_file=True)
    assert data.time.values.tolist() == list(range(1, 11))
    for (frame, identity), box in by_key(tracks).items():
        here = data.sel(time=frame, individuals=f"id_{identity}")
        np.testing.assert_allclose(here.position.values, box[:2] + box[2:] / 2, atol=0.006)
        np.testing.assert_allclose(here["shape"].values, box[2:], atol=0.006)
        assert float(here.confidence) == pytest.approx(0.9)
    assert int(data.position.notnull().all("space").sum()) == len(tracks)


def test_trackpy_by_trackpy(folder, tracks, tmp_path):
    trackpy = pytest.importorskip("trackpy", reason="trackpy is in the dev extra")
    import pandas

    table = pandas.read_csv(export(folder, "trackpy", tmp_path / "p.csv"))
    assert list(zip(table.frame, table.particle, strict=True)) == keys(tracks)
    np.testing.assert_allclose(table[["left", "top", "width", "height"]], tracks.box_tlwh, atol=0.005)
    np.testing.assert_allclose(table[["x", "y"]], tracks.center - 0.5, atol=0.006)
    assert table.mass.tolist() == dense(tracks).sum((1, 2)).tolist()
    assert set(trackpy.filter_stubs(table, 3).particle) == {0, 3}
    moved = trackpy.imsd(table[table.particle == 0], mpp=1.0, fps=1.0, max_lagtime=1)
    assert float(moved.iloc[0, 0]) == pytest.approx(16.0)


def test_supervision_table_by_its_own_columns_and_detections_with_masks(folder, tracks, tracked, tmp_path):
    with export(folder, "supervision", tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["frame"]), int(row["tracker_id"])) for row in rows] == keys(tracks)
    corners = np.array([[float(row[name]) for name in ("x_min", "y_min", "x_max", "y_max")] for row in rows])
    np.testing.assert_allclose(corners[:, :2], tracks.box_tlwh[:, :2], atol=0.005)
    np.testing.assert_allclose(corners[:, 2:] - corners[:, :2], tracks.box_tlwh[:, 2:], atol=0.006)
    found = list(detections(tracked))
    assert len(found) == LENGTH and [int(i) for each in found for i in each.tracker_id] == tracks.id.tolist()
    np.testing.assert_array_equal(np.concatenate([each.mask for each in found if len(each)]), dense(tracks))


def test_sleap_by_sleap_io(folder, tracks, tmp_path):
    sio = pytest.importorskip("sleap_io", reason="sleap-io brings ffmpeg and skia: pip install 'scalor[sleap]'")
    labels = sio.load_slp(str(export(folder, "sleap", tmp_path / "t.slp")), open_videos=False)
    boxes, masks = {}, {}
    for frame in labels:
        boxes |= {(frame.frame_idx, int(box.track.name)): np.array(box.xywh) for box in frame.bboxes}
        masks |= {(frame.frame_idx, int(mask.track.name)): mask.data for mask in frame.masks}
    assert sorted(boxes) == sorted(masks) == keys(tracks)
    for key, box, mask in zip(keys(tracks), tracks.box_tlwh, dense(tracks), strict=True):
        np.testing.assert_allclose(boxes[key], box, atol=0.006)
        np.testing.assert_array_equal(masks[key], mask)


def test_trackmate_knows_where_the_video_lies(tracks, tmp_path):
    for name, video in (("toy.avi", None), ("toy.avi", tmp_path / "moved.mp4"), ("caf\udce9 \x01<é>.mp4", None)):
        folder = write_folder(tmp_path / "tracks", tracks, path=str(tmp_path / name))
        root = ET.parse(export(folder, "trackmate", tmp_path / "t.xml", options=Options(video=video))).getroot()
        image, known = root.find(".//ImageData"), name.replace("\udce9", r"\udce9").replace("\x01", r"\x01")
        assert image.get("filename") == (video.name if video else known) and image.get("folder") == str(tmp_path)


def test_trackmate_spots_and_outlines(folder, tracks, tmp_path):
    from PIL import Image, ImageDraw

    root = ET.parse(export(folder, "trackmate", tmp_path / "t.xml")).getroot()
    spots = root.findall(".//Spot")
    assert [(int(spot.get("FRAME")), int(spot.get("name"))) for spot in spots] == keys(tracks)
    for spot, box, mask in zip(spots, tracks.box_tlwh, dense(tracks), strict=True):
        values = [float(spot.get(f"BOX_{name}")) for name in ("LEFT", "TOP", "WIDTH", "HEIGHT")]
        np.testing.assert_allclose(values, box, atol=0.005)
        center = np.array([float(spot.get("POSITION_X")), float(spot.get("POSITION_Y"))])
        np.testing.assert_allclose(center + 0.5, box[:2] + box[2:] / 2, atol=0.006)
        corners = np.array(spot.text.split(), float).reshape(-1, 2) + center + 0.5
        assert len(corners) == int(spot.get("ROI_N_POINTS"))
        drawn = Image.new("L", (640, 400))
        ImageDraw.Draw(drawn).polygon([tuple(point) for point in corners * 10], fill=1)
        again = np.asarray(drawn)[5::10, 5::10].astype(bool)
        np.testing.assert_array_equal(again, mask)


def test_trackmate_by_geffs_reader(folder, tracks, tmp_path):
    geff = pytest.importorskip("geff", reason="pip install 'scalor[export]'")
    from geff.convert import from_trackmate_xml_to_geff

    out = export(folder, "trackmate", tmp_path / "t.xml")
    from_trackmate_xml_to_geff(out, tmp_path / "t.geff")
    graph, _ = geff.read(tmp_path / "t.geff")
    nodes = sorted(graph.nodes(data=True))
    assert [(a["FRAME"], int(a["name"])) for _, a in nodes] == keys(tracks)
    assert [a["TRACK_ID"] for _, a in nodes] == tracks.id.tolist()
    np.testing.assert_allclose([a["POSITION_X"] for _, a in nodes], tracks.center[:, 0] - 0.5, atol=0.006)


@pytest.mark.parametrize("to", [name for name in FORMATS if name not in ("video", "crops")])
def test_a_video_without_objects_is_exported_too(tmp_path, to):
    written_by(to)
    nothing = toy_tracks().select(np.arange(0))
    out = export(write_folder(tmp_path / "tracks", nothing), to, tmp_path / OUT.get(to, "out"))
    assert out.exists()


@pytest.mark.parametrize("to", sorted(set(OUT) - {"video"}))
def test_a_file_of_another_ending_is_refused_by_name(folder, tmp_path, to):
    written_by(to)
    with pytest.raises(UserError, match=f"which {to} wants"):
        export(folder, to, tmp_path / "t.wrong")
    assert not (tmp_path / "t.wrong").exists()


@pytest.mark.parametrize("to", ["ctc", "geff", "napari"])
def test_a_folder_with_files_is_left_alone(folder, tmp_path, to):
    written_by(to)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note").write_text("keep")
    with pytest.raises(UserError, match="holds files already"):
        export(folder, to, tmp_path / "mine")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["note"]


@pytest.mark.parametrize("to", ["geff", "ctc", "napari", "sleap"])
def test_a_missing_library_is_named_with_what_installs_it(folder, tmp_path, monkeypatch, to):
    for name in ("geff", "tifffile", "sleap_io"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=r"pip install 'scalor\["):
        export(folder, to, tmp_path / OUT.get(to, "out"))
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("to", ["napari", "trackmate"])
def test_an_id_that_a_format_has_no_room_for_is_told(tracks, tmp_path, to):
    folder = write_folder(tmp_path / "tracks", replace(tracks, id=np.where(tracks.id == 70000, 10**12, tracks.id)))
    with pytest.raises(UserError, match=f"an id is 1000000000000, and {to} has room up to"):
        export(folder, to, tmp_path / OUT.get(to, "out"))
    assert list(tmp_path.iterdir()) == [folder]


def test_an_unknown_format_names_the_known_ones(folder, tmp_path):
    with pytest.raises(UserError, match="cvat, coco"):
        export(folder, "kitti", tmp_path / "x")


@pytest.mark.parametrize("to", ["crops", "plot", "coco"])
def test_what_cannot_be_made_unrecognisable_is_not_shown_as_it_is(folder, tmp_path, to):
    with pytest.raises(UserError, match="blur is for video"):
        export(folder, to, tmp_path / "out", options=Options(blur="objects"))
    assert not (tmp_path / "out").exists()
