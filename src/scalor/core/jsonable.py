"""Frozen config dataclasses to JSON and back, and changes by dotted keys; strict: nothing unknown, nothing missing."""

import ast
import dataclasses
import difflib
import math
import numbers
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from scalor.errors import UserError

if typing.TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
V = TypeVar("V")

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def nearest(word: str, known: Iterable[str]) -> str:
    """``"did you mean X?"`` for the known word nearest to ``word``, else all the known words."""
    choices = sorted(set(known))
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"choose from {', '.join(choices)}"


LATER = "came later"


def later(value: V) -> V:
    """The default of a field that was added when configs had been stored: those lack it, and mean ``value``."""
    return dataclasses.field(default=value, metadata={LATER: True})


def to_jsonable(value: Any) -> Any:
    """A config as dicts, lists and plain values that strict JSON can hold; infinity becomes the string "inf"."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [to_jsonable(item) for item in value]
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)  # numpy's whole numbers, as seeds and steps may come
    return value


def from_jsonable(kind: type[T], data: Any, *, where: str = "config") -> T:
    """The ``kind`` that `to_jsonable` made ``data`` from.

    Fields that came `later` may be missing. Raises UserError for unknown or missing keys and wrong types; ``where`` is
    put before keys in messages.
    """
    if not isinstance(data, Mapping):
        raise UserError(f"{where} is {_shown(data)}; an object with the keys of {kind.__name__} is wanted; correct it")
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    names = [field.name for field in fields]
    unknown = [str(key) for key in data if key not in names]
    missing = [field.name for field in fields if field.name not in data and LATER not in field.metadata]
    if unknown:
        raise UserError(f"{where}.{unknown[0]} is unknown; {nearest(unknown[0], names)}")
    if missing:
        raise UserError(f"{where} lacks {', '.join(missing)}; every key is wanted; write the file again with to_json")
    return kind(**{name: _value(hints[name], data[name], f"{where}.{name}") for name in names if name in data})


def one_of_jsonable(kinds: tuple[type[Any], ...], data: Any, *, where: str = "config") -> Any:
    """The one of ``kinds`` that ``data`` was made from: its ``kind`` says which, without one it is the kind that has
    no such field. Raises UserError as `from_jsonable`, and for a ``kind`` that none has.
    """
    named = {_kind_of(kind): kind for kind in kinds}
    word = data.get("kind") if isinstance(data, Mapping) else None
    if word not in named:
        raise UserError(f"{where}.kind is {_shown(word)}; {nearest(str(word), [name for name in named if name])}")
    return from_jsonable(named[word], data, where=where)


def _kind_of(kind: type[Any]) -> str | None:
    literal = typing.get_type_hints(kind).get("kind")
    return typing.get_args(literal)[0] if typing.get_origin(literal) is typing.Literal else None


def override(config: T, key: str, text: str, *, where: str = "") -> T:
    """``config`` with the field at the dotted ``key`` set to what ``text`` says, read by the field's type.

    Tuples are written as numbers with commas (``16,32``) or as JSON lists. ``where`` is put before keys in messages.
    Raises UserError for a key that does not exist and a text that the type cannot take.
    """
    head, _, rest = key.partition(".")
    names = [field.name for field in dataclasses.fields(config)]
    if head not in names:
        raise UserError(f"{where}{head} is unknown; {nearest(where + head, [where + name for name in names])}")
    current = getattr(config, head)
    if dataclasses.is_dataclass(current) and not isinstance(current, type):
        if not rest:
            inner = [f"{where}{head}.{field.name}" for field in dataclasses.fields(current)]
            raise UserError(
                f"{where}{head} is a group of settings; one of them is wanted; choose from {', '.join(inner)}"
            )
        changed = override(current, rest, text, where=f"{where}{head}.")
    elif rest:
        raise UserError(f"{where}{key} is unknown; {where}{head} has no parts; set {where}{head} itself")
    else:
        kind = typing.get_type_hints(type(config))[head]
        changed = _value(kind, _read(kind, text), where + head)
    return dataclasses.replace(config, **{head: changed})


def flat(config: Any, *, prefix: str = "") -> dict[str, Any]:
    """Every plain setting of a config by its dotted key."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            found |= flat(value, prefix=f"{prefix}{field.name}.")
        else:
            found[prefix + field.name] = value
    return found


def _read(kind: Any, text: str) -> Any:
    """``text`` as JSON-like data for `_value`; what cannot be read stays text and is refused there."""
    if not isinstance(text, str):  # from Python a number may come as one
        return text
    text = text.strip()
    if typing.get_origin(kind) is tuple:
        try:
            return ast.literal_eval(text if text[:1] in ("[", "(") else f"[{text}]")
        except (ValueError, SyntaxError):
            return text
    if kind is bool:
        return True if text.lower() in _TRUE else False if text.lower() in _FALSE else text
    if kind is str:
        return text
    if text.lower() in ("none", "null"):
        return None
    for number in () if "_" in text else (int, float):  # Python would take 1_0 for 10
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _value(kind: Any, data: Any, where: str) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return from_jsonable(kind, data, where=where)
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _either(typing.get_args(kind), data, where)
    if origin is tuple:
        return _tuple(typing.get_args(kind), data, where)
    if origin is typing.Literal:
        if data not in typing.get_args(kind):
            raise UserError(f"{where} is {_shown(data)}; {nearest(str(data), typing.get_args(kind))}")
        return data
    if kind is float and (data in ("inf", "-inf") or (type(data) in (int, float) and not math.isnan(data))):
        return float(data)
    if type(data) is kind and kind is not float:
        return data
    raise UserError(f"{where} came as {_shown(data)}; {_wanted(kind)} is wanted; correct the value")


def _either(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    rest = [kind for kind in kinds if kind is not type(None)]
    return one_of_jsonable(tuple(rest), data, where=where) if len(rest) > 1 else _value(rest[0], data, where)


def _tuple(kinds: tuple[Any, ...], data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        example = "(0,2),(0.5,8)" if typing.get_origin(kinds[0]) is tuple else "16,32"
        raise UserError(f"{where} came as {_shown(data)}; a list is wanted, for example {example}; correct the value")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_value(kinds[0], item, where) for item in data)
    if len(data) != len(kinds):
        raise UserError(f"{where} came with {len(data)} values; {len(kinds)} are wanted; correct the list")
    return tuple(_value(kind, item, where) for kind, item in zip(kinds, data, strict=True))


def _wanted(kind: Any) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
    return words.get(kind, str(kind))


def _shown(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."
