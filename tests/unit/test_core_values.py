"""What `core.values` makes is held against what the standard library makes of the same class."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, fields, replace
from typing import Any

import pytest

from provisioner.core import values

Maker = Callable[..., Any]


def point(dataclass: Maker, **options: bool) -> Any:
    @dataclass(slots=True, **options)
    class Point:
        x: int
        y: int = 0
        tags: list[str] = field(default_factory=list, compare=False)
        secret: str = field(default="", repr=False)

        @property
        def sum(self) -> int:
            return self.x + self.y

    return Point


@pytest.fixture(params=[values.dataclass, dataclasses.dataclass], ids=["ours", "theirs"])
def make(request: pytest.FixtureRequest) -> Maker:
    maker: Maker = request.param
    return maker


@pytest.mark.parametrize(
    ("given", "named"),
    [((), {}), ((1, 2, [], "", 5), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"y": 1})],
)
def test_it_takes_each_field_once(make: Maker, given: tuple[Any, ...], named: Any) -> None:
    with pytest.raises(TypeError):
        point(make, frozen=True)(*given, **named)


def test_fields_are_given_in_order_or_by_name_or_have_their_defaults(make: Maker) -> None:
    one = point(make, frozen=True)(1, tags=["a"])

    assert (one.x, one.y, one.tags, one.secret, one.sum) == (1, 0, ["a"], "", 1)


def test_a_default_that_is_made_is_made_for_each(make: Maker) -> None:
    of = point(make)

    of(1).tags.append("a")

    assert of(1).tags == []


def test_equal_are_those_of_one_class_whose_compared_fields_are(make: Maker) -> None:
    of, other = point(make, frozen=True), point(make, frozen=True)

    assert of(1, tags=["a"]) == of(1)
    assert hash(of(1, tags=["a"])) == hash(of(1))
    assert of(1) != of(2)
    assert of(1) != other(1)
    assert of(1) != (1, 0, "")


def test_a_representation_leaves_out_what_must_not_be_shown(make: Maker) -> None:
    assert repr(point(make)(1, secret="s")).endswith("Point(x=1, y=0, tags=[])")


def test_what_is_frozen_takes_no_change(make: Maker) -> None:
    one = point(make, frozen=True)(1)

    with pytest.raises(FrozenInstanceError):
        one.x = 2
    with pytest.raises(FrozenInstanceError):
        del one.x


def test_what_is_not_frozen_changes_and_has_no_hash(make: Maker) -> None:
    one = point(make)(1)

    one.x = 2

    assert one.x == 2
    with pytest.raises(TypeError):
        hash(one)


def test_there_are_slots_and_no_dict(make: Maker) -> None:
    assert not hasattr(point(make)(1), "__dict__")


def test_it_is_replaced_listed_and_matched_as_any_dataclass(make: Maker) -> None:
    of = point(make, frozen=True)

    assert replace(of(1, secret="s"), y=3) == of(1, 3, secret="s")
    assert [each.name for each in fields(of)] == ["x", "y", "tags", "secret"]
    match of(1, 2):
        case of(x, y):
            assert (x, y) == (1, 2)


@pytest.fixture(params=[values.replace, dataclasses.replace], ids=["ours", "theirs"])
def anew(request: pytest.FixtureRequest) -> Callable[..., Any]:
    replacing: Callable[..., Any] = request.param
    return replacing


def test_a_value_is_made_anew_with_what_changes(anew: Callable[..., Any]) -> None:
    one = point(values.dataclass, frozen=True)(1, 2, ["a"], secret="s")

    other = anew(one, y=3)

    assert (other.x, other.y, other.secret) == (1, 3, "s")
    assert other.tags is one.tags
    assert type(other) is type(one)
    assert one.y == 2


def test_what_is_no_field_cannot_change(anew: Callable[..., Any]) -> None:
    with pytest.raises(TypeError):
        anew(point(values.dataclass)(1), z=3)


def test_a_value_made_anew_is_finished_anew(anew: Callable[..., Any]) -> None:
    @values.dataclass(slots=True)
    class Doubled:
        one: int
        twice: int = field(init=False)

        def __post_init__(self) -> None:
            self.twice = 2 * self.one

    assert anew(Doubled(1), one=4).twice == 8


def test_a_class_without_fields_is_a_value_too(make: Maker) -> None:
    @make(frozen=True, slots=True)
    class Nothing: ...

    @make(frozen=True, slots=True)
    class Nought: ...

    assert Nothing() == Nothing()
    assert Nothing() != Nought()  # type: ignore[comparison-overlap]
    assert repr(Nothing()).endswith("Nothing()")


def test_a_class_may_inherit_its_fields(make: Maker) -> None:
    @make(frozen=True, slots=True)
    class Inheriting(point(make, frozen=True)): ...  # type: ignore[misc]

    assert replace(Inheriting(1), y=2).sum == 3


def test_a_field_may_be_left_to_what_comes_after(make: Maker) -> None:
    @make(slots=True)
    class Doubled:
        one: int
        twice: int = field(init=False)

        def __post_init__(self) -> None:
            self.twice = 2 * self.one

    of: Any = Doubled
    assert of(2).twice == 4
    with pytest.raises(TypeError):
        of(2, 4)
