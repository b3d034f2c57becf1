"""Weights come back exactly, and nothing that is not whole and fitting is taken for weights."""

import dataclasses
import itertools
import json
import os
import shlex
from pathlib import Path

import pytest
import torch

from scalor import pretrained
from scalor.configs import apply_overrides, preset_named
from scalor.core.jsonable import one_of_jsonable, to_jsonable
from scalor.errors import UserError
from scalor.models.build import CONFIGS, build
from scalor.models.scalor import Scalor
from scalor.pretrained import store

CONFIG = preset_named("tiny").model


@pytest.fixture
def model() -> Scalor:
    torch.manual_seed(0)
    return Scalor(CONFIG)


def saved(model: Scalor, path: Path, **options: object) -> Path:
    return pretrained.save(model, CONFIG, path, {"licence": "MIT"}, **options)  # type: ignore[arg-type]


def same(a: Scalor, b: Scalor) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_weights_and_card_come_back_exactly(model: Scalor, tmp_path: Path) -> None:
    path = saved(model, tmp_path / "mine.safetensors", extra={"backdrop": torch.arange(12, dtype=torch.uint8)})
    loaded = pretrained.load_all(path)
    assert same(loaded.model, model) and loaded.model.config == CONFIG
    assert loaded.card["licence"] == "MIT" and loaded.card["config"] == to_jsonable(CONFIG)
    assert torch.equal(loaded.extra["backdrop"], torch.arange(12, dtype=torch.uint8))
    assert not loaded.model.training and not any(p.requires_grad for p in loaded.model.parameters())


def test_half_precision_is_half_the_size_and_becomes_float32_again(model: Scalor, tmp_path: Path) -> None:
    whole, half = saved(model, tmp_path / "w.safetensors"), saved(model, tmp_path / "h.safetensors", half=True)
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    loaded, _ = pretrained.load(half)
    for mine, other in zip(loaded.parameters(), model.parameters(), strict=True):
        assert mine.dtype == torch.float32
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-6)


def test_modules_that_are_used_twice_are_stored_once_and_stay_shared(model: Scalor, tmp_path: Path) -> None:
    loaded, _ = pretrained.load(saved(model, tmp_path / "w.safetensors"))
    count = sum(value.numel() for value in store.unique_state(model).values())
    assert count == sum(value.numel() for value in model.parameters())
    assert sum(1 for _ in loaded.parameters()) == sum(1 for _ in model.parameters())


def test_a_run_folder_is_loaded_by_its_path(model: Scalor, tmp_path: Path) -> None:
    saved(model, tmp_path / "weights.safetensors")
    assert (tmp_path / "card.json").is_file()
    assert same(pretrained.load(tmp_path)[0], model)
    assert pretrained.card(tmp_path)["licence"] == "MIT"


