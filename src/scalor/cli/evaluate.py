"""``scalor evaluate``: score tracks against the truth."""

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeInt, PositiveFloat

from scalor.cli.parser import Parser
from scalor.cli.paths import existing, writable
from scalor.errors import UserError

if TYPE_CHECKING:
    from scalor.core.tracks import Tracks

HELP = "score tracks against the truth"
DEFAULT_IOU = 0.5
OTHER_REPORTS = ("summary.json", "card.json", "metrics.csv")
"""Where one of these lies, ``report.html`` is that of a tracking, of futures or of a training."""
MOTSYNTH = "motsynth:"
"""What the truth begins with where it is a sequence of a MOTSynth folder."""


def parser() -> Parser:
    made = Parser(description="Print CLEAR-MOT, IDF1 and HOTA of tracks. Both files hold MOTChallenge rows.")
    made.add_argument(
        "--truth",
        metavar="GT",
        required=True,
        help="MOTChallenge file with the true boxes, or motsynth:FOLDER/028 for a sequence of a MOTSynth folder",
    )
    made.add_argument(
        "--tracks", metavar="TRACKS", required=True, help="what scalor track wrote, or a MOTChallenge file"
    )
    made.add_argument(
        "--classes",
        metavar="N",
        type=NonNegativeInt,
        nargs="+",
        default=None,
        help="classes of the truth that are to be found (default: 1, the benchmark's pedestrians; in VisDrone's and "
        "UAVDT's columns all)",
    )
    for name in ("truth", "tracks"):
        made.add_argument(
            f"--{name}-box-base",
            type=int,
            choices=[0, 1],
            default=None,
            help=f"what the {name} call the left and top edge of the picture (default: 1, as MOTChallenge has it)",
        )
    made.add_argument("--iou", metavar="SHARE", type=PositiveFloat, default=None, help="least overlap (default: 0.5)")
    made.add_argument(
        "--distance", metavar="PX", type=PositiveFloat, default=None, help="or largest distance of centres, in pixels"
    )
    made.add_argument(
        "--frames",
        metavar="FIRST:LAST",
        default=None,
        help="score only these frames, both included, counted from 1 as in the files (default: all)",
    )
    made.add_argument(
        "--video",
        metavar="VIDEO",
        default=None,
        help="track this video with the classical competitor, MOG2 + SORT, too, and print its scores beside",
    )
    made.add_argument(
        "--allow-truncated", action="store_true", help="with --video: accept one whose end cannot be read"
    )
    made.add_argument("--json", action="store_true", help="print one JSON object")
    made.add_argument("-o", "--out", metavar="DIR", default=None, help="also write report.html into this folder")
    return made


