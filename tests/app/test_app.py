"""Laws of the app: visitors have rooms of their own, nothing outlives them, mistakes are told, a browser drives it."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest

from scalor.app import page
from scalor.app.page import ENDINGS, Limits
from scalor.app.room import Room
from scalor.cli.export import FORMATS
from scalor.errors import UserError
from scalor.viz.export import video_writer

from ..outputs.browser import Browser, browser
from ..outputs.conftest import toy_tracks, write_folder


@pytest.fixture
def clip(tmp_path) -> Path:
    """Two squares that pass each other over noise."""
    rng = np.random.default_rng(0)
    with video_writer(tmp_path / "clip.mp4", fps=10.0) as film:
        for t in range(24):
            picture = rng.integers(60, 70, (96, 128, 3), dtype=np.uint8)
            picture[20:36, 4 + 3 * t : 20 + 3 * t] = (230, 80, 60)
            picture[60:74, 110 - 3 * t : 124 - 3 * t] = (60, 200, 90)
            film.write(picture)
    return tmp_path / "clip.mp4"


def last(steps):
    *_, end = steps
    return end


def test_visitors_have_rooms_of_their_own_that_go_with_them(tmp_path, clip):
    one, two = Room(tmp_path), Room(tmp_path)
    one.take(clip)
    assert one.path != two.path and one.video.parent == one.path and two.video is None
    assert one.fresh("tracks") != one.fresh("tracks")
    one.close()
    assert not one.path.exists() and two.path.exists() and clip.exists()


def test_a_new_video_clears_the_room(tmp_path, clip):
    room = Room(tmp_path)
    room.take(clip)
    (room.path / "run").mkdir()
    room.take(clip)
    assert [item.name for item in room.path.iterdir()] == ["video.mp4"]


def test_what_is_no_video_is_refused_and_the_old_one_stays(tmp_path, clip):
    room = Room(tmp_path)
    room.take(clip)
    (tmp_path / "note.mp4").write_text("no video")
    with pytest.raises(UserError, match="playable video is wanted"):
        room.take(tmp_path / "note.mp4")
    assert room.video.exists()


def test_a_commands_mistake_is_told_in_its_own_sentence(tmp_path):
    with pytest.raises(UserError, match="did you mean track"):
        last(Room(tmp_path).command(["trakc"], limit=60))


def test_a_command_ends_at_its_limit_and_when_nobody_listens(tmp_path):
    room = Room(tmp_path)
    with pytest.raises(UserError, match="the limit of this app"):
        last(room.command(["weights"], limit=0))
    assert room._running.poll() is not None
    steps = room.command(["weights"], limit=60)
    next(steps)
    steps.close()
    assert room._running.poll() is not None


def test_without_video_or_tracks_a_handler_says_what_is_missing(tmp_path):
    room = Room(tmp_path)
    for handler, words in ((page._tracker(Limits()), "video"), (page._exporter(Limits()), "tracks")):
        with pytest.raises(UserError, match=f"no {words} yet"):
            last(handler(room, *(["coco"] if words == "tracks" else [])))


def test_commands_of_all_buttons_stand_in_one_line(tmp_path, monkeypatch):
    gradio = MagicMock()
    monkeypatch.setitem(sys.modules, "gradio", gradio)
    page.build(tmp_path, Limits())
    clicks = [call.kwargs for call in gradio.Button.return_value.click.call_args_list]
    lines = [(how.get("concurrency_id"), how.get("concurrency_limit")) for how in clicks if how.get("queue", True)]
    assert lines == [("commands", 1)] * 4


def test_a_correction_without_an_action_is_told(tmp_path, clip):
    room = Room(tmp_path)
    room.take(clip)
    room.tracks = write_folder(tmp_path / "tracks", toy_tracks())
    with pytest.raises(UserError, match="the action is ''"):
        last(page._corrector(Limits())(room, [["", "3", "77", "", ""], ["", None, "", "", ""]]))


def test_every_format_has_an_ending_or_is_packed():
    assert set(ENDINGS) < set(FORMATS) and set(FORMATS) - set(ENDINGS) == {"ctc", "geff", "napari", "crops"}


@pytest.mark.slow
def test_tracks_are_put_right_and_taken_away_and_the_neighbour_sees_nothing(tmp_path, clip):
    room, neighbour, limits = Room(tmp_path), Room(tmp_path), Limits()
    room.take(clip)
    neighbour.take(clip)
    _, _, overlay, report = last(page._tracker(limits)(room))
    assert Path(overlay).exists() and report.startswith("<iframe") and 'sandbox="allow-scripts"' in report
    found = json.loads(Path(last(page._exporter(limits)(room, "coco"))).read_text())
    ids = {item["track_id"] for item in found["annotations"]}
    name = min(ids)
    last(page._corrector(limits)(room, [["relabel", name, "77", "", ""], ["", "", "", "", ""]]))
    found = json.loads(Path(last(page._exporter(limits)(room, "coco"))).read_text())
    assert {item["track_id"] for item in found["annotations"]} == ids - {name} | {77}
    assert Path(last(page._exporter(limits)(room, "crops"))).suffix == ".zip"
    assert [item.name for item in neighbour.path.iterdir()] == ["video.mp4"]


@contextmanager
def opened_app(place: Path, *words: str) -> Iterator[tuple[str, Browser]]:
    """The app's address, and a browser that shows it with errors and strangers asserted away at the end."""
    pytest.importorskip("gradio", reason="pip install 'scalor[app]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (place / "tmp").mkdir()
    call = [sys.executable, "-m", "scalor.cli.main", "app", "--port", str(port), "--no-browser", *words]
    environment = {**os.environ, "TMPDIR": str(place / "tmp"), "OMP_NUM_THREADS": "1"}
    served = subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        assert served.stdout.readline().startswith("open http")
        with browser() as window:
            window.size(1200, 1600)
            window.open(f"{address}/")
            window.wait("return !!document.querySelector('#video input[type=file]')", seconds=120)
            yield address, window
            elsewhere = window.run("return performance.getEntriesByType('resource').map(e => e.name)")
            assert [n for n in elsewhere if not n.startswith(("data:", "blob:", address))] == []
            assert window.errors() == []
    finally:
        served.send_signal(signal.SIGTERM)
        served.wait(60)
    assert [name for name in os.listdir(place / "tmp") if name.startswith("scalor-app-")] == []


SAID = "document.querySelector('#said textarea').value"


def track_by(window: Browser, clip: Path, button: str) -> str:
    """Give a clip, press a button, wait until the overlay can be played; returns what the page says then."""
    window.give("#video input[type=file]", clip)
    window.wait(f"return {SAID}.startsWith('The video')", seconds=120)
    window.run(f"document.querySelector('#{button}').click()")
    window.wait("const v = document.querySelector('#overlay video'); return v && v.readyState > 1", seconds=500)
    return window.run(f"return {SAID}")


def exported(window: Browser) -> dict:
    """The file that the page offers after a press on Export."""
    window.run("document.querySelector('#export').click()")
    address = window.wait("const a = document.querySelector('#file a[href]'); return a && a.href", seconds=300)
    return json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address))


