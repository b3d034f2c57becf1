"""What is public says what it is; an override may leave that to what it overrides."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType

import scalor

LEAST = 0.97
SAID_ONCE = re.compile(r"scalor\.cli\.\w+\.(parser|run)")
"""Every command has them; `scalor.cli.main.COMMANDS` says what they are."""


def modules() -> Iterator[ModuleType]:
    yield scalor
    for found in pkgutil.walk_packages(scalor.__path__, "scalor."):
        try:
            yield importlib.import_module(found.name)
        except ModuleNotFoundError as error:  # the library of an extra that is not installed
            if error.name is None or error.name.startswith("scalor"):
                raise


def public(module: ModuleType) -> Iterator[tuple[str, bool]]:
    """(name, whether it is explained) of a module and of what it defines."""
    yield module.__name__, bool(module.__doc__)
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(thing):
            yield f"{module.__name__}.{name}", bool(inspect.getdoc(thing))
        elif inspect.isclass(thing):
            yield f"{module.__name__}.{name}", bool(thing.__doc__)
            for inner, member in vars(thing).items():
                plain = member.__func__ if isinstance(member, classmethod | staticmethod) else member
                if not inner.startswith("_") and (inspect.isfunction(plain) or isinstance(plain, property)):
                    yield f"{module.__name__}.{name}.{inner}", bool(inspect.getdoc(getattr(thing, inner)))


def test_at_least_97_in_100_public_things_are_explained():
    found = dict(pair for module in modules() for pair in public(module))
    missing = sorted(name for name, explained in found.items() if not explained and not SAID_ONCE.fullmatch(name))
    assert len(found) > 1000
    assert 1 - len(missing) / len(found) >= LEAST, f"{len(missing)} of {len(found)} say nothing: {', '.join(missing)}"
