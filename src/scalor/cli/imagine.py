"""``scalor imagine``: watch the start of a video and picture how it goes on."""

from pathlib import Path

from jsonargparse import Namespace
from jsonargparse.typing import ClosedUnitInterval, NonNegativeInt, PositiveInt

from scalor.cli.machine import use_threads
from scalor.cli.parser import Parser, add_device, add_out, add_threads
from scalor.cli.paths import existing, writable
from scalor.core.words import counted, typed

HELP = "imagine how a video goes on"


def parser() -> Parser:
    made = Parser(description="Observe the first frames of a video, then imagine the next ones without looking.")
    made.add_argument("video", metavar="VIDEO", help="video file, folder of frames or MOTChallenge folder")
    made.add_argument(
        "-w", "--weights", metavar="WEIGHTS", required=True, help="a run folder, a weights file or a packaged name"
    )
    add_out(made, what="the folder to write")
    made.add_argument("--observe", metavar="N", type=PositiveInt, default=5, help="frames to look at")
    made.add_argument("--steps", metavar="N", type=PositiveInt, default=20, help="frames to imagine")
    made.add_argument("--samples", metavar="N", type=PositiveInt, default=8, help="how many futures")
    made.add_argument("--seed", metavar="S", type=NonNegativeInt, default=0, help="seed of everything random")
    made.add_argument("--start", metavar="N", type=NonNegativeInt, default=0, help="frames to skip before that")
    made.add_argument(
        "--births",
        metavar="P",
        type=ClosedUnitInterval,
        default=0.0,
        help="probability per grid cell and frame that a new object appears (default: none do)",
    )
    add_device(made)
    add_threads(made)
    return made


def run(args: Namespace) -> None:
    existing(args.video, what="video")
    out = writable(args.out)

    use_threads(args.threads)
    from scalor.outputs.imagine_folder import imagine_to_folder

    summary = imagine_to_folder(
        args.video,
        args.weights,
        out,
        observe=args.observe,
        steps=args.steps,
        samples=args.samples,
        seed=args.seed,
        start=args.start,
        births=args.births,
        device=args.device,
    )
    print(
        f"imagined {counted(args.samples, 'future')} of {counted(args.steps, 'frame')} after {args.observe} observed, "
        f"with {counted(summary['objects_observed'], 'object')}; open {typed(Path(out) / 'report.html')} first"
    )
