"""``scalor bench``: how fast this machine trains and tracks."""

from jsonargparse import Namespace

from scalor.cli.parser import Parser

HELP = "measure speed and memory on this machine"


def parser() -> Parser:
    made = Parser(description="Print one table of training and tracking speed, memory and the matmul rate.")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def run(args: Namespace) -> None:
    from scalor.cli.bench_command import run as run_bench

    run_bench(json=args.json)
