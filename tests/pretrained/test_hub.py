"""Weights go into a folder and come back the same; the Hub is asked only for what is no folder."""

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import scalor
from scalor import pretrained
from scalor.errors import UserError
from scalor.pretrained import hub
from scalor.pretrained.model_card import readme

NAME = "sprites-vld"


def frames() -> list[np.ndarray]:
    made = []
    for number in range(4):
        frame = np.full((64, 64, 3), 20, np.uint8)
        frame[12:24, 8 + 5 * number : 20 + 5 * number] = (230, 60, 60)
        made.append(frame)
    return made


def test_a_saved_tracker_comes_back_the_same(tmp_path: Path) -> None:
    tracker = scalor.Tracker(scalor.load(NAME))
    assert tracker.save_pretrained(tmp_path / "mine") == tmp_path / "mine"
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == [
        "README.md",
        "card.json",
        "weights.safetensors",
    ]
    assert scalor.Tracker.from_pretrained(tmp_path / "mine", min_score=0.25).min_score == 0.25
    again = scalor.Tracker.from_pretrained(tmp_path / "mine")
    for frame in frames():
        one, other = tracker.observe(frame), again.observe(frame)
        assert len(one) and np.array_equal(one.box_tlwh, other.box_tlwh) and np.array_equal(one.ids, other.ids)
    before, after = pretrained.card(NAME), pretrained.card(tmp_path / "mine")
    # A card of before a setting lacks it in its config.
    assert before | {"config": {}} == after | {"config": {}}, "the same of the same weights, their hash included"
    assert tracker.model.config == again.model.config


def test_what_was_stored_with_weights_is_kept(tmp_path: Path) -> None:
    scalor.Tracker.from_pretrained("traffic").save_pretrained(tmp_path / "mine")
    one, other = pretrained.load_all("traffic"), pretrained.load_all(tmp_path / "mine")
    assert one.extra.keys() == other.extra.keys() and other.extra
    assert all(np.array_equal(one.extra[key], other.extra[key]) for key in one.extra)


def test_a_model_without_a_card_is_saved_too(tmp_path: Path) -> None:
    scalor.Tracker(scalor.load(NAME).model).save_pretrained(tmp_path / "mine")
    assert scalor.Tracker.from_pretrained(str(tmp_path / "mine")).model.config == scalor.load(NAME).model.config
    assert "None is stated" in (tmp_path / "mine" / "README.md").read_text()


def test_a_folder_with_other_files_is_left_alone_and_an_earlier_one_replaced(tmp_path: Path) -> None:
    tracker = scalor.Tracker.from_pretrained(NAME)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds other files already \(notes.txt\)"):
        tracker.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(UserError, match="cannot be written"):
        tracker.save_pretrained(tmp_path / "notes.txt")
    for _ in range(2):
        tracker.save_pretrained(tmp_path / "mine")


@pytest.mark.parametrize("name", pretrained.names())
def test_the_readme_says_what_the_card_says(name: str) -> None:
    card = pretrained.card(name)
    text = readme(card, "some/place")
    head, body = re.fullmatch(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    assert fields == {"library_name": "scalor", "license": f'"{card["licence"].lower()}"'}
    assert f"# {card['name']}" in body and str(card["steps"]) in body and card["command"] in body
    for key, value in card.get("scores", {}).items():
        assert f"| {key} | {value:.4f} |" in body
    assert 'from_pretrained("some/place")' in body
    for video in card.get("footage", []):
        assert f"{video['name']} at {video['width']} x {video['height']} px" in body
    assert "nan" not in body and "None were" not in body or "scores" not in card


def test_the_readme_makes_nothing_up() -> None:
    text = readme({"command": "a | b"}, "x")
    assert "license" not in text and "None were measured." in text and r"a \| b" in text


@pytest.mark.parametrize("name", ["somebody/weights", "somebody/gone"])
def test_without_the_library_one_sentence_says_what_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"no folder here.*scalor\[hub\]"):
        scalor.Tracker.from_pretrained(name)
    with pytest.raises(UserError, match=r"scalor\[hub\]"):
        scalor.Tracker.from_pretrained(NAME).push_to_hub(name)


@pytest.mark.parametrize("name", ["sprites-vldd", "/no/such/place", "a/b/c", "/x", "x/"])
def test_what_can_be_no_repository_is_not_looked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_fetched", lambda *_: pytest.fail("the Hub was asked"))
    with pytest.raises(UserError):
        scalor.Tracker.from_pretrained(name)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of the same calls whose Hub is a folder."""
    place = tmp_path / "hub"

    class HfApi:
        def __init__(self, token: str | None) -> None:
            self.token = token

        def create_repo(self, repo_id: str, *, private: bool | None, exist_ok: bool):  # type: ignore[no-untyped-def]
            if self.token == "wrong":
                raise ConnectionError("401 Unauthorized.\nlots more")
            return type("Url", (), {"repo_id": repo_id})

        def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> str:
            Path(folder_path).rename(place)
            return f"https://hub/{repo_id}/commit/1"

    def snapshot_download(repo_id: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        if not place.is_dir() or revision:
            raise FileNotFoundError("404 Client Error.\nlots more")
        return str(place)

    library = ModuleType("huggingface_hub")
    vars(library).update(HfApi=HfApi, snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", library)
    monkeypatch.setattr(hub, "find_spec", lambda _: True)
    return place


def test_what_is_pushed_can_be_fetched(shelf: Path) -> None:
    tracker = scalor.Tracker.from_pretrained(NAME)
    with pytest.raises(UserError, match=r"somebody/it .* cannot be fetched .*\(404 Client Error\)"):
        scalor.Tracker.from_pretrained("somebody/it")
    assert tracker.push_to_hub("somebody/it").endswith("somebody/it/commit/1")
    assert sorted(path.name for path in shelf.iterdir()) == sorted(hub.FILES)
    assert 'from_pretrained("somebody/it")' in (shelf / "README.md").read_text()
    fetched = scalor.Tracker.from_pretrained("somebody/it")
    assert [len(fetched.observe(frame)) for frame in frames()] == [len(tracker.observe(frame)) for frame in frames()]
    with pytest.raises(UserError, match=r"cannot be written on the Hub \(401 Unauthorized\)"):
        tracker.push_to_hub("somebody/it", token="wrong")


def test_the_library_has_these_calls() -> None:
    """The folder that stands for the Hub must not drift from the library."""
    library = pytest.importorskip("huggingface_hub", reason="scalor[hub] is not installed")
    from inspect import signature

    assert {"revision", "allow_patterns"} <= signature(library.snapshot_download).parameters.keys()
    assert {"private", "exist_ok"} <= signature(library.HfApi.create_repo).parameters.keys()
    assert {"repo_id", "folder_path", "commit_message"} <= signature(library.HfApi.upload_folder).parameters.keys()


def test_the_library_offline_says_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub", reason="scalor[hub] is not installed")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="somebody/never-there is no folder here and cannot be fetched"):
        scalor.Tracker.from_pretrained("somebody/never-there")
