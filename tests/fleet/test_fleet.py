"""Every video has a folder that is complete or not there, whatever happens to the others."""

import csv
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scalor.cli.main import main
from scalor.data.fingerprints import former_fingerprint
from scalor.errors import UserError
from scalor.fleet import run as run_module
from scalor.fleet import work
from scalor.fleet.plan import Job, marked
from scalor.fleet.run import fleet
from scalor.outputs.track_folder import track_to_folder
from scalor.viz.export import video_writer

WEIGHTS = "sprites-vld"
FILES = ["fleet.json", "masks.json", "report.html", "summary.json", "tracks.csv", "tracks.txt"]
QUICK = {"pictures": False}


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., str]:
    """Writes a short film of a square that moves."""

    def write(name: str, *, seed: int = 0, frames: int = 3) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with video_writer(path, fps=25.0) as writer:
            for number in range(frames):
                frame = np.full((64, 64, 3), 20 + seed, np.uint8)
                frame[10 + seed : 20 + seed, 8 + 4 * number : 18 + 4 * number] = (230, 60, 60)
                writer.write(frame)
        return str(path)

    return write


def states(rows: list[work.Row]) -> dict[str, str]:
    return {row["folder"]: row["state"] for row in rows}


def test_each_video_gets_what_track_gives_it_and_failures_are_listed(film: Callable[..., str], tmp_path: Path) -> None:
    videos = [film("a/cam.mp4"), film("b/cam.mp4", seed=5), str(tmp_path / "gone.mp4")]
    (tmp_path / "noise.mp4").write_bytes(b"noise")
    out = tmp_path / "out"
    rows = fleet([*videos, str(tmp_path / "noise.mp4")], WEIGHTS, out, device="cpu", settings=QUICK)
    first, second = marked(videos[0]), marked(videos[1])
    assert states(rows) == {first: "done", second: "done", "gone": "failed", "noise": "failed"}
    assert sorted(path.name for path in out.iterdir()) == sorted([first, second, "fleet.csv"])
    for name, video in ((first, videos[0]), (second, videos[1])):
        assert sorted(path.name for path in (out / name).iterdir()) == FILES
        track_to_folder(video, WEIGHTS, tmp_path / "alone" / name, device="cpu", **QUICK)
        for file in ("tracks.csv", "masks.json"):
            assert (out / name / file).read_bytes() == (tmp_path / "alone" / name / file).read_bytes()
    with (out / "fleet.csv").open(newline="") as table:
        listed = {row["folder"]: row for row in csv.DictReader(table)}
    assert listed["gone"]["error"].endswith("check the path") and listed[first]["frames"] == "3"


def test_what_is_done_is_skipped_until_something_changes(film: Callable[..., str], tmp_path: Path) -> None:
    video, out = film("cam.mp4"), tmp_path / "out"

    def again(video: str = video, weights: str = WEIGHTS, **settings: object) -> str:
        return fleet([video], weights, out, device="cpu", settings=QUICK | settings)[0]["state"]

    assert [again(), again()] == ["done", "skipped"]
    with (out / "fleet.csv").open(newline="") as table:
        (row,) = csv.DictReader(table)
    summary = json.loads((out / "cam" / "summary.json").read_text())
    assert [row["frames"], row["tracks"]] == [str(summary["frames"]), str(summary["tracks"])]
    assert row["seconds"] == row["cpu_seconds"] == ""
    assert [again(box_base=0), again(box_base=0)] == ["done", "skipped"]
    assert json.loads((out / "cam" / "summary.json").read_text())["box_base"] == 0
    assert [again(weights="sprites-ld"), again(weights="sprites-ld"), again()] == ["done", "skipped", "done"]
    (tmp_path / "moved").mkdir()
    moved = shutil.move(video, tmp_path / "moved" / "cam.mp4")
    assert again(str(moved)) == "skipped"
    film("cam.mp4", seed=9)
    assert again() == "done"
    assert sorted(path.name for path in out.iterdir()) == ["cam", "fleet.csv"]


