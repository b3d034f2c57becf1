"""What an export may be told."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Choices of all formats; each format looks at those that concern it.

    video  the video itself, for formats that show it
    label  what the objects are called, in formats with classes
    style  parts of the drawn overlay: any of masks, boxes, ids, trails
    blur   what is made unrecognisable: "none", "objects" or "background"
    """

    video: Path | None = None
    label: str = "object"
    style: tuple[str, ...] = ("masks", "boxes", "ids", "trails")
    blur: str = "none"
