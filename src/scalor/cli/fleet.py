"""``scalor fleet``: track many videos, on several cores or machines."""

import sys

from jsonargparse import Namespace
from jsonargparse.typing import PositiveInt

from scalor.cli.machine import use_threads
from scalor.cli.parser import Parser, add_device, add_out, add_threads
from scalor.cli.paths import writable
from scalor.cli.track import add_options, options_of

HELP = "track many videos at once"
SOME_FAILED = 1


def parser() -> Parser:
    made = Parser(
        description="Track every video into a folder of its own; finished ones are skipped. The exit code is 1 where "
        "some failed: fleet.csv lists them."
    )
    made.add_argument("videos", metavar="VIDEO", nargs="+", help="video files, folders of frames, MOTChallenge folders")
    made.add_argument(
        "-w", "--weights", metavar="WEIGHTS", required=True, help="a run folder, a weights file or a packaged name"
    )
    add_out(made, what="the folder of folders to write")
    made.add_argument(
        "--workers",
        metavar="N",
        type=PositiveInt,
        default=1,
        help="processes that track a video each (default: 1; more need scalor[fleet])",
    )
    made.add_argument(
        "--part", metavar="K/N", default="1/1", help="only the K-th of N parts of the videos, for an array of jobs"
    )
    add_options(made)
    add_device(made)
    add_threads(made)
    return made


def run(args: Namespace) -> int:
    out = writable(args.out)

    use_threads(args.threads)
    from scalor.fleet.plan import Part
    from scalor.fleet.run import closing, fleet
    from scalor.fleet.work import FAILED

    part = Part.parse(args.part)
    rows = fleet(
        args.videos,
        args.weights,
        out,
        workers=args.workers,
        part=part,
        device=args.device,
        settings=options_of(args),
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    print(closing(rows, out, part))
    return SOME_FAILED if any(row["state"] == FAILED for row in rows) else 0
