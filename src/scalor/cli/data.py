"""``scalor data``: write generated clips as MOTChallenge folders, crowds as a MOTSynth folder."""

from pathlib import Path

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeInt, PositiveInt

from scalor.cli.parser import Parser, add_out
from scalor.cli.paths import writable
from scalor.core.words import counted
from scalor.errors import UserError

HELP = "write generated clips with their truth"


def parser() -> Parser:
    made = Parser(
        description="Write clips of a named data set, for example sprites-md, as MOTChallenge folders; of crowds, for "
        "example crowd-hard, as the sequences of one MOTSynth folder."
    )
    made.add_argument("name", metavar="NAME", help="the data set's name")
    made.add_argument("--clips", metavar="N", type=PositiveInt, default=20, help="how many clips")
    made.add_argument("--seed", metavar="S", type=NonNegativeInt, default=0, help="another seed, other clips")
    add_out(made, what="the folder to write")
    return made


def run(args: Namespace) -> None:
    out = Path(writable(args.out))

    from scalor.configs import data_named
    from scalor.data.crowd import Crowd
    from scalor.data.motchallenge import write_clip
    from scalor.data.motsynth_write import write_motsynth

    dataset = data_named(args.name, args.seed)
    if args.clips > len(dataset):
        raise UserError(f"{args.clips} clips were asked for; {args.name} has {len(dataset)}: ask for fewer")
    if isinstance(dataset, Crowd):
        write_motsynth((dataset[index] for index in range(args.clips)), out)
        print(f"wrote {counted(args.clips, 'sequence')} to {out}; read them as data=motsynth:{out}")
        return
    for index in range(args.clips):
        write_clip(dataset[index], out / f"{args.name}-{args.seed}-{index:06d}")
    print(f"wrote {counted(args.clips, 'clip')} to {out}")
