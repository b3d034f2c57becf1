"""A step in ONNX Runtime, for tests of what is exported."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DEPLOY = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
COMMAND, *_ = (shlex.split(line) for line in re.findall(r"```sh\nscalor (.*?)\n```", DEPLOY))
"""The page's own: sprites-md, into step.onnx."""

Step = Callable[[np.ndarray], dict[str, np.ndarray]]


def opened(runtime: Any, path: Path) -> Any:
    """The file in ONNX Runtime, on one thread."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def running(session: Any, **still: np.ndarray) -> Step:
    """A session that keeps its own state, with nothing but what the file says about itself and what stays."""
    about = json.loads(session.get_modelmeta().custom_metadata_map["scalor"])
    state = {name: np.zeros(each["shape"], each["type"]) for name, each in about["state"].items()}
    names = [output.name for output in session.get_outputs()]

    def see(frame: np.ndarray) -> dict[str, np.ndarray]:
        out = dict(zip(names, session.run(names, {"frame": frame} | still | state), strict=True))
        state.update({name: out[f"next.{name}"] for name in state})
        return out

    return see
