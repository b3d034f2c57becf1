"""``scalor correct``: identities put right by hand."""

import sys
from pathlib import Path

from jsonargparse import Namespace

from scalor.cli.parser import Parser, add_out
from scalor.cli.paths import existing

HELP = "apply corrections of identities to tracks"


def parser() -> Parser:
    made = Parser(description="Apply rows action,id,other,first,last (swap, merge, split, delete, relabel) to tracks.")
    made.add_argument("tracks", metavar="TRACKS", help="a folder written by scalor track")
    made.add_argument("corrections", metavar="CORRECTIONS", help="a .csv of corrections, applied from top to bottom")
    made.add_argument(
        "--video", metavar="VIDEO", default=None, help="the video, to draw overlay.mp4 and doubts.png again"
    )
    add_out(made, what="the new folder to write")
    return made


def run(args: Namespace) -> None:
    tracks = existing(args.tracks, what="tracks")
    corrections = existing(args.corrections, what="corrections")
    video = None if args.video is None else Path(existing(args.video, what="video"))

    from scalor.outputs.corrected_folder import correct_folder

    def say(text: str) -> None:
        print(f"scalor: {text}", file=sys.stderr)

    after = correct_folder(tracks, corrections, args.out, video=video, say=say)
    print(f"{after.summary['tracks']} tracks and {after.summary['boxes']} boxes remain. Everything is in {args.out}.")
