"""``scalor measure``: paths, speeds, zones, lines and counts of tracks."""

import sys
from collections.abc import Sequence

from jsonargparse import Namespace
from jsonargparse.typing import PositiveFloat

from scalor.cli.parser import Parser, add_out
from scalor.cli.paths import existing
from scalor.core.words import counted
from scalor.errors import UserError

HELP = "measure paths, speeds, zones, crossings"


def parser() -> Parser:
    made = Parser(description="Write per_frame.csv, per_track.csv, counts.csv, crossings.csv and measures.png.")
    made.add_argument("tracks", metavar="TRACKS", help="a folder written by scalor track")
    made.add_argument(
        "--px-per-mm", metavar="N", type=PositiveFloat, default=None, help="pixels per millimetre (default: stay in px)"
    )
    made.add_argument(
        "--zone",
        metavar="NAME=X,Y,...",
        action="append",
        default=[],
        help="a rectangle (two corners) or polygon in pixels, any number of times",
    )
    made.add_argument(
        "--line",
        metavar="NAME=X,Y,X,Y",
        action="append",
        default=[],
        help="a line to cross, in pixels, any number of times",
    )
    add_out(made, what="the new folder to write")
    return made


def _refuse_twins(option: str, names: Sequence[str]) -> None:
    """Raises UserError where a name came twice."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{option} {twice} came twice; each name once is wanted; rename one")


def run(args: Namespace) -> None:
    tracks = existing(args.tracks, what="tracks")

    from scalor.outputs.measure import Ground, line_of, zone_of
    from scalor.outputs.measured_folder import measure_to_folder

    zones, lines = list(map(zone_of, args.zone)), list(map(line_of, args.line))
    for option, places in (("--zone", zones), ("--line", lines)):
        _refuse_twins(option, [name for name, _ in places])
    done = measure_to_folder(tracks, args.out, ground=Ground(args.px_per_mm, dict(zones), dict(lines)))
    if done["outside"]:
        height, width = done["size"]
        names = ", ".join(done["outside"])
        words = (
            f"wholly outside the picture of {width}x{height} px: {names}; check the corners, which are in its pixels"
        )
        print(f"scalor: {words}", file=sys.stderr)
    if done["without_mask"]:
        rows = counted(done["without_mask"], "row")
        words = f"{rows} without a mask, or with an empty one, among others with masks: the area there is the box's"
        print(f"scalor: {words}", file=sys.stderr)
    crossed = "".join(f" {counted(count, 'crossing')} of {name}." for name, count in done["crossings"].items())
    print(f"measured {done['tracks']} tracks over {done['seconds']:.7g} s.{crossed} Everything is in {args.out}.")
