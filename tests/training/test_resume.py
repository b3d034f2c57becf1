"""A resumed run: the same videos wherever they lie, the same seed, and patience with impatient people."""

import dataclasses
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalor import pretrained
from scalor.configs.presets import fast_video
from scalor.core.seeds import whole_seed
from scalor.data.fingerprints import fingerprint, former_fingerprint
from scalor.errors import UserError
from scalor.training.callbacks import RunRecorder
from scalor.training.checkpoint import Plan, RunFolder
from scalor.training.fit import fit
from scalor.training.preset import Preset
from scalor.training.process_group import SingleProcess
from scalor.training.resume import found_again, refuse_other_seed
from scalor.training.train import train


def save(folder: Path, *, seed: int, still: bool = False) -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(6):
        frame = np.full((48, 64, 3), 0 if still else 60, np.uint8)
        if not still:
            frame[:, :8] += rng.integers(0, 3, (48, 8, 3), dtype=np.uint8)
            frame[10:20, 4 + 6 * number : 14 + 6 * number] = 220
        Image.fromarray(frame).save(folder / f"{number}.png")
    return folder


def plan_of(preset: Preset, *videos: Path, prints: bool = True) -> Plan:
    return Plan(
        kind="fit",
        preset=preset,
        seed=5,
        steps=2,
        minutes=None,
        videos=tuple(map(str, videos)),
        scales=(1.0,) * len(videos),
        fingerprints=tuple(map(fingerprint, videos)) if prints else (),
    )


def test_videos_that_were_moved_are_found_by_their_contents(tiny, tmp_path):
    one, two = save(tmp_path / "a" / "video", seed=1), save(tmp_path / "b" / "video", seed=2)
    plan = plan_of(tiny, one, two)
    assert found_again(plan, [one, two]) == plan
    former = dataclasses.replace(plan, fingerprints=tuple(map(former_fingerprint, (one, two))))
    assert found_again(former, [two, one]) == former
    moved = Path(shutil.move(one, tmp_path / "elsewhere"))
    assert found_again(plan, [two, moved]).videos == (str(moved), str(two))


def test_another_video_is_refused_by_its_name(tiny, tmp_path):
    one, two, new = (save(tmp_path / name, seed=n) for n, name in enumerate(("one", "two", "new")))
    plan = plan_of(tiny, one, two)
    for given, said in (([one, new], "new"), ([one], "two"), ([one, two, new], "new is none of the 2 videos")):
        with pytest.raises(UserError, match=said):
            found_again(plan, given)
    with pytest.raises(UserError, match="does not exist"):
        found_again(plan, [one, tmp_path / "gone"])
    old = (one / "3.png").read_bytes()
    (one / "3.png").write_bytes(old[:-9] + bytes(9))
    with pytest.raises(UserError, match="has changed"):
        found_again(plan, [one, two])


def test_runs_of_before_fingerprints_find_a_moved_video_by_its_name(tiny, tmp_path):
    video = save(tmp_path / "a" / "film", seed=1)
    plan = plan_of(tiny, video, prints=False)
    assert found_again(plan, [video]).videos == (str(video),)
    other = save(tmp_path / "c" / "film", seed=2)
    with pytest.raises(UserError, match="another video"):
        found_again(plan, [other])
    (tmp_path / "b").mkdir()
    moved = Path(shutil.move(video, tmp_path / "b" / "film"))
    assert found_again(plan, [moved]).videos == (str(moved),)


def test_an_old_plan_without_fingerprints_is_read(tiny, tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.claim(plan_of(tiny, tmp_path, prints=False))
    folder.config.write_text(folder.config.read_text().replace(',\n  "fingerprints": []', ""))
    assert "fingerprints" not in folder.config.read_text() and folder.plan().fingerprints == ()


def test_another_seed_is_refused_and_numpys_are_taken(tiny, tmp_path):
    refuse_other_seed(plan_of(tiny), None)
    refuse_other_seed(plan_of(tiny), np.int64(5))
    with pytest.raises(UserError, match="seed 5 and 6 came"):
        refuse_other_seed(plan_of(tiny), 6)
    run = train(tiny, tmp_path / "run", steps=np.int64(2), seed=np.int64(3), device="cpu", quiet=True)
    assert RunFolder(run).plan().seed == 3
    with pytest.raises(UserError, match="seed 3 and 4 came"):
        train(tiny, tmp_path / "run", steps=4, seed=4, resume=True, device="cpu", quiet=True)
    for seed in (-1, 2.5, "3", None, 2**63):
        with pytest.raises(UserError, match="whole number from 0"):
            whole_seed(seed)


def test_footage_in_which_nothing_moves_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="nothing moves in still"):
        fit(save(tmp_path / "still", seed=0, still=True), tmp_path / "new" / "run", preset=fast_video, quiet=True)
    assert not (tmp_path / "new").exists()


def test_impatience_does_not_cost_the_run(tmp_path, capfd):
    recorder = RunRecorder(RunFolder(tmp_path), batches=None, save_weights=lambda *_: None, group=SingleProcess("cpu"))
    for _ in range(3):
        recorder._catch(signal.SIGINT, None)
    assert recorder.caught == signal.SIGINT and "is being saved" in capfd.readouterr().err


def test_the_length_that_a_resumed_run_was_given_is_its_own(tiny, tmp_path):
    folder = RunFolder(tmp_path / "run")
    train(tiny, folder.path, steps=1, quiet=True)
    train(tiny, folder.path, steps=2, resume=True, quiet=True)
    assert (folder.plan().steps, folder.plan().minutes) == (2, None)
    train(tiny, folder.path, resume=True, quiet=True)
    assert pretrained.card(folder.path)["steps"] == 2, "and nothing more"
    before = folder.config.read_text()
    folder.keep_length(dataclasses.replace(folder.plan(), steps=None, minutes=1.5, videos=("moved.mp4",)))
    assert folder.plan() == dataclasses.replace(folder.plan(), steps=None, minutes=1.5, videos=())
    folder.config.write_text(before.replace('"steps": 2,', '"steps": -2,', 1))
    with pytest.raises(UserError, match="says steps -2 and minutes None"):
        train(tiny, folder.path, resume=True, quiet=True)
