"""``scalor track``: follow every object of a video and write tracks, masks and an overlay."""

from jsonargparse import Namespace
from jsonargparse.typing import ClosedUnitInterval

from scalor.cli.parser import Parser, add_device, add_out
from scalor.cli.paths import existing, writable
from scalor.errors import UserError

HELP = "track the objects of a video"


def parser() -> Parser:
    made = Parser(description="Write tracks.txt, tracks.csv, masks.json, overlay.mp4 and summary.json.")
    made.add_argument("video", metavar="VIDEO", help="video file, folder of frames or MOTChallenge folder")
    made.add_argument("-w", "--weights", metavar="WEIGHTS", help="a run folder, a weights file or a packaged name")
    add_out(made, what="the folder to write")
    made.add_argument(
        "--method",
        choices=["scalor", "mog2-sort"],
        default="scalor",
        help="the learned model, or the classical competitor, which needs no weights",
    )
    made.add_argument(
        "--min-visibility",
        metavar="SHARE",
        type=ClosedUnitInterval,
        default=None,
        help="leave out boxes of which less than this share of the object is seen",
    )
    made.add_argument(
        "--allow-truncated", action="store_true", help="accept a video whose end cannot be read, and say so"
    )
    add_device(made)
    return made


def run(args: Namespace) -> None:
    if args.method == "scalor" and args.weights is None:
        raise UserError("no weights came; give -w a run folder, a file or a packaged name (scalor weights lists them)")
    existing(args.video, what="video")
    out = writable(args.out)
    optional = {} if args.min_visibility is None else {"min_visibility": args.min_visibility}

    from scalor.tracking.run import track_to_folder

    track_to_folder(
        args.video,
        args.weights or "",
        out,
        method=args.method,
        device=args.device,
        allow_truncated=args.allow_truncated,
        **optional,
    )
