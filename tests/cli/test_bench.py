"""`scalor bench`: the published keys, and that the scenes it measures are as busy as it says. Never a time."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.cli import bench_command
from scalor.cli.bench_command import Settings, seen
from scalor.cli.bench_crowd import crowded_model, crowded_world, mosaic, spread
from scalor.cli.bench_step import StepReport, Task, end_knobs, measured, training_step
from scalor.configs import data_named, preset_named
from scalor.data.loader import batch_at

TINY = Task(preset="tiny", data="sprites-tiny", batch=2, frames=2, objects=6, repeats=1, matmul=32)
SMALL = Settings(
    variants={"fast": TINY, "paper": TINY}, data="sprites-tiny", tracked={64: 8, 512: 64}, counts=(4, 64), repeats=1
)
KEYS = {
    "matmul_gflops": None,
    "train_step_seconds": {"fast", "paper"},
    "forward_seconds": {"fast", "paper"},
    "peak_memory_gb": {"fast", "paper"},
    "tracking_fps": {"64x64", "512x512"},
    "forward_ratio_64_to_4": None,
    "large_frame_ratio": None,
    "aten_calls": None,
    "flops_fraction": {"fast", "paper"},
}


@pytest.fixture(scope="module")
def report() -> StepReport:
    return bench_command.in_a_fresh_process(TINY)


def test_a_fresh_process_reports_as_this_one_would(report):
    here = measured(TINY)
    assert (report.step_flops, report.objects, report.source) == (here.step_flops, here.objects, here.source)
    assert 0.05 < report.peak_memory_gb <= here.peak_memory_gb + 1


def test_json_has_the_published_keys_with_positive_numbers(monkeypatch, capsys, report):
    monkeypatch.setattr(bench_command, "in_a_fresh_process", lambda task: report)
    bench_command.run(json=True, settings=SMALL)
    found = json.loads(capsys.readouterr().out)
    assert list(found) == list(KEYS)
    for key, inner in KEYS.items():
        assert (set(found[key]) if isinstance(found[key], dict) else None) == inner
        numbers = found[key].values() if isinstance(found[key], dict) else [found[key]]
        assert all(math.isfinite(number) and number > 0 for number in numbers), key


def test_the_table_has_a_line_for_every_key(monkeypatch, capsys, report):
    monkeypatch.setattr(bench_command, "in_a_fresh_process", lambda task: report)
    bench_command.run(json=False, settings=SMALL)
    shown = capsys.readouterr().out
    for words in ("matmul", "training step", "forward pass, s", "peak memory", "64 x 64", "512 x 512", "share of"):
        assert words in shown
    assert "64 objects cost, times 4 objects" in shown and f"{report.threads} threads" in shown


@pytest.mark.parametrize("name", ["fast-sprites-md", "paper-sprites-md"])
def test_the_training_step_is_busy_with_as_many_objects_as_it_should(name):
    preset = preset_named(name)
    model = crowded_model(preset.model, first=20)
    clip = data_named("sprites-md", 0).clip(0, frames=4).video.unsqueeze(0)
    before = [weight.clone() for weight in model.parameters()]
    rollout = training_step(model, preset.recipe, lambda number: clip)()
    living = [int(step.slots.alive.sum()) for step in rollout.steps]
    assert all(18 <= count <= 24 for count in living), living
    assert any(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    assert end_knobs(preset.recipe).birth == pytest.approx(preset.recipe.birth[1])


@pytest.mark.parametrize(("count", "side"), [(4, 64), (64, 64), (20, 64), (250, 256)])
def test_every_object_of_a_crowded_world_is_alive_after_a_frame(count, side):
    model = crowded_model(preset_named("fast-sprites-md").model, first=0).eval()
    world = crowded_world(model, batch=1, count=count, size=(side, side))
    frame = mosaic(data_named("sprites-md", 0), side).float().div(255).reshape(1, 1, 3, side, side)
    after = seen(model, world, frame)
    assert set(range(count)) <= set(after.slots.id[0].tolist())


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.integers(8, 600), st.integers(8, 600))
def test_spread_centres_are_inside_and_apart(count, height, width):
    center = spread(count, height, width)
    assert center.shape == (count, 2) and (center > 0).all()
    assert (center[:, 0] < width).all() and (center[:, 1] < height).all()
    assert len({(float(x), float(y)) for x, y in center}) == count


def test_a_mosaic_shows_the_clips_side_by_side():
    clips = data_named("sprites-tiny", 0)
    picture = mosaic(clips, 64)
    tiles = batch_at(clips, 0, step=0, batch=4, frames=1)[:, 0]
    assert picture.shape == (3, 64, 64)
    assert torch.equal(picture[:, :32, 32:], tiles[1])
    assert torch.equal(picture[:, 32:, :32], tiles[2])
