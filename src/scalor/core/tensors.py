"""`Struct`, the frozen bundle of tensors that everything else is made of, and a few small tensor functions."""

import dataclasses
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import Tensor

S = TypeVar("S", bound="Struct")


def _apply(fn: Callable[[Tensor], Tensor], value: Any) -> Any:
    if isinstance(value, Tensor):
        return fn(value)
    if isinstance(value, Struct):
        return value.map(fn)
    if isinstance(value, tuple):
        return tuple(_apply(fn, item) for item in value)
    return value


@dataclasses.dataclass(frozen=True)
class Struct:
    """Base of all nouns: frozen, with `replace`, `map` and `detach`; fields are tensors, Structs or plain values."""

    def replace(self: S, **changes: Any) -> S:
        """The same struct with other values in some fields."""
        known = self.__dict__
        made = {name: changes.pop(name) if name in changes else known[name] for name in _fields(type(self))}
        if changes:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(changes)}")
        return _made(type(self), made)

    def map(self: S, fn: Callable[[Tensor], Tensor]) -> S:
        """The same struct with ``fn`` applied to every tensor in it."""
        known = self.__dict__
        return _made(type(self), {name: _apply(fn, known[name]) for name in _fields(type(self))})

    def detach(self: S) -> S:
        return self.map(lambda tensor: tensor.detach())


_FIELDS: dict[type, tuple[str, ...]] = {}
"""The names of each struct's fields."""


def _fields(kind: type[Struct]) -> tuple[str, ...]:
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(item.name for item in dataclasses.fields(kind))
    return names


def _made(kind: type[S], values: dict[str, Any]) -> S:
    """A struct with these fields, past the constructor of a frozen dataclass, which sets them one by one."""
    made = object.__new__(kind)
    made.__dict__.update(values)
    return made


def zip_map(fn: Callable[..., Tensor], *structs: S) -> S:
    """One struct whose tensors are ``fn(first's, second's, ...)``, field by field."""
    first = structs[0]
    merged: dict[str, Any] = {}
    for name in _fields(type(first)):
        values = [struct.__dict__[name] for struct in structs]
        if isinstance(values[0], Tensor):
            merged[name] = fn(*values)
        elif isinstance(values[0], Struct):
            merged[name] = zip_map(fn, *values)
        else:
            merged[name] = values[0]
    return _made(type(first), merged)


def cat(structs: list[S], *, dim: int) -> S:
    """Concatenate field by field."""
    if len(structs) == 1:
        return structs[0]
    return zip_map(lambda *tensors: torch.cat(tensors, dim=dim), *structs)


def take(struct: S, index: Tensor) -> S:
    """Pick objects: every tensor ``[B, N, ...]`` becomes ``[B, K, ...]`` by ``index`` (int64 ``[B, K]``)."""
    rows = ramp(len(index), like=index).unsqueeze(1)
    return struct.map(lambda tensor: tensor[rows, index])


def select(mask: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """``yes`` where ``mask`` [B, N] holds, else ``no``: tensors [B, N, ...]."""
    if yes is no:
        return yes
    if yes.dtype == torch.bool:  # ONNX Runtime chooses between numbers only
        return (mask & yes) | (~mask & no)
    return torch.where(mask if yes.dim() == 2 else mask.view(mask.shape + (1,) * (yes.dim() - 2)), yes, no)


def once(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that makes every tensor once, for hashable arguments; they are not to be changed in place."""
    made: dict[tuple[Any, ...], Tensor] = {}

    @wraps(make)
    def known(*key: Any) -> Tensor:
        if (found := made.get(key)) is None:
            with torch.inference_mode(False):  # a training may use it too
                found = make(*key)
            if type(found) is Tensor:  # and not what stands for one while a graph is traced
                made[key] = found
        return found

    return known


def constant(*values: float, like: Tensor) -> Tensor:
    """A vector of numbers, made once for every dtype and device of ``like``; not to be changed in place."""
    return _constant(values, like.dtype, like.device)


@once
def _constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=dtype, device=device)


def ramp(count: int, *, like: Tensor) -> Tensor:
    """0, 1, ... count - 1, made once for every dtype and device of ``like``; not to be changed in place."""
    return _ramp(count, like.dtype, like.device)


@once
def _ramp(count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.arange(count, dtype=dtype, device=device)


def ste_clamp(value: Tensor) -> Tensor:
    """Clamp to [0, 1] with the gradient of the identity (straight through)."""
    return value + (value.clamp(0.0, 1.0) - value).detach()
