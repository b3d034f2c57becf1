"""A step of tracking as a graph of fixed shapes follows the same objects as `Tracker`, in torch and in ONNX Runtime."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import scalor
from scalor import pretrained
from scalor.cli.export_model import size_of
from scalor.configs import data_named, preset_named
from scalor.data.source import shrink
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.models.build import build
from scalor.outputs.onnx_check import check_step
from scalor.outputs.onnx_step import FOUND, OnnxStep, export_onnx
from scalor.pretrained import Loaded
from scalor.tracking.stored import backdrops_of, chosen_video, size_seen
from scalor.tracking.tracker import Tracker

from .onnx_file import DEPLOY, Step, opened, running

PIXELS = 1e-3
"""How far a side of a box may be off: two ways to add the same numbers."""
FRAMES = 12
TRAFFIC = Path(scalor.__file__).parent / "data" / "assets" / "traffic.mp4"


def frames_of(data: str, number: int) -> Iterator[np.ndarray]:
    for frame in data_named(data, 7, split="test")[number].video[:FRAMES]:
        yield frame.permute(1, 2, 0).contiguous().numpy()


def eager(step: OnnxStep, *still: torch.Tensor) -> Step:
    """The graph in torch, which keeps its own state."""
    names, state = step.initial()

    @torch.inference_mode()
    def see(frame: np.ndarray) -> dict[str, np.ndarray]:
        nonlocal state
        out = step(torch.from_numpy(frame), *still, *state)
        state = list(out[len(FOUND) :])
        return {name: tensor.numpy() for name, tensor in zip(FOUND, out, strict=False)}

    assert len(names) == len(state)
    return see


def assert_followed(see: Step, tracker: Tracker, frames: Iterator[np.ndarray]) -> None:
    seen = 0
    for frame in frames:
        theirs, mine = tracker.observe(frame), see(frame)
        here = mine["here"] & (mine["visibility"] >= tracker.min_visibility)
        order = np.argsort(mine["id"][here])
        assert mine["id"][here][order].tolist() == theirs.ids.tolist()
        np.testing.assert_allclose(mine["box"][here][order], theirs.box_tlwh, atol=PIXELS)
        np.testing.assert_allclose(mine["score"][here][order], theirs.score, atol=1e-4)
        for name, mask in zip(theirs.ids, theirs.masks.dense(), strict=True):
            assert (mask == (mine["owner"] == name)).mean() > 0.999
        seen += len(theirs)
    assert seen > 3 * FRAMES, "an empty clip says nothing"


@pytest.mark.parametrize("name", ["sprites-hd", "digits-md"])
def test_the_graph_follows_the_same_objects_as_the_tracker(name: str) -> None:
    loaded = pretrained.load_all(name)
    step = OnnxStep(loaded, (64, 64), 128)
    assert_followed(eager(step), Tracker(loaded), frames_of(loaded.card["data"], 0))


def test_frames_that_are_no_whole_cells_and_a_backdrop_are_taken_as_the_tracker_takes_them() -> None:
    torch.manual_seed(0)
    preset = preset_named("fast-video")
    loaded = Loaded(build(preset.model).eval().requires_grad_(False), {}, {})
    empty = np.full((45, 61, 3), 90, np.uint8)
    step, tracker = OnnxStep(loaded, (45, 61), 16), Tracker(loaded, backdrop=empty)
    see = eager(step, torch.from_numpy(empty))
    for number in range(4):
        frame = empty.copy()
        frame[10:30, 5 + 6 * number : 19 + 6 * number] = 230
        theirs, mine = tracker.observe(frame), see(frame)
        assert sorted(mine["id"][mine["here"] & (mine["visibility"] >= 0.25)].tolist()) == theirs.ids.tolist()
        assert mine["owner"].shape == (45, 61)


def of_two_videos() -> Loaded:
    """Weights with a learned background for each of two videos."""
    torch.manual_seed(0)
    model = preset_named("fast-sprites-ld").model
    model = replace(model, background=replace(model.background, family="per_video", residual=False, videos=2))
    footage = [{"name": "door", "height": 64, "width": 64}, {"name": "yard", "height": 32, "width": 64}]
    return Loaded(build(model).eval().requires_grad_(False), {"footage": footage}, {})


@torch.inference_mode()
def test_a_step_paints_the_background_of_the_wanted_video() -> None:
    loaded = of_two_videos()
    scenes = []
    for video in (0, 1):
        step = OnnxStep(loaded, (64, 64), 4, video=video)
        empty = step.model.background.expected(torch.zeros(1, 1), step._empty(None).scenery)
        scenes.append(empty)
    assert (scenes[0] - scenes[1]).abs().max() > 0.01


def test_which_video_is_meant_must_be_said_where_each_has_a_background() -> None:
    loaded = of_two_videos()
    assert chosen_video(loaded, 1) == 1 and size_seen(loaded, 1) == (32, 64) and size_seen(loaded) == (64, 64)
    for video, told in ((None, "a background for each of their videos"), (2, "video is 2")):
        with pytest.raises(UserError, match=rf"{told}; one of 0 \(door\), 1 \(yard\) is wanted"):
            chosen_video(loaded, video)
    one = pretrained.load_all("sprites-ld")
    assert chosen_video(one, None) is None
    with pytest.raises(UserError, match="--video"):
        chosen_video(one, 1)


@pytest.fixture(scope="module")
def session(onnx_step: Path) -> Any:
    """sprites-md, exported once, as the page says."""
    runtime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    made = opened(runtime, onnx_step)
    about = json.loads(made.get_modelmeta().custom_metadata_map["scalor"])
    assert (about["frame"], about["objects"], about["weights"]) == ([64, 64, 3], 32, "sprites-md")
    made.folder = onnx_step.parent
    return made


@pytest.mark.slow
@pytest.mark.parametrize("clip", [0, 1, 2])
def test_onnx_runtime_follows_the_same_objects_as_the_tracker(session: Any, clip: int) -> None:
    assert_followed(running(session), Tracker("sprites-md"), frames_of("sprites-md", clip))


@pytest.mark.slow
def test_weights_of_footage_follow_the_same_objects_over_their_empty_scene(tmp_path: Path) -> None:
    """Empty places of these are divided by next to nothing, which converters take for nothing."""
    runtime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    about = export_onnx("traffic", tmp_path / "step.onnx", objects=8)
    (empty,) = backdrops_of(pretrained.load_all("traffic"))
    see = running(opened(runtime, tmp_path / "step.onnx"), backdrop=empty)
    tracker = Tracker("traffic")
    size = (about["frame"][0], about["frame"][1])
    for frame in open_video(TRAFFIC).read(range(90, 96)):
        theirs, mine = tracker.observe(frame.image), see(shrink(frame.image, size))
        here = mine["here"] & (mine["visibility"] >= tracker.min_visibility)
        order = np.argsort(mine["id"][here])
        assert len(theirs) >= 3 and mine["id"][here][order].tolist() == theirs.ids.tolist()


class Swapped(OnnxStep):
    """A step of which the file knows another version."""

    def forward(self, frame: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        id_, here, box, *others = super().forward(frame, *state)
        return (id_, here, box + 1.0, *others)


@pytest.mark.slow
def test_a_file_that_does_something_else_than_the_model_is_refused(session: Any) -> None:
    step = Swapped(pretrained.load_all("sprites-md"), (64, 64), 32)
    path = session.folder / "step.onnx"
    check_step(path, OnnxStep(pretrained.load_all("sprites-md"), (64, 64), 32), *step.initial(), FOUND)
    with pytest.raises(UserError, match="another box than the model"):
        check_step(path, step, *step.initial(), FOUND)


@pytest.mark.slow
def test_the_python_of_the_page_runs(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(session.folder)
    (code,) = re.findall(r"```python\n(.*?)```", DEPLOY, re.DOTALL)
    exec(compile(code, "deploy.md", "exec"), {})
    for name in [*(output.name for output in session.get_outputs())][: len(FOUND)]:
        assert f"`{name}`" in DEPLOY


def test_mistakes_are_told_in_a_sentence(tmp_path: Path) -> None:
    for text in ("64", "64x", "0x64", "x64", "64x64x3"):
        with pytest.raises(UserError, match="height x width"):
            size_of(text)
    assert size_of("360x640") == (360, 640)
    baseline = Loaded(build(preset_named("sqair-digits-vld").model), {}, {})
    with pytest.raises(UserError, match="baseline"):
        OnnxStep(baseline, (64, 64), 8)
