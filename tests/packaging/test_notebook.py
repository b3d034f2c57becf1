"""The notebook runs from top to bottom and says what it should."""

import contextlib
import io
import json
import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"


def test_every_cell_of_the_quickstart_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4 and all(cell["id"] for cell in notebook["cells"])
    names: dict[str, object] = {}
    said = io.StringIO()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None, "the notebook is kept without outputs"
            with contextlib.redirect_stdout(said):
                exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    found = re.search(r"(\d+) objects, (\d+) of them in the last frame", said.getvalue())
    assert found and int(found[1]) >= int(found[2]) >= 2
    assert said.getvalue().count("moves by") >= 2
    assert not list(tmp_path.iterdir())
