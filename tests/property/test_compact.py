"""The shared encoder says what `json` says."""

from __future__ import annotations

import json
import json.encoder
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


@pytest.mark.parametrize("other", [None, only_for_one_text])
def test_an_interpreter_with_another_encoder_takes_the_usual_way(
    monkeypatch: pytest.MonkeyPatch, other: object
) -> None:
    monkeypatch.setattr(json.encoder, "c_make_encoder", other)

    encode = compact.encoder(sort_keys=True, default=named)

    assert encode({"b": {1}, "a": "é"}) == '{"a":"\\u00e9","b":"set"}'