def run(args: Namespace) -> None:
    if args.iou is not None and args.distance is not None:
        raise UserError("both --iou and --distance came; give one of them")
    if args.iou is not None and args.iou >= 1:
        raise UserError(f"--iou came as {args.iou:g}; it wants a share above 0 and below 1, for example 0.5")
    if args.distance is not None and not math.isfinite(args.distance):
        raise UserError(f"--distance came as {args.distance:g}; it wants a number of pixels, for example 20")
    if args.allow_truncated and args.video is None:
        raise UserError("--allow-truncated is for the video that --video names, and none came; leave it out")
    frames = None if args.frames is None else frame_range(args.frames)
    iou = DEFAULT_IOU if args.iou is None and args.distance is None else args.iou
    synthetic = args.truth.startswith(MOTSYNTH)
    if synthetic and (args.classes is not None or args.truth_box_base is not None):
        raise UserError(
            "--classes and --truth-box-base are about files, and MOTSynth says both by itself; leave them out"
        )
    truth_path = existing(args.truth if not synthetic else str(Path(args.truth[len(MOTSYNTH) :]).parent), what="truth")
    tracks_path = existing(args.tracks, what="tracks")
    out = None if args.out is None else writable(args.out)
    if out is not None and any((Path(out) / name).exists() for name in OTHER_REPORTS):
        raise UserError(f"{out} holds a result with a report of its own; another folder is wanted; choose one with -o")
    video = None if args.video is None else existing(args.video, what="video")

    import numpy as np

    from scalor.data.motchallenge import TruthTable, read_mot, read_truth
    from scalor.metrics.boxes import LEAST_VISIBLE
    from scalor.metrics.distractors import outside_regions, without_distractors
    from scalor.metrics.misfit import misfit
    from scalor.metrics.mot import evaluate
    from scalor.metrics.outside import outside
    from scalor.outputs.places import refuse_report
    from scalor.outputs.tracked import missing_before

    if out is not None:
        refuse_report(Path(out))

    def say(text: str) -> None:
        options = " (--truth-box-base, --tracks-box-base)" if "box base" in text else ""
        print(f"scalor: {text}{options}", file=sys.stderr)

    if synthetic:
        from scalor.data.motsynth import true_tracks

        everyone = true_tracks(truth_path, Path(args.truth).name)
        truth = TruthTable(everyone, distractors=everyone.select(np.zeros(len(everyone), dtype=bool)))
    else:
        truth = read_truth(truth_path, classes=args.classes, box_base=args.truth_box_base, say=say)

    def fair(tracks: "Tracks") -> "Tracks":
        asked = without_distractors(truth.tracks, truth.distractors, tracks)
        return asked if truth.regions is None else outside_regions(truth.regions, asked)

    def scored(tracks: "Tracks") -> dict[str, float | int | None]:
        how: dict[str, Any] = {"iou": iou, "distance": args.distance, "frames": frames}
        found, strict = (evaluate(truth.tracks, tracks, **how, strict=each).as_dict() for each in (False, True))
        return {**found, "mota_strict": strict["mota"]}

    tracks = read_mot(tracks_path, box_base=args.tracks_box_base, say=say)
    # What was reported was reported, however little of it the tracker says it saw: tracks.txt does not tell.
    tracks = fair(replace(tracks, visibility=np.ones(len(tracks))))
    scored_frames = truth.tracks.frame if frames is None else np.clip(truth.tracks.frame, frames[0], frames[1] - 1)
    if not (scored_frames == truth.tracks.frame).any():
        print("scalor: the truth has no boxes in the frames that are scored", file=sys.stderr)
    elif (truth.tracks.visibility < LEAST_VISIBLE).all():
        print(
            f"scalor: no box of {args.truth} is scored, as its visibility is below {LEAST_VISIBLE:g} in all rows; "
            "if the last columns are something else, take them out",
            file=sys.stderr,
        )
    beyond = outside(truth.tracks, tracks) if frames is None else None
    missing = missing_before(tracks_path)
    for hint in (beyond, misfit(truth.tracks, tracks, distance=args.distance, frames=frames, missing=missing)):
        if hint is not None:
            print(f"scalor: {hint}", file=sys.stderr)
    beside: dict[str, dict[str, float | int | None]] = {"tracks": scored(tracks)}
    if video is not None:
        beside["mog2-sort"] = scored(fair(_classical(video, args.allow_truncated)))
    if out is not None:
        from scalor.outputs.report_evaluation import write_evaluation

        gate = f"centres within {args.distance:g} px" if iou is None else f"boxes with an IoU of {iou:g} or more"
        write_evaluation(Path(out), truth.tracks, tracks, beside, video=video, frames=frames, gate=gate)
    if args.json:
        print(json.dumps(beside["tracks"] if video is None else beside, indent=2))
    else:
        print(table(beside["tracks"]) if video is None else columns(beside))


def _classical(video: str, allow_truncated: bool) -> "Tracks":
    from scalor.data.motchallenge import read_mot
    from scalor.outputs.track_folder import track_to_folder

    with TemporaryDirectory() as folder:
        track_to_folder(video, "", folder, method="mog2-sort", pictures=False, allow_truncated=allow_truncated)
        return read_mot(Path(folder) / "tracks.txt")


def frame_range(text: str) -> tuple[int, int]:
    """``"301:401"`` as (300, 401): the first frame counted from 0, and the first past the end.

    Raises:
        UserError: not two whole numbers from 1, the first not above the last.
    """
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise UserError(f"--frames came with {text!r}; it wants FIRST:LAST counted from 1, for example --frames 1:100")
    return int(first) - 1, int(last)


def table(scores: Mapping[str, float | None]) -> str:
    """The scores, one a line, names to the left and numbers to the right; ``-`` where a ratio has no meaning."""
    wide = max(map(len, scores), default=0)
    return "\n".join(f"{name:<{wide}}  {_shown(value):>10}" for name, value in scores.items())


def columns(scores: Mapping[str, Mapping[str, float | None]]) -> str:
    """Several sets of scores beside each other, each under its name."""
    first = next(iter(scores.values()))
    wide = max(map(len, first), default=0)
    lines = [" ".join([" " * wide, *(f"{title:>11}" for title in scores)])]
    for name in first:
        lines.append(" ".join([f"{name:<{wide}}", *(f"{_shown(each[name]):>11}" for each in scores.values())]))
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
