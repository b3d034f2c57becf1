"""Configs survive JSON, and only whole and known ones come back."""

import json
import math
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.core.jsonable import flat, from_jsonable, later, nearest, one_of_jsonable, override, to_jsonable
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


@dataclass(frozen=True)
class Other:
    kind: Literal["other"] = "other"
    size: int = 2


@dataclass(frozen=True)
class Third:
    kind: Literal["third"] = "third"


@dataclass(frozen=True)
class Holder:
    part: Inner | Other | Third = field(default_factory=Inner)


@pytest.mark.parametrize("part", [Inner(limit=3.0), Other(size=5), Third()])
def test_a_union_of_configs_comes_back_as_the_kind_it_was(part: Inner | Other | Third) -> None:
    data = json.loads(json.dumps(to_jsonable(Holder(part))))
    assert from_jsonable(Holder, data) == Holder(part)
    assert one_of_jsonable((Inner, Other, Third), data["part"]) == part


def test_the_one_without_a_kind_is_what_was_written_before_there_were_kinds() -> None:
    assert one_of_jsonable((Other, Inner), to_jsonable(Inner())) == Inner()


def test_an_unknown_kind_names_the_nearest_and_keys_stay_strict() -> None:
    with pytest.raises(UserError, match=r"config.kind is 'othr'; did you mean other\?"):
        one_of_jsonable((Inner, Other, Third), {"kind": "othr"})
    with pytest.raises(UserError, match="config lacks size"):
        one_of_jsonable((Inner, Other), {"kind": "other"})
    with pytest.raises(UserError, match="config.widths is unknown"):
        one_of_jsonable((Inner, Other), {"kind": "other", "widths": [1]})
    with pytest.raises(UserError, match="config is 3; an object"):
        one_of_jsonable((Inner, Other), 3)


def test_a_kind_cannot_be_set_to_another() -> None:
    with pytest.raises(UserError, match="kind is 'third'; choose from other|kind is 'third'; did you mean"):
        override(Other(), "kind", "third")


def test_a_field_that_came_later_may_be_missing_and_then_has_its_default() -> None:
    @dataclass(frozen=True)
    class Grown:
        first: int = 1
        second: int = later(5)

    assert Grown().second == 5 and from_jsonable(Grown, to_jsonable(Grown(second=7))).second == 7
    assert from_jsonable(Grown, {"first": 2}) == Grown(first=2, second=5)
    with pytest.raises(UserError, match="config lacks first"):
        from_jsonable(Grown, {"second": 3})
