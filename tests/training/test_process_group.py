"""Several processes learn as one does, and none of them waits for ever."""

import dataclasses
import os
import pickle
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import scalor
from scalor import pretrained
from scalor.configs.presets import fast_video
from scalor.core.schedule import Weight
from scalor.errors import UserError
from scalor.training.batches import ClipBatches
from scalor.training.checkpoint import Interrupted, Plan, RunFolder
from scalor.training.datasets import data_named
from scalor.training.fit import fit
from scalor.training.launch import run_in_processes
from scalor.training.preset import Preset
from scalor.training.process_group import DistributedGroup, SingleProcess, backend_of
from scalor.training.runner import Options, places_of, refuse_impossible, run
from scalor.training.train import train
from scalor.training.validation import Validation
from tests.training import process_work

TWO = ("cpu", "cpu")


def worker(rank: int, size: int) -> DistributedGroup:
    """A process as far as its arithmetic goes, with nobody to talk to."""
    made = object.__new__(DistributedGroup)
    made.rank, made.size, made.device = rank, size, "cpu"
    return made


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(0, 40))
def test_shares_are_every_clip_once_in_order_and_of_one_size(size: int, more: int) -> None:
    count = size + more
    shares = [worker(rank, size).share(count) for rank in range(size)]
    assert [clip for share in shares for clip in range(count)[share]] == list(range(count))
    lengths = [share.stop - share.start for share in shares]
    assert max(lengths) - min(lengths) <= 1 and min(lengths) >= 1
    assert sum(worker(rank, size).weight(count) for rank in range(size)) == pytest.approx(1.0)


def test_everybody_has_noise_of_his_own_and_one_process_that_of_the_seed() -> None:
    assert SingleProcess("cpu").seed(5, 0) == worker(0, 4).seed(5, 0) == 5
    seeds = [worker(rank, 4).seed(seed, step) for rank in range(4) for seed in (5, 6) for step in (0, 40)]
    assert len(set(seeds)) == 16 and all(0 <= seed < 2**63 for seed in seeds)


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)


def test_each_process_gets_a_gpu_of_its_own(three_gpus: None) -> None:
    assert places_of("cuda", 3) == places_of("auto", 3) == ["cuda:0", "cuda:1", "cuda:2"]
    assert places_of("cuda:2", 1) == ["cuda:2"] and places_of("auto", 1) == ["auto"]
    assert places_of("cpu", 4) == ["cpu"] * 4
    for device, count, said in [("cuda", 4, "this machine has 3 of cuda"), ("cuda:1", 2, "cuda:1 is one")]:
        with pytest.raises(UserError, match=said):
            places_of(device, count)


def test_numbers_that_decide_travel_beside_the_gpu() -> None:
    assert backend_of("cuda:1") == "cpu:gloo,cuda:nccl" and backend_of("cpu") == "gloo"


@pytest.mark.parametrize(("devices", "said"), [(0, "devices is 0"), (3, "3 devices .* a batch has 2 clips")])
def test_devices_that_would_have_nothing_to_do_are_refused(
    tiny: Preset, tmp_path: Path, devices: int, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        train(tiny, tmp_path / "run", steps=2, device="cpu", devices=devices, quiet=True)
    assert not (tmp_path / "run").exists()
    refuse_impossible(tiny, "cpu", 2)


@pytest.mark.slow
def test_sums_means_and_copies_go_over_the_processes(tmp_path: Path) -> None:
    assert run_in_processes(partial(process_work.sum_up, tmp_path), TWO) == 0
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt")
        every, one, none = found["gradients"]
        assert every.tolist() == [3.0, 30.0] and one.tolist() == [5.0, 6.0] and none is None
        assert found["mean"] == {"both": 0.75, "mine": 7.0}
        assert found["broadcast"].tolist() == [0.0, 0.0]


@pytest.mark.slow
def test_the_gradient_of_two_processes_is_that_of_one_on_the_whole_batch(tmp_path: Path) -> None:
    process_work.note_gradient(tmp_path, SingleProcess("cpu"))
    run_in_processes(partial(process_work.note_gradient, tmp_path), TWO)
    one, *two = (torch.load(tmp_path / f"{name}.pt") for name in ("1-0", "2-0", "2-1"))
    assert [each is None for each in one] == [each is None for each in two[0]]
    whole = torch.cat([each.flatten() for each in one if each is not None])
    for found in two:
        flat = torch.cat([each.flatten() for each in found if each is not None])
        assert float((flat - whole).abs().max() / whole.norm()) < 1e-6
    assert all(torch.equal(a, b) for a, b in zip(*two, strict=True) if a is not None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "kind", "said"),
    [
        ("killed", UserError, r"process 1 .* ended from outside \(signal 9\)"),
        ("mistaken", UserError, "a mistake came"),
        ("full", OSError, "No space left on device: 'last.ckpt'"),
        ("broken", RuntimeError, "(?s)process 1 .* broke.*ValueError: this broke"),
    ],
)
def test_when_one_ends_badly_all_end_and_the_cause_is_told(
    tmp_path: Path, how: str, kind: type[Exception], said: str
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(kind, match=said):
        run_in_processes(partial(process_work.fail, how, tmp_path), TWO)
    assert not any(alive(tmp_path / f"{rank}.pid") for rank in range(2))
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.slow
def test_when_the_leader_is_done_nobody_is_waited_for() -> None:
    start = time.monotonic()
    assert run_in_processes(process_work.end_while_another_hangs, TWO) == 0
    assert time.monotonic() - start < 300


@pytest.mark.slow
def test_nobody_outlives_the_process_that_watches(tmp_path: Path) -> None:
    code = f"""
from functools import partial
from pathlib import Path
from scalor.training.launch import run_in_processes
from tests.training import process_work
run_in_processes(partial(process_work.fail, "hangs", Path({str(tmp_path)!r})), ("cpu", "cpu"))
"""
    root = Path(__file__).parents[2]
    environment = dict(os.environ, PYTHONPATH=f"{Path(scalor.__file__).parents[1]}{os.pathsep}{root}")
    watcher = subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=root)
    files = [tmp_path / f"{rank}.pid" for rank in range(2)]
    wait_until(lambda: all(file.is_file() and file.read_text() for file in files))
    watcher.kill()
    watcher.wait()
    wait_until(lambda: not any(alive(file) for file in files))


