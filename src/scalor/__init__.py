"""scalor: find, segment, track and predict the objects of a video without labels."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalor.configs.api import fit as fit
    from scalor.metrics.mot import evaluate as evaluate
    from scalor.tracking.imagine import imagine as imagine
    from scalor.tracking.run import track as track
    from scalor.tracking.setup import load as load
    from scalor.tracking.tracker import Tracker as Tracker

__version__ = "0.2.0"

_HOMES = {
    "Tracker": "scalor.tracking.tracker",
    "evaluate": "scalor.metrics.mot",
    "fit": "scalor.configs.api",
    "imagine": "scalor.tracking.imagine",
    "load": "scalor.tracking.setup",
    "track": "scalor.tracking.run",
}
"""The front door: where each name lives. They are fetched when asked for, so that `import scalor` stays light."""

__all__ = ["Tracker", "__version__", "evaluate", "fit", "imagine", "load", "track"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'scalor' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
