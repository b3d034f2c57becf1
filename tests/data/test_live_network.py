"""Cameras of a network, played by servers on this machine: what they send is followed, and how it ended is said."""

import http.server
import io
import json
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from scalor.data import live
from scalor.data.live import open_live
from scalor.data.places import kind_of_stream
from scalor.errors import UserError

H, W, N = 48, 64, 30
LEVELS = [40 + 5 * number for number in range(N)]
PACKETS = 7 * 188


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A transport stream, as cameras send it, whose frames differ in brightness."""
    path = tmp_path_factory.mktemp("film") / "film.ts"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.height, stream.width, stream.pix_fmt = H, W, "yuv420p"
        for level in LEVELS:
            frame = av.VideoFrame.from_ndarray(np.full((H, W, 3), level, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(live, "SILENCE", 1.0)


def jpeg(level: int, size: tuple[int, int] = (W, H)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (level,) * 3).save(file, "JPEG", quality=95)
    return file.getvalue()


class Web(http.server.BaseHTTPRequestHandler):
    """Each address behaves as a camera of one kind."""

    film: bytes

    def log_message(self, *what: Any) -> None:
        pass

    def do_GET(self) -> None:  # noqa: N802 - the name is asked for
        with suppress(OSError):
            getattr(self, self.path.strip("/").partition(".")[0])()

    def begun(self, **headers: str) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def breaks(self) -> None:
        self.begun(Content_Length=str(2 * len(self.film)))
        self.wfile.write(self.film)

    def stalls(self) -> None:
        self.begun()
        self.wfile.write(self.film)
        self.wfile.flush()
        time.sleep(3)

    def silent(self) -> None:
        time.sleep(3)

    def denied(self) -> None:
        self.send_error(401)

    def page(self) -> None:
        self.begun(Content_Type="text/html")
        self.wfile.write(b"<html>please log in</html>" * 100)

    def pictures(self, change: int = N, pause: float = 0.03) -> None:
        self.begun(Content_Type="multipart/x-mixed-replace; boundary=frame")
        for number, level in enumerate(LEVELS):
            content = jpeg(level, (W, H) if number < change else (2 * W, 2 * H))
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
            self.wfile.write(head.encode() + content + b"\r\n")
            self.wfile.flush()
            time.sleep(pause)

    def grows(self) -> None:
        self.pictures(change=20, pause=0)


@pytest.fixture
def web(film: bytes) -> Iterator[str]:
    handler = type("Handler", (Web,), {"film": film})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Rtsp(socketserver.StreamRequestHandler):
    """An RTSP camera that sends its transport stream inside the connection, as cameras behind routers do."""

    film: bytes
    SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=cam\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track\r\n"

    def handle(self) -> None:
        while line := self.rfile.readline().decode():
            method, head = line.split(" ")[0], {}
            while (each := self.rfile.readline().decode().strip()) != "":
                name, _, value = each.partition(": ")
                head[name.lower()] = value
            body = self.SDP if method == "DESCRIBE" else b""
            more = {
                "OPTIONS": "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
                "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n",
                "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
            }.get(method, "Session: 1\r\n")
            self.wfile.write(f"RTSP/1.0 200 OK\r\nCSeq: {head['cseq']}\r\n{more}\r\n".encode() + body)
            if method == "PLAY":
                self.send()
                return

    def send(self) -> None:
        for number, start in enumerate(range(0, len(self.film), PACKETS)):
            load = self.film[start : start + PACKETS]
            rtp = bytes([0x80, 33]) + number.to_bytes(2, "big") + (number * 3600).to_bytes(4, "big") + bytes(4)
            self.wfile.write(b"$\0" + (len(rtp) + len(load)).to_bytes(2, "big") + rtp + load)


def levels_of(address: str) -> tuple[list[int], live.LiveSource]:
    source = open_live(address)
    return [round(float(frame.image.mean())) for frame in source if frame.image is not None], source


def test_an_rtsp_camera_is_followed(film):
    handler = type("Handler", (Rtsp,), {"film": film})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        seen, source = levels_of(f"rtsp://me:secret@127.0.0.1:{server.server_address[1]}/stream")
        server.shutdown()
    assert len(seen) >= N - 1  # a packet inside the connection does not say that it was the last one
    np.testing.assert_allclose(seen, LEVELS[: len(seen)], atol=2)
    assert source.report.clean and (source.name, source.height, source.width) == ("stream", H, W)


def test_pictures_without_a_clock_have_the_times_at_which_they_came(web):
    begun = time.monotonic()
    seen, source = levels_of(f"{web}/pictures.mjpg")
    np.testing.assert_allclose(seen, LEVELS, atol=1)
    assert 0.02 * N < source.time_of(N - 1) < time.monotonic() - begun
    assert all(source.time_of(n) < source.time_of(n + 1) for n in range(N - 1))


def test_packets_that_come_without_a_connection_are_followed_until_they_stay_away(film):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not done.is_set():  # the first ones may come before anybody listens
                for start in range(0, len(film), PACKETS):
                    sender.sendto(film[start : start + PACKETS], ("127.0.0.1", port))
                    time.sleep(0.002)

    threading.Thread(target=send, daemon=True).start()
    threading.Timer(0.7, done.set).start()
    seen, source = levels_of(f"udp://127.0.0.1:{port}")
    assert len(seen) > N and set(seen) <= {level + off for level in LEVELS for off in range(-3, 4)}
    assert "ended: nothing came for 1 s" in source.report.words()


@pytest.mark.parametrize(("name", "words"), [("breaks", "ended: "), ("stalls", "ended: nothing came for 1 s")])
def test_a_stream_that_breaks_or_stalls_says_so_and_keeps_all_that_came(web, name, words):
    seen, source = levels_of(f"{web}/{name}.ts")
    np.testing.assert_allclose(seen, LEVELS, atol=2)
    assert words in source.report.words()


def test_pictures_that_change_their_size_end_what_is_followed(web):
    seen, source = levels_of(f"{web}/grows.mjpg")
    np.testing.assert_allclose(seen, LEVELS[:20], atol=1)
    assert f"followed until its pictures became {2 * W}x{2 * H} px" in source.report.words()


@pytest.mark.parametrize(
    ("name", "words"),
    [("silent", "nothing came for 1 s"), ("denied", "401"), ("page", "cannot be read as a stream of video")],
)
def test_what_never_begins_is_one_sentence(web, name, words):
    with pytest.raises(UserError, match=words) as refused:
        open_live(f"{web}/{name}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("address", ["/dev/video77", "cam:77"])
def test_a_camera_that_is_not_there_is_named(address):
    assert kind_of_stream(address) == "a camera"
    with pytest.raises(UserError, match="cam:77 cannot be opened; a camera of this machine is wanted"):
        open_live(address)


def test_an_address_may_be_spelled_in_capitals(web):
    assert len(levels_of(web.replace("http", "HTTP") + "/breaks.ts")[0]) == N


def test_tracking_keeps_what_came_before_a_stream_broke_off_and_says_how_it_ended(web, tmp_path: Path, capsys):
    from scalor.cli.main import main

    out = tmp_path / "out"
    assert main(["track", f"{web}/breaks.ts", "--online", "--method", "mog2-sort", "-o", str(out)]) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert summary["frames"] == N and "ended: " in summary["reading"] and (out / "tracks.csv").exists()
    assert f"The video: {summary['reading']}." in capsys.readouterr().out
