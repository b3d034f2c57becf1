"""The parser behind every command: each mistake becomes one sentence, with the nearest word that would have worked."""

import difflib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from jsonargparse import ArgumentParser
from jsonargparse.typing import PositiveInt

from scalor.errors import UserError

WANTED = {
    "PositiveFloat": "a number above 0",
    "PositiveInt": "a whole number above 0",
    "NonNegativeInt": "a whole number, 0 or more",
    "ClosedUnitInterval": "a number from 0 to 1",
}


HOME = re.compile(r"^(-[A-Za-z]|--[a-z-]+=)?~(?=/|$)")
PAIR = re.compile(r"[a-z_]+(\.[a-z_]+)+=")
"""The start of ``KEY=VALUE`` as ``--set`` has it."""


def hint(word: str, known: Iterable[str]) -> str:
    """``"did you mean X?"`` for the known word nearest to ``word``, else all the known words."""
    choices = sorted(known)
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"choose from {', '.join(choices)}"


class Parser(ArgumentParser):
    """A jsonargparse parser that raises ``UserError`` where argparse would print its usage and leave."""

    def format_help(self, *args: Any, **kwargs: Any) -> str:
        """Without the types that have no name for people, defaults that are nothing, and those that the text says."""
        text = super().format_help(*args, **kwargs)
        text = re.sub(r"type:\s+<function\s+<locals>\.<lambda>\s+at\s+0x[0-9a-f]+>,\s+", "", text)
        text = re.sub(r",?\s+default:\s+(null|\[\])(?=\))|\s+\(default:\s+(null|\[\])\)", "", text)
        return "".join(map(_once, re.split(r"^(?=  \S)", text, flags=re.MULTILINE)))

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise UserError(self._sentence(message)) from ex

    def _sentence(self, message: str) -> str:
        if match := re.match(r"unrecognized arguments: (.*)", message):
            return self._unknown(match[1].split())
        if match := re.search(r"argument (\S+): invalid choice: '(.*?)' \(choose from (.*)\)", message):
            choices = re.findall(r"'(.*?)'", match[3])
            return f"{match[1].split('/')[-1]} {match[2]} is unknown; {hint(match[2], choices)}"
        if match := re.match(r"the following arguments are required: (.*)", message):
            missing = [self._shown(name.strip()) for name in match[1].split(",")]
            return f"{', '.join(missing)} missing; --help shows how the command is written"
        if match := re.match(r"argument (\S+): expected (one|at least one) argument", message):
            name = match[1].split("/")[-1]
            return f"{name} came without a value; one that begins with a dash is wanted as {name}=-..."
        if message.startswith('expected "command" to be one of'):
            return f"no command came; choose from {', '.join(self._commands())} (scalor --help explains them)"
        if match := re.match(r'Parser key "(.+?)":\s+Not of type (\w+): (.*)', message, re.DOTALL):
            return f"{_option(match[1])} wants {WANTED.get(match[2], match[2])}: {match[3]}"
        if match := re.match(r"Subcommand '(.+)' does not accept option '(.+)'", message):
            known = [a.dest for a in self._commands()[match[1]]._actions if "config" not in a.dest and a.dest != "help"]
            return f"{match[2]} in the configuration file is unknown; {hint(match[2], known)}"
        return message

    def _unknown(self, words: Sequence[str]) -> str:
        options = [name for name in self._option_string_actions if name.startswith("--")]
        stray = next((word for word in words if word.startswith("-")), words[0])
        if not stray.startswith("-"):
            return f"{stray} was not expected there; --help shows how the command is written"
        if Path(stray).exists():
            return f"{stray} was taken for an option; a name that begins with a dash is wanted as ./{stray}"
        return f"option {stray} is unknown; {hint(stray.split('=')[0], options)}"

    def _commands(self) -> dict[str, ArgumentParser]:
        return dict(self._subcommands_action.choices) if self._subcommands_action else {}

    def _shown(self, name: str) -> str:
        """How the help writes the argument ``command.dest``."""
        command, _, dest = name.rpartition(".")
        parser = self._commands().get(command, self)
        for action in parser._actions:
            if action.dest == dest and not action.option_strings:
                return str(action.metavar)
        return _option(dest)


def _once(entry: str) -> str:
    """The help of an option with its first default alone."""
    before, told, after = entry.partition("(default")
    return before + told + re.sub(r"\s+\(default:[^)]*\)|,\s+default:[^)]*(?=\))", "", after)


def _option(dest: str) -> str:
    return "--" + dest.replace("_", "-")


def add_out(parser: Parser, *, what: str, default: str | None = None) -> None:
    """The option every command that writes has: ``-o DIR``."""
    parser.add_argument("-o", "--out", metavar="DIR", required=default is None, default=default, help=what)


def add_device(parser: Parser) -> None:
    """``--device``, where the numbers are crunched."""
    parser.add_argument("--device", metavar="DEVICE", default="auto", help="auto, cpu, cuda or mps")


def add_devices(parser: Parser) -> None:
    """``--devices``, where something is learned."""
    parser.add_argument(
        "--devices",
        metavar="N",
        type=PositiveInt,
        default=1,
        help="so many processes share each batch, one GPU each, or the cores among them (default: 1)",
    )


def add_threads(parser: Parser, *, default: str = "all cores") -> None:
    """``--threads``, for machines that are shared; ``default`` says what happens without it."""
    parser.add_argument(
        "--threads",
        metavar="N",
        type=PositiveInt,
        default=None,
        help=f"threads of the CPU to compute with (default: {default}); give 1 where other programs run beside",
    )


def add_set(parser: Parser) -> None:
    """``--set KEY=VALUE ...`` (any number of times, see `one_by_one`) and ``--config FILE``."""
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change numbers of the preset, for example model.cell=8 train.lr=1e-3",
    )
    parser.add_argument("--config", action="config", help="a YAML or JSON file with these options")


def at_home(words: Sequence[str]) -> list[str]:
    """Words with the home folder in place of a ``~`` that a shell left as it was, as in ``-o '~/out'``."""
    return [HOME.sub(lambda found: (found[1] or "") + os.path.expanduser("~"), word) for word in words]


def one_by_one(words: Sequence[str]) -> list[str]:
    """``--set a.b=1 c.d=2`` as ``--set a.b=1 --set c.d=2``; what else follows is an argument of its own."""
    out: list[str] = []
    ready = False
    for number, word in enumerate(words):
        value = number > 0 and words[number - 1] == "--set"
        if ready and not value and PAIR.match(word):
            out.append("--set")
        elif not value:
            ready = word == "--set" or word.startswith("--set=")
        out.append(word)
    return out


def overrides(pairs: Sequence[str]) -> dict[str, str]:
    """``["model.cell=8"]`` as ``{"model.cell": "8"}``; the last of two equal keys counts.

    Raises:
        UserError: a pair has no ``=`` or no key before it.
    """
    chosen: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set came with {pair!r}; it wants KEY=VALUE, for example --set model.cell=8")
        chosen[key.strip()] = value.strip()
    return chosen
