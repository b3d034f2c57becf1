"""``scalor reproduce``: the paper's tables and figures, made again."""

from pathlib import Path

from jsonargparse import Namespace
from jsonargparse.typing import PositiveFloat, PositiveInt

from scalor.cli.machine import use_threads
from scalor.cli.parser import Parser, add_device, add_out, add_threads
from scalor.cli.paths import existing, writable
from scalor.core.words import typed
from scalor.errors import UserError

HELP = "make the paper's tables and figures again"


def parser() -> Parser:
    made = Parser(description="Write tables (Markdown, JSON) and figures (PNG), the paper's numbers beside ours.")
    made.add_argument(
        "what",
        metavar="WHAT",
        nargs="+",
        help="table1, table2, figure3 to figure14, or all; natural; behavior, balls, benchmark-sets; study1 to study9, "
        "or study",
    )
    made.add_argument("--rows", metavar="ROW", nargs="+", default=None, help="rows of the tables, as sprites-md")
    made.add_argument("--from-scratch", action="store_true", help="train first, and use no packaged weights")
    made.add_argument("--seeds", metavar="N", type=PositiveInt, default=1, help="trainings per row or case")
    made.add_argument(
        "--minutes",
        metavar="M",
        type=PositiveFloat,
        default=None,
        help="of each training (default: its preset's steps)",
    )
    made.add_argument("--steps", metavar="N", type=PositiveInt, default=None, help="or steps, of study and natural")
    made.add_argument(
        "--motsynth", metavar="FOLDER", default=None, help="MOTSynth's folder for the study (default: made crowds)"
    )
    made.add_argument("--clips", metavar="N", type=PositiveInt, default=100, help="held-out clips per score")
    made.add_argument("--particles", metavar="K", type=PositiveInt, default=50, help="samples of the likelihood")
    made.add_argument(
        "--runs", metavar="DIR", default=None, help="folder of run folders named ROW-SEED (default: runs in the output)"
    )
    made.add_argument("--video", metavar="VIDEO", default=None, help="figure 7 of a video of yours")
    made.add_argument("--weights", metavar="WEIGHTS", default=None, help="and of weights of yours")
    made.add_argument(
        "--data",
        metavar="FOLDER",
        default=None,
        help="for balls, films of yours beside texts of their boxes; for natural, the frames of Grand Central Station",
    )
    made.add_argument("--page", metavar="FILE", default=None, help="Markdown page that the results are put on")
    add_out(made, what="the folder to write", default="reproduced")
    add_device(made)
    add_threads(made)
    return made


def run(args: Namespace) -> None:
    video = None if args.video is None else existing(args.video, what="video")
    if args.steps is not None and args.minutes is not None:
        raise UserError("both --steps and --minutes came; give one of them")
    data = None if args.data is None else existing(args.data, what="folder")
    motsynth = None if args.motsynth is None else existing(args.motsynth, what="folder")
    out = writable(args.out)

    use_threads(args.threads)
    from scalor.experiments import Options, reproduce

    options = Options(
        rows=None if args.rows is None else tuple(args.rows),
        from_scratch=args.from_scratch,
        seeds=args.seeds,
        minutes=args.minutes,
        steps=args.steps,
        motsynth=motsynth,
        clips=args.clips,
        particles=args.particles,
        runs=None if args.runs is None else Path(args.runs),
        video=video,
        weights=args.weights,
        data=None if data is None else Path(data),
        page=None if args.page is None else Path(args.page),
        device=args.device,
    )
    page = reproduce(args.what, Path(out), options)
    print(f"everything is in {out}; open {typed(page)} first")
