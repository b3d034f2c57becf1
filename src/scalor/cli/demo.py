"""``scalor demo``: the whole job on a packaged clip."""

from jsonargparse import Namespace
from jsonargparse.typing import PositiveFloat

from scalor.cli.parser import Parser, add_out
from scalor.cli.paths import existing, writable
from scalor.errors import UserError

HELP = "learn from a packaged clip and track it"


def parser() -> Parser:
    made = Parser(description="Learn from a packaged real clip from scratch, track it, imagine its future.")
    made.add_argument("--minutes", metavar="M", type=PositiveFloat, default=5.0, help="time to learn")
    made.add_argument(
        "--scene",
        choices=["cars", "people"],
        default=None,
        help="which packaged clip; cars, from above, if none is named",
    )
    made.add_argument("--clip", metavar="VIDEO", default=None, help="a video of yours in place of a packaged one")
    made.add_argument("--truth", metavar="FILE", default=None, help="MOTChallenge rows to score that video with")
    add_out(made, what="the folder to write", default="demo-output")
    return made


def run(args: Namespace) -> None:
    if args.truth is not None and args.clip is None:
        raise UserError("--truth came without --clip; packaged clips have their own truth; give --clip or leave it out")
    if args.scene is not None and args.clip is not None:
        raise UserError("--scene and --clip came together; one video is learned from; leave one of them out")
    clip = None if args.clip is None else existing(args.clip, what="clip")
    truth = None if args.truth is None else existing(args.truth, what="truth")
    out = writable(args.out)

    from scalor.cli.demo_command import run as run_demo

    run_demo(args.minutes, out, scene=args.scene or "cars", clip=clip, truth=truth)
