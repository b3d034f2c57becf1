"""Tracking whole videos: complete folders or none, the same files each time, every frame accounted for."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools import mask as coco

import scalor
from scalor.cli.track import closing
from scalor.data.fingerprints import former_fingerprint
from scalor.data.motchallenge import read_mot
from scalor.data.source import Frame, VideoSource
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.outputs import track_folder as run_module
from scalor.outputs.export import export
from scalor.outputs.options import Options
from scalor.outputs.sheets import write_tables
from scalor.outputs.track_folder import FILES, track_to_folder
from scalor.outputs.tracked import read_tracked
from scalor.tracking.pipeline import WAITING
from scalor.tracking.report import FrameResult
from scalor.tracking.run import track
from scalor.tracking.tracker import TOGETHER, Glance, Tracker

from .conftest import toy_tracks, write_folder

LOOKED_AT = {"overlay.mp4", "doubts.png", "report.html"}


@pytest.mark.parametrize("online", [True, False])
def test_the_streamed_files_are_those_of_the_whole_table(
    online, make_model, make_frames, write_clip, write_run, tmp_path
):
    clip, weights = write_clip(make_frames(5, 45, 61)), write_run(make_model())
    summary = track_to_folder(clip, weights, tmp_path / "out", device="cpu", online=online)
    table = track(clip, weights, device="cpu", masks=True, online=online)
    assert len(table) > 10
    write_tables(tmp_path, table, fps=summary["fps"])
    for name in ("tracks.txt", "tracks.csv", "masks.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    for name in ("tracks.txt", "tracks.csv"):
        back = read_mot(tmp_path / "out" / name)
        assert np.allclose(back.box_tlwh, table.box_tlwh, atol=0.006)
        assert back.frame.tolist() == table.frame.tolist() and back.id.tolist() == table.id.tolist()


def test_tracking_twice_gives_identical_files_but_for_the_speed(
    make_model, make_frames, write_clip, write_run, tmp_path
):
    clip, weights = write_clip(make_frames(4, 40, 48)), write_run(make_model())
    for name in ("one", "two"):
        torch.manual_seed(len(name))
        track_to_folder(clip, weights, tmp_path / name, device="cpu")
    for name in sorted({*FILES} - {"report.html", "summary.json"}):
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


@pytest.mark.parametrize("how", [{}, {"online": True}, {"method": "mog2-sort"}])
def test_a_video_in_which_nothing_is_found_has_all_files(how, write_clip, tmp_path):
    clip = write_clip([np.full((64, 96, 3), 90, np.uint8)] * 12)
    summary = track_to_folder(clip, "traffic", tmp_path / "out", device="cpu", **how)
    assert summary["tracks"] == summary["boxes"] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert "Nothing was found." in (tmp_path / "out" / "report.html").read_text()
    assert "Nothing was found; the report says" in closing(summary, "out")


def test_without_pictures_and_with_the_baseline_the_other_files_are_there(make_frames, write_clip, tmp_path):
    clip = write_clip(make_frames(8, 64, 64), broken=(2,))
    summary = track_to_folder(clip, "", tmp_path / "out", method="mog2-sort", pictures=False)
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES) - LOOKED_AT
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
    track_to_folder(clip, weights, out, device="cpu", pictures=False)
    assert {path.name for path in out.iterdir()} == set(FILES) - LOOKED_AT
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.tex").write_text("years of work")
    with pytest.raises(UserError, match="holds other files"):
        track_to_folder(clip, weights, foreign, device="cpu")
    (foreign / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        track_to_folder(clip, weights, foreign / "file", device="cpu")
    assert sorted(os.listdir(foreign)) == ["chapter.tex", "file"]


@pytest.mark.parametrize("maker", ["scalor imagine 0", "scalor correct 0"])
def test_what_another_command_wrote_is_not_replaced(maker, make_frames, write_clip, tmp_path):
    folder = write_folder(tmp_path / "out", toy_tracks(), made_by=maker)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match=f"holds what {maker[:-2]} wrote"):
        track_to_folder(write_clip(make_frames(3, 40, 40)), "", folder, method="mog2-sort")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("online", [True, False])
def test_frames_keep_their_times_where_the_rate_varies(
    online, make_model, make_frames, write_film, write_run, tmp_path
):
    frames, times, weights = make_frames(6, 40, 48), [0, 0.04, 0.08, 3.08, 3.18, 3.2], write_run(make_model())
    out = tmp_path / "out"
    track_to_folder(write_film(frames, times), weights, out, online=online, device="cpu")
    np.testing.assert_allclose(read_tracked(out).times, times)
    np.testing.assert_allclose([frame.time for frame in open_video(out / "overlay.mp4")], times, atol=0.001)
    export(out, "video", tmp_path / "again.mp4")
    np.testing.assert_allclose([frame.time for frame in open_video(tmp_path / "again.mp4")], times, atol=0.001)
    track_to_folder(write_film(frames, np.arange(6) / 25), weights, out, online=online, device="cpu")
    assert not (out / "times.csv").exists()


def test_kill_in_the_middle_leaves_no_folder_of_that_name(make_model, make_frames, write_clip, write_run, tmp_path):
    clip, weights, out = write_clip(make_frames(3, 40, 40)), write_run(make_model()), tmp_path / "out"
    code = f"""
import os, signal
from scalor.outputs import track_folder as run
run.refuse_truncated = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
run.track_to_folder({str(clip)!r}, {str(weights)!r}, {str(out)!r}, device="cpu")
"""
    environment = dict(os.environ, PYTHONPATH=str(Path(scalor.__file__).parents[1]), OMP_NUM_THREADS="1")
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not out.exists()


def test_tracking_starts_without_what_it_does_not_need(make_model, make_frames, write_clip, write_run, tmp_path):
    """supervision brings matplotlib and scipy, which take longer to import than a short video takes to track."""
    clip, weights = write_clip(make_frames(3, 40, 40)), write_run(make_model())
    code = f"""
