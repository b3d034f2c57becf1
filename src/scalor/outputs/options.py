"""What an export may be told."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def quiet(text: str) -> None:
    """Says nothing."""


@dataclass(frozen=True)
class Options:
    """Choices of all formats; each format looks at those that concern it.

    video  the video itself, for formats that show it
    label  what the objects are called, in formats with classes
    style  parts of the drawn overlay: any of masks, boxes, ids, trails
    blur   what is made unrecognisable: "none", "objects" or "background"
    say    hears in a sentence what a format has no room for
    """

    video: Path | None = None
    label: str = "object"
    style: tuple[str, ...] = ("masks", "boxes", "ids", "trails")
    blur: str = "none"
    say: Callable[[str], None] = quiet
