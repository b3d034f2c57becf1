"""Configs survive JSON, and only whole and known ones come back."""

import json
import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.core.jsonable import flat, from_jsonable, nearest, override, to_jsonable
from scalor.errors import UserError


@dataclass(frozen=True)
class Inner:
    widths: tuple[int, ...] = (16, 32)
    limit: float = math.inf


@dataclass(frozen=True)
class Outer:
    name: str = "a"
    count: int = 3
    on: bool = False
    rate: float | None = None
    lengths: tuple[tuple[float, int], ...] = ((0.0, 2),)
    inner: Inner = field(default_factory=Inner)


outers = st.builds(
    Outer,
    name=st.text(),
    count=st.integers(),
    on=st.booleans(),
    rate=st.none() | st.floats(allow_nan=False),
    lengths=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 9))).map(tuple),
    inner=st.builds(Inner, widths=st.lists(st.integers()).map(tuple), limit=st.floats(allow_nan=False)),
)


@settings(deadline=None)
@given(outers)
def test_a_config_comes_back_from_strict_json_unchanged(config: Outer) -> None:
    text = json.dumps(to_jsonable(config), allow_nan=False)
    assert from_jsonable(Outer, json.loads(text)) == config


@settings(deadline=None)
@given(st.integers(), st.floats(allow_nan=False), st.lists(st.integers(), min_size=1))
def test_an_override_reads_what_python_prints(count: int, rate: float, widths: list[int]) -> None:
    changed = override(override(Outer(), "count", str(count)), "rate", str(rate))
    changed = override(changed, "inner.widths", ",".join(map(str, widths)))
    assert (changed.count, changed.rate, changed.inner.widths) == (count, rate, tuple(widths))


def test_every_plain_setting_can_be_overridden_with_its_own_printed_value() -> None:
    config = Outer(rate=0.5)
    for key, value in flat(config).items():
        assert override(config, key, str(value)) == config, key


@pytest.mark.parametrize(("text", "value"), [("true", True), ("On", True), ("0", False), ("no", False)])
def test_switches_are_read_as_words(text: str, value: bool) -> None:
    assert override(Outer(), "on", text).on is value


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("coutn", "3", "did you mean x.count?"),
        ("inner.width", "3", "did you mean x.inner.widths?"),
        ("inner", "3", "x.inner.limit"),
        ("count.deep", "3", "has no parts"),
        ("count", "3.5", "a whole number"),
        ("count", "many", "a whole number"),
        ("on", "perhaps", "true or false"),
        ("rate", "nan", "a number"),
        ("inner.widths", "16,x", "a list"),
        ("lengths", "[[0, 2, 3]]", "3 values; 2 are wanted"),
    ],
)
def test_a_wrong_override_says_what_would_be_right(key: str, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said.replace("?", r"\?")):
        override(Outer(), key, text, where="x.")


def test_unknown_and_missing_keys_are_refused_by_name() -> None:
    whole = to_jsonable(Outer())
    with pytest.raises(UserError, match=r"config\.cuont is unknown; did you mean count\?"):
        from_jsonable(Outer, whole | {"cuont": 1})
    del whole["inner"]["limit"]
    with pytest.raises(UserError, match=r"config\.inner lacks limit"):
        from_jsonable(Outer, whole)


def test_a_number_is_not_taken_for_a_switch_nor_a_switch_for_a_number() -> None:
    with pytest.raises(UserError, match="on came as 1; true or false"):
        from_jsonable(Outer, to_jsonable(Outer()) | {"on": 1})
    with pytest.raises(UserError, match="count came as True; a whole number"):
        from_jsonable(Outer, to_jsonable(Outer()) | {"count": True})


def test_where_nothing_is_near_all_choices_are_named() -> None:
    assert nearest("zzz", ["alpha", "beta"]) == "choose from alpha, beta"
