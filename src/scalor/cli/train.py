"""``scalor train``: train a preset on its own generated or downloaded data."""

import sys
from argparse import SUPPRESS
from pathlib import Path

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeInt, PositiveFloat, PositiveInt

from scalor.cli.machine import use_threads
from scalor.cli.parser import Parser, add_device, add_devices, add_out, add_set, add_threads, overrides
from scalor.cli.paths import writable
from scalor.core.words import typed
from scalor.errors import UserError

HELP = "train a preset from scratch, or from weights"


def parser() -> Parser:
    made = Parser(description="Train a preset, for example fast-sprites-md, on the data it names.")
    made.add_argument("preset", metavar="PRESET", help="the preset's name")
    add_out(made, what="the run folder to write")
    made.add_argument("--steps", metavar="N", type=PositiveInt, default=None, help="stop after N steps")
    made.add_argument(
        "--minutes",
        metavar="M",
        type=PositiveFloat,
        default=None,
        help="or after M minutes of processor time (of the main thread; on a GPU: minutes on the clock), at the latest "
        "after three times as long on the clock",
    )
    made.add_argument(
        "--seed", metavar="S", type=NonNegativeInt, default=None, help="seed of everything random (default: 0)"
    )
    made.add_argument(
        "--validation-minutes",
        metavar="M",
        type=PositiveFloat,
        default=None,
        help="track validation clips every M minutes and log their MOTA",
    )
    # Its name in 0.2, which the cards of older runs quote.
    made.add_argument("--exam-minutes", dest="validation_minutes", type=PositiveFloat, help=SUPPRESS)
    made.add_argument("--resume", action="store_true", help="go on exactly where the run folder stopped")
    made.add_argument(
        "--from",
        dest="start",
        metavar="WEIGHTS",
        default=None,
        help="weights to start from: a packaged name, a run folder or a file; the model is theirs",
    )
    add_device(made)
    add_devices(made)
    add_threads(made, default="as many as pay, found by timing steps")
    add_set(made)
    return made


def run(args: Namespace) -> None:
    if args.steps is not None and args.minutes is not None:
        raise UserError("both --steps and --minutes came; give one of them")
    chosen = overrides(args.set)
    out = writable(args.out)

    use_threads(args.threads)
    from scalor.configs import train
    from scalor.outputs.places import refuse_report

    refuse_report(Path(out))
    train(
        args.preset,
        out,
        steps=args.steps,
        minutes=args.minutes,
        seed=args.seed,
        overrides=chosen,
        resume=args.resume,
        device=args.device,
        devices=args.devices,
        validation_minutes=args.validation_minutes,
        threads=args.threads,
        start=args.start,
    )
    from scalor.outputs.report import write_report

    print(f"open {typed(write_report(out))} to see how it went", file=sys.stderr)
