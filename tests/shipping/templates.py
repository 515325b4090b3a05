"""The templates, read; references are followed as far as a template says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from shipping.ros_schema import Unknown, resource_types

ROOT = Path(__file__).parents[2]
GENERATION_3, GENERATION_2 = ROOT / "template.yml", ROOT / "deploy" / "template.fc2.yml"
SERVERLESS_DEVS = ROOT / "deploy" / "s.yaml"
# doc
PSEUDO = {f"ALIYUN::{name}" for name in ("StackName", "StackId", "Region", "TenantId", "NoValue")}
NOTHING = object()
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
    return document


@dataclass
class Template:
    document: dict[str, Any]
    holding: frozenset[str] = frozenset()  # the conditions that hold
    used: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    @property
    def resources(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["Resources"]
        return found

    def properties(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.resolved(self.resources[name]["Properties"])
        return found

    def of_type(self, suffix: str) -> dict[str, dict[str, Any]]:
        """The resolved properties of all resources of a type."""
        return {
            name: self.properties(name)
            for name, resource in self.resources.items()
            if resource["Type"].endswith(suffix)
        }

    def resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.resolved(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._reference(argument)
            if name.startswith("Fn::"):
                return self._function(name, argument)
        found = {key: self.resolved(item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not NOTHING}

    def _reference(self, name: str) -> Any:
        if name == "ALIYUN::NoValue":
            return NOTHING
        if name in PSEUDO:
            return Unknown(f"${{{name}}}")
        parameter = self.document["Parameters"].get(name)
        if parameter is None:
            self.problems.append(f"there is no parameter {name}")
            return Unknown(name)
        self.used.add(name)
        return parameter.get("Default", Unknown(f"${{{name}}}"))

    def _function(self, name: str, argument: Any) -> Any:
        if name == "Fn::GetAtt":
            return self._attribute(*argument)
        if name == "Fn::Sub":
            return Unknown(_VARIABLE.sub(self._substituted, argument))
        if name == "Fn::If":
            condition, first, second = argument
            if condition not in self.document["Conditions"]:
                self.problems.append(f"there is no condition {condition}")
            both = self.resolved(first), self.resolved(second)
            return both[condition not in self.holding]
        if name in {"Fn::Not", "Fn::Equals"}:
            return self.resolved(argument)
        self.problems.append(f"{name} is not a function that the templates use")
        return Unknown(name)

    def _attribute(self, resource: str, attribute: str) -> Any:
        found = self.resources.get(resource)
        if found is None:
            self.problems.append(f"there is no resource {resource}")
        elif attribute not in resource_types()[found["Type"]].attributes:
            self.problems.append(f"{found['Type']} has no attribute {attribute}")
        elif attribute in found["Properties"]:
            given = self.resolved(found["Properties"][attribute])
            return Unknown(given) if isinstance(given, str) else given
        return Unknown(f"${{{resource}.{attribute}}}")

    def _substituted(self, match: re.Match[str]) -> str:
        resource, dot, attribute = match[1].partition(".")
        found = self._attribute(resource, attribute) if dot else self._reference(match[1])
        return str(found)


def names_in(value: Any) -> Iterator[str]:
    """Every text below a value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from (key, *names_in(item))
    elif isinstance(value, list):
        for item in value:
            yield from names_in(item)
    elif isinstance(value, str):
        yield value
