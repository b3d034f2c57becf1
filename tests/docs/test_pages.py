"""Every block of code on the pages about exports and measures runs, as somebody would type it."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scalor
from scalor.cli.main import main
from scalor.core.tracks import Tracks
from scalor.outputs.sheets import write_tables
from scalor.viz.export import video_writer, write_summary_json

DOCS = Path(__file__).parents[2] / "docs"
H, W, LENGTH = 160, 240, 20


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder with ``my.mp4`` and ``tracks`` whose ids are those that the pages speak of."""
    monkeypatch.chdir(tmp_path)
    with video_writer("my.mp4", fps=25.0) as film:
        for t in range(LENGTH):
            film.write(np.full((H, W, 3), t, np.uint8))
    rows = [(t, i, 10.0 * i + t / 2, 12.0 * i + 2, 9.0, 8.0, 1.0, 1.0) for t in range(LENGTH) for i in (2, 3, 4, 8, 11)]
    rows += [(t, i, 30.0 + t, 140.0, 9.0, 8.0, 1.0, 1.0) for t in range(LENGTH) for i in [5 if t < 10 else 17]]
    tracks = Tracks.from_rows([(*row, _mask(*row[2:6])) for row in rows], length=LENGTH, masks=True)
    Path("tracks").mkdir()
    write_tables(Path("tracks"), tracks)
    about = {
        "made_by": "scalor track 0",
        "video": "my",
        "path": str(tmp_path / "my.mp4"),
        "frames": LENGTH,
        "fps": 25.0,
        "width": W,
        "height": H,
        "box_base": 1,
    }
    write_summary_json("tracks/summary.json", about)
    return tmp_path


def _mask(left: float, top: float, width: float, height: float) -> dict:
    from pycocotools import mask as coco

    rle = coco.frPyObjects([[left, top, left + width, top, left + width, top + height, left, top + height]], H, W)[0]
    return {"size": [H, W], "counts": rle["counts"].decode()}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def commands(page: str) -> list[list[str]]:
    lines = [shlex.split(line) for block in blocks(page, "sh") for line in block.splitlines()]
    assert lines and all(line[0] == "scalor" for line in lines)
    return [line[1:] for line in lines]


def test_the_commands_about_exports_run_and_correct_what_the_table_says(place):
    (place / "corrections.csv").write_text(blocks("export.md", "csv")[0])
    for words in commands("export.md"):
        assert main(words) == 0, words
        assert os.path.exists(words[words.index("-o") + 1])
    with (place / "fixed" / "tracks.csv").open() as file:
        assert {int(row["id"]) for row in csv.DictReader(file)} == {3, 4, 5, 8, 12, 100}


def test_the_commands_about_measures_run(place):
    for words in commands("measure.md"):
        assert main(words) == 0, words
    written = {file.name for file in (place / "in-mm").iterdir()}
    named = set(re.findall(r"^\| `(.*?)` \|", (DOCS / "measure.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert written == named


def test_the_python_of_the_page_runs(place, capsys):
    for block in blocks("export.md", "python"):
        if "movement" in block:
            continue  # needs a library that is not installed here; the movement export has a test of its own
        exec(compile(block, "export.md", "exec"), {})
    assert capsys.readouterr().out.count("[") > LENGTH


def test_every_format_is_in_both_tables_of_the_page():
    from scalor.cli.export import FORMATS

    text = (DOCS / "export.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert [name for name in FORMATS if listed.count(name) < 1] == []


def test_the_worked_examples_of_what_can_be_added_run_one_after_the_other(place, monkeypatch):
    from scalor.models import build
    from scalor.objectives import extras
    from scalor.outputs import export

    for home, name in ((build, "MODELS"), (extras, "OBJECTIVES"), (export, "FORMATS")):
        before = dict(getattr(home, name))
        monkeypatch.setattr(home, name, before)
    room: dict = {}
    found = blocks("extend.md", "python")
    assert len(found) == 6
    for block in found:
        exec(compile(block, "extend.md", "exec"), room)
    assert (place / "diary.txt").is_file()


@pytest.mark.slow
def test_the_walk_throughs_can_be_walked(place, monkeypatch):
    """All but the learning, for which packaged weights stand in."""
    from scalor.pretrained.store import PACKAGED

    def learned(videos, out, **_):
        Path(out).mkdir()
        shutil.copy(PACKAGED / "sprites-vld.safetensors", Path(out) / "weights.safetensors")
        shutil.copy(PACKAGED / "sprites-vld.json", Path(out) / "card.json")
        (Path(out) / "metrics.csv").write_text("step,loss\n1,2\n")

    monkeypatch.setattr("scalor.configs.fit", learned)
    shutil.copy(Path(scalor.__file__).parent / "data" / "assets" / "traffic.mp4", place)
    exec(compile(blocks("walkthroughs.md", "python")[0], "walkthroughs.md", "exec"), {})
    for words in commands("walkthroughs.md"):
        assert main(words) == 0, words
        assert os.path.exists(words[words.index("-o") + 1])
    crossed = (place / "traffic-measures" / "crossings.csv").read_text().splitlines()
    assert len(crossed) > 10


def test_pages_link_to_what_is_there():
    for page in DOCS.rglob("*.md"):
        for target in re.findall(r"\]\((?!http)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)
    named = re.findall(r": ([\w/-]+\.md)$", (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(named) > 15 and all((DOCS / name).is_file() for name in named)


def test_the_numbers_of_the_readme_are_those_of_the_results():
    done = subprocess.run(
        [sys.executable, DOCS.parent / "benchmarks" / "readme_numbers.py"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", ["../README.md", "api.md"])
def test_the_python_of_the_readme_and_of_the_api_page_runs(place, monkeypatch, page):
    from scalor.pretrained.store import PACKAGED

    Path("run").mkdir()
    shutil.copy(PACKAGED / "sprites-vld.safetensors", "run/weights.safetensors")
    shutil.copy(PACKAGED / "sprites-vld.json", "run/card.json")
    asked: list[dict] = []
    monkeypatch.setattr("scalor.configs.api.fit", lambda videos, out, **how: asked.append(how))
    rng = np.random.default_rng(0)
    room = {"frames": [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(3)]}
    found = blocks(page, "python")
    assert found
    for block in found:
        exec(compile(block, page, "exec"), room)
    assert asked == ([{"minutes": 10}] if page == "api.md" else [])
