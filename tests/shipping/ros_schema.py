"""Resource types of ROS as the vendor's own packages check them. Generated for JavaScript, each
type has a function that names its properties and one that validates them. They are only read.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

WHEELS = Path(sys.prefix) / "ros"  # where tools/create_venv.py keeps them

_FUNCTION = re.compile(r"^function (\w+)\(properties.*?\) \{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)
_CLASS = re.compile(
    r"^class (\w+) extends ros\.RosResource \{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL
)
_TYPE = re.compile(r'^(\w+)\.ROS_RESOURCE_TYPE_NAME = "([\w:]+)";', re.MULTILINE)
_MEMBER = re.compile(r"^ {8}'(\w+)': (.+)\(properties\.(\w+)\),$", re.MULTILINE)
_REQUIRED = re.compile(r"propertyValidator\('(\w+)', ros\.requiredValidator\)")
_RULE = re.compile(
    r"propertyValidator\('(\w+)', ros\.validate(AllowedValues|Range|Length|AllowedPattern)\)\(\{"
    r"(.*?)\n +\}\)",
    re.DOTALL,
)
_KINDS: dict[str, Any] = {
    "stringToRosTemplate": str,
    "numberToRosTemplate": (int, float),
    "booleanToRosTemplate": bool,
}


@dataclass(frozen=True)
class Rule:
    kind: str
    text: str

    def refuses(self, value: Any) -> bool:
        if self.kind == "AllowedValues":
            found = re.search(r"allowedValues: (\[.*\])", self.text, re.DOTALL)
            return found is not None and value not in json.loads(found[1])
        if self.kind == "AllowedPattern":
            found = re.search(r"reg: /(.*)/", self.text)
            return found is not None and not re.search(found[1], str(value))
        size = len(value) if self.kind == "Length" else value
        limits = {
            name: float(number) for name, number in re.findall(r"(min|max): ([\d.]+)", self.text)
        }
        return not limits.get("min", size) <= size <= limits.get("max", size)


@dataclass
class Member:
    mapper: str
    required: bool
    rules: list[Rule]


@dataclass
class Shape:
    members: dict[str, Member]


@dataclass
class ResourceType:
    shape: Shape
    attributes: set[str]
    shapes: dict[str, Shape] = field(repr=False)

    def problems(self, properties: Any) -> Iterator[str]:
        yield from self._object(self.shape, properties, "")

    def _object(self, shape: Shape, value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path} is no object"
            return
        for name in value.keys() - shape.members.keys():
            yield f"{path}/{name} is no property"
        for name, member in shape.members.items():
            if name in value:
                yield from self._member(member, value[name], f"{path}/{name}")
            elif member.required:
                yield f"{path}/{name} is required"

    def _member(self, member: Member, value: Any, path: str) -> Iterator[str]:
        if isinstance(value, Unknown):
            return
        problems = list(self._value(member.mapper, value, path))
        broken = (rule.kind for rule in member.rules if not problems and rule.refuses(value))
        yield from (*problems, *(f"{path}: {value!r} breaks {kind}" for kind in broken))

    def _value(self, mapper: str, value: Any, path: str) -> Iterator[str]:
        if isinstance(value, Unknown):
            return
        listed = re.fullmatch(r"ros\.listMapper\((.+)\)", mapper)
        if listed:
            if not isinstance(value, list):
                yield f"{path} is no list"
            for index, item in enumerate(value if isinstance(value, list) else []):
                yield from self._value(listed[1], item, f"{path}/{index}")
        elif mapper in self.shapes:
            yield from self._object(self.shapes[mapper], value, path)
        elif mapper.startswith("ros.hashMapper"):
            if not isinstance(value, dict):
                yield f"{path} is no map"
        else:
            kind = _KINDS.get(mapper.removeprefix("ros."))
            if kind and (
                not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
            ):
                yield f"{path}: {value!r} is of another type"


class Unknown(str):
    """What only ROS can tell: an attribute of what it has made."""

    __slots__ = ()


@cache
def resource_types() -> dict[str, ResourceType]:
    found: dict[str, ResourceType] = {}
    for wheel in sorted(WHEELS.glob("ros_cdk_*.whl")):
        for script in _scripts(wheel):
            found.update(_types(script))
    return found


def _scripts(wheel: Path) -> Iterator[str]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(archive.read(name))) as package:
            for member in package.getmembers():
                if member.name.endswith(".generated.js") and "/datasource/" not in member.name:
                    opened = package.extractfile(member)
                    assert opened
                    yield opened.read().decode()


def _types(script: str) -> Iterator[tuple[str, ResourceType]]:
    functions = dict(_FUNCTION.findall(script))
    shapes = {
        name: _shape(name, body, functions)
        for name, body in functions.items()
        if name.endswith("ToRosTemplate")
    }
    classes = dict(_CLASS.findall(script))
    for class_name, type_name in _TYPE.findall(script):
        attributes = set(re.findall(r"this\.getAtt\('([\w.]+)'\)", classes[class_name]))
        mapper = f"ros{class_name.removeprefix('Ros')}PropsToRosTemplate"
        yield type_name, ResourceType(shapes[mapper], attributes, shapes)


def _shape(name: str, body: str, functions: dict[str, str]) -> Shape:
    """RosFunctionCodePropertyToRosTemplate goes with the validator that it names or, on top, with
    RosFunctionPropsValidator."""
    named = re.search(r"(\w+Validator)\(properties\)", body)
    assert named, name
    checks = functions[named[1]]
    required = set(_REQUIRED.findall(checks))
    rules: dict[str, list[Rule]] = {}
    for member, kind, text in _RULE.findall(checks):
        rules.setdefault(member, []).append(Rule(kind, text))
    return Shape(
        {
            key: Member(mapper, member in required, rules.get(member, []))
            for key, mapper, member in _MEMBER.findall(body)
        }
    )
