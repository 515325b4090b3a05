"""Parameters of a template: what was given, or their defaults, held to what they allow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localcloud.services.ros.evaluation import invalid

_BOOLEANS = {"true": True, "false": False}


def read(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    declared = template.get("Parameters", {})
    unknown = given.keys() - declared.keys()
    if unknown:
        raise invalid(f"The parameters {', '.join(sorted(unknown))} are not in the template.")
    values: dict[str, Any] = {}
    for name, rule in declared.items():
        value = given.get(name, rule.get("Default"))
        if value is None:
            raise invalid(f"The parameter {name} was not provided.")
        values[name] = _checked(name, rule, _typed(name, rule, value))
    return values


def _typed(name: str, rule: Mapping[str, Any], value: Any) -> Any:
    try:
        if rule["Type"] == "Number":
            return value if isinstance(value, int | float) else _number(value)
        if rule["Type"] == "Boolean":
            return value if isinstance(value, bool) else _BOOLEANS[str(value).lower()]
    except (ValueError, KeyError) as error:
        raise invalid(f"The parameter {name} is no {rule['Type']}.") from error
    return str(value)


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _checked(name: str, rule: Mapping[str, Any], value: Any) -> Any:
    if "AllowedValues" in rule and value not in rule["AllowedValues"]:
        raise invalid(f"The parameter {name} is not one of the allowed values.")
    if "AllowedPattern" in rule and not re.fullmatch(rule["AllowedPattern"], str(value)):
        raise invalid(f"The parameter {name} does not match its pattern.")
    size = len(value) if isinstance(value, str) else value
    low = rule.get("MinLength" if isinstance(value, str) else "MinValue", size)
    high = rule.get("MaxLength" if isinstance(value, str) else "MaxValue", size)
    if not low <= size <= high:
        raise invalid(f"The parameter {name} is not from {low} to {high}.")
    return value
