"""``scalor data``: write generated clips as MOTChallenge folders."""

from pathlib import Path

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeInt, PositiveInt

from scalor.cli.parser import Parser, add_out
from scalor.cli.paths import writable
from scalor.errors import UserError

HELP = "write generated clips with their truth"


def parser() -> Parser:
    made = Parser(description="Write clips of a named data set, for example sprites-md, as MOTChallenge folders.")
    made.add_argument("name", metavar="NAME", help="the data set's name")
    made.add_argument("--clips", metavar="N", type=PositiveInt, default=20, help="how many clips")
    made.add_argument("--seed", metavar="S", type=NonNegativeInt, default=0, help="another seed, other clips")
    add_out(made, what="the folder to write")
    return made


def run(args: Namespace) -> None:
    out = Path(writable(args.out))

    from scalor.configs import data_named
    from scalor.data.motchallenge import write_clip

    dataset = data_named(args.name, args.seed)
    if args.clips > len(dataset):
        raise UserError(f"{args.clips} clips were asked for; {args.name} has {len(dataset)}: ask for fewer")
    for index in range(args.clips):
        write_clip(dataset[index], out / f"{args.name}-{args.seed}-{index:06d}")
    print(f"wrote {args.clips} clips to {out}")