import sys
from scalor.outputs.track_folder import track_to_folder
track_to_folder({str(clip)!r}, {str(weights)!r}, {str(tmp_path / "out")!r}, device="cpu", online=True)
print(*sorted({{"supervision", "matplotlib", "scipy", "trackers", "lightning"}} & set(sys.modules)))
"""
    environment = dict(os.environ, PYTHONPATH=str(Path(scalor.__file__).parents[1]), OMP_NUM_THREADS="1")
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip() == "", done.stdout + done.stderr


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


@pytest.mark.parametrize("online", [True, False])
def test_files_grow_with_the_video_and_memory_does_not(
    online, make_model, make_frames, write_clip, write_run, tmp_path, monkeypatch
):
    """At no moment are the frames and reports of more than the stages and the queues between them alive."""
    clip, weights = write_clip(make_frames(40, 40, 40)), write_run(make_model())
    alive: list[weakref.ref[object]] = []
    most = 0
    meet, fetch = Tracker._met, VideoSource._frame

    def met(self: Tracker, glance: Glance | None) -> FrameResult:
        nonlocal most
        result = meet(self, glance)
        alive.append(weakref.ref(result.masks))
        most = max(most, sum(each() is not None for each in alive))
        return result

    def fetched(self: VideoSource, index: int, token: object) -> Frame:
        nonlocal most
        frame = fetch(self, index, token)
        alive.append(weakref.ref(frame))
        most = max(most, sum(each() is not None for each in alive))
        return frame

    monkeypatch.setattr(Tracker, "_met", met)
    monkeypatch.setattr(VideoSource, "_frame", fetched)
    summary = track_to_folder(clip, weights, tmp_path / "out", device="cpu", online=online)
    assert summary["boxes"] > 80 and len(alive) >= 80
    assert most <= 3 * (WAITING + 3) + TOGETHER


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("stage", ["scalor.outputs.sheets.Sheets.add", "scalor.viz.export.VideoWriter.write"])
@pytest.mark.parametrize("error", [RuntimeError("in a thread"), KeyboardInterrupt()])
def test_a_stage_that_fails_in_a_thread_leaves_no_folder_and_no_thread(
    error, stage, online, make_model, make_frames, write_clip, write_run, tmp_path, monkeypatch
):
    clip, weights = write_clip(make_frames(8, 40, 40)), write_run(make_model())
    calls = 0

    def breaks(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise error

    monkeypatch.setattr(stage, breaks)
    before = threading.active_count()
    with pytest.raises(type(error)):
        track_to_folder(clip, weights, tmp_path / "out", device="cpu", online=online)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".out", "out"))]
    assert threading.active_count() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "magic"},
        {"device": "abacus"},
        {"weights": "nowhere/run"},
        {"animals": 0},
        {"animals": 2, "online": True},
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(changes, make_model, make_frames, write_clip, write_run, tmp_path):
    given = {"weights": write_run(make_model()), "device": "cpu"} | changes
    with pytest.raises(UserError):
        track_to_folder(write_clip(make_frames(2, 40, 40)), out=tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_more_animals_than_were_found_are_told(make_model, make_frames, write_clip, write_run, tmp_path, capsys):
    clip, weights = write_clip(make_frames(6, 45, 61)), write_run(make_model())
    summary = track_to_folder(clip, weights, tmp_path / "out", device="cpu", animals=500, pictures=False)
    assert (
        f"500 animals were said to be there all the time, and {summary['tracks']} were found" in capsys.readouterr().err
    )


def test_exports_that_show_the_video_find_it_where_it_was_and_say_where_it_is_not(make_frames, write_clip, tmp_path):
    clip = write_clip(make_frames(8, 64, 64))
    track_to_folder(clip, "", clip / "out", method="mog2-sort")  # results beside the frames are no part of the video
    export(clip / "out", "video", tmp_path / "a.mp4")
    for kind, place in (("crops", "crops"), ("napari", "napari"), ("trackmate", "tracks.xml"), ("video", "drawn.mp4")):
        export(clip / "out", kind, clip / place)
    export(clip / "out", "crops", tmp_path / "crops")
    summary = json.loads((clip / "out" / "summary.json").read_text())
    assert summary["path"] == str(clip) and "data-player" in (clip / "out" / "report.html").read_text()
    moved = clip.rename(tmp_path / "moved")
    with pytest.raises(UserError, match=f"not at {clip} any more; say with --video"):
        export(moved / "out", "video", tmp_path / "b.mp4")
    export(moved / "out", "plot", tmp_path / "plot.png")
    export(moved / "out", "video", tmp_path / "b.mp4", options=Options(video=moved))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    moved.rename(clip)
    for name in ("crops", "napari"):
        shutil.rmtree(clip / name)
    for name in ("tracks.xml", "drawn.mp4"):
        (clip / name).unlink()
    former = json.dumps(summary | {"fingerprint": former_fingerprint(clip)})
    (clip / "out" / "summary.json").write_text(former)
    export(clip / "out", "crops", tmp_path / "former")
    (clip / "000007.png").unlink()
    with pytest.raises(UserError, match="was changed after it was tracked"):
        export(clip / "out", "video", tmp_path / "c.mp4")


def test_a_disk_that_is_full_at_the_very_end_leaves_nothing(make_frames, write_clip, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(run_module, "write_report", full)
    with pytest.raises(OSError, match="No space"):
        track_to_folder(write_clip(make_frames(8, 64, 64)), "", tmp_path / "out", method="mog2-sort")
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]
