"""Every command on every page is one that the command line understands, option by option."""

import re
import shlex
from pathlib import Path

import pytest

from scalor.cli.main import build
from scalor.cli.parser import one_by_one

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"])
PAGES += sorted(page for page in (ROOT / "docs").rglob("*.md") if "reproduced" not in page.parts)


def lines_of(page: Path) -> list[str]:
    """Lines of code: indented by four or between fences of a shell, continued lines joined."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    fenced = re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.DOTALL)
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [line.strip() for line in [*"\n".join(fenced).splitlines(), *re.findall(r"^ {4}(\S.*)$", outside, re.M)]]


def commands_of(page: Path) -> list[list[str]]:
    """Words of each ``scalor`` command, without comments; outlines such as ``fit VIDEO... -o RUN`` are none."""
    found = []
    for line in lines_of(page):
        code = line.split(" #")[0].strip()
        if (
            code.startswith("scalor ")
            and "..." not in code
            and "|" not in code
            and "FORMAT" not in code
            and "  " not in code
        ):
            found.append(shlex.split(code)[1:])
    return found


EXAMPLES = [pytest.param(words, id=f"{page.name}: {' '.join(words)}") for page in PAGES for words in commands_of(page)]


@pytest.mark.parametrize("words", EXAMPLES)
def test_the_command_is_understood(words):
    if "--help" in words:
        with pytest.raises(SystemExit):
            build().parse_args(words)
        return
    assert build().parse_args(one_by_one(words)).command == words[0]


def test_there_are_many_such_commands():
    assert len(EXAMPLES) > 40


def test_benchmarks_and_make_goals_on_the_pages_are_there():
    goals = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for page in PAGES:
        for line in lines_of(page):
            words = line.split() or [""]
            if words[0] == "make":
                assert words[1] in goals, (page.name, line)
            if words[0] == "python" and len(words) > 1 and words[1].endswith(".py"):
                assert (ROOT / words[1]).is_file(), (page.name, line)
