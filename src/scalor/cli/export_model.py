"""``scalor export-model``: weights for other programs to run."""

import re
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeInt, PositiveInt

from scalor.cli.parser import Parser
from scalor.cli.paths import writable
from scalor.errors import UserError

HELP = "write weights as a file that other programs run"
FORMATS = ("onnx", "web")


def parser() -> Parser:
    made = Parser(description="Write one step of tracking, with its weights, as a file that other programs run.")
    made.add_argument("weights", metavar="WEIGHTS", help="a packaged name, a run folder, or a .safetensors file")
    made.add_argument(
        "--to", choices=list(FORMATS), required=True, help="onnx, or a web page that follows objects in a browser"
    )
    made.add_argument("-o", "--out", metavar="FILE", required=True, help="the file to write: step.onnx, page.html")
    made.add_argument(
        "--size", metavar="HxW", default=None, help="of the frames (default: those that the weights were learned on)"
    )
    made.add_argument(
        "--objects", metavar="N", type=PositiveInt, default=64, help="how many it has room for (default: 64)"
    )
    made.add_argument(
        "--video",
        metavar="N",
        type=NonNegativeInt,
        default=None,
        help="which of the videos that the weights were learned on, counted from 0, where each has a place of its own",
    )
    made.add_argument(
        "--runtime",
        metavar="FOLDER",
        default=None,
        help="with --to web: onnxruntime-web's dist folder, to put into the page (default: the page fetches it)",
    )
    return made


def run(args: Namespace) -> None:
    size = None if args.size is None else size_of(args.size)
    out = Path(args.out)
    writable(str(out.parent))
    if out.is_dir():
        name = "step.onnx" if args.to == "onnx" else "page.html"
        raise UserError(f"{out} is a folder; the name of a file is wanted; give one with -o, for example {out}/{name}")
    if args.to == "web":
        about, end = _page(args, out, size), "; open it in a browser"
    elif args.runtime is not None:
        raise UserError("--runtime is for pages, and --to onnx writes none; use --to web, or leave it out")
    else:
        from scalor.outputs.onnx_step import export_onnx

        about, end = export_onnx(args.weights, out, size=size, objects=args.objects, video=args.video), ""
    height, width, channels = about["frame"]
    print(f"{out}: frames of {width}x{height} px with {channels} channels, room for {about['objects']} objects{end}")


def _page(args: Namespace, out: Path, size: tuple[int, int] | None) -> dict[str, Any]:
    from scalor.outputs.places import ending
    from scalor.outputs.web_page import export_web

    ending(out, ".html", "a page")
    how: dict[str, Any] = {"size": size, "objects": args.objects, "video": args.video, "runtime": args.runtime}
    return export_web(args.weights, out, **how)


def size_of(text: str) -> tuple[int, int]:
    """Height and width from ``HxW``. Raises UserError."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None or "0" in (match[1].lstrip("0") or "0", match[2].lstrip("0") or "0"):
        raise UserError(f"--size is {text}; height x width in pixels is wanted, for example 360x640")
    return int(match[1]), int(match[2])
