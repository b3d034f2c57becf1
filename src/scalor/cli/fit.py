"""``scalor fit``: learn from the user's own unlabelled footage."""

import sys
from pathlib import Path

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeInt, PositiveFloat, PositiveInt

from scalor.cli.machine import use_threads
from scalor.cli.parser import Parser, add_device, add_devices, add_out, add_set, add_threads, overrides
from scalor.cli.paths import existing, writable
from scalor.core.words import typed

HELP = "learn from your own unlabelled videos"


def parser() -> Parser:
    made = Parser(description="Learn the objects of your own videos. No labels are needed; sizes are estimated.")
    made.add_argument("videos", metavar="VIDEO", nargs="+", help="video file, folder of frames or MOTChallenge folder")
    add_out(made, what="the run folder to write")
    made.add_argument(
        "--steps",
        metavar="N",
        type=PositiveInt,
        default=None,
        help="steps to learn (default: the preset's, 2000, or 1000 from weights)",
    )
    made.add_argument(
        "--minutes",
        metavar="M",
        type=PositiveFloat,
        default=None,
        help="minutes of processor time to learn instead (of the main thread; on a GPU: minutes on the clock). Beside "
        "other programs it takes longer on the clock, at most three times as long",
    )
    made.add_argument("--preset", default="auto", help="a preset's name; auto looks at the video")
    made.add_argument(
        "--from",
        dest="start",
        metavar="WEIGHTS",
        default=None,
        help="weights to start from, of videos like these: a run folder, a file, or a packaged name such as traffic",
    )
    made.add_argument(
        "--seed", metavar="S", type=NonNegativeInt, default=None, help="seed of everything random (default: 0)"
    )
    made.add_argument(
        "--region",
        metavar="WHERE",
        action="append",
        default=[],
        help="where to look: LEFT,TOP,RIGHT,BOTTOM or a polygon x,y,x,y,x,y,... in pixels of the video, or a picture "
        "that is bright there; may come several times (default: everywhere)",
    )
    made.add_argument("--resume", action="store_true", help="go on exactly where the run folder stopped")
    add_device(made)
    add_devices(made)
    add_threads(made, default="as many as pay, found by timing steps")
    add_set(made)
    return made


def run(args: Namespace) -> None:
    chosen = overrides(args.set)
    videos = [existing(video, what="video") for video in args.videos]
    out = writable(args.out)

    use_threads(args.threads)
    from scalor.configs import fit
    from scalor.outputs.places import refuse_report

    refuse_report(Path(out))
    fit(
        videos,
        out,
        steps=args.steps,
        minutes=args.minutes,
        preset=args.preset,
        overrides=chosen,
        seed=args.seed,
        resume=args.resume,
        device=args.device,
        start=args.start,
        devices=args.devices,
        threads=args.threads,
        region=args.region,
    )
    from scalor.outputs.report import write_report

    print(f"open {typed(write_report(out))} to see how it went", file=sys.stderr)
