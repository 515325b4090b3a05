"""Checks documents by JSON Schema, draft 2020-12, and reports every problem without its value.

`Draft202012Validator` decides. Its own messages quote the value, which may be a payload, so this
module writes messages with the rule and the type instead. A `$ref` to a sibling file is inlined
when the schema is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from provisioner.errors import Problem

_MAX_KEY_LENGTH = 64  # characters
_MAX_PROBLEMS = 100


def validate(schema: str, document: object) -> list[Problem]:
    """Check a document by `schemas/<schema>.schema.json`.

    Returns the problems in the order of the document, at most the first hundred that are found.
    """
    problems: dict[Problem, None] = {}
    for error in _load_validator(schema).iter_errors(document):
        for problem in _explain(error):
            problems[problem] = None
            if len(problems) == _MAX_PROBLEMS:
                return list(problems)
    return sorted(problems, key=lambda problem: _natural_order(problem.path))


def describe_type(value: object) -> str:
    """Return the JSON word for the type of a value, with its article."""
    if value is None:
        return "null"
    return next((name for kind, name in _TYPE_NAMES.items() if isinstance(value, kind)), "unknown")


def build_pointer(*tokens: object) -> str:
    """Return a JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(token).replace('~', '~0').replace('/', '~1')}" for token in tokens)


def quote_key(key: object) -> str:
    """Return a key in quotes, in ASCII and of limited length."""
    text = ascii(key)
    return text if len(text) <= _MAX_KEY_LENGTH else f"{text[:_MAX_KEY_LENGTH]}…'"


_TYPE_NAMES: Mapping[type, str] = {
    bool: "a boolean",  # before int, its base class
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


@cache
def _load_validator(schema: str) -> Draft202012Validator:
    formats = FormatChecker(formats=("ipv4", "ipv6"))
    return Draft202012Validator(_load_schema(f"{schema}.schema.json"), format_checker=formats)


def _load_schema(file: str) -> Any:
    text = resources.files("provisioner.schemas").joinpath(file).read_text(encoding="utf-8")
    return json.loads(text, object_hook=_inline_reference)


def _inline_reference(schema: dict[str, Any]) -> Any:
    reference = schema.get("$ref", "")
    if not reference.endswith(".schema.json"):
        return schema
    inlined = _load_schema(reference)
    return {key: value for key, value in inlined.items() if not key.startswith("$")}


def _natural_order(path: str) -> list[tuple[int, str]]:
    return [(int(t) if t.isdecimal() else -1, t) for t in path.split("/")]


def _explain(error: ValidationError) -> Iterator[Problem]:
    path, rule = tuple(error.absolute_path), str(error.validator)
    value: Any = error.instance
    expected: Any = error.validator_value
    schema: Any = error.schema
    if rule == "required":
        # jsonschema reports each missing key by itself and names it only in its message. So each
        # report names all missing keys, and `validate` drops the duplicates.
        for key in expected:
            if key not in value:
                yield Problem(build_pointer(*path, key), "is required")
    elif rule == "additionalProperties":
        known = sorted(schema["properties"])
        for key in value:
            if key not in known:
                keys = f"the keys are {', '.join(known)}"
                yield Problem(
                    build_pointer(*path, quote_key(key)[1:-1]),
                    f"unknown key {quote_key(key)}; {keys}",
                    redacted=Problem(build_pointer(*path), f"unknown key; {keys}"),
                )
    else:
        yield Problem(build_pointer(*path), _describe_rule(rule, schema, expected, value))


def _describe_rule(rule: str, schema: Any, expected: Any, value: Any) -> str:
    if rule in _DESCRIBED_RULES and "description" in schema:
        return str(schema["description"])
    return _RULES[rule](expected, value) if rule in _RULES else f"breaks the rule {rule}"


def _describe_type_rule(expected: Any, value: object) -> str:
    words = [expected] if isinstance(expected, str) else expected
    return f"must be {' or '.join(map(_WORDS.__getitem__, words))}, is {describe_type(value)}"


_WORDS: Mapping[str, str] = {
    "array": "a list",
    "boolean": "a boolean",
    "integer": "an integer",
    "null": "null",
    "object": "an object",
    "string": "a string",
}

_DESCRIBED_RULES = frozenset({"pattern", "anyOf", "not"})  # the schema's description has the rule
_RULES: Mapping[str, Callable[[Any, object], str]] = {
    "type": _describe_type_rule,
    "enum": lambda expected, _: f"must be one of {', '.join(map(str, expected))}",
    "const": lambda expected, _: f"must be {expected}",
    "minimum": lambda expected, _: f"must be at least {expected}",
    "maximum": lambda expected, _: f"must be at most {expected}",
    "minLength": lambda expected, _: f"must have at least {expected} character(s)",
    "maxLength": lambda expected, _: f"must have at most {expected} characters",
    "minItems": lambda expected, _: f"must have at least {expected} element(s)",
    "maxItems": lambda expected, _: f"must have at most {expected} elements",
    "uniqueItems": lambda *_: "must not have the same element twice",
    "pattern": lambda expected, _: f"must match {expected}",
}
