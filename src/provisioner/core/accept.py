"""Says yes to a document only where jsonschema would: a schema becomes one function.

Only plain JSON values are judged, by the keywords below. What is not known here, a keyword or a
type of Python, is answered with no, so that a schema that changes is never checked by less than
all of it. What is refused here is for jsonschema to judge and to explain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Check = Callable[[Any], bool]


def compiled(schema: Any) -> Check:
    if schema is True:
        return _anything
    if not isinstance(schema, dict):
        return _nothing
    return _all([_checks(keyword, schema) for keyword in schema if keyword not in _SAYS_NOTHING])


def _checks(keyword: str, schema: Mapping[str, Any]) -> Check:
    make = _KEYWORDS.get(keyword)
    return make(schema[keyword], schema) if make else _nothing


def _anything(_: Any) -> bool:
    return True


def _nothing(_: Any) -> bool:
    return False


def _all(checks: Sequence[Check]) -> Check:
    # Loops here and below, since all() makes a generator and resumes it for every element.
    def check(value: Any) -> bool:
        if type(value) not in _PLAIN:
            return False
        for each in checks:  # noqa: SIM110 - see above
            if not each(value):
                return False
        return True

    return check


def _type(asked: Any, _: Any) -> Check:
    kinds = tuple(_TYPES.get(word) for word in ([asked] if isinstance(asked, str) else asked))
    return lambda value: type(value) in kinds


def _one_of_values(asked: Any, _: Any) -> Check:
    # 1, 1.0 and True are equal in Python and not in JSON: text and null are compared, no more.
    if not all(one is None or isinstance(one, str) for one in asked):
        return _nothing
    return lambda value: type(value) in (str, _NONE) and value in asked


def _const(asked: Any, _: Any) -> Check:
    if asked is True:
        return lambda value: value is True
    return _one_of_values([asked], _)


def _bound(kinds: tuple[type, ...], holds: Callable[[Any, Any], bool]) -> Any:
    """Of values of other types such a keyword says nothing."""

    def make(asked: Any, _: Any) -> Check:
        return lambda value: type(value) not in kinds or holds(value, asked)

    return make


def _pattern(asked: str, _: Any) -> Check:
    search = re.compile(asked).search
    return lambda value: type(value) is not str or search(value) is not None


def _unique(asked: Any, _: Any) -> Check:
    return lambda value: (
        type(value) is not list
        or asked is False
        or (all(type(item) in (str, int) for item in value) and len(set(value)) == len(value))
    )


def _items(asked: Any, _: Any) -> Check:
    check = compiled(asked)

    def all_pass(value: Any) -> bool:
        if type(value) is list:
            for item in value:
                if not check(item):
                    return False
        return True

    return all_pass


def _properties(asked: Mapping[str, Any], _: Any) -> Check:
    checks = {name: compiled(schema) for name, schema in asked.items()}

    def all_pass(value: Any) -> bool:
        if type(value) is dict:
            for name, item in value.items():
                if name in checks and not checks[name](item):
                    return False
        return True

    return all_pass


def _additional(asked: Any, schema: Any) -> Check:
    if asked is not False or "patternProperties" in schema:
        return _nothing
    known = frozenset(schema.get("properties", ()))
    return lambda value: type(value) is not dict or known.issuperset(value)


def _required(asked: list[str], _: Any) -> Check:
    names = frozenset(asked)
    return lambda value: type(value) is not dict or names <= value.keys()


def _one_of(asked: list[Any], _: Any) -> Check:
    """A no of a branch may be a yes of jsonschema's: branches have to be exact."""
    if not all(map(_exact, asked)):
        return _nothing
    branches = [compiled(branch) for branch in asked]
    return lambda value: sum(branch(value) for branch in branches) == 1


def _if(asked: Any, schema: Any) -> Check:
    if not _exact(asked):
        return _nothing
    condition = compiled(asked)
    then, otherwise = (compiled(schema.get(keyword, True)) for keyword in ("then", "else"))
    return lambda value: then(value) if condition(value) else otherwise(value)


def _exact(schema: Any) -> bool:
    """No means no here, whatever the value."""
    if not isinstance(schema, dict) or not set(schema) <= {"required", "properties"}:
        return False
    return all(
        set(rule) == {"enum"} and _one_of_values(rule["enum"], rule) is not _nothing
        for rule in schema.get("properties", {}).values()
    )


_NONE = type(None)
_NUMBERS = (int, float)
_TYPES: Mapping[str, type] = {
    "array": list,
    "boolean": bool,
    "integer": int,  # 80.0 is one too: jsonschema says so
    "null": _NONE,
    "object": dict,
    "string": str,
}
_PLAIN = frozenset({bool, dict, float, int, list, str, _NONE})
_SAYS_NOTHING = frozenset({"$schema", "$id", "$comment", "title", "description", "then", "else"})
_KEYWORDS: Mapping[str, Callable[[Any, Any], Check]] = {
    "type": _type,
    "enum": _one_of_values,
    "const": _const,
    "minimum": _bound(_NUMBERS, lambda value, least: value >= least),
    "maximum": _bound(_NUMBERS, lambda value, most: value <= most),
    "minLength": _bound((str,), lambda value, least: len(value) >= least),
    "maxLength": _bound((str,), lambda value, most: len(value) <= most),
    "minItems": _bound((list,), lambda value, least: len(value) >= least),
    "maxItems": _bound((list,), lambda value, most: len(value) <= most),
    "pattern": _pattern,
    "uniqueItems": _unique,
    "items": _items,
    "properties": _properties,
    "additionalProperties": _additional,
    "required": _required,
    "oneOf": _one_of,
    "if": _if,
}
