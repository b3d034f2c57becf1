"""The page with a step inside: no server, the runtime that it was written for, and the same boxes as in Python."""

import base64
import gzip
import hashlib
import http.server
import json
import os
import re
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from scalor import pretrained
from scalor.cli.main import main
from scalor.configs import data_named
from scalor.errors import UserError
from scalor.outputs import web_page
from scalor.outputs.web_page import PARTS, RUNTIME, filmed, runtime_files, write_page
from scalor.tracking.stored import size_seen
from scalor.viz.export import video_writer

from .browser import Browser, browser
from .onnx_file import DEPLOY, opened, running

FRAMES = 8
WORDS = "const words = document.getElementById('words'); "
TOY = {"weights": "a </script> & b", "frame": [64, 64, 3], "backdrop": False, "objects": 4, "smooth": 0.0, "state": {}}


def dist() -> Path:
    """The folder of onnxruntime-web's files; the test is skipped where there is none."""
    here = Path(os.environ.get("ONNXRUNTIME_WEB", Path(__file__).parents[2] / "node_modules/onnxruntime-web/dist"))
    if not all((here / name).is_file() for name, _ in PARTS.values()):
        pytest.skip(f"needs npm install onnxruntime-web@{RUNTIME}, or its dist folder in ONNXRUNTIME_WEB")
    return here


