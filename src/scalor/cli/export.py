"""``scalor export``: tracks in the formats of other tools."""

from pathlib import Path

from jsonargparse import Namespace

from scalor.cli.parser import Parser, add_out
from scalor.cli.paths import existing

HELP = "write tracks in another tool's format"
FORMATS = (
    "cvat",
    "coco",
    "ctc",
    "geff",
    "napari",
    "movement",
    "trackmate",
    "sleap",
    "supervision",
    "trackpy",
    "video",
    "crops",
    "plot",
)
STYLE = ("masks", "boxes", "ids", "trails")


def parser() -> Parser:
    made = Parser(description="Write the tracks of a folder that scalor track wrote as another tool reads them.")
    made.add_argument("tracks", metavar="TRACKS", help="a folder written by scalor track")
    made.add_argument("--to", choices=list(FORMATS), required=True, help="the format")
    add_out(made, what="the file, or the new folder, to write")
    made.add_argument(
        "--video",
        metavar="VIDEO",
        default=None,
        help="the video, for video, crops and plot; its name, for trackmate and sleap",
    )
    made.add_argument("--label", metavar="NAME", default="object", help="what the objects are, for cvat and coco")
    made.add_argument(
        "--style", choices=list(STYLE), nargs="+", default=list(STYLE), help="what is drawn, for video (default: all)"
    )
    made.add_argument(
        "--blur",
        choices=["none", "objects", "background"],
        default="none",
        help="what is made unrecognisable, for video",
    )
    return made


def run(args: Namespace) -> None:
    tracks = existing(args.tracks, what="tracks")
    video = None if args.video is None else Path(existing(args.video, what="video"))

    from scalor.outputs.export import export
    from scalor.outputs.options import Options

    options = Options(video=video, label=args.label, style=tuple(args.style), blur=args.blur, say=print)
    print(f"wrote {export(tracks, args.to, args.out, options=options)}")
