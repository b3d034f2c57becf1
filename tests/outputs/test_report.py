"""Laws of the report: one file of bounded size, nothing from elsewhere, text cannot break it, a browser runs it."""

import base64
import io
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from scalor.configs.presets import fast_sprites
from scalor.core.tracks import Tracks
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.outputs import report_film
from scalor.outputs.advice import advice_for_tracks
from scalor.outputs.doubts import Doubt, Watch
from scalor.outputs.report import Extras, write_report
from scalor.outputs.report_evaluation import write_evaluation
from scalor.outputs.report_page import Page, shown
from scalor.outputs.tracked import Tracked
from scalor.training.checkpoint import Plan, RunFolder
from scalor.viz.export import video_writer, write_png, write_summary_json, write_text

from .browser import browser
from .conftest import H, W, toy_tracks, write_folder


def data_of(page) -> dict:
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL).group(1))


def decoded_picture(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def straight(frames: list[int], *, identity: int = 1, left: float = 20.0, top: float = 15.0, step: float = 0.0) -> list:
    return [(t, identity, left + step * t, top, 8.0, 8.0, 1.0, 1.0) for t in frames]


def kinds(rows: list, length: int = 30) -> list[tuple[str, int, int]]:
    found = Watch.over(Tracks.from_rows(rows, length=length), (H, W)).doubts()
    return sorted((doubt.kind, doubt.frame, doubt.id) for doubt in found)


def test_a_track_from_the_first_to_the_last_frame_is_beyond_doubt():
    assert kinds(straight(list(range(30)), step=0.5)) == []


def test_what_begins_and_ends_in_the_middle_is_doubtful_and_at_an_edge_is_not():
    assert kinds(straight(list(range(5, 20)))) == [("begins", 5, 1), ("ends", 19, 1)]
    assert kinds(straight(list(range(5, 20)), left=0.0)) == []


def test_gaps_jumps_growth_and_overlaps_are_found_where_they_are():
    steady = list(range(30))
    assert kinds(straight([t for t in steady if not 10 <= t < 14])) == [("returns", 14, 1)]
    jump = [(t, 1, 10.0 + 30 * (t > 12), 15.0, 8.0, 8.0, 1.0, 1.0) for t in steady]
    assert kinds(jump) == [("jumps", 13, 1)]
    grown = [(t, 1, 20.0, 15.0, 8.0 + 8 * (t > 7), 8.0 + 8 * (t > 7), 1.0, 1.0) for t in steady]
    assert kinds(grown) == [("size", 8, 1)]
    assert kinds([*straight(steady), *straight(steady, identity=2, left=21.0)]) == [("overlaps", 0, 2)]


def test_the_film_shows_frames_under_their_numbers_with_their_rows(folder, video):
    film = data_of(write_report(folder, video=video))["films"]["tracks"]
    assert film["names"] == list(range(12)) and film["width"] == W
    np.testing.assert_allclose(film["seconds"], np.arange(12) / 10)
    tracks = toy_tracks()
    for name, picture, rows in zip(film["names"], film["pictures"], film["rows"], strict=True):
        here = tracks.select(tracks.frame == name)
        assert [row[0] for row in rows] == here.id.tolist()
        np.testing.assert_allclose([row[1:5] for row in rows], here.box_tlwh.reshape(-1, 4).tolist(), atol=0.06)
        assert abs(int(decoded_picture(picture)[-1, 0, 2]) - 10 * name) < 12  # the frame's own blue
        assert all(row[5][-2:] == pytest.approx(center, abs=0.1) for row, center in zip(rows, here.center, strict=True))
        assert all(row[6] for row in rows)


def test_long_videos_are_thinned_to_a_bounded_page(tmp_path, monkeypatch):
    monkeypatch.setattr(report_film, "MOST_BYTES", 150_000)
    rng = np.random.default_rng(0)
    with video_writer(tmp_path / "long.mp4", fps=25.0, quality=10) as film:
        for _ in range(400):
            film.write(rng.integers(0, 256, (H, W, 3), dtype=np.uint8))
    tracks = Tracks.from_rows(straight(list(range(0, 400, 2))), length=400)
    page = write_report(write_folder(tmp_path / "tracks", tracks), video=tmp_path / "long.mp4")
    names = data_of(page)["films"]["tracks"]["names"]
    assert 20 < len(names) <= report_film.MOST_PICTURES + 24 and names[0] == 0
    assert page.stat().st_size < 400_000


def test_pictures_come_from_sources_that_cannot_seek_too(video, monkeypatch):
    source = open_video(video)
    numbers = [0, 5, 11]
    passed = list(report_film.pictures_at(source, numbers))
    monkeypatch.setattr(report_film, "DENSE", 0)
    sought = list(report_film.pictures_at(source, numbers))
    monkeypatch.setattr(type(source), "seekable", False)
    walked = list(report_film.pictures_at(source, numbers))
    for (a, one), (b, two), (c, three) in zip(passed, sought, walked, strict=True):
        assert a == b == c
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(two, three)


def test_text_cannot_break_the_page(folder, video):
    evil = "</script><script>alert(1)</script> @DATA@ @BODY@"
    extras = Extras(title=evil, notes=[evil], scores=(["", evil], [[evil, "1"]]))
    text = write_report(folder, video=video, extras=extras).read_text()
    assert "<script>alert" not in text and text.count("<script") == 2 and text.count('id="data"') == 1
    assert not re.search(r"(src|href)=\"(?!data:)", text) and "http" not in text


def test_a_comment_in_a_name_does_not_hide_the_end_of_the_data(folder, tmp_path):
    """After ``<!--<script`` browsers take the next end of a script for that of an inner one."""
    page = Page("t")
    page.data["name"] = "<!--<script>"
    text = page.write(tmp_path / "p.html").read_text()
    assert "<!--" not in text and data_of(tmp_path / "p.html")["name"] == "<!--<script>"


def test_ids_that_scripts_have_no_numbers_for_are_text(tmp_path, video):
    rows = [(frame, identity, 5.0, 5.0, 8.0, 6.0, 1.0, 1.0) for frame in (0, 1) for identity in (7, 2**53 + 1)]
    large = write_folder(tmp_path / "tracks", Tracks.from_rows(rows, length=12))
    data = data_of(write_report(large, video=video))
    assert [line[0] for line in data["timeline"]["tracks"]] == [7, "9007199254740993"]
    assert [row[0] for row in data["films"]["tracks"]["rows"][0]] == [7, "9007199254740993"]


def test_long_films_and_trainings_have_their_numbers_in_full(tmp_path):
    assert [shown(value) for value in (12345.6, 1e5, 0.123456, 29.97, 9999.0)] == [
        "12346",
        "100000",
        "0.1235",
        "29.97",
        "9999",
    ]


def test_without_a_video_the_page_has_no_film_and_all_the_rest(folder):
    page = write_report(folder)
    assert "films" not in data_of(page) and len(data_of(page)["timeline"]["tracks"]) == 3
    assert "all 3 tracks" in page.read_text()


def test_every_stretch_of_a_track_is_in_the_timeline(folder):
    assert data_of(write_report(folder))["timeline"] == {
        "length": 12,
        "tracks": [[0, [[1, 10]]], [3, [[1, 4], [7, 10]]], [70000, [[7, 8]]]],
    }


def test_a_video_without_objects_says_what_to_try(tmp_path, video):
    nothing = write_folder(tmp_path / "tracks", toy_tracks().select(np.arange(0)), method="scalor")
    text = write_report(nothing, video=video).read_text()
    assert "Nothing was found." in text and "--min-visibility 0" in text


def write_run(folder):
    (folder / "pictures").mkdir(parents=True)
    lines = [f"{step},{step / 60},{1000 - step},0.01,{2 + step / 100}" for step in range(0, 400, 5)]
    write_text(folder / "metrics.csv", "\n".join(["step,minutes,loss,mse,objects", *lines, "400,1"]) + "\n")
    write_text(folder / "config.json", '{"preset": "<b>"}')
    for step in (100, 300):
        write_png(folder / "pictures" / f"step-{step:07d}.png", np.full((20, 30, 3), step // 2, np.uint8))
    return folder


def test_a_training_shows_its_curves_pictures_and_health(tmp_path):
    page = write_report(write_run(tmp_path / "run"))
    text = page.read_text()
    assert data_of(page)["films"]["training"]["names"] == [100, 300]
    assert text.count("<polyline") == 3 and "Healthy" in text and "&lt;b&gt;" in text


def write_futures(folder):
    write_png(folder / "futures.png", np.zeros((40, 60, 3), np.uint8))
    with video_writer(folder / "futures.mp4", fps=10.0) as film:
        for t in range(5):
            film.write(np.full((40, 60, 3), 40 * t, np.uint8))
    write_text(folder / "futures.json", "{}")
    about = {"video": "toy", "observe": 2, "steps": 3, "samples": 4, "objects_observed": 1}
    write_summary_json(folder / "summary.json", about)
    return folder


def test_futures_are_shown_as_a_film_and_a_picture(tmp_path):
    page = write_report(write_futures(tmp_path / "futures"))
    assert data_of(page)["films"]["futures"]["names"] == [0, 1, 2, 3, 4]
    assert "As a picture" in page.read_text()


def test_an_evaluation_shows_scores_and_where_things_were_missed(tmp_path, video, tracks):
    half = tracks.select(tracks.id == 0)
    scores = {"tracks": {"mota": 0.5, "motp": None}, "mog2-sort": {"mota": 0.25, "motp": 0.1}}
    page = write_evaluation(tmp_path, tracks, half, scores, video=video)
    text = page.read_text()
    assert "<td>mota</td><td>0.5</td><td>0.25</td>" in text and "<td>motp</td><td>-</td><td>0.1</td>" in text
    assert len(data_of(page)["films"]["tracks"]["pictures"]) == 12 and text.count("<polyline") == 2


def test_an_evaluation_of_some_frames_shows_these_alone(tmp_path, video, tracks):
    page = write_evaluation(tmp_path, tracks, tracks, {"tracks": {"mota": 0.5}}, video=video, frames=(2, 6), gate="IoU")
    film, text = data_of(page)["films"]["tracks"], page.read_text()
    assert "Frames 3 to 6; what matches: IoU." in text and "6 frames</text>" in text and ">3</text>" in text
    assert [bool(rows) for rows in film["rows"]] == [2 <= name < 6 for name in film["names"]]
    spans = [span for _, each in data_of(page)["timeline"]["tracks"] for span in each]
    assert spans and all(first >= 2 and last < 6 for first, last in spans)


def test_frames_that_are_numbered_by_a_clock_are_counted_where_there_are_boxes(tmp_path, tracks):
    late = replace(tracks, frame=tracks.frame * 40 + 1_700_000_000_000, length=1_700_000_001_000)
    page = write_evaluation(tmp_path, late, late, {"tracks": {"mota": 1.0}})
    assert page.read_text().count("<polyline") == 2


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(UserError, match="neither tracks nor a training nor futures"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_page_is_a_page(tmp_path):
    assert "<h1>t</h1>" in Page("t").write(tmp_path / "p.html").read_text()


@pytest.mark.slow
def test_in_a_browser_the_slider_moves_frames_timeline_and_overlay(folder, video, tmp_path):
    page = write_report(folder, video=video)
    (tmp_path / "alone").mkdir()
    alone = page.rename(tmp_path / "alone" / "report.html")
    with browser() as window:
        window.offline()
        window.size(390, 800)
        window.open(alone.as_uri())
        window.wait("return players.tracks.image.naturalWidth > 0")
        assert window.run("return document.documentElement.scrollWidth <= 390")
        drawn = """
            const c = players.tracks.canvas, d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
            let n = 0; for (let k = 3; k < d.length; k += 4) n += d[k] > 0; return n;"""
        assert window.run(drawn) == 0  # frame 0 has no rows
        move = "const r = document.querySelector('input[type=range]'); r.value = arguments[0];"
        window.run(move + "r.dispatchEvent(new Event('input'))", 7)
        assert "frame 8 · 0.70 s" in window.run("return document.querySelector('.where').textContent")
        window.wait("return players.tracks.image.complete")
        everything = window.wait(drawn)
        window.run("document.querySelector('input[name=masks]').click()")
        assert 0 < window.run(drawn) < everything
        window.run("for (const n of ['boxes', 'ids', 'trails']) document.querySelector(`input[name=${n}]`).click()")
        assert window.run(drawn) == 0
        window.run("document.querySelector('[data-frame]').click()")
        frame = window.run("return +document.querySelector('[data-frame]').dataset.frame")
        assert window.run("return players.tracks.film.names[players.tracks.number]") == frame
        window.run("players.tracks.button.click()")
        window.wait(f"return players.tracks.number !== {frame}")
        assert (
            window.run("return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:'))") == []
        )
        assert window.errors() == []


@pytest.mark.slow
@pytest.mark.parametrize("write", [write_run, write_futures])
def test_in_a_browser_the_other_pages_run_without_an_error(tmp_path, write):
    page = write_report(write(tmp_path / "folder"))
    with browser() as window:
        window.offline()
        window.size(390, 800)
        window.open(page.as_uri())
        window.wait("return Object.values(players)[0].image.naturalWidth > 0")
        window.run("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' }))")
        assert window.run("return Object.values(players)[0].number") == 1
        assert window.run("return document.documentElement.scrollWidth <= 390") and window.errors() == []


def test_the_length_in_seconds_is_that_of_the_frames_own_times(tmp_path):
    folder = write_folder(tmp_path / "tracks", toy_tracks(), times=np.arange(12) * 0.5)
    page = write_report(folder).read_text(encoding="utf-8")
    assert "<b>5.6</b>seconds" in page, "eleven frames of half a second, the last at 10 a second"


@pytest.mark.parametrize(
    ("box", "said"),
    [(0.35, "twin_box=0.24` (it was 0.35)"), (0.2, "twin_box=0.14` (it was 0.2)"), (math.inf, "(it is")],
)
def test_a_number_below_the_runs_own_is_advised_where_things_are_seen_twice(tmp_path, box, said):
    preset = fast_sprites("ld")
    preset = replace(preset, model=replace(preset.model, discover=replace(preset.model.discover, twin_box=box)))
    RunFolder(tmp_path / "run").claim(Plan(kind="fit", preset=preset, seed=0, steps=1, minutes=None))
    for weights, words in ((tmp_path / "run", said), ("sprites-ld", "(it is 0.35")):
        tracked = Tracked(toy_tracks(), np.arange(12.0), {"method": "scalor", "weights": str(weights)})
        told = advice_for_tracks(tracked, [Doubt("overlaps", 1, 0, (6.5, 5.25, 9.0, 7.5), "", 1.0, (1,))])
        assert [words in each for each in told if "twin_box" in each] == [True]


@pytest.mark.parametrize("count", [0, 1])
def test_tracks_of_the_classical_method_have_no_advice_for_the_model(tmp_path, count):
    rows = [(t, t, 20.0, 20.0, 8.0, 8.0, 1.0, 1.0) for t in range(2, 6) if count]
    tracks = Tracks.from_rows(rows, length=12)
    for method, told in (("scalor", True), ("mog2-sort", False)):
        page = write_report(write_folder(tmp_path / f"{method}{count}", tracks, method=method)).read_text()
        advice = page.split("What to try next")[1].split("</ul>")[0]
        assert told == ("--min-visibility" in advice) == ("--resume" in advice) == ("classical" not in advice)
