"""``scalor export-model``: weights for other programs to run."""

import re
from pathlib import Path

from jsonargparse import Namespace
from jsonargparse.typing import PositiveInt

from scalor.cli.parser import Parser
from scalor.cli.paths import writable
from scalor.errors import UserError

HELP = "write weights as a file that other programs run"
FORMATS = ("onnx",)


def parser() -> Parser:
    made = Parser(description="Write one step of tracking, with its weights, as a file that other programs run.")
    made.add_argument("weights", metavar="WEIGHTS", help="a packaged name, a run folder, or a .safetensors file")
    made.add_argument("--to", choices=list(FORMATS), required=True, help="the format")
    made.add_argument("-o", "--out", metavar="FILE", required=True, help="the file to write")
    made.add_argument(
        "--size", metavar="HxW", default=None, help="of the frames (default: those that the weights were learned on)"
    )
    made.add_argument(
        "--objects", metavar="N", type=PositiveInt, default=64, help="how many it has room for (default: 64)"
    )
    return made


def run(args: Namespace) -> None:
    size = None if args.size is None else size_of(args.size)
    out = Path(args.out)
    writable(str(out.parent))
    if out.is_dir():
        raise UserError(
            f"{out} is a folder; the name of a file is wanted; give one with -o, for example {out}/step.onnx"
        )

    from scalor.outputs.onnx_step import export_onnx

    about = export_onnx(args.weights, out, size=size, objects=args.objects)
    height, width, channels = about["frame"]
    print(f"{out}: frames of {width}x{height} px with {channels} channels, room for {about['objects']} objects")


def size_of(text: str) -> tuple[int, int]:
    """Height and width from ``HxW``. Raises UserError."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None or "0" in (match[1].lstrip("0") or "0", match[2].lstrip("0") or "0"):
        raise UserError(f"--size is {text}; height x width in pixels is wanted, for example 360x640")
    return int(match[1]), int(match[2])
