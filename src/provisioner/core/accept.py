"""Says yes to a document only where jsonschema would: a schema becomes one function.

Values are judged by the keywords below, as far as they are plain JSON. What is not known here, a
keyword or a type of Python, is answered with no, so that a schema that changes is never checked by
less than all of it. What is refused here is for jsonschema to judge and to explain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

Check = Callable[[Any], bool]


def compiled(schema: Any) -> Check:
    if schema is True:
        return _anything
    if not isinstance(schema, dict):
        return _nothing
    left = schema.keys() - _SAYS_NOTHING
    checks: list[Check] = []
    for word, (keywords, make) in _OF_ONE_TYPE.items():
        asked = schema.get("type") == word
        if asked or left & keywords:
            checks.append(make(schema, not asked))
            left -= keywords | ({"type"} if asked else set())
    checks += [_checks(keyword, schema) for keyword in schema if keyword in left]
    return _all(checks or [_anything])


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
        for each in checks:  # noqa: SIM110 - see above
            if not each(value):
                return False
        return True

    return check if len(checks) > 1 else checks[0]


def _text(schema: Mapping[str, Any], others: bool) -> Check:
    """Here and below, the keywords that speak of one type are one check: this is run for every
    backend. `others`: the schema asks for no type, so that values of other types pass, if they are
    plain."""
    least, most = schema.get("minLength", 0), schema.get("maxLength", inf)
    search = re.compile(schema["pattern"]).search if "pattern" in schema else None

    def check(value: Any) -> bool:
        if type(value) is not str:
            return others and type(value) in _PLAIN
        return least <= len(value) <= most and (search is None or search(value) is not None)

    return check


def _number(schema: Mapping[str, Any], others: bool) -> Check:
    least, most = schema.get("minimum", -inf), schema.get("maximum", inf)
    kinds = (int, float) if others else (int,)  # 80.0 is an integer too: jsonschema says so

    def check(value: Any) -> bool:
        if type(value) not in kinds:
            return others and type(value) in _PLAIN
        return bool(least <= value <= most)

    return check


def _array(schema: Mapping[str, Any], others: bool) -> Check:
    least, most = schema.get("minItems", 0), schema.get("maxItems", inf)
    item, unique = compiled(schema.get("items", True)), schema.get("uniqueItems", False)

    def check(value: Any) -> bool:
        if type(value) is not list:
            return others and type(value) in _PLAIN
        if not least <= len(value) <= most or (unique and not _unique(value)):
            return False
        for each in value:  # noqa: SIM110 - see above
            if not item(each):
                return False
        return True

    return check


def _unique(value: list[Any]) -> bool:
    return all(type(item) in (str, int) for item in value) and len(set(value)) == len(value)


def _object(schema: Mapping[str, Any], others: bool) -> Check:
    known = {name: compiled(rule) for name, rule in schema.get("properties", {}).items()}
    names = frozenset(schema.get("required", ()))
    allowed = schema.get("additionalProperties", True)
    if not isinstance(allowed, bool):
        return _nothing
    unknown = _anything if allowed else _nothing

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return others and type(value) in _PLAIN
        if not names <= value.keys():
            return False
        for name, item in value.items():  # noqa: SIM110 - see above
            if not known.get(name, unknown)(item):
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


def _one_of(asked: list[Any], _: Any) -> Check:
    """A no of a branch may be a yes of jsonschema's: branches have to be exact."""
    if not all(map(_exact, asked)):
        return _nothing
    plain, branches = _plain_for(asked), [compiled(branch) for branch in asked]
    return lambda value: plain(value) and sum(branch(value) for branch in branches) == 1


def _if(asked: Any, schema: Any) -> Check:
    if not _exact(asked):
        return _nothing
    plain, condition = _plain_for([asked]), compiled(asked)
    then, otherwise = (compiled(schema.get(keyword, True)) for keyword in ("then", "else"))
    return lambda value: plain(value) and (then if condition(value) else otherwise)(value)


def _exact(schema: Any) -> bool:
    """No means no here, of plain values."""
    if not isinstance(schema, dict) or not set(schema) <= {"required", "properties"}:
        return False
    return all(
        isinstance(rule, dict)
        and set(rule) == {"enum"}
        and _one_of_values(rule["enum"], rule) is not _nothing
        for rule in schema.get("properties", {}).values()
    )


def _plain_for(schemas: Sequence[Mapping[str, Any]]) -> Check:
    """Is what these exact ones look at plain?"""
    names = tuple({name for schema in schemas for name in schema.get("properties", ())})

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return type(value) in _PLAIN
        for name in names:  # noqa: SIM110 - see above
            if type(value.get(name)) not in _PLAIN:
                return False
        return True

    return check


_NONE = type(None)
_TYPES: Mapping[str, type] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": _NONE,
    "object": dict,
    "string": str,
}
_PLAIN = frozenset({bool, dict, float, int, list, str, _NONE})
_SAYS_NOTHING = frozenset({"$schema", "$id", "$comment", "title", "description", "then", "else"})
_OF_ONE_TYPE: Mapping[str, tuple[frozenset[str], Callable[[Mapping[str, Any], bool], Check]]] = {
    "string": (frozenset({"minLength", "maxLength", "pattern"}), _text),
    "integer": (frozenset({"minimum", "maximum"}), _number),
    "array": (frozenset({"items", "minItems", "maxItems", "uniqueItems"}), _array),
    "object": (frozenset({"properties", "required", "additionalProperties"}), _object),
}
_KEYWORDS: Mapping[str, Callable[[Any, Any], Check]] = {
    "type": _type,
    "enum": _one_of_values,
    "const": _const,
    "oneOf": _one_of,
    "if": _if,
}
