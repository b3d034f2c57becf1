"""What goes wrong around a command: streams for files, full disks, signals, refusals. One sentence, nothing left."""

import errno
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalor.cli import main as door
from scalor.viz.export import atomic_folder


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert door.main(argv) == door.WRONG_USE
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("scalor: ") and err.count("\n") == 1
    return err


@pytest.fixture
def pipe(tmp_path: Path) -> str:
    os.mkfifo(tmp_path / "pipe.mp4")
    return str(tmp_path / "pipe.mp4")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A folder of twelve frames of which the sequence file says that there are twenty."""
    folder = tmp_path / "film"
    (folder / "img1").mkdir(parents=True)
    for number in range(12):
        frame = np.random.default_rng(number).integers(60, 70, (48, 80, 3), dtype=np.uint8)
        frame[16:32, 4 + 5 * number : 20 + 5 * number] = 230
        Image.fromarray(frame).save(folder / "img1" / f"{number + 1:06d}.png")
    (folder / "seqinfo.ini").write_text("[Sequence]\nimDir=img1\nframeRate=10\nseqLength=20\n")
    return folder


@pytest.mark.parametrize(
    "video", ["-", "0", "rtsp://10.0.0.1/cam", "https://example.org/a.mp4", "udp://@:1234", "/dev/null", "/dev/stdin"]
)
@pytest.mark.parametrize("command", ["track", "fit", "imagine"])
def test_what_is_read_only_once_is_refused_before_anything_is_written(capsys, tmp_path, command, video):
    weights = [] if command == "fit" else ["-w", "traffic"]
    said = refused(capsys, command, video, "-o", str(tmp_path / "a" / "out"), *weights)
    assert "record it first" in said and not list(tmp_path.iterdir())


def test_a_pipe_is_refused_and_never_waited_for(capsys, pipe, tmp_path):
    assert "is a pipe" in refused(capsys, "track", pipe, "-w", "traffic", "-o", str(tmp_path / "out"))
    assert "is a pipe" in refused(capsys, "evaluate", "--truth", pipe, "--tracks", pipe)
    assert "is a pipe" in refused(capsys, "fit", pipe, pipe, "-o", str(tmp_path / "out"))


@pytest.mark.parametrize(
    "argv", [["track", "-w", "traffic"], ["track", "--method", "mog2-sort"], ["imagine", "-w", "traffic"]]
)
def test_a_refusal_leaves_no_folder_behind(capsys, tmp_path, argv):
    (tmp_path / "text.mp4").write_text("no film")
    refused(capsys, argv[0], str(tmp_path / "text.mp4"), "-o", str(tmp_path / "new" / "out"), *argv[1:])
    refused(capsys, "data", "no-such-data", "-o", str(tmp_path / "new" / "data"))
    refused(capsys, "fit", str(tmp_path / "text.mp4"), "-o", str(tmp_path / "new" / "run"))
    assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_sentence(monkeypatch, capsys, code):
    def fail(args: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(door.COMMANDS["weights"], "run", fail)
    assert "the disk is full" in refused(capsys, "weights")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_the_command_leaves_nothing_half_written(monkeypatch, capsys, tmp_path, number):
    def work(args: object) -> None:
        with atomic_folder(tmp_path / "deep" / "out") as staging:
            (staging / "half").touch()
            os.kill(os.getpid(), number)

    before = {each: signal.signal(each, signal.SIG_DFL) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        monkeypatch.setattr(door.COMMANDS["weights"], "run", work)
        assert door.main(["weights"]) == door.TERMINATED
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().err == "scalor: terminated\n"


def test_a_truncated_video_is_accepted_by_evaluate_where_its_message_says_so(capsys, film, tmp_path):
    truth = tmp_path / "gt.txt"
    truth.write_text("".join(f"{n + 1},1,{5 + 5 * n},17,16,16,1,1,1\n" for n in range(12)))
    argv = ["evaluate", "--truth", str(truth), "--tracks", str(truth), "--video", str(film)]
    assert "--allow-truncated" in refused(capsys, *argv)
    assert door.main([*argv, "--allow-truncated", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mog2-sort"]["recall"] > 0.5


def test_both_tables_of_a_tracking_score_alike_and_other_classes_are_asked_for(capsys, film, tmp_path):
    out = tmp_path / "out"
    argv = ["track", str(film), "--method", "mog2-sort", "--allow-truncated", "-o", str(out)]
    truth = tmp_path / "gt.txt"
    scores = []
    for base in (1, 0):
        truth.write_text("".join(f"{n + 1},1,{4 + base + 5 * n},{16 + base},16,16,1,3,1\n" for n in range(12)))
        assert door.main([*argv, "--box-base", str(base)]) == 0
        for name in ("tracks.txt", "tracks.csv"):
            capsys.readouterr()
            score = [
                "evaluate",
                "--truth",
                str(truth),
                "--tracks",
                str(out / name),
                "--json",
                "--truth-box-base",
                str(base),
            ]
            assert "--classes" in refused(capsys, *score)
            assert door.main([*score, "--classes", "3"]) == 0
            scores.append(json.loads(capsys.readouterr().out))
    assert scores[0]["mota"] > 0.5 and all(each == scores[0] for each in scores[1:])
