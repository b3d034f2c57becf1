"""What a caller from Python gives where a number, a text or a yes-or-no is wanted: the command line checks its own."""

import functools
import inspect
import numbers
import operator
import types
from collections.abc import Callable
from typing import ParamSpec, SupportsIndex, TypeVar, get_args

import numpy as np

from scalor.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")

_WANTED = {int: "a whole number", float: "a number", bool: "True or False", str: "a text"}


def plainly(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which raises UserError where it wants a plain value and another kind came: a text for a number,
    1.5 steps.

    Looked at are arguments whose hints are int, float, bool, str, or one of these and None. Numbers of numpy are fine.
    """
    signature = inspect.signature(function)
    kinds = {name: kind for name, each in signature.parameters.items() if (kind := _plain(each.annotation))}

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            given = signature.bind_partial(*args, **kwargs).arguments
        except TypeError:
            return function(*args, **kwargs)  # Python's own sentence
        for name, value in given.items():
            if name in kinds and not any(_is(value, kind) for kind in kinds[name]):
                wanted = " or ".join(_WANTED.get(kind, "None") for kind in kinds[name])
                raise UserError(f"{name} is {value!r}; {wanted} is wanted; correct it")
        return function(*args, **kwargs)

    return checked


def _plain(hint: object) -> tuple[type, ...]:
    """The kinds a hint allows, if all of them are plain."""
    kinds = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    known = {*_WANTED, types.NoneType}
    return kinds if all(kind in known for kind in kinds) and {*kinds} != {types.NoneType} else ()


def _is(value: object, kind: type) -> bool:
    if kind in (types.NoneType, str):
        return isinstance(value, kind)
    if isinstance(value, bool | np.bool_) or kind is bool:
        return kind is bool and isinstance(value, bool | np.bool_)
    return _whole(value) or (kind is float and isinstance(value, numbers.Real))


def _whole(value: object) -> bool:
    if not isinstance(value, SupportsIndex):
        return False
    try:
        operator.index(value)
    except TypeError:  # arrays of several numbers
        return False
    return True
