"""`core.arguments`: what a caller from Python gives where a plain value is wanted."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import scalor
from scalor.core.arguments import plainly
from scalor.errors import UserError


@plainly
def told(path: str | list[str], *, steps: int | None = None, minutes: float = 1.0, quiet: bool = False) -> str:
    """What came."""
    return f"{path} {steps} {minutes} {quiet}"


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [
        ({"steps": "100"}, "steps is '100'; a whole number or None is wanted"),
        ({"steps": 1.5}, "steps is 1.5; a whole number or None is wanted"),
        ({"steps": True}, "steps is True; a whole number or None is wanted"),
        ({"minutes": "2"}, "minutes is '2'; a number is wanted"),
        ({"minutes": None}, "minutes is None; a number is wanted"),
        ({"quiet": "yes"}, "quiet is 'yes'; True or False is wanted"),
        ({"quiet": 1}, "quiet is 1; True or False is wanted"),
    ],
)
def test_other_kinds_are_told_in_one_sentence(wrong: dict[str, object], wanted: str) -> None:
    with pytest.raises(UserError, match=wanted.replace("'", ".")):
        told("film", **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [3, np.int64(3), np.uint8(3), torch.tensor(3), None])
@pytest.mark.parametrize("minutes", [2, 2.0, np.float32(2), np.int32(2)])
def test_numbers_of_other_libraries_are_numbers(steps: int | None, minutes: float) -> None:
    assert told("film", steps=steps, minutes=minutes, quiet=np.bool_(True)).endswith("True")


@given(st.integers(), st.floats(), st.booleans())
def test_right_values_pass_unchanged(steps: int, minutes: float, quiet: bool) -> None:
    assert told(["a"], steps=steps, minutes=minutes, quiet=quiet) == f"['a'] {steps} {minutes} {quiet}"


def test_a_missing_or_unknown_argument_is_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="path"):
        told()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="stepps"):
        told("film", stepps=3)  # type: ignore[call-arg]


@pytest.mark.parametrize("minutes", [float("inf"), float("nan"), 0, -1.0])
def test_learning_for_ever_is_refused(minutes: float, tmp_path) -> None:
    with pytest.raises(UserError, match="minutes is .*; a finite number above 0 is wanted"):
        scalor.fit("film.mp4", tmp_path / "run", minutes=minutes)
    assert not (tmp_path / "run").exists()


def test_the_front_door_checks(tmp_path) -> None:
    for call, wrong in ((scalor.fit, "steps"), (scalor.track, "animals"), (scalor.imagine, "observe")):
        out = [tmp_path / "run"]
        with pytest.raises(UserError, match=f"{wrong} is '3'"):
            call("film.mp4", *out, **{wrong: "3"})
    assert not (tmp_path / "run").exists()
    assert "steps" in inspect.signature(scalor.fit).parameters
