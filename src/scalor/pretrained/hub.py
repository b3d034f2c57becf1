"""Weights as folders that others can use, and the Hugging Face Hub as a place for them.

The methods of `Tracker` are called as those of huggingface_hub's mixin. They do not inherit from it: everybody who
imports a tracker would need that library, and a folder needs none.
"""

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from scalor.errors import UserError
from scalor.models.base import WorldModel
from scalor.models.build import AnyConfig
from scalor.pretrained.model_card import readme
from scalor.pretrained.store import RUN_CARD, RUN_WEIGHTS, Loaded, load_all, names, save

README = "README.md"
FILES = (RUN_WEIGHTS, RUN_CARD, README)
COMPUTED = ("parameters", "half", "sha256", "config")
"""What `save` finds out itself and writes into the card."""


def found(name: str | os.PathLike[str], *, revision: str | None = None) -> Loaded:
    """Weights of a folder or file, packaged ones, or those of ``OWNER/NAME`` on the Hub. Raises UserError."""
    text = os.fspath(name)
    if os.path.exists(text) or text in names() or text.count("/") != 1 or not all(text.split("/")):
        return load_all(text)
    return load_all(_fetched(text, revision))


def save_folder(weights: Loaded | WorldModel, folder: str | os.PathLike[str], *, repo_id: str | None = None) -> Path:
    """Write weights, card and README into a new or empty folder, or over an earlier one. Raises UserError.

    ``repo_id`` is what the README calls the place, if not the folder's name.
    """
    place = Path(folder)
    try:
        foreign = sorted(path.name for path in place.iterdir() if path.name not in FILES) if place.exists() else []
        if foreign:
            raise UserError(
                f"{place} holds other files already ({foreign[0]}); a new or empty folder is wanted; choose another"
            )
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{place} cannot be written ({error.strerror}); a folder is wanted; choose another") from error
    card: dict[str, Any] = dict(weights.card) if isinstance(weights, Loaded) else {}
    model = weights.model if isinstance(weights, Loaded) else weights
    extra = weights.extra if isinstance(weights, Loaded) else {}
    fields = {key: value for key, value in card.items() if key not in COMPUTED}
    # Every config of a model is one that `save` knows; the contract of world models says less.
    config = cast(AnyConfig, model.config)
    save(model, config, place / RUN_WEIGHTS, fields, half=bool(card.get("half")), extra=extra)
    parameters = sum(value.numel() for value in model.parameters())
    text = readme(fields | {"parameters": parameters}, repo_id or place.resolve().name)
    (place / README).write_text(text, encoding="utf-8")
    return place


def push(weights: Loaded | WorldModel, repo_id: str, *, private: bool | None, token: str | None) -> str:
    """Upload what `save_folder` writes; returns the commit's address. Raises UserError."""
    _need_library()
    from huggingface_hub import HfApi

    with tempfile.TemporaryDirectory(prefix="scalor-hub-") as place:
        folder = save_folder(weights, Path(place) / "weights", repo_id=repo_id)
        try:
            api = HfApi(token=token)
            whole = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            return str(api.upload_folder(repo_id=whole, folder_path=folder, commit_message="Weights of scalor"))
        except Exception as error:  # the library raises many kinds, and those of its own libraries
            raise UserError(
                f"{repo_id} cannot be written on the Hub ({_first_line(error)}); a repository OWNER/NAME, a network "
                "and a token that may write are wanted; check them (hf auth login)"
            ) from error


def _fetched(repo_id: str, revision: str | None) -> Path:
    """The folder where the Hub's library keeps a repository's weights."""
    if not find_spec("huggingface_hub"):
        raise UserError(
            f"{repo_id} is no folder here, and huggingface_hub, which would look for it on the Hub, is not installed; "
            "check the path, or pip install 'scalor[hub]'"
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repo_id, revision=revision, allow_patterns=list(FILES)))
    except Exception as error:  # the library raises many kinds, and those of its own libraries
        raise UserError(
            f"{repo_id} is no folder here and cannot be fetched from the Hub ({_first_line(error)}); check the name, "
            "and the network"
        ) from error


def _need_library() -> None:
    if not find_spec("huggingface_hub"):
        raise UserError("huggingface_hub is not installed; the Hub is reached by it; pip install 'scalor[hub]'")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__
