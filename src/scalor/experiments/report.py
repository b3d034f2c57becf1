"""What a reproduced table or figure leaves behind: numbers as JSON, words as Markdown, pictures as PNG."""

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import scalor
from scalor.viz.export import write_png, write_text

BEGIN, END = "<!-- scalor reproduce: begin -->", "<!-- scalor reproduce: end -->"
"""What stands between these two lines of a page is generated."""


@dataclass(frozen=True)
class Report:
    """A reproduced table or figure.

    name      file name without ending, as "table1"
    title     headline
    command   what makes it again
    numbers   everything that was measured, fit for JSON
    body      Markdown
    pictures  file name without ending -> uint8 [H, W, 3]
    """

    name: str
    title: str
    command: str
    numbers: Mapping[str, Any]
    body: str
    pictures: Mapping[str, np.ndarray] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Pictures, NAME.md and, last, NAME.json; each file whole or not at all. Raises UserError."""
        for name, picture in self.pictures.items():
            write_png(folder / f"{name}.png", picture)
        write_text(folder / f"{self.name}.md", self.markdown())
        content = {"name": self.name, "title": self.title, "command": self.command, "machine": machine()}
        content |= {"pictures": [f"{name}.png" for name in self.pictures], **self.numbers}
        write_text(folder / f"{self.name}.json", json.dumps(plain(content), indent=2, allow_nan=False) + "\n")

    def markdown(self) -> str:
        """The section of the page of results."""
        shown = "".join(f"\n![{name}]({name}.png)\n" for name in self.pictures)
        return f"## {self.title}\n\n`{self.command}`\n\n{self.body.strip()}\n{shown}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def number(value: float | None, form: str = ".3g") -> str:
    """A number in a table; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:{form}}"


def machine() -> dict[str, Any]:
    """Where the numbers come from."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "scalor": scalor.__version__,
    }


def processor() -> str:
    """The processor's name, as well as it is known."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def plain(value: Any) -> Any:
    """Numbers, lists and dicts that strict JSON can hold: arrays become lists, NaN and infinity None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def write_page(folder: Path, page: Path, names: Sequence[str]) -> Path:
    """Put the sections ``names`` that lie in ``folder`` on ``page``, between its two marks.

    Words outside the marks stay; a page without marks gets them at its end.
    Raises UserError where it cannot be written.
    """
    sections = [folder / f"{name}.md" for name in names]
    parts = [section.read_text(encoding="utf-8") for section in sections if section.is_file()]
    lead = os.path.relpath(folder, page.parent)
    prefix = "" if lead == "." else f"{lead}/"
    parts = [part.replace("](", f"]({prefix}") for part in parts]
    before, after = _around(page.read_text(encoding="utf-8") if page.is_file() else "# Results\n")
    write_text(page, "\n".join([before + BEGIN, _origin(folder, names), *parts, END + after]))
    return page


def _around(text: str) -> tuple[str, str]:
    head, mark, rest = text.partition(BEGIN)
    if not mark:
        return text.rstrip() + "\n\n", "\n"
    return head, rest.partition(END)[2]


def _origin(folder: Path, names: Sequence[str]) -> str:
    """The machines of the sections in a sentence."""
    found = []
    for name in names:
        path = folder / f"{name}.json"
        if path.is_file():
            it = json.loads(path.read_text(encoding="utf-8"))["machine"]
            found.append(f"{it['processor']} ({it['threads']} of {it['cores']} threads), torch {it['torch']}")
    return f"\nGenerated by `scalor reproduce`; measured on {'; '.join(dict.fromkeys(found))}.\n" if found else ""
