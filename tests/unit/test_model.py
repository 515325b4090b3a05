"""Values of the vocabulary are ordinary Python values."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import pytest

from provisioner import model

CLASSES = [
    value
    for value in vars(model).values()
    if inspect.isclass(value) and dataclasses.is_dataclass(value)
]
SAMPLES: Mapping[type, Any] = {str: "text", int: 7, float: 1.5, bool: True, bytes: b"bytes"}
COPIES: Mapping[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),  # noqa: S301 - our own
}


def build(kind: Any, *, optional: bool = True) -> Any:
    """Builds a value of a type; of a dataclass, with all fields or with those that it requires."""
    if kind in CLASSES:
        hints = get_type_hints(kind)
        wanted = [each for each in dataclasses.fields(kind) if optional or is_required(each)]
        return kind(**{each.name: build(hints[each.name]) for each in wanted})
    if isinstance(kind, TypeVar):
        return "anything"
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return next(iter(kind))
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Mapping:
        return {build(arguments[0]): build(arguments[1])}
    if origin in (tuple, frozenset):
        return origin([build(arguments[0])])
    if origin is Union or arguments:  # X | None
        return build(arguments[0])
    return SAMPLES[kind]


def is_required(each: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return each.default is missing and each.default_factory is missing


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("optional", [True, False], ids=["all-fields", "required-fields"])
@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: str(kind.__name__))
def test_a_value_can_be_copied_and_pickled(kind: type, way: str, *, optional: bool) -> None:
    value = build(kind, optional=optional)

    copied = COPIES[way](value)

    assert copied == value
    assert repr(copied) == repr(value)
    assert copied is not value


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: str(kind.__name__))
def test_a_value_never_changes(kind: type) -> None:
    value = build(kind)
    name = dataclasses.fields(kind)[0].name

    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, None)
