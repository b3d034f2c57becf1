"""`scalor demo` from a clip to its report, in seconds; what it does with folders that are not empty."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalor.cli import demo_command
from scalor.cli import main as door
from scalor.training.fit import fit as fit_with

FRAMES, SIDE = 10, 96
RESULTS = (
    "run/weights.safetensors",
    "tracks/overlay.mp4",
    "tracks/tracks.txt",
    "futures/futures.png",
    "mog2-sort/tracks.txt",
    "figure.png",
    "report.html",
    "scores.json",
)


@pytest.fixture(autouse=True)
def a_training_of_seconds(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Three small steps instead of minutes; what fit is called with."""
    calls: list[dict] = []
    small = {"train.batch": "1", "train.lengths": "[[0.0, 2]]", "data.crop": "32"}
    small["model.discover.presence_bias"] = "0"  # objects at once, however little was learned,
    small["model.discover.evidence"] = "8"  # where something moves, since what explains nothing is not reported,
    small["model.glimpse.alpha_bias"] = "1"  # and solid ones: what is too faint for a mask is not reported

    def quick(videos, out, *, minutes, resume):
        from scalor.configs.presets import fast_video

        calls.append({"videos": videos, "minutes": minutes, "resume": resume})
        return fit_with(videos, out, preset=fast_video, steps=3, overrides=small, resume=resume, quiet=True)

    monkeypatch.setattr(demo_command, "fit", quick)
    return calls


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A folder of frames with two bright squares that move."""
    folder = tmp_path / "clip"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for time in range(FRAMES):
        frame = rng.integers(40, 60, (SIDE, SIDE, 3), dtype=np.uint8)
        frame[10:26, 8 + 5 * time : 24 + 5 * time] = (230, 60, 60)
        frame[60 - 3 * time : 76 - 3 * time, 70:86] = (60, 60, 230)
        Image.fromarray(frame).save(folder / f"{time:06d}.png")
    return folder


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    file = tmp_path / "truth.txt"
    rows = [f"{t + 1},1,{8 + 5 * t},10,16,16,1,1,1\n{t + 1},2,70,{60 - 3 * t},16,16,1,1,1\n" for t in range(FRAMES)]
    file.write_text("".join(rows))
    return file


def test_a_demo_of_your_own_clip_writes_everything_and_scores_both_methods(tmp_path, clip, truth, capsys):
    out = tmp_path / "out"
    assert door.main(["demo", "--clip", str(clip), "--truth", str(truth), "-o", str(out)]) == 0
    assert all((out / name).stat().st_size > 0 for name in RESULTS)
    found = json.loads((out / "scores.json").read_text())
    assert set(found["scores"]) == {"scalor", "mog2-sort"} and found["gate"] == {"iou": 0.5}
    assert all(each["frames"] == FRAMES for each in found["scores"].values())
    said = capsys.readouterr().out
    assert "MOTA" in said and "mog2-sort" in said and str(out / "report.html") in said
    with Image.open(out / "figure.png") as figure:
        assert figure.height > 5 * 150  # input, reconstruction, background, masks, trails


def test_a_finished_demo_is_replaced_and_an_interrupted_one_goes_on(tmp_path, clip, monkeypatch, a_training_of_seconds):
    out = tmp_path / "out"

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(demo_command, "track_to_folder", killed)
        assert door.main(["demo", "--clip", str(clip), "-o", str(out)]) == door.INTERRUPTED
    assert not (out / "scores.json").exists()
    plan = (out / "run" / "config.json").stat().st_mtime_ns
    for _ in range(2):
        assert door.main(["demo", "--clip", str(clip), "-o", str(out), "--minutes", "3"]) == 0
        assert json.loads((out / "scores.json").read_text())["scores"] == {}
    assert [call["resume"] for call in a_training_of_seconds] == [False, True, False]
    assert [call["minutes"] for call in a_training_of_seconds] == [5.0, 3.0, 3.0]
    assert (out / "run" / "config.json").stat().st_mtime_ns > plan


@pytest.mark.parametrize("other", ["run", "scores"])
def test_what_no_demo_wrote_is_refused_and_left_alone(tmp_path, clip, capsys, other):
    out = tmp_path / "out"
    if other == "run":
        fit_with([clip], out / "run", preset=_preset(), steps=1, quiet=True)
        clip = Path(shutil.copytree(clip, tmp_path / "copy"))
    else:
        out.mkdir()
        (out / "scores.json").write_text("{}")
    before = sorted(path.relative_to(out) for path in out.rglob("*"))
    assert door.main(["demo", "--clip", str(clip), "-o", str(out)]) == door.WRONG_USE
    assert "choose one with -o" in capsys.readouterr().err
    assert sorted(path.relative_to(out) for path in out.rglob("*")) == before


def test_a_scene_and_a_clip_of_ones_own_are_not_both_learned_from(tmp_path, clip, capsys):
    asked = ["demo", "--scene", "people", "--clip", str(clip), "-o", str(tmp_path / "out")]
    assert door.main(asked) == door.WRONG_USE
    assert "leave one of them out" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("scene", "frames", "span", "count"), [("cars", 240, (90, 150), 10), ("people", 660, (0, 640), 3)]
)
def test_the_packaged_clips_and_their_truth_lie_side_by_side(tmp_path, scene, frames, span, count):
    stage = demo_command._staged(tmp_path, scene)
    assert stage.clip.parent == tmp_path.resolve() and stage.truth is not None and stage.gate == {"iou": 0.5}
    rows = demo_command.read_truth(stage.truth).tracks
    source = demo_command.open_video(stage.clip)
    assert source.count() == frames and (rows.frame.min(), rows.frame.max()) == span
    assert len(set(rows.id.tolist())) == count
    assert (rows.center >= 0).all() and (rows.center <= [source.width, source.height]).all()


def _preset():
    from scalor.configs.presets import fast_video

    return fast_video()
