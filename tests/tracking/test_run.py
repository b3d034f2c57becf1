"""Tracking whole videos: complete folders or none, the same files each time, every frame accounted for."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools import mask as coco

import scalor
from scalor.core.tracks import Tracks
from scalor.data.motchallenge import read_mot
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.tracking import run as run_module
from scalor.tracking.report import FrameResult
from scalor.tracking.run import FILES, track, track_to_folder, track_video
from scalor.tracking.setup import prepare
from scalor.tracking.tracker import Tracker
from scalor.viz.export import write_masks_json, write_tracks_csv, write_tracks_txt


def test_the_streamed_files_are_those_of_the_whole_table(make_model, make_frames, write_clip, write_run, tmp_path):
    clip, weights = write_clip(make_frames(5, 45, 61)), write_run(make_model())
    summary = track_to_folder(clip, weights, tmp_path / "out", device="cpu")
    table = track(clip, weights, device="cpu", masks=True)
    assert len(table) > 10
    write_tracks_txt(tmp_path / "tracks.txt", table)
    write_tracks_csv(tmp_path / "tracks.csv", table, fps=summary["fps"])
    write_masks_json(tmp_path / "masks.json", table)
    for name in ("tracks.txt", "tracks.csv", "masks.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert np.allclose(read_mot(tmp_path / "out" / "tracks.txt").box_tlwh, table.box_tlwh, atol=0.006)


def test_tracking_twice_gives_identical_files_but_for_the_speed(
    make_model, make_frames, write_clip, write_run, tmp_path
):
    clip, weights = write_clip(make_frames(4, 40, 48)), write_run(make_model())
    for name in ("one", "two"):
        torch.manual_seed(len(name))
        track_to_folder(clip, weights, tmp_path / name, device="cpu")
    for name in FILES[:-1]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    one, two = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("one", "two"))
    assert one.pop("speed") and two.pop("speed") and one == two


def test_the_summary_and_the_masks_agree_with_the_video(make_model, make_frames, write_clip, write_run, tmp_path):
    clip, weights = write_clip(make_frames(6, 40, 48), broken=(3,)), write_run(make_model(), scale=0.5)
    summary = track_to_folder(clip, weights, tmp_path / "out", device="cpu")
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["frames"] == 6 and summary["failed_frames"] == [3] and not summary["truncated"]
    assert (summary["width"], summary["height"], summary["scale"]) == (48, 40, 0.5)
    table = read_mot(tmp_path / "out" / "tracks.txt")
    assert set(table.frame) == {0, 1, 2, 4, 5} and summary["boxes"] == len(table)
    assert summary["tracks"] == len(np.unique(table.id))
    masks = json.loads((tmp_path / "out" / "masks.json").read_text())
    assert masks["length"] == 6 and len(masks["annotations"]) == len(table)
    assert coco.decode(masks["annotations"][0]["segmentation"]).shape == (40, 48)
    film = list(open_video(tmp_path / "out" / "overlay.mp4"))
    assert len(film) == 6 and film[3].image.mean() < film[2].image.mean()


def test_without_overlay_and_with_the_baseline_the_other_files_are_there(make_frames, write_clip, tmp_path):
    clip = write_clip(make_frames(8, 64, 64), broken=(2,))
    summary = track_to_folder(clip, "", tmp_path / "out", method="mog2-sort", overlay=False)
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES) - {"overlay.mp4"}
    assert summary["method"] == "mog2-sort" and summary["frames"] == 8 and summary["failed_frames"] == [2]


def test_a_failure_leaves_nothing_and_an_earlier_result_as_it_was(
    make_model, make_frames, write_clip, write_run, tmp_path, monkeypatch
):
    clip, weights, out = write_clip(make_frames(3, 40, 40)), write_run(make_model()), tmp_path / "place" / "out"
    track_to_folder(clip, weights, out, device="cpu")
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(run_module, "_summary", breaks)
    for target in (out, out.with_name("new")):
        with pytest.raises(RuntimeError, match="in the middle"):
            track_to_folder(clip, weights, target, device="cpu")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert os.listdir(out.parent) == ["out"]


def test_an_earlier_result_is_replaced_whole_and_other_folders_are_refused(
    make_model, make_frames, write_clip, write_run, tmp_path
):
    clip, weights, out = write_clip(make_frames(3, 40, 40)), write_run(make_model()), tmp_path / "out"
    out.mkdir()
    track_to_folder(clip, weights, out, device="cpu")
    track_to_folder(clip, weights, out, device="cpu", overlay=False)
    assert {path.name for path in out.iterdir()} == set(FILES) - {"overlay.mp4"}
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.tex").write_text("years of work")
    with pytest.raises(UserError, match="holds other files"):
        track_to_folder(clip, weights, foreign, device="cpu")
    (foreign / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        track_to_folder(clip, weights, foreign / "file", device="cpu")
    assert sorted(os.listdir(foreign)) == ["chapter.tex", "file"]


def test_kill_in_the_middle_leaves_no_folder_of_that_name(make_model, make_frames, write_clip, write_run, tmp_path):
    clip, weights, out = write_clip(make_frames(3, 40, 40)), write_run(make_model()), tmp_path / "out"
    code = f"""