def test_what_another_version_made_is_made_again_and_the_row_says_so(
    film: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, out, said = film("cam.mp4"), tmp_path / "out", list[str]()

    def again(**settings: object) -> work.Row:
        return fleet([video], WEIGHTS, out, device="cpu", settings=QUICK | settings, say=said.append)[0]

    with monkeypatch.context() as older:
        older.setattr(work.scalor, "__version__", "0.0.9")
        assert again()["again"] == ""
    row = again()
    assert row["state"] == "done" and row["again"] == "another version (scalor fleet 0.0.9)"
    assert said[-1].endswith("since before there were another version (scalor fleet 0.0.9)")
    record = out / "cam" / "fleet.json"
    present = json.loads(record.read_text())
    record.write_text(json.dumps(present | {"fingerprint": former_fingerprint(Path(video))}))
    assert again()["state"] == "skipped" and json.loads(record.read_text()) == present
    assert again(box_base=0)["again"] == "other settings"
    record.write_text(json.dumps({"fingerprint": json.loads(record.read_text())["fingerprint"]}))
    assert again()["again"].startswith("other weights, other settings, another version")
    assert "again" in (out / "fleet.csv").read_text().splitlines()[0].split(",")


def test_a_video_of_another_list_or_a_folder_of_somebody_else_is_not_overwritten(
    film: Callable[..., str], tmp_path: Path
) -> None:
    one, other, out = film("a/cam.mp4"), film("b/cam.mp4", seed=5), tmp_path / "out"
    fleet([one], WEIGHTS, out, device="cpu", settings=QUICK)
    before = (out / "cam" / "tracks.csv").read_bytes()
    (out / "door").mkdir()
    (out / "door" / "mine.txt").write_text("mine")
    door = film("door.mp4")
    assert set(states(fleet([other, door], WEIGHTS, out, device="cpu", settings=QUICK))) == {
        marked(other),
        marked(door),
    }
    assert (out / "cam" / "tracks.csv").read_bytes() == before
    assert [path.name for path in (out / "door").iterdir()] == ["mine.txt"]
    assert set(states(fleet([other], WEIGHTS, out, device="cpu", settings=QUICK)).values()) == {"skipped"}


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 there")
def test_a_name_in_another_encoding_costs_nobody_the_table(film: Callable[..., str], tmp_path: Path) -> None:
    latin = os.fsdecode("Straße.mp4".encode("latin-1"))
    os.rename(film("a.mp4"), tmp_path / latin)
    rows = fleet([str(tmp_path / latin)], WEIGHTS, tmp_path / "out")
    assert [row["error"] for row in rows] == [""]
    table = (tmp_path / "out" / "fleet.csv").read_text(encoding="utf-8")
    assert "Stra\\udcdfe.mp4" in table
    assert "Stra\\udcdfe" in (tmp_path / "out" / rows[0]["folder"] / "report.html").read_text(encoding="utf-8")


def test_an_interruption_leaves_whole_folders_and_the_table(
    film: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos, out = [film("one.mp4"), film("two.mp4", seed=3)], tmp_path / "out"
    real = work.write_report

    def interrupted(folder: Path, **about: object) -> None:
        if folder.name == "two":
            raise KeyboardInterrupt
        real(folder, **about)

    monkeypatch.setattr(work, "write_report", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fleet(videos, WEIGHTS, out, device="cpu", settings=QUICK)
    assert sorted(path.name for path in out.iterdir()) == ["fleet.csv", "one"]
    monkeypatch.setattr(work, "write_report", real)
    assert states(fleet(videos, WEIGHTS, out, device="cpu", settings=QUICK)) == {"one": "skipped", "two": "done"}


def test_a_video_that_ends_its_process_is_not_tried_for_ever(film: Callable[..., str], tmp_path: Path) -> None:
    video = film("cam.mp4")
    worker = work.Worker(work.Errand(tmp_path, WEIGHTS, "cpu", "host-1", QUICK))
    for number in range(2):  # what two killed processes leave
        (tmp_path / f".cam.host-1.{number}-77.partial").mkdir()
    row = worker(Job(video, "cam"))
    assert row["state"] == "failed" and "ended 2 times" in row["error"]
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".partial")]
    (tmp_path / ".cam.host-0.0-77.partial").mkdir()  # of an earlier call
    assert worker(Job(video, "cam"))["state"] == "done"
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".partial")]


def test_the_same_fleet_twice_at_once_is_done_by_both(
    film: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run, started while the first is about its video, ends before it."""
    video, out = film("cam.mp4"), tmp_path / "out"
    out.mkdir()
    first, second = (work.Worker(work.Errand(out, WEIGHTS, "cpu", f"host-{number}", QUICK)) for number in (1, 2))
    real, rows = work.write_report, []

    def beside(folder: Path, **about: object) -> None:
        real(folder, **about)
        if not rows:
            rows.append({})
            rows.append(second(Job(video, "cam")))

    monkeypatch.setattr(work, "write_report", beside)
    rows.append(first(Job(video, "cam")))
    assert [row["error"] for row in rows[1:]] == ["", ""]
    assert [path.name for path in out.iterdir()] == ["cam"] and "fleet.json" in os.listdir(out / "cam")


def test_the_command_says_by_its_code_whether_some_failed(
    film: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, out = film("cam.mp4"), str(tmp_path / "out")
    words = ["-w", WEIGHTS, "-o", out, "--device", "cpu"]
    assert main(["fleet", video, *words]) == 0
    assert main(["fleet", video, str(tmp_path / "gone.mp4"), *words]) == 1
    said = capsys.readouterr()
    assert "2 videos: 1 failed, 1 skipped" in said.out and "gone failed: " in said.err
    assert main(["fleet", video, *words, "--part", "2/2"]) == 0
    assert (tmp_path / "out" / "fleet-2-of-2.csv").read_text().count("\n") == 1
    assert main(["fleet", video, *words, "--part", "3/2"]) == 2
    assert main(["fleet", video, "-w", "nothing", "-o", out]) == 2


def test_more_workers_without_ray_are_refused_in_a_sentence(
    film: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'scalor\[fleet\]'"):
        fleet([film("a.mp4"), film("b.mp4")], WEIGHTS, tmp_path / "out", workers=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_killed_workers_lose_nothing_but_a_video_that_kills_them(film: Callable[..., str], tmp_path: Path) -> None:
    """One worker is killed once in the middle of a video, and whoever takes the video ``bad`` every time."""
    pytest.importorskip("ray", reason="scalor[fleet] is not installed")
    videos = [film(f"{name}.mp4", seed=number, frames=12) for number, name in enumerate(["bad", "one", "two", "six"])]
    out, killed, over = tmp_path / "out", [], threading.Event()

    def kill() -> None:
        while not over.wait(0.002):
            for path in out.glob(".*.partial") if out.is_dir() else ():
                name, pid = path.name.split(".")[1], int(path.stem.rsplit("-", 1)[1])
                if path.name not in killed and (name == "bad" or (name == "one" and path.stem.endswith(f".0-{pid}"))):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(path.name)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        rows = fleet(videos, WEIGHTS, out, workers=2, device="cpu", settings=QUICK)
    finally:
        over.set()
        thread.join()
    assert len(killed) == 3
    assert states(rows) == {"bad": "failed", "one": "done", "two": "done", "six": "done"}
    assert sorted(path.name for path in out.iterdir()) == ["fleet.csv", "one", "six", "two"]
