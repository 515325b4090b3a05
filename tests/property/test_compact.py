"""The shared encoder says what `json` says."""

from __future__ import annotations

import json
import json.encoder
import sys
from collections.abc import Callable
from dataclasses import MISSING
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core import compact

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def named(value: object) -> str:
    return type(value).__name__


@given(JSON, st.booleans())
def test_a_value_is_the_text_that_json_makes_of_it(value: Any, sort_keys: bool) -> None:
    text = compact.encoder(sort_keys=sort_keys)(value)

    assert text == json.dumps(value, sort_keys=sort_keys, separators=(",", ":"))


def test_what_is_no_json_is_given_to_the_default() -> None:
    assert (
        compact.encoder(default=named)({"a": {1, 2}, "b": (b"x",)}) == '{"a":"set","b":["bytes"]}'
    )


def test_without_a_default_what_is_no_json_is_an_error() -> None:
    with pytest.raises(TypeError):
        compact.encoder()({"a": object()})


def only_for_one_text(seen: object, *rest: Any) -> Any:
    """`json` gives it something to remember what it has seen."""
    if seen is None:
        raise TypeError
    return c_make_encoder(seen, *rest)


c_make_encoder = vars(json.encoder)["c_make_encoder"]


def is_the_usual_one(encode: Callable[[Any], str]) -> bool:
    return isinstance(getattr(encode, "__self__", None), json.JSONEncoder)


@pytest.mark.skipif(
    sys.implementation.name != "cpython" or sys.version_info[:2] > (3, 12),
    reason="whether an interpreter after the runtimes' has the encoder, nobody knows",
)
def test_the_runtimes_have_an_encoder_to_share() -> None:
    assert not is_the_usual_one(compact.encoder())


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("c_make_encoder", None),
        ("c_make_encoder", only_for_one_text),
        ("c_make_encoder", MISSING),
        ("encode_basestring_ascii", MISSING),
    ],
)
def test_an_interpreter_with_another_encoder_takes_the_usual_way(
    monkeypatch: pytest.MonkeyPatch, part: str, other: object
) -> None:
    with monkeypatch.context() as changed:
        if other is MISSING:
            changed.delattr(json.encoder, part)
        else:
            changed.setattr(json.encoder, part, other)
        encode = compact.encoder(sort_keys=True, default=named)

    assert is_the_usual_one(encode)
    assert encode({"b": {1}, "a": "é"}) == '{"a":"\\u00e9","b":"set"}'
