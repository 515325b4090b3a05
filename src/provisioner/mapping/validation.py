"""JSON Schema draft 2020-12: compiled once, every problem reported, no value ever quoted.

jsonschema's own messages repeat the offending value, which may be a payload; these say the rule and
the type instead. A `$ref` to a sibling file is inlined when the schema is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from provisioner.errors import Problem

_LONGEST_NAME_SHOWN = 64
_MOST_PROBLEMS = 100


def validate(schema: str, document: object) -> list[Problem]:
    """Everything that `schemas/<schema>.schema.json` has against the document, in its order; of a
    document that is all wrong, the first hundred."""
    found: dict[Problem, None] = {}
    for error in _validator(schema).iter_errors(document):
        for problem in _explain(error):
            found[problem] = None
            if len(found) == _MOST_PROBLEMS:
                return list(found)
    return sorted(found, key=lambda problem: _natural_order(problem.path))


def describe_type(value: object) -> str:
    """The JSON word for the type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    for kind, word in _TYPE_NAMES.items():
        if isinstance(value, kind):
            return word
    return "unknown"


def build_pointer(*tokens: object) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(token).replace('~', '~0').replace('/', '~1')}" for token in tokens)


def quote_key(name: object) -> str:
    """A key, fit to be printed: keys may be named, but not at any length, and as ASCII."""
    text = ascii(name)
    return text if len(text) <= _LONGEST_NAME_SHOWN else f"{text[:_LONGEST_NAME_SHOWN]}…'"


_TYPE_NAMES: Mapping[type, str] = {
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(_load(f"{name}.schema.json"))


def _load(file: str) -> Any:
    from importlib import resources  # noqa: PLC0415 - loaded with the SDKs, its own parts are late

    text = resources.files("provisioner.schemas").joinpath(file).read_text(encoding="utf-8")
    return json.loads(text, object_hook=_inline)


def _inline(schema: dict[str, Any]) -> Any:
    reference = schema.get("$ref", "")
    if not reference.endswith(".schema.json"):
        return schema
    return {key: value for key, value in _load(reference).items() if not key.startswith("$")}


def _natural_order(path: str) -> list[tuple[int, str]]:
    return [(int(t) if t.isdecimal() else -1, t) for t in path.split("/")]


def _explain(error: ValidationError) -> Iterator[Problem]:
    here, rule = tuple(error.absolute_path), str(error.validator)
    value: Any = error.instance
    asked: Any = error.validator_value
    schema: Any = error.schema
    if rule == "required":
        # jsonschema gives each missing name an error of its own, and says which only in its text:
        # all are named at each, and the duplicates fall out in `problems`.
        for name in asked:
            if name not in value:
                yield Problem(build_pointer(*here, name), "is required")
    elif rule == "additionalProperties":
        known = sorted(schema["properties"])
        for name in value:
            if name not in known:
                message = f"unknown key {quote_key(name)}; the keys are {', '.join(known)}"
                yield Problem(build_pointer(*here, quote_key(name)[1:-1]), message)
    elif rule != "oneOf" or isinstance(value, dict):  # of what is no object, `type` has told
        yield Problem(build_pointer(*here), _describe_rule(rule, schema, asked, value))


def _describe_rule(rule: str, schema: Any, asked: Any, value: Any) -> str:
    if rule == "pattern" and "description" in schema:
        return str(schema["description"])
    return _RULES[rule](asked, value) if rule in _RULES else f"breaks the rule {rule}"


def _describe_type_rule(asked: Any, value: object) -> str:
    words = [_WORDS[word] for word in ([asked] if isinstance(asked, str) else asked)]
    return f"must be {' or '.join(words)}, is {describe_type(value)}"


def _describe_one_of(branches: Any, _: object) -> str:
    names = [" and ".join(branch.get("required", ())) for branch in branches]
    return f"exactly one of {', '.join(names)} is required"


_WORDS: Mapping[str, str] = {
    "array": "a list",
    "boolean": "a boolean",
    "integer": "an integer",
    "null": "null",
    "object": "an object",
    "string": "a string",
}

_RULES: Mapping[str, Callable[[Any, object], str]] = {
    "type": _describe_type_rule,
    "enum": lambda asked, _: f"must be one of {', '.join(map(str, asked))}",
    "const": lambda asked, _: f"must be {asked}",
    "minimum": lambda asked, _: f"must be at least {asked}",
    "maximum": lambda asked, _: f"must be at most {asked}",
    "minLength": lambda asked, _: f"must have at least {asked} character(s)",
    "maxLength": lambda asked, _: f"must have at most {asked} characters",
    "minItems": lambda asked, _: f"must have at least {asked} element(s)",
    "maxItems": lambda asked, _: f"must have at most {asked} elements",
    "uniqueItems": lambda *_: "must not hold the same element twice",
    "pattern": lambda asked, _: f"must match {asked}",
    "oneOf": _describe_one_of,
}
