"""A page that follows objects in a browser: the ONNX step inside one HTML file, run by ONNX Runtime Web."""

import base64
import gzip
import html
import os
import re
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from scalor.errors import UserError
from scalor.outputs.onnx_step import OBJECTS, export_onnx
from scalor.outputs.report_page import in_script
from scalor.pretrained import Loaded, load_all
from scalor.tracking.stored import backdrops_of
from scalor.viz.draw import COLORS, track_color
from scalor.viz.export import write_text

RUNTIME = "1.30.0"
"""The release of the npm package onnxruntime-web that pages fetch."""
FROM = f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{RUNTIME}/dist/"
PARTS = {
    "code": ("ort.wasm.bundle.min.mjs", "sha384-PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG"),
    "wasm": ("ort-wasm-simd-threaded.wasm", "sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM"),
}
"""Its two files that a page needs, and the hashes by which browsers refuse any other."""
LEAST_VISIBILITY = 0.25
"""As `Tracker` reports by default."""


def export_web(
    weights: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    objects: int = OBJECTS,
    video: int | None = None,
    runtime: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Write a page that follows objects in a video or a camera of who opens it; returns what `export_onnx` does.

    Args:
        weights, size, objects, video: as for `export_onnx`.
        out: the HTML file.
        runtime: a folder with the files of onnxruntime-web, which are put into the page; None: the page fetches them.

    Raises:
        UserError: as `export_onnx`, or the files are not in ``runtime``.
    """
    inside = runtime_files(runtime)
    with tempfile.TemporaryDirectory() as folder:
        about = export_onnx(weights, Path(folder) / "step.onnx", size=size, objects=objects, video=video)
        model = (Path(folder) / "step.onnx").read_bytes()
    write_page(out, model, about | filmed(load_all(weights), about, video), runtime=inside)
    return about


def runtime_files(folder: str | os.PathLike[str] | None) -> dict[str, bytes]:
    """The two files of onnxruntime-web, empty where no folder is given. Raises UserError where one is missing."""
    if folder is None:
        return {}
    try:
        return {part: (Path(folder) / name).read_bytes() for part, (name, _) in PARTS.items()}
    except OSError as error:
        wanted = " and ".join(name for name, _ in PARTS.values())
        raise UserError(
            f"{folder} is no folder of ONNX Runtime for browsers ({error}); {wanted} are wanted there; "
            f"npm install onnxruntime-web@{RUNTIME} brings them as node_modules/onnxruntime-web/dist"
        ) from error


def filmed(loaded: Loaded, about: Mapping[str, Any], video: int | None = None) -> dict[str, Any]:
    """What weights of footage know of their place at the size of the file: its empty scene and its rate, those of the
    first video, or of ``video``."""
    height, width, _ = about["frame"]
    wanted = slice(None) if video is None else slice(video, video + 1)
    fitting = [image for image in backdrops_of(loaded)[wanted] if image.shape[:2] == (height, width)]
    rates = [entry["fps"] for entry in (loaded.card.get("footage") or [])[wanted] if entry.get("fps")]
    return {
        "empty": base64.b64encode(fitting[0].tobytes()).decode() if fitting and about["backdrop"] else None,
        "fps": rates[0] if rates else None,
    }


def write_page(
    out: str | os.PathLike[str],
    model: bytes,
    about: Mapping[str, Any],
    *,
    runtime: Mapping[str, bytes],
    source: str = FROM,
) -> None:
    """The page around a model; what is not in ``runtime`` is fetched from ``source`` by whoever opens it."""
    fetched = {part: [source + name, integrity] for part, (name, integrity) in PARTS.items()}
    known = dict(about) | {
        "least": LEAST_VISIBILITY,
        "palette": ["rgb({}, {}, {})".format(*track_color(number)) for number in range(COLORS)],
        "runtime": {"inside": bool(runtime), **fetched},
    }
    filled = {
        "TITLE": html.escape(str(about.get("weights", "step"))),
        "ABOUT": in_script(known),
        "MODEL": _packed(model),
        "CODE": _packed(runtime.get("code", b"")),
        "WASM": _packed(runtime.get("wasm", b"")),
    }
    page = files("scalor.outputs").joinpath("web_page.html").read_text(encoding="utf-8")
    write_text(out, re.sub("@(TITLE|ABOUT|MODEL|CODE|WASM)@", lambda match: filled[match[1]], page))


def _packed(raw: bytes) -> str:
    """Base64 of gzip, with a time of 0 so that equal pages are equal files."""
    return base64.b64encode(gzip.compress(raw, mtime=0)).decode()
