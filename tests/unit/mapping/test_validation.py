"""JSON Schema in this project's own words."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.errors import Problem
from provisioner.mapping.validation import build_pointer, describe_type, quote_key, validate

SCHEMAS = ["request", "bindings", "backend-servers", "result"]


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "an integer"),
        (1.0, "a number"),
        ("", "a string"),
        ([], "a list"),
        ({}, "an object"),
        (object(), "unknown"),
    ],
)
def test_a_type_is_named_in_the_words_of_json(value: Any, word: str) -> None:
    assert describe_type(value) == word


def test_a_pointer_escapes_what_rfc_6901_escapes() -> None:
    assert build_pointer("a/b", 0, "~") == "/a~1b/0/~0"
    assert build_pointer() == ""


def test_a_long_name_is_shown_by_its_beginning() -> None:
    assert quote_key("k" * 500) == f"'{'k' * 63}…'"


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("value", [None, True, 1, 1.5, "text", [None, 1, {}], {"data": 7}])
def test_any_value_comes_to_problems_in_words(schema: str, value: Any) -> None:
    found = validate(schema, value)
    assert found
    assert not [problem for problem in found if "breaks the rule" in problem.message]


def test_a_choice_of_types_is_told() -> None:
    (found,) = [
        problem
        for problem in validate("result", {"data": {"RegionId": 7}})
        if problem.path == "/data/RegionId"
    ]
    assert found == Problem("/data/RegionId", "must be a string or null, is an integer")
