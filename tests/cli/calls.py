"""What tests of the command line share: refusals in one sentence, and functions that note how they were called."""

import sys
from types import ModuleType
from typing import Any

import pytest

from scalor.cli import main as door


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one sentence on stderr of a command that must end with exit code 2."""
    assert door.main(argv) == door.WRONG_USE
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("scalor: ") and err.count("\n") == 1
    return err


def listening(monkeypatch: pytest.MonkeyPatch, module: str, name: str, answer: Any = None) -> list[tuple[tuple, dict]]:
    """Put a function that records its calls, and gives ``answer``, where a handler will import it."""
    calls: list[tuple[tuple, dict]] = []

    def listen(*args: Any, **kwargs: Any) -> Any:
        calls.append((args, kwargs))
        return answer

    fake = ModuleType(module)
    setattr(fake, name, listen)
    monkeypatch.setitem(sys.modules, module, fake)
    return calls
