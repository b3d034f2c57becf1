"""`scalor track --online` on streams: whole results when they end, after some seconds, and at Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import scalor
from scalor.cli import main as door
from scalor.data.motchallenge import read_mot
from scalor.outputs.track_folder import FILES

N = 60


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A square that crosses a noisy view, as a transport stream."""
    import av

    rng = np.random.default_rng(0)
    with av.open(str(tmp_path / "film.ts"), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for number in range(N):
            picture = rng.integers(60, 70, (64, 96, 3), dtype=np.uint8)
            picture[20:36, number : number + 16] = 230
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return tmp_path / "film.ts"


def sent(film: Path, pipe: Path, *, hold: threading.Event | None = None) -> threading.Thread:
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            file.write(film.read_bytes())
            if hold is not None:
                hold.wait(60)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


def test_a_stream_is_tracked_as_the_file_is(film, tmp_path, capsys):
    sent(film, tmp_path / "pipe")
    for video, out in ((tmp_path / "pipe", "live"), (film, "file")):
        words = ["track", str(video), "--online", "--method", "mog2-sort", "-o", str(tmp_path / out)]
        assert door.main(words) == 0
    inside = {path.name for path in (tmp_path / "live").iterdir()}
    assert inside == {*FILES} - {"doubts.png"}
    one, two = (read_mot(tmp_path / out / "tracks.txt") for out in ("live", "file"))
    assert len(one) > 20 and np.array_equal(one.box_tlwh, two.box_tlwh) and np.array_equal(one.id, two.id)
    summary = json.loads((tmp_path / "live" / "summary.json").read_text())
    assert summary["frames"] == N and summary["path"] is None and "a stream" in summary["reading"]
    capsys.readouterr()
    assert door.main(["export", str(tmp_path / "live"), "--to", "video", "-o", str(tmp_path / "a.mp4")]) == 2
    assert "these tracks do not say where it is" in capsys.readouterr().err


@pytest.mark.slow
def test_a_packaged_model_follows_a_stream(film, tmp_path):
    sent(film, tmp_path / "pipe")
    words = ["track", str(tmp_path / "pipe"), "--online", "-w", "sprites-vld", "-o", str(tmp_path / "out")]
    assert door.main([*words, "--device", "cpu"]) == 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["frames"] == N


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_a_stream_and_keeps_what_was_found(film, tmp_path, number):
    hold = threading.Event()
    sent(film, tmp_path / "pipe", hold=hold)
    words = ["track", str(tmp_path / "pipe"), "--online", "--method", "mog2-sort", "-o", str(tmp_path / "out")]
    environment = dict(os.environ, PYTHONPATH=str(Path(scalor.__file__).parents[1]), OMP_NUM_THREADS="1")
    running = subprocess.Popen(
        [sys.executable, "-m", "scalor.cli.main", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 60
    while not list(tmp_path.glob(".out*/*.csv")) and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1.0)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    hold.set()
    assert running.returncode == 0, err
    assert b"finishing" in err and b"objects per frame" in out
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert 20 < summary["frames"] <= N and summary["boxes"] > 5
    assert not list(tmp_path.glob(".out*"))


def test_seconds_bound_a_stream_and_nothing_else(film, tmp_path, capsys):
    hold = threading.Event()
    sent(film, tmp_path / "pipe", hold=hold)
    words = ["--online", "--seconds", "1", "--method", "mog2-sort", "-o", str(tmp_path / "out")]
    begun = time.monotonic()
    assert door.main(["track", str(tmp_path / "pipe"), *words]) == 0
    assert time.monotonic() - begun < 20
    hold.set()
    capsys.readouterr()
    assert door.main(["track", str(film), *words]) == 2
    assert "bounds a stream only" in capsys.readouterr().err


@pytest.mark.parametrize("video", ["cam:0", "-", "rtsp://me:secret@127.0.0.1/a", "pipe"])
def test_without_online_it_says_how(film, tmp_path, capsys, video):
    os.mkfifo(tmp_path / "pipe")
    place = str(tmp_path / video) if video == "pipe" else video
    assert door.main(["track", place, "--method", "mog2-sort", "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "scalor track --online" in said and "secret" not in said and not (tmp_path / "out").exists()


def test_a_stream_that_cannot_be_opened_leaves_nothing(tmp_path, capsys):
    words = ["track", "cam:99", "--online", "--method", "mog2-sort", "-o", str(tmp_path / "new" / "out")]
    assert door.main(words) == 2
    assert "cam:99 cannot be opened" in capsys.readouterr().err and not list(tmp_path.iterdir())
