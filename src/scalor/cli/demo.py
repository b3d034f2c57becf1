"""``scalor demo``: the whole job on the packaged clip."""

from jsonargparse import Namespace
from jsonargparse.typing import PositiveFloat

from scalor.cli.parser import Parser, add_out
from scalor.cli.paths import writable

HELP = "learn from the packaged clip and track it"


def parser() -> Parser:
    made = Parser(description="Learn from the packaged real clip from scratch, track it, imagine its future.")
    made.add_argument("--minutes", metavar="M", type=PositiveFloat, default=5.0, help="time to learn")
    add_out(made, what="the folder to write", default="demo-output")
    return made


def run(args: Namespace) -> None:
    out = writable(args.out)

    from scalor.cli import demo_command

    demo_command.run(args.minutes, out)