import os, signal
from scalor.tracking import run
run._refuse_truncated = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
run.track_to_folder({str(clip)!r}, {str(weights)!r}, {str(out)!r}, device="cpu")
"""
    environment = dict(os.environ, PYTHONPATH=str(Path(scalor.__file__).parents[1]), OMP_NUM_THREADS="1")
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not out.exists()


def test_a_video_that_ends_early_is_refused_unless_allowed(make_model, make_frames, write_clip, write_run, tmp_path):
    clip, weights = write_clip(make_frames(6, 40, 40)), write_run(make_model())
    (clip / "img1").mkdir()
    for number, file in enumerate(sorted(clip.glob("*.png")), start=1):
        file.rename(clip / "img1" / f"{number:06d}.png")
    for announced in (20, 7):  # seen at once, and seen at the end
        (clip / "seqinfo.ini").write_text(f"[Sequence]\nimDir=img1\nframeRate=10\nseqLength={announced}\n")
        with pytest.raises(UserError, match="ends after 6 of about"):
            track_to_folder(clip, weights, tmp_path / "out", device="cpu")
        with pytest.raises(UserError, match="ends after 6 of about"):
            track(clip, weights, device="cpu")
        assert not (tmp_path / "out").exists()
    summary = track_to_folder(clip, weights, tmp_path / "out", device="cpu", allow_truncated=True)
    assert summary["truncated"] and summary["frames"] == 6 and summary["announced_frames"] == 7


def test_a_median_image_is_taken_from_the_weights_only_where_it_shows_this_place(
    make_model, make_frames, write_clip, write_run
):
    frames = make_frames(6, 40, 48)
    here = np.median(frames, axis=0).astype(np.uint8)
    stored = torch.from_numpy(here).permute(2, 0, 1)
    weights = write_run(make_model(background="median"), extra={"backdrop": stored}, scale=1.0)
    same = prepare(weights, open_video(write_clip(frames, name="same")), device="cpu")
    other = prepare(weights, open_video(write_clip(255 - frames, name="other")), device="cpu")
    small = prepare(weights, open_video(write_clip(frames[:, :32], name="small")), device="cpu")
    assert same.backdrop == "stored with the weights"
    assert other.backdrop == small.backdrop == "estimated from 6 frames of this video"
    shown = same.tracker.observe(frames[0], pictures=True).pictures.background
    assert (shown == here).all()
    assert other.tracker.observe(255 - frames[0], pictures=True).pictures.background.mean() > 200


def test_a_table_of_a_video_counts_frames_without_objects(make_frames, write_clip):
    class Blind:
        def observe(self, frame: np.ndarray | None) -> FrameResult:
            return FrameResult.empty(0, (40, 40), decoded=frame is not None)

    table = track_video(write_clip(make_frames(4, 40, 40)), Blind(), progress=False)
    assert isinstance(table, Tracks) and len(table) == 0 and table.length == 4


def test_files_grow_with_the_video_and_memory_does_not(make_model, make_frames, write_clip, tmp_path, monkeypatch):
    """At no moment are the reports of more than two frames alive."""
    import weakref

    from scalor.tracking.overlay import overlay_in
    from scalor.tracking.sheets import Sheets

    source = open_video(write_clip(make_frames(12, 40, 40)))
    tracker = Tracker(make_model())
    reports: list[weakref.ref[FrameResult]] = []
    with Sheets(tmp_path, fps=10.0) as sheets, overlay_in(tmp_path, source, wanted=False):
        for frame, result in run_module.follow(source, tracker, progress=False):
            sheets.add(result, result.masks.rles(), frame=frame.index)
            reports.append(weakref.ref(result))
            assert sum(report() is not None for report in reports) <= 2
        sheets.finish(12)
    assert sheets.rows > 20


@pytest.mark.parametrize("changes", [{"method": "magic"}, {"device": "abacus"}, {"weights": "nowhere/run"}])
def test_what_cannot_be_is_said_in_one_sentence(changes, make_model, make_frames, write_clip, write_run, tmp_path):
    given = {"weights": write_run(make_model()), "device": "cpu"} | changes
    with pytest.raises(UserError):
        track_to_folder(write_clip(make_frames(2, 40, 40)), out=tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()
