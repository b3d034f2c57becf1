"""What the page about many videos, devices and machines says can be typed, and its sums are right."""

import re
import shlex
from pathlib import Path

import pytest

from scalor.cli.main import build

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_its_commands_can_be_typed() -> None:
    lines = [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]
    assert {line[1] for line in lines} == {"fleet", "train", "fit"}
    for line in lines:
        asked = build().parse_args(line[1:])
        assert asked.command == line[1]


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in blocks("python"):
        exec(compile(block, "scale.md", "exec"), {})
    assert (tmp_path / "traffic-weights" / "README.md").is_file()


def test_its_files_are_there() -> None:
    named = re.findall(r"`((?:examples|benchmarks|recipe|space)/[\w./]*|Dockerfile|python benchmarks/\w+\.py)`", PAGE)
    assert len(named) >= 5 and all((ROOT / name.removeprefix("python ")).exists() for name in named)


def test_its_sums_are_right() -> None:
    rows = re.findall(r"^\| (\d+) frames? per second \| ([\d.]+) (\w+) \| (\d+) \| ([\d.]+) TB \|", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for rate, frames, unit, cores, terabytes in rows:
        day = 1000 * int(rate) * 86400
        assert float(frames) == pytest.approx(day / {"million": 1e6, "billion": 1e9}[unit], rel=0.02)
        assert int(cores) == pytest.approx(1000 * int(rate) * 0.020)
        assert float(terabytes) == pytest.approx(day * 4.5e3 / 1e12, rel=0.05)
