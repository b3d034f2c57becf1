"""Benchmark-like sets: the table holds our scores above the published ones."""

import dataclasses
import json

import pytest

from scalor.cli import main as door
from scalor.experiments.benchmark_sets import PUBLISHED, scored
from scalor.experiments.rows import BENCHMARKS


@pytest.fixture
def tiny_sets(monkeypatch, write_run, tmp_path):
    for name, row in list(BENCHMARKS.items()):
        weights = {"spmot": "mine", "unseen": row.weights}.get(name, "absent")
        monkeypatch.setitem(BENCHMARKS, name, dataclasses.replace(row, weights=weights))
    return write_run(tmp_path / "runs" / "mine-0").parent


def test_the_command_writes_ours_above_what_is_published(tiny_sets, tmp_path):
    argv = ["reproduce", "benchmark-sets", "--clips", "2", "--runs", str(tiny_sets), "-o", str(tmp_path / "out")]
    assert door.main(argv) == 0
    found = json.loads((tmp_path / "out" / "benchmark-sets.json").read_text())
    ours = found["rows"]["mine-0"]
    assert ours["data"] == "spmot-like" and ours["masks"] > 0 and ours["mota"] <= 1
    text = (tmp_path / "out" / "benchmark-sets.md").read_text()
    assert text.index("**mine-0**") < text.index("SCALOR (published) | 94.9")
    assert "vmds: no weights: train with `scalor train fast-vmds" in text
    assert "**sprites-md, trained on sprites-md**" in text and len(found["pictures"]) == 2
    assert all((tmp_path / "out" / name).is_file() for name in found["pictures"])


def test_shares_add_up(model):
    row = BENCHMARKS["spmot"]
    found = scored(model, row, clips=3)
    assert found["matched"] + found["missed"] + found["switched"] == pytest.approx(1.0)
    assert found["mota"] == pytest.approx(1 - found["missed"] - found["false"] - found["switched"])


def test_every_set_has_a_preset_data_and_published_numbers_that_agree_with_each_other():
    assert {row.data for row in BENCHMARKS.values()} == set(PUBLISHED)
    for others in PUBLISHED.values():
        for numbers in others.values():
            if numbers.missed is not None:
                assert numbers.matched + numbers.missed + numbers.switched == pytest.approx(100, abs=0.15)
                assert numbers.mota == pytest.approx(numbers.matched - numbers.false, abs=0.15)