def inside(page: Path, name: str) -> str:
    (text,) = re.findall(rf'<script id="{name}" type="[^"]*">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    return text


def test_a_page_holds_its_model_and_what_the_weights_know(tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", b"a model", TOY, runtime={"code": b"let it", "wasm": b"run"})
    for name, raw in {"model": b"a model", "code": b"let it", "wasm": b"run"}.items():
        assert gzip.decompress(base64.b64decode(inside(tmp_path / "page.html", name))) == raw
    about = json.loads(inside(tmp_path / "page.html", "about"))
    assert about["weights"] == TOY["weights"] and about["runtime"]["inside"] is True and about["least"] == 0.25
    assert "<h1>a &lt;/script&gt; &amp; b</h1>" in (tmp_path / "page.html").read_text("utf-8")
    write_page(tmp_path / "same.html", b"a model", TOY, runtime={"code": b"let it", "wasm": b"run"})
    assert (tmp_path / "same.html").read_bytes() == (tmp_path / "page.html").read_bytes()


def test_weights_of_footage_bring_their_empty_scene_and_their_rate() -> None:
    loaded = pretrained.load_all("traffic")
    size = size_seen(loaded)
    assert size is not None
    known = filmed(loaded, {"frame": [*size, 3], "backdrop": True})
    assert len(base64.b64decode(known["empty"])) == 3 * size[0] * size[1] and known["fps"] == 24.0
    assert filmed(loaded, {"frame": [64, 64, 3], "backdrop": True})["empty"] is None
    second = replace(loaded, card={"footage": [{"fps": 24.0}, {"fps": 30.0}]})
    second.extra["backdrop.1"] = 1 - second.extra["backdrop"]
    theirs = filmed(second, {"frame": [*size, 3], "backdrop": True}, 1)
    assert theirs["empty"] != known["empty"] and theirs["fps"] == 30.0
    assert filmed(pretrained.load_all("sprites-md"), {"frame": [64, 64, 3], "backdrop": False})["fps"] is None


def test_mistakes_are_told_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="npm install onnxruntime-web@"):
        runtime_files(tmp_path)
    start = ["export-model", "sprites-md", "--to"]
    for words, told in {
        ("web", "-o", str(tmp_path / "page")): "page.html",
        ("web", "-o", str(tmp_path)): "is a folder",
        ("web", "-o", str(tmp_path / "a.html"), "--runtime", str(tmp_path / "no")): "npm install onnxruntime-web@",
        ("onnx", "-o", str(tmp_path / "a.onnx"), "--runtime", str(tmp_path)): "--to web",
    }.items():
        assert main([*start, *words]) == 2
        error = capsys.readouterr().err
        assert told in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_command_of_the_docs_writes_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a file that stands for the step, which takes a minute to make."""

    def export_onnx(weights: str, out: Path, *, size: tuple[int, int] | None, objects: int, **_: Any) -> dict[str, Any]:
        out.write_bytes(b"a step")
        return TOY | {"weights": weights, "frame": [78, 138, 3], "backdrop": True, "objects": objects}

    monkeypatch.setattr(web_page, "export_onnx", export_onnx)
    monkeypatch.chdir(tmp_path)
    runtime = tmp_path / "node_modules" / "onnxruntime-web" / "dist"
    runtime.mkdir(parents=True)
    for name, _ in PARTS.values():
        (runtime / name).write_bytes(name.encode())
    commands = re.findall(r"^scalor (export-model .*--to web.*)$", DEPLOY, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        assert main(shlex.split(command)) == 0
        assert "room for 16 objects; open it in a browser" in capsys.readouterr().out
        about = json.loads(inside(tmp_path / "page.html", "about"))
        assert gzip.decompress(base64.b64decode(inside(tmp_path / "page.html", "model"))) == b"a step"
        assert about["runtime"]["inside"] == ("--runtime" in command) and about["fps"] == 24.0 and about["empty"]


def test_the_docs_name_the_runtime_that_pages_fetch() -> None:
    assert f"onnxruntime-web@{RUNTIME}" in DEPLOY


def test_the_hashes_are_those_of_the_release() -> None:
    for name, wanted in PARTS.values():
        digest = hashlib.sha384((dist() / name).read_bytes()).digest()
        assert wanted == "sha384-" + base64.b64encode(digest).decode()


def test_without_a_network_the_page_says_what_is_missing(tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", b"a model", TOY, runtime={})
    with browser() as window:
        window.offline()
        window.open((tmp_path / "page.html").as_uri())
        told = window.wait(WORDS + "return words.className == 'wrong' && words.textContent")
    assert "could not be fetched" in told and "--runtime" in told


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files for pages from anywhere, as a content network gives them."""

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Quiet(*a, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_another_file_than_the_release_s_is_refused(tmp_path: Path) -> None:
    for name, _ in PARTS.values():
        (tmp_path / name).write_bytes(b"alert('somebody else')")
    with served(tmp_path) as source, browser() as window:
        write_page(tmp_path / "page.html", b"a model", TOY, runtime={}, source=source)
        window.open((tmp_path / "page.html").as_uri())
        told = window.wait(WORDS + "return words.className == 'wrong' && words.textContent")
    assert "is not the file it should be" in told


def clip(path: Path) -> Path:
    frames = data_named("sprites-md", 7, split="test")[0].video[:FRAMES]
    with video_writer(path, fps=10, quality=12) as film:
        for frame in frames:
            film.write(frame.permute(1, 2, 0).contiguous().numpy())
    return path


def followed(window: Browser, page: Path, film: Path) -> list[dict[str, Any]]:
    """What the page finds in every frame, and the pictures that it looked at."""
    window.open(page.as_uri())
    window.wait(WORDS + "return words.textContent.startsWith('Ready')", seconds=120)
    window.run(
        "window.heard = []; document.addEventListener('followed', ({ detail }) =>"
        " window.heard.push({ ...detail, picture: Array.from(detail.picture) }))"
    )
    window.give("#file", film)
    window.wait(WORDS + "return / frames followed$/.test(words.textContent) || words.className == 'wrong'", seconds=240)
    assert window.run(WORDS + "return words.className") == "" and not window.errors()
    return window.run("return window.heard")


@pytest.mark.slow
def test_films_of_a_varying_rate_and_without_a_length_are_looked_at_frame_by_frame(
    onnx_step: Path, tmp_path: Path
) -> None:
    page = page_of(onnx_step, tmp_path / "page.html", runtime=runtime_files(dist()))
    pictures = [frame.permute(1, 2, 0).numpy() for frame in data_named("sprites-md", 7, split="test")[0].video[:FRAMES]]
    for name, options in {"varying.webm": {}, "live.webm": {"live": "1"}}.items():
        with av.open(str(tmp_path / name), "w", options=options) as container:
            stream = container.add_stream("libvpx", rate=10, options={"crf": "4", "b": "4M"})
            stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            for number, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                frame.pts, frame.time_base = 100 * number + 200 * (number > 3), Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    with browser() as window:
        for name in ("varying.webm", "live.webm"):
            heard = followed(window, page, tmp_path / name)
            seen = [np.array(each["picture"], np.uint8).reshape(64, 64, 3).astype(int) for each in heard]
            nearest = [int(np.argmin([np.abs(each - other).mean() for other in pictures])) for each in seen]
            assert nearest == list(range(FRAMES)), (name, nearest)


def page_of(step: Path, out: Path, **how: Any) -> Path:
    onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
    model = step.read_bytes()
    said = {entry.key: entry.value for entry in onnx.load_from_string(model).metadata_props}
    write_page(out, model, json.loads(said["scalor"]) | {"empty": None, "fps": None}, **how)
    return out


@pytest.mark.slow
def test_a_browser_finds_the_boxes_that_onnx_runtime_finds_in_python(onnx_step: Path, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    page = page_of(onnx_step, tmp_path / "page.html", runtime=runtime_files(dist()))
    film = clip(tmp_path / "clip.mp4")
    with browser() as window:
        window.offline()
        heard = followed(window, page, film)
    with av.open(str(film)) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    see = running(opened(runtime, onnx_step))
    assert [each["frame"] for each in heard] == list(range(1, FRAMES + 1))
    for each, frame in zip(heard, shown, strict=True):
        picture = np.array(each["picture"], np.uint8).reshape(64, 64, 3)
        gaps = [np.abs(picture.astype(int) - other).mean() for other in shown]
        assert int(np.argmin(gaps)) == each["frame"] - 1 and frame.shape == picture.shape
        found = see(picture)
        here = found["here"] & (found["visibility"] >= 0.25)
        assert [row["id"] for row in each["found"]] == found["id"][here].tolist() and here.sum() > 5
        np.testing.assert_allclose([row["box"] for row in each["found"]], found["box"][here], atol=1e-3)


@pytest.mark.slow
def test_a_page_fetches_its_runtime(onnx_step: Path, tmp_path: Path) -> None:
    with served(dist()) as source, browser() as window:
        page = page_of(onnx_step, tmp_path / "page.html", runtime={}, source=source)
        assert len(followed(window, page, clip(tmp_path / "clip.mp4"))) == FRAMES
