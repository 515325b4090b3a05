"""The parameters of a template, held to the rules that it has for each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

OURS = ("CodeBucket", "CodeKey", "Runtime")  # those that the deployment itself fills in


def problems(rules: Mapping[str, Any], given: Any) -> Iterator[str]:
    if not isinstance(given, dict):
        return
    for name in in_order(given.keys() - rules.keys() | given.keys() & set(OURS)):
        why = "is filled in by the deployment" if name in OURS else "is not in the template"
        yield f"Parameters/{name} {why}"
    for name, rule in rules.items():
        if name in given and name not in OURS:
            yield from _value_problems(name, rule, given[name])
        elif "Default" not in rule and name not in OURS:
            yield f"Parameters/{name} is missing: {rule['Description']}"


def _value_problems(name: str, rule: Mapping[str, Any], value: Any) -> Iterator[str]:
    allowed, where = _allowed(rule), f"Parameters/{name}"
    if value is None or isinstance(value, (dict, list)):
        yield f"{where} must have one value: {rule['Description']}"
        return
    text = _text(value, allowed)
    if allowed and text not in allowed:
        yield f"{where} must be one of {', '.join(allowed)}"
    if not re.fullmatch(rule.get("AllowedPattern", ".*"), text):
        yield f"{where} must be: {rule.get('ConstraintDescription') or rule['AllowedPattern']}"
    if rule["Type"] == "Number":
        yield from _number_problems(where, rule, text)
    elif not rule.get("MinLength", 0) <= len(text) <= rule.get("MaxLength", len(text)):
        yield f"{where} must have {rule.get('MinLength', 0)} to {rule['MaxLength']} characters"


def _number_problems(where: str, rule: Mapping[str, Any], text: str) -> Iterator[str]:
    try:
        number = float(text)
    except ValueError:
        yield f"{where} must be a number"
        return
    if isinstance(rule.get("Default"), int) and number % 1:
        yield f"{where} must be a whole number"
    if not rule.get("MinValue", number) <= number <= rule.get("MaxValue", number):
        yield f"{where} must be from {rule['MinValue']} to {rule['MaxValue']}"


def texts(rules: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """As the API takes them."""
    return {name: _text(value, _allowed(rules[name])) for name, value in given.items()}


def _allowed(rule: Mapping[str, Any]) -> list[str]:
    values = [True, False] if rule["Type"] == "Boolean" else rule.get("AllowedValues", [])
    return [_text(each) for each in values]


def _text(value: Any, allowed: Sequence[str] = ()) -> str:
    """YAML reads an on that nobody quoted as true."""
    if not isinstance(value, bool):
        return str(value)
    if {"on", "off"} & {*allowed}:
        return "on" if value else "off"
    return str(value).lower()


def in_order(keys: Iterable[Any]) -> list[str]:
    """A key may be a number in YAML."""
    return sorted(map(str, keys))
