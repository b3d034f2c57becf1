"""What packages the package agrees with it: the conda recipe, the image, the Space, the metadata."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jinja2
import pytest
import yaml

import scalor

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA = {"torch": "pytorch", "jsonargparse[signatures]": "jsonargparse"}
SIGNATURES = ["docstring_parser", "typeshed-client"]
"""What the extra of jsonargparse brings on PyPI."""


def spaced(requirement: str) -> str:
    """``torch>=2.6`` as conda writes it."""
    name, bound = re.fullmatch(r"([\w\-\[\],]+)(.*)", requirement).groups()  # type: ignore[union-attr]
    return f"{CONDA.get(name, name)} {bound}".strip()


def test_the_conda_recipe_wants_what_the_package_wants() -> None:
    text = (ROOT / "recipe" / "meta.yaml").read_text(encoding="utf-8")
    recipe = yaml.safe_load(jinja2.Template(text).render(PYTHON="python"))
    assert recipe["package"] == {"name": "scalor", "version": scalor.__version__}
    wanted = [spaced(each) for each in PROJECT["dependencies"] if not each.startswith("trackers")]
    python = f"python {PROJECT['requires-python']}"
    assert sorted(recipe["requirements"]["run"]) == sorted([python, *wanted, *SIGNATURES])
    assert "pip install trackers" in text
    assert recipe["build"]["entry_points"] == [f"scalor = {PROJECT['scripts']['scalor']}"]
    assert recipe["about"]["summary"] == PROJECT["description"] and recipe["about"]["license"] == PROJECT["license"]


def test_the_version_is_one_and_the_changelog_tells_of_it() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == scalor.__version__
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{scalor.__version__}] - 20" in text and text.index("## [Unreleased]") < text.index(scalor.__version__)


def test_the_image_copies_what_is_there_and_no_more() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    assert copied and all((ROOT / word).exists() for word in copied)
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_through == set(copied)
    kept = [PROJECT["readme"], *PROJECT["license-files"], "pyproject.toml", "src"]
    assert set(kept) == set(copied), "the build of the wheel reads these"
    torch = next(number for number, line in enumerate(lines) if "whl/cpu" in line)
    package = next(number for number, line in enumerate(lines) if "pip install --no-cache-dir /src" in line)
    assert torch < package


def test_the_space_serves_the_page_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    from scalor.app import serve as module

    served: dict[str, object] = {}
    monkeypatch.setattr(module, "serve", lambda **settings: served.update(settings))
    exec(compile((ROOT / "space" / "app.py").read_text(encoding="utf-8"), "app.py", "exec"), {})
    assert served["host"] == "0.0.0.0" and served["port"] == 7860 and served["browser"] is False
    assert served["limits"].learn_minutes <= 10  # type: ignore[attr-defined]
    head = yaml.safe_load((ROOT / "space" / "README.md").read_text(encoding="utf-8").split("---")[1])
    assert (head["sdk"], head["app_file"], head["license"]) == ("gradio", "app.py", "mit")
    assert len(head["short_description"]) <= 60, "the Hub takes no longer ones"
    assert "scalor[app]" in (ROOT / "space" / "requirements.txt").read_text().splitlines()


def test_all_is_all_that_a_user_may_want() -> None:
    extras = PROJECT["optional-dependencies"]
    (words,) = extras["all"]
    assert set(re.fullmatch(r"scalor\[(.*)\]", words)[1].split(",")) == extras.keys() - {"all", "dev", "docs"}  # type: ignore[index]


def test_the_install_page_names_every_extra() -> None:
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(PROJECT["optional-dependencies"])


def test_the_metadata_names_the_pythons() -> None:
    named = [each.rsplit(" ", 1)[1] for each in PROJECT["classifiers"] if "Python :: 3." in each]
    assert named == ["3.11", "3.12", "3.13", "3.14"] and PROJECT["requires-python"] == ">=3.11"


def test_importing_warns_of_nothing_and_loads_nothing_heavy() -> None:
    code = "import sys, scalor; print([name for name in ('torch', 'numpy', 'av', 'lightning') if name in sys.modules])"
    environment = {"PYTHONPATH": str(Path(scalor.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