def alive(file: Path) -> bool:
    try:
        os.kill(int(file.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(true) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + 120
    while not true():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.05)


@pytest.mark.slow
def test_ctrl_c_saves_and_the_resumed_run_is_that_of_an_undisturbed_one(tmp_path: Path) -> None:
    """With a critic, whose step depends on what each process sees, and a batch that two cannot share evenly."""
    preset = process_work.odd_preset()
    recipe = dataclasses.replace(
        preset.recipe, objectives=("adversarial",), weights=(Weight("adversarial", 0.1),), cuts=0.5
    )
    preset = dataclasses.replace(preset, recipe=recipe)
    train(preset, tmp_path / "whole", steps=6, device="cpu", devices=2, quiet=True)

    plan = Plan(kind="train", preset=preset, seed=0, steps=6, minutes=None)
    folder = RunFolder(tmp_path / "parts")
    folder.claim(plan)
    batches = process_work.Signalled(process_work.batches_of(preset), at=3, watcher=os.getpid())
    with pytest.raises(Interrupted) as stop:
        run(plan, folder, batches, Options("cpu", quiet=True, devices=2))
    assert stop.value.signal == signal.SIGINT
    saved = state(tmp_path / "parts")
    assert 0 < saved["scalor"]["step"] < 6 and len(saved["scalor"]["others"]) == 1
    train(preset, tmp_path / "parts", resume=True, device="cpu", devices=2, quiet=True)
    one, other = state(tmp_path / "parts"), state(tmp_path / "whole")
    assert flattened(one["state_dict"]) == flattened(other["state_dict"])
    assert flattened(one["optimizer_states"]) == flattened(other["optimizer_states"])
    for key in ("step", "random", "others"):
        assert flattened(one["scalor"][key]) == flattened(other["scalor"][key])


def state(out: Path) -> dict:  # type: ignore[type-arg]
    return torch.load(out / "last.ckpt", weights_only=True)


def flattened(thing) -> object:  # type: ignore[no-untyped-def]
    """Tensors as lists, so that == compares all of it."""
    if isinstance(thing, torch.Tensor):
        return thing.tolist()
    if isinstance(thing, dict):
        return {key: flattened(value) for key, value in thing.items()}
    return [flattened(each) for each in thing] if isinstance(thing, list | tuple) else thing


@pytest.mark.slow
def test_minutes_end_for_all_at_the_same_step_and_another_number_may_go_on(
    tiny: Preset, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train(tiny, tmp_path / "run", minutes=0.02, device="cpu", devices=2, quiet=True)
    done = state(tmp_path / "run")["scalor"]["step"]
    assert done > 0
    train(tiny, tmp_path / "run", steps=done + 1, resume=True, device="cpu")
    assert state(tmp_path / "run")["scalor"]["step"] == done + 1
    assert "was trained by 2 processes until here and goes on with 1" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["sprites-tiny", "digits-vld", "crowd-tiny"])
def test_what_a_process_is_given_arrives_as_it_was(name: str) -> None:
    batches = ClipBatches(data_named(name, 5), 0)
    validation = Validation(batches.dataset, 2.0)
    there, asked = pickle.loads(pickle.dumps((batches, validation)))
    before, after = (each.batch(3, size=2, frames=2).video for each in (batches, there))
    assert torch.equal(before, after) and asked.minutes == 2.0


@pytest.mark.slow
def test_footage_is_learned_by_two(tmp_path: Path) -> None:
    folder = tmp_path / "film"
    folder.mkdir()
    for number in range(8):
        frame = np.full((64, 96, 3), 60, np.uint8)
        frame[20:34, 4 + 8 * number : 20 + 8 * number] = 220
        Image.fromarray(frame).save(folder / f"{number}.png")
    fit(folder, tmp_path / "run", preset=fast_video, steps=2, device="cpu", devices=2, quiet=True)
    assert pretrained.load_all(tmp_path / "run").extra.keys() == {"backdrop", "noise"}
    assert state(tmp_path / "run")["scalor"]["step"] == 2