def test_packaged_weights_are_found_by_name(model: Scalor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PACKAGED", tmp_path)
    saved(model, tmp_path / "sprites-md.safetensors")
    assert pretrained.names() == ["sprites-md"]
    assert same(pretrained.load("sprites-md")[0], model)
    with pytest.raises(UserError, match=r"weights sprite-md are unknown; did you mean sprites-md\?"):
        pretrained.load("sprite-md")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_cut_short_is_refused(model: Scalor, tmp_path: Path, share: float) -> None:
    path = saved(model, tmp_path / "w.safetensors")
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(UserError, match="cut short or changed"):
        pretrained.load(path)


def test_a_changed_byte_is_noticed(model: Scalor, tmp_path: Path) -> None:
    path = saved(model, tmp_path / "w.safetensors")
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(UserError, match="cut short or changed"):
        pretrained.load(path)


def with_card(path: Path, **changes: object) -> None:
    card = store.card_path(path)
    card.write_text(json.dumps(json.loads(card.read_text()) | changes))


def test_weights_of_another_config_are_refused_naming_what_is_missing(model: Scalor, tmp_path: Path) -> None:
    path = saved(model, tmp_path / "w.safetensors")
    background = dataclasses.replace(CONFIG.background, family="fixed")
    with_card(path, config=to_jsonable(dataclasses.replace(CONFIG, background=background)))
    with pytest.raises(UserError, match=r"another config: missing background\.vectors"):
        pretrained.load(path)
    with_card(
        path, config=to_jsonable(dataclasses.replace(CONFIG, glimpse=dataclasses.replace(CONFIG.glimpse, what=9)))
    )
    with pytest.raises(UserError, match="has shape"):
        pretrained.load(path)
    with_card(path, config=to_jsonable(CONFIG) | {"sell": 4})
    with pytest.raises(UserError, match=r"sell is unknown; did you mean cell\?"):
        pretrained.load(path)


def test_files_that_are_no_weights_are_refused(tmp_path: Path, model: Scalor) -> None:
    with pytest.raises(UserError, match="no weights.safetensors"):
        pretrained.load(tmp_path)
    with pytest.raises(UserError, match="do not exist"):
        pretrained.load(tmp_path / "none.safetensors")
    other = tmp_path / "video.avi"
    other.write_bytes(b"x")
    with pytest.raises(UserError, match="not a .safetensors file"):
        pretrained.load(other)
    path = saved(model, tmp_path / "w.safetensors")
    store.card_path(path).write_text("{")
    with pytest.raises(UserError, match="not JSON"):
        pretrained.load(path)
    store.card_path(path).unlink()
    with pytest.raises(UserError, match="no card w.json"):
        pretrained.load(path)


@pytest.mark.parametrize("moves", [0, 1])
def test_a_kill_between_any_two_moves_leaves_a_pair_that_loads(
    model: Scalor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    path = saved(model, tmp_path / "weights.safetensors")
    later = Scalor(CONFIG)
    real, done = os.replace, []

    def killed(source: object, target: object) -> None:
        # The coming card's own move comes first and is always made.
        if len(done) > moves:
            raise SystemExit
        done.append(target)
        real(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(SystemExit):
        saved(later, path)
    monkeypatch.undo()
    assert same(pretrained.load(tmp_path)[0], later if moves else model)


@pytest.mark.parametrize("name", sorted(path.stem for path in store.PACKAGED.glob("*.json")))
def test_the_command_on_a_card_builds_the_model_of_the_card(name: str) -> None:
    card = json.loads((store.PACKAGED / f"{name}.json").read_text())
    first, *rest = card["command"].split(" && ")
    for before, each in itertools.pairwise([first, *rest]):
        made = shlex.split(before)[shlex.split(before).index("-o") + 1]
        assert f"--from {made} " in each, "each goes on from the one before"
    program, kind, preset, *words = shlex.split(first)
    assert "--seed" not in words or card["seed"] == int(words[words.index("--seed") + 1]), "tables ask for it"
    assert program == "scalor"
    if kind == "train":
        pairs = dict(word.split("=", 1) for word in words[words.index("--set") + 1 :]) if "--set" in words else {}
        built = to_jsonable(apply_overrides(preset_named(preset), pairs).model)
        # What came after the card was written has its default; the confidence is fitted to what the training has made.
        known = to_jsonable(one_of_jsonable(CONFIGS, card["config"]))
        assert built | {"confidence": known["confidence"]} == known


@pytest.mark.parametrize("name", ["vrnn-sprites-md", "seq-vae-sprites-md", "air-digits-few", "sqair-sprites-vld"])
def test_a_card_says_which_model_its_weights_are_of(name: str, tmp_path: Path) -> None:
    config = preset_named(name).model
    torch.manual_seed(0)
    model = build(config)
    path = pretrained.save(model, config, tmp_path / "w.safetensors", {}, half=True)
    loaded, card = pretrained.load(path)
    assert type(loaded) is type(model) and loaded.config == config
    assert card["config"]["kind"] == name.partition("-sprites")[0].partition("-digits")[0]
    written = json.loads((tmp_path / "w.json").read_text())
    written["config"]["kind"] = "vrn"
    (tmp_path / "w.json").write_text(json.dumps(written))
    with pytest.raises(UserError, match=r"kind is 'vrn'; did you mean vrnn\?"):
        pretrained.load(path)


def test_a_folder_without_weights_does_not_hide_packaged_ones_of_its_name(tmp_path, monkeypatch, capsys):
    store._say_once.cache_clear()
    monkeypatch.chdir(tmp_path)
    name = pretrained.names()[0]
    (tmp_path / name).mkdir()
    assert pretrained.card(name) == pretrained.card(store.PACKAGED / f"{name}.safetensors")
    assert pretrained.whole_name(name) == name and capsys.readouterr().err == ""
    with pytest.raises(UserError, match=r"has no weights\.safetensors"):
        pretrained.card(f"./{name}/")  # a path is a path


def test_a_run_folder_with_a_packaged_name_is_taken_and_said(tmp_path, monkeypatch, capsys):
    store._say_once.cache_clear()
    monkeypatch.chdir(tmp_path)
    mine, other = pretrained.names()[:2]
    (tmp_path / mine).mkdir()
    packaged = store.PACKAGED / f"{other}.safetensors"
    (tmp_path / mine / "weights.safetensors").write_bytes(packaged.read_bytes())
    (tmp_path / mine / "card.json").write_bytes(packaged.with_suffix(".json").read_bytes())
    assert pretrained.card(mine)["sha256"] == pretrained.card(other)["sha256"]
    pretrained.card(mine)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "those of the folder are taken" in said
    assert pretrained.whole_name(mine) == str(tmp_path / mine)


def test_loading_leaves_the_random_state_and_wants_float32(model: Scalor, tmp_path: Path) -> None:
    path = saved(model, tmp_path / "mine.safetensors")
    state = torch.get_rng_state()
    assert same(pretrained.load(path)[0], model)
    assert torch.equal(torch.get_rng_state(), state)
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(UserError, match="default dtype is torch.float64"):
            pretrained.load(path)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_card_whose_footage_is_no_list_of_videos_is_refused(model: Scalor, tmp_path: Path) -> None:
    path = saved(model, tmp_path / "mine.safetensors")
    card = path.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | {"footage": "street.mp4"}))
    with pytest.raises(UserError, match="says footage street.mp4; a list"):
        pretrained.load(path)
