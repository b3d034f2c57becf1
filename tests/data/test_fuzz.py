"""A slice of the fuzz of all readers, and the cases in which it once found something (benchmarks/fuzz_readers.py)."""

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("fuzz", Path(__file__).parents[2] / "benchmarks" / "fuzz_readers.py")
assert SPEC is not None and SPEC.loader is not None
FUZZ = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(FUZZ)
FOUND = (4379, 7650, 21482, 724076, 729369, 749711, 756022, 785110)
"""Streams of an FLV that begin in mid-file; data beside a picture that PyAV has no name for; cards of models that
cannot be built; a row of frame 9999999; a PNG over which OpenCV does not come to an end."""
SLICE = range(1000, 1040)


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    return FUZZ.made(tmp_path_factory.mktemp("valid"), [kind for kind in FUZZ.KINDS if kind != "joined"])


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    return FUZZ.made(tmp_path_factory.mktemp("joined"), ["joined"])


@pytest.mark.parametrize("seed", [*FOUND, *SLICE])
def test_a_damaged_file_is_read_or_refused_in_one_sentence(valid, seed):
    kind, outcome = FUZZ.one_case(seed, valid)
    assert outcome in ("read", "refused"), (kind, outcome)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_joined_films_are_read_or_refused_in_one_sentence(joined, seed):
    kind, outcome = FUZZ.one_case(seed, joined)
    assert outcome in ("read", "refused"), (kind, outcome)


def test_the_valid_files_are_read(valid, joined, tmp_path):
    for kind, paths in (valid | joined).items():
        for number, path in enumerate(paths):
            case = tmp_path / f"{kind}{number}"
            case.mkdir()
            for beside in path.parent.iterdir() if kind == "weights" else [path]:
                if beside.is_file():
                    (case / beside.name).write_bytes(beside.read_bytes())
            FUZZ.KINDS[kind][1](case / path.name, case)
