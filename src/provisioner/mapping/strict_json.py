"""Parses JSON strictly: no NaN, and a check for repeated keys, deep nesting and broken text."""

from __future__ import annotations

import json
from typing import Any

from provisioner.errors import Code, Fault, Rejected

MAX_DEPTH = 32  # levels of one document; jsonschema, json and repr descend by recursion


class RepeatedKeys(dict[str, Any]):
    """An object with a key that is given twice. JSON does not say which of the values holds."""


def parse_json(text: str, *, part: str) -> Any:
    """Parse JSON. An object with a repeated key becomes a `RepeatedKeys`.

    Raises `Rejected`, with a message that names the text as `part` and quotes nothing of it.
    """
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        raise Rejected(
            Code.UNREADABLE, f"{part} is not JSON in UTF-8", fault=Fault.UNREADABLE
        ) from error


def find_structural_problem(value: object) -> str:
    """Return why no check can process a JSON value, or an empty string. Does not recurse."""
    level = [value]
    for _ in range(MAX_DEPTH):
        if any(isinstance(each, RepeatedKeys) for each in level):
            return "contains an object with a key that is given twice"
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return ""
    return f"is nested deeper than {MAX_DEPTH} levels"


def has_broken_text(value: object) -> bool:
    """Tell whether a JSON value, at most `MAX_DEPTH` deep, has half of a surrogate pair."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    return result if len(result) == len(pairs) else RepeatedKeys(result)


def _reject_constant(name: str) -> object:
    raise ValueError(name)


# One decoder: json.loads would build one for each text.
_decoder = json.JSONDecoder(parse_constant=_reject_constant, object_pairs_hook=_build_object)