@pytest.mark.slow
def test_in_a_browser_a_video_becomes_tracks_and_a_download(tmp_path, clip):
    with opened_app(tmp_path) as (_, window):
        assert "in 24 frames" in track_by(window, clip, "classical")
        assert len(exported(window)["images"]) == 24


@pytest.mark.slow
def test_in_a_browser_half_a_minute_of_learning_shows_its_pictures_tracks_and_a_download(tmp_path, clip):
    with opened_app(tmp_path, "--most-minutes", "0.5") as (_, window):
        window.give("#video input[type=file]", clip)
        window.wait(f"return {SAID}.startsWith('The video')", seconds=120)
        window.run("document.querySelector('#learn').click()")
        window.wait(f"return /^Learning [█░]+ \\d+%/.test({SAID})", seconds=120)
        window.wait("const i = document.querySelector('#picture img'); return i && i.naturalWidth > 100", seconds=300)
        window.wait("const v = document.querySelector('#overlay video'); return v && v.readyState > 1", seconds=500)
        assert "in 24 frames" in window.run(f"return {SAID}")
        assert window.wait("return document.querySelector('#report iframe').srcdoc.includes('What to try next')")
        # How much is seen after 30 seconds depends on what else the machine does.
        assert len(exported(window)["images"]) == 24
        if wanted := os.environ.get("SCALOR_SCREENSHOT"):
            window.screenshot(Path(wanted))
