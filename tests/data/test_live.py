"""Streams: every frame once and in order, from a camera, a pipe, the standard input and the network; an end in time."""

import functools
import http.server
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from scalor.data import live
from scalor.data.live import LiveSource, open_live
from scalor.data.places import without_secrets
from scalor.data.source import VideoSource
from scalor.data.video import open_video
from scalor.errors import UserError

H, W, N = 48, 64, 30


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A transport stream, as cameras send it, whose frames differ in brightness."""
    import av

    with av.open(str(tmp_path / "film.ts"), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.height, stream.width, stream.pix_fmt = H, W, "yuv420p"
        for number in range(N):
            frame = av.VideoFrame.from_ndarray(np.full((H, W, 3), 40 + 5 * number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return tmp_path / "film.ts"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture
def send() -> Iterator[Callable[[Path, bytes, threading.Event | None], None]]:
    """Writes bytes into a pipe from a thread; with an event the pipe stays open until it is set."""
    threads = []

    def start(pipe: Path, data: bytes, until: threading.Event | None = None) -> None:
        def write() -> None:
            with pipe.open("wb", buffering=0) as file:
                for first in range(0, len(data), 4096):
                    file.write(data[first : first + 4096])
                if until is not None:
                    until.wait(20)

        threads.append(threading.Thread(target=write, daemon=True))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(20)


def means(source: VideoSource) -> list[float]:
    return [float(frame.image.mean()) for frame in source]


def test_a_pipe_gives_the_frames_of_the_file_that_is_sent_through_it(film, pipe, send):
    send(pipe, film.read_bytes())
    source = open_live(str(pipe))
    assert (source.name, source.height, source.width, source.fps, source.count()) == ("pipe", H, W, 25.0, 0)
    file = open_video(film)
    assert means(source) == means(file)
    assert source.report.clean and source.report.seen == N
    np.testing.assert_allclose([source.time_of(n) for n in range(N)], np.arange(N) / 25, atol=1e-4)


def test_frames_that_were_looked_at_first_come_again(film, pipe, send):
    send(pipe, film.read_bytes())
    source = open_live(str(pipe))
    glance = source.sample(7)
    assert [float(frame.image.mean()) for frame in glance] == means(open_video(film))[:7]
    assert len(source.first(3)) == 3
    assert len(means(source)) == N
    assert all(frame.image is None for frame in source.read([0, 3]))


def test_the_standard_input_is_a_stream(film, monkeypatch):
    with film.open("rb") as file:
        monkeypatch.setattr("sys.stdin", file)
        source = open_live("-")
        assert source.name == "stdin" and len(means(source)) == N


def test_a_standard_input_that_is_closed_is_refused(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UserError, match="is closed"):
        open_live("-")


def test_a_file_behind_an_address_is_a_stream(film, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(film.parent))
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://someone:secret@127.0.0.1:{server.server_address[1]}/film.ts"
        source = open_live(address)
        assert source.name == "film" and means(source) == means(open_video(film))
        with pytest.raises(UserError, match="none.ts cannot be read as a stream") as refused:
            open_live(address.replace("film.ts", "none.ts"))
        server.shutdown()
    assert "secret" not in str(refused.value)


def test_it_ends_after_the_seconds_asked_for_and_when_it_is_stopped(film, pipe, send):
    done = threading.Event()
    send(pipe, film.read_bytes(), done)
    source = open_live(str(pipe), seconds=0.5)
    begun, seen = time.monotonic(), 0
    for frame in source:
        seen = frame.index + 1
        time.sleep(0.05)
    assert seen < N and time.monotonic() - begun < 5
    done.set()


def test_a_stream_that_falls_silent_or_is_stopped_lets_go(film, pipe, send, monkeypatch):
    done = threading.Event()
    send(pipe, film.read_bytes(), done)
    source = open_live(str(pipe))
    threading.Timer(0.5, source.stop).start()
    assert 0 < len(means(source)) <= N
    done.set()


def test_nothing_that_comes_is_refused_after_a_while(pipe, monkeypatch):
    monkeypatch.setattr(live, "SILENCE", 0.3)
    with pytest.raises(UserError, match="cannot be read as a stream of video"):
        open_live(str(pipe))


def test_what_is_no_video_is_refused(pipe, send):
    send(pipe, b"no video, " * 5000)
    with pytest.raises(UserError, match="cannot be read as a stream of video"):
        open_live(str(pipe))


@pytest.mark.parametrize(
    "address", ["cam:99", "rtsp://me:pw@127.0.0.1:1/a", "http://127.0.0.1:1/a.ts", "udp://nowhere.invalid:1"]
)
def test_what_cannot_be_opened_is_one_sentence_without_secrets(address, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(live, "SILENCE", 2.0)
    with pytest.raises(UserError) as refused:
        open_live(address)
    assert "\n" not in str(refused.value) and "pw" not in str(refused.value)


def test_a_file_is_no_stream(film):
    with pytest.raises(UserError, match="0 is a number.*cam:0"):
        open_live("0")
    with pytest.raises(UserError, match="is no stream"):
        open_live(str(film))


def test_a_camera_gives_its_frames_in_rgb_and_is_let_go(monkeypatch):
    class Camera:
        def __init__(self, number: int) -> None:
            self.number, self.left, self.released = number, 4, False
            cameras.append(self)

        def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
            return self.number == 1

        def get(self, what: int) -> float:
            return 0.0

        def read(self) -> tuple[bool, np.ndarray | None]:
            self.left -= 1
            return (True, np.full((H, W, 3), (1, 2, 3), np.uint8)) if self.left >= 0 else (False, None)

        def release(self) -> None:
            self.released = True

    cameras: list[Camera] = []
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    source = open_live("cam:1")
    frames = list(source)
    assert len(frames) == 4 and (frames[0].image == (3, 2, 1)).all() and isinstance(source, LiveSource)
    assert source.name == "cam-1" and source.fps == 25.0 and cameras[0].released
    assert np.all(np.diff([frame.time for frame in frames]) > 0)


def test_names_and_passwords_are_not_shown():
    assert without_secrets("rtsp://me:p%40ss@10.0.0.1/cam?a=b@c") == "rtsp://10.0.0.1/cam?a=b@c"
    assert without_secrets("cam:0") == "cam:0"
