"""Saving and loading of weights with their cards."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from scalor.core.devices import refuse_other_floats
from scalor.core.files import put_in_place, put_text
from scalor.core.jsonable import nearest, one_of_jsonable, to_jsonable
from scalor.core.seeds import apart
from scalor.errors import UserError
from scalor.models.base import WorldModel
from scalor.models.build import CONFIGS, AnyConfig, build

PACKAGED = Path(__file__).parent / "weights"
RUN_WEIGHTS, RUN_CARD = "weights.safetensors", "card.json"
EXTRA = "extra."
"""Prefix of tensors in the file that are not weights, such as the median image of the footage."""


@dataclass(frozen=True)
class Loaded:
    """A model with its card and the extra tensors of its file (their names without the prefix ``extra.``)."""

    model: WorldModel
    card: dict[str, Any]
    extra: dict[str, Tensor]

    def to(self, device: torch.device) -> "Loaded":
        """The same on another device; the model itself moves."""
        extra = {name: value.to(device) for name, value in self.extra.items()}
        return replace(self, model=self.model.to(device), extra=extra)


def names() -> list[str]:
    """The packaged weights, sorted."""
    return sorted(path.stem for path in PACKAGED.glob("*.safetensors"))


def whole_name(name_or_path: str | os.PathLike[str]) -> str:
    """What is meant from any folder: the name of packaged weights, else a whole path. Nothing needs be there."""
    text, path = os.fspath(name_or_path), Path(name_or_path)
    here = (path / RUN_WEIGHTS).is_file() or path.is_file()
    return text if text in names() and not here else str(path.resolve())


def card(name_or_path: str | os.PathLike[str]) -> dict[str, Any]:
    """The card: ``config``, ``sha256`` and what else was written down. Raises UserError like `load`."""
    return _card_of(_find(name_or_path))[0]


def load(name_or_path: str | os.PathLike[str], device: str | torch.device = "cpu") -> tuple[WorldModel, dict[str, Any]]:
    """A model in evaluation mode, float32 on ``device``, and its card.

    Args:
        name_or_path: the name of packaged weights, a run folder, or a ``.safetensors`` file with its JSON beside it.
        device: where the weights are put.

    Raises:
        UserError: nothing of that name, no card, a file that its card's hash does not know, or weights that do not
            fit the card's config (missing and unexpected names are given).
    """
    loaded = load_all(name_or_path, device)
    return loaded.model, loaded.card


def load_all(name_or_path: str | os.PathLike[str], device: str | torch.device = "cpu") -> Loaded:
    """`load` with the extra tensors of the file."""
    path = _find(name_or_path)
    found, raw = _card_of(path)
    tensors = _tensors(path, raw)
    config = one_of_jsonable(CONFIGS, found.get("config"), where=f"config of {path.name}'s card")
    refuse_other_floats()
    try:
        with apart():  # what a new model draws is written over
            model = build(config)
    except (ValueError, TypeError, RuntimeError, ArithmeticError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"the card of {path} describes no model that can be built ({reason}); the card that was saved with the "
            "weights is wanted; fetch it again"
        ) from error
    weights = {name: value for name, value in tensors.items() if not name.startswith(EXTRA)}
    _fill(model, weights, path)
    extra = {name.removeprefix(EXTRA): value.to(device) for name, value in tensors.items() if name.startswith(EXTRA)}
    return Loaded(model.to(device).eval().requires_grad_(False), found, extra)


def fits(name_or_path: str | os.PathLike[str], model: nn.Module) -> bool:
    """Whether a model has the very parts that weights are of, each of their size. Raises UserError like `load`."""
    found = _tensors(path := _find(name_or_path), _card_of(path)[1])
    shapes = {name: value.shape for name, value in found.items() if not name.startswith(EXTRA)}
    return shapes == {name: value.shape for name, value in unique_state(model).items()}


def fill(model: nn.Module, name_or_path: str | os.PathLike[str]) -> None:
    """Give a model the weights of another one of its shape. Raises UserError like `load`, or where they do not fit."""
    path = _find(name_or_path)
    tensors = _tensors(path, _card_of(path)[1])
    _fill(model, {name: value for name, value in tensors.items() if not name.startswith(EXTRA)}, path)


def save(
    model: nn.Module,
    config: AnyConfig,
    path: str | os.PathLike[str],
    card_fields: Mapping[str, Any],
    *,
    half: bool = False,
    extra: Mapping[str, Tensor] | None = None,
) -> Path:
    """Write weights to ``path`` (``.safetensors``) and their card beside it; both appear whole or not at all.

    Args:
        model: its parameters and buffers are stored, shared ones once.
        config: what `load` builds the model from.
        path: ``NAME.safetensors`` gets the card ``NAME.json``; ``weights.safetensors`` of a run folder ``card.json``.
        card_fields: what else the card says (data, command, seed, steps, scores, licence ...).
        half: store floating tensors as float16; loading makes them float32 again.
        extra: further tensors, stored as they are.
    """
    from safetensors.torch import save as to_bytes

    path = Path(path)
    tensors = {
        name: (value.half() if half and value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in unique_state(model).items()
    }
    tensors |= {EXTRA + name: value.detach().cpu().contiguous() for name, value in (extra or {}).items()}
    raw = to_bytes(tensors)
    content = {
        **card_fields,
        "parameters": sum(value.numel() for value in model.parameters()),
        "half": half,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "config": to_jsonable(config),
    }
    # A kill between the two moves leaves new weights beside the old card; the coming card then still knows them.
    coming = put_text(_coming(path), json.dumps(content, indent=2, allow_nan=False) + "\n")
    put_in_place(path, lambda staging: staging.write_bytes(raw))
    os.replace(coming, card_path(path))
    return path


def card_path(path: Path) -> Path:
    """Where the card of a weights file lies."""
    return path.with_name(RUN_CARD) if path.name == RUN_WEIGHTS else path.with_suffix(".json")


def unique_state(model: nn.Module) -> dict[str, Tensor]:
    """The state dict without second names for modules that are used twice."""
    seen: set[int] = set()
    found: dict[str, Tensor] = {}
    for name, value in model.state_dict(keep_vars=True).items():
        if id(value) not in seen:
            seen.add(id(value))
            found[name] = value
    return found


def _coming(path: Path) -> Path:
    final = card_path(path)
    return final.with_name(f"{final.stem}.coming.json")


def _find(name_or_path: str | os.PathLike[str]) -> Path:
    """The safetensors file that is meant."""
    if not isinstance(name_or_path, str | os.PathLike) or not str(name_or_path):
        raise UserError(
            f"{name_or_path!r} came as weights; the name of packaged weights, a run folder or a file is wanted"
        )
    text, path = str(name_or_path), Path(name_or_path)
    packaged = PACKAGED / f"{text}.safetensors" if text in names() else None
    if path.is_dir():
        if packaged is not None and not (path / RUN_WEIGHTS).is_file():
            return packaged
        if packaged is not None:
            _say_once(f"{text} is a run folder here and the name of packaged weights; those of the folder are taken")
        if not (path / RUN_WEIGHTS).is_file():
            raise UserError(
                f"{path} has no {RUN_WEIGHTS}; a run folder is wanted; train longer or choose another folder"
            )
        return path / RUN_WEIGHTS
    if path.is_file():
        if path.suffix != ".safetensors":
            raise UserError(
                f"{path} is not a .safetensors file; weights are wanted; give a run folder or packaged name"
            )
        return path
    if packaged is not None:
        return packaged
    if path.suffix or len(path.parts) > 1:
        raise UserError(f"weights {path} do not exist; check the path")
    known = names()
    hint = nearest(text, known) if known else "no weights are packaged, give a run folder"
    raise UserError(f"weights {text} are unknown; {hint}")


@cache
def _say_once(text: str) -> None:
    print(f"scalor: {text}", file=sys.stderr)


def _card_of(path: Path) -> tuple[dict[str, Any], bytes]:
    """The card that knows the file's hash, and the file's bytes."""
    raw = path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    choices = [each for each in (card_path(path), _coming(path)) if each.is_file()]
    if not choices:
        raise UserError(
            f"{path} has no card {card_path(path).name} beside it; both files are wanted; copy the card too"
        )
    for each in choices:
        found = _read_card(each)
        if found.get("sha256") == digest:
            return found, raw
    raise UserError(
        f"{path} ({len(raw)} bytes) is not the file that its card describes; it was cut short or changed; "
        "fetch it again or train again"
    )


def _read_card(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); the card of the weights is wanted; fetch it again") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} holds no JSON object; the card of the weights is wanted; fetch it again")
    footage = found.get("footage") or []
    if not isinstance(footage, list) or not all(isinstance(each, dict) for each in footage):
        raise UserError(f"{path} says footage {str(footage)[:60]}; a list of objects is wanted; fetch the card again")
    return found


def _tensors(path: Path, raw: bytes) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    try:
        return from_bytes(raw)
    except SafetensorError as error:
        raise UserError(f"{path} is not a whole safetensors file ({error}); fetch it again or train again") from error


def _fill(model: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    wanted = unique_state(model)
    missing = [name for name in wanted if name not in weights]
    unexpected = [name for name in weights if name not in wanted]
    if missing or unexpected:
        raise UserError(
            f"the weights in {path} are of another config: missing {_some(missing)}, unexpected {_some(unexpected)}; "
            "load them with the card they were saved with"
        )
    for name, target in wanted.items():
        if target.shape != weights[name].shape:
            raise UserError(
                f"the weights in {path} are of another config: {name} has shape {tuple(weights[name].shape)}, "
                f"{tuple(target.shape)} is wanted; load them with the card they were saved with"
            )
    with torch.no_grad():
        for name, target in wanted.items():
            target.copy_(weights[name])


def _some(found: list[str], most: int = 4) -> str:
    if not found:
        return "none"
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")
