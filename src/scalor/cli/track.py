"""``scalor track``: follow every object of a video and write tracks, masks and an overlay."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from jsonargparse.typing import ClosedUnitInterval, PositiveFloat, PositiveInt

from scalor.cli.machine import use_threads
from scalor.cli.parser import Parser, add_device, add_out, add_threads
from scalor.cli.paths import existing, writable
from scalor.core.words import counted, typed
from scalor.errors import UserError

HELP = "track the objects of a video"


def parser() -> Parser:
    made = Parser(
        description="Write tracks.txt, tracks.csv, masks.json, overlay.mp4, doubts.png, summary.json and report.html."
    )
    made.add_argument(
        "video",
        metavar="VIDEO",
        help="video file, folder of frames or MOTChallenge folder; with --online also cam:0, rtsp://..., http://..., "
        "a pipe, or - for the standard input",
    )
    made.add_argument("-w", "--weights", metavar="WEIGHTS", help="a run folder, a weights file or a packaged name")
    add_out(made, what="the folder to write")
    made.add_argument(
        "--method",
        choices=["scalor", "mog2-sort"],
        default="scalor",
        help="the learned model, or the classical competitor, which needs no weights",
    )
    add_options(made)
    made.add_argument(
        "--seconds",
        metavar="S",
        type=PositiveFloat,
        default=None,
        help="with --online: end a stream after so long (default: when it ends, or at Ctrl-C)",
    )
    add_device(made)
    add_threads(made)
    return made


def add_options(made: Parser) -> None:
    """How a video is tracked, whether one or many."""
    made.add_argument(
        "--min-visibility",
        metavar="SHARE",
        type=ClosedUnitInterval,
        default=None,
        help="leave out boxes of which less than this share of the object is seen (default: 0.25)",
    )
    made.add_argument(
        "--allow-truncated", action="store_true", help="accept a video whose end cannot be read, and say so"
    )
    made.add_argument(
        "--box-base",
        type=int,
        choices=[0, 1],
        default=None,
        help="what the tables call the left and top edge of the picture: 1 as MOTChallenge has it (default), or 0",
    )
    made.add_argument(
        "--online",
        action="store_true",
        help="report each frame from the frames before it alone, as from a camera (default: read the video twice)",
    )
    made.add_argument(
        "--animals",
        metavar="N",
        type=PositiveInt,
        default=None,
        help="so many individuals are there all the time; each keeps one identity from the first frame to the last",
    )


def options_of(args: Namespace) -> dict[str, Any]:
    """The keyword arguments of `track_to_folder` that `add_options` asks for."""
    wanted = {"min_visibility": args.min_visibility, "box_base": args.box_base, "animals": args.animals}
    given = {name: value for name, value in wanted.items() if value is not None}
    return given | {"allow_truncated": args.allow_truncated, "online": args.online}


def run(args: Namespace) -> None:
    from scalor.data.places import kind_of_stream

    if args.method == "scalor" and args.weights is None:
        raise UserError("no weights came; give -w a run folder, a file or a packaged name (scalor weights lists them)")
    if args.method == "mog2-sort":
        if args.min_visibility is not None:
            raise UserError("--min-visibility is for the learned model, and mog2-sort has no use for it; leave it out")
        if args.weights is not None:
            print("scalor: mog2-sort needs no weights: those that -w names are not looked at", file=sys.stderr)
    if not (args.online and kind_of_stream(args.video)):
        existing(args.video, what="video")
    out = writable(args.out)

    use_threads(args.threads)
    from scalor.outputs.track_folder import track_to_folder

    summary = track_to_folder(
        args.video,
        args.weights or "",
        out,
        method=args.method,
        device=args.device,
        seconds=args.seconds,
        **options_of(args),
    )
    print(closing(summary, out))


def closing(summary: Mapping[str, Any], out: str) -> str:
    """What was done, from the summary that `track_to_folder` returns."""
    frames, failed = counted(summary["frames"], "frame"), len(summary["failed_frames"])
    lost = f" {counted(failed, 'frame')} could not be decoded: no rows there." if failed else ""
    if covered := summary.get("covered_frames"):
        lost += f" In {counted(covered, 'frame')} something covers much of the view: no rows there."
    if repeated := summary.get("repeated_frames"):
        repeat = "repeats" if repeated == 1 else "repeat"
        lost += f" {counted(repeated, 'frame')} {repeat} the one before: the same rows there, and no time passes."
    reading = summary.get("reading", "")
    if reading and reading != f"{frames} decoded":
        lost += f"\nThe video: {reading}."
    if summary["frames"] == 1:
        lost += "\nThis is a single frame; for more give a film, a stack, or the folder of the pictures."
    return (
        f"{counted(summary['tracks'], 'track')} in {frames} at {summary['speed']['frames_per_second']:g} frames "
        f"per second ({summary['objects_per_frame']:.3g} objects per frame).{lost}\n{trusted(summary)}\n"
        f"Everything is in {out}; open {typed(Path(out) / 'report.html')} first."
    )


def trusted(summary: Mapping[str, Any]) -> str:
    """What speaks for and against the tracks, in a few lines."""
    from scalor.core.tracks import FIRST_FRAME

    if not summary["tracks"]:
        return "Nothing was found; the report says what to try next."
    trust = summary["trust"]
    lengths = trust["frames_per_track"]
    lines = [
        f"Tracks last {lengths['median']:g} frames in the middle ({lengths['shortest']} to {lengths['longest']}) "
        f"and have {counted(trust['gaps'], 'gap')}; {trust['appear_inside']} appear and {trust['vanish_inside']} "
        "vanish inside the view."
    ]
    if summary["passes"] == 2:
        lines.append(
            f"The second pass closed {counted(summary['gaps_closed'], 'gap')}, undid "
            f"{counted(summary['swaps_undone'], 'swap')}, dropped {counted(summary['tracks_dropped'], 'track')} and "
            f"took {summary['parts_joined']} for parts of others."
        )
    if trust["doubts"]:
        worst = trust["doubts"][0]
        many = len(trust["doubts"])
        moments = f"The {many} most doubtful moments are" if many > 1 else "The most doubtful moment is"
        lines.append(
            f"{moments} in report.html{'; the first' * (many > 1)}: frame "
            f"{worst['frame'] + FIRST_FRAME}, {worst['id']} {worst['words']}."
        )
    return "\n".join(lines)
