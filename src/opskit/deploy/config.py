"""What a deployment needs to know, from one file and the environment; everything that is missing or
cannot be is named at once, before anything is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from opskit.package import RUNTIMES

ROOT = Path(__file__).parents[3]
FILE = ROOT / "deploy" / "config.yml"
TEMPLATES = {3: ROOT / "template.yml", 2: ROOT / "deploy" / "template.fc2.yml"}
_OURS = ("CodeBucket", "CodeKey", "Runtime")  # parameters that the deployment itself fills in
_KEYS = {
    *("StackName", "RegionId", "CodeBucket", "Runtime"),
    *("Generation", "Parameters", "Endpoints"),
}
_SHAPES = {
    "StackName": r"[A-Za-z][A-Za-z0-9_-]{0,254}",
    "RegionId": r"[a-z]+(-[a-z0-9]+)+",
    "CodeBucket": r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
}
_SERVICES = {"ROS", "OSS"}


class UnfitConfigError(Exception):
    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StackFailedError(Exception):
    """The cloud refused, or the stack came to an end that nobody wanted."""


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    access_key_secret: str
    security_token: str

    def __repr__(self) -> str:
        return "Credentials()"


@dataclass(frozen=True, slots=True)
class Config:
    stack_name: str
    region_id: str
    code_bucket: str
    runtime: str
    template_body: str
    parameters: Mapping[str, str]
    endpoints: Mapping[str, str]
    credentials: Credentials


def read(file: Path, environ: Mapping[str, str]) -> Config:
    """UnfitConfigError, with every problem."""
    problems = [
        f"the environment variable {name} is missing"
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
        if not environ.get(name)
    ]
    given = _document(file, problems)
    problems += _shape_problems(given)
    generation = given.get("Generation", 3)
    template_file = TEMPLATES.get(generation, TEMPLATES[3])
    body = template_file.read_text("utf-8")
    parameters = given.get("Parameters") or {}
    rules = yaml.safe_load(body)["Parameters"]
    problems += _parameter_problems(rules, parameters)
    if problems:
        raise UnfitConfigError(problems)
    return Config(
        stack_name=given["StackName"],
        region_id=given["RegionId"],
        code_bucket=given["CodeBucket"],
        runtime=given["Runtime"],
        template_body=body,
        parameters={
            name: _text(value, _allowed(rules[name])) for name, value in parameters.items()
        },
        endpoints=given.get("Endpoints") or {},
        credentials=Credentials(
            environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
        ),
    )


def _document(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text("utf-8"))
    except OSError:
        problems.append(f"{file} is missing: copy deploy/config.example.yml and fill it in")
        return {}
    except yaml.YAMLError:
        problems.append(f"{file} is no YAML")
        return {}
    if isinstance(document, dict):
        return document
    problems.append(f"{file} is no YAML mapping")
    return {}


def _shape_problems(given: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(given.keys() - _KEYS):
        yield f"{name} is not a key of this file: it has {', '.join(sorted(_KEYS))}"
    for name, shape in _SHAPES.items():
        if name not in given:
            yield f"{name} is missing"
        elif not re.fullmatch(shape, str(given[name])):
            yield f"{name} must match {shape}"
    if given.get("Runtime") not in RUNTIMES:
        yield f"Runtime must be one of {', '.join(RUNTIMES)}"
    if given.get("Generation", 3) not in TEMPLATES:
        yield "Generation must be 3 or 2"
    for name in ("Parameters", "Endpoints"):
        if not isinstance(given.get(name) or {}, dict):
            yield f"{name} must be a mapping"
    endpoints = given.get("Endpoints") or {}
    for name in sorted(set(endpoints) - _SERVICES):
        yield f"Endpoints/{name} is none of {', '.join(sorted(_SERVICES))}"


def _parameter_problems(rules: Mapping[str, Any], given: Any) -> Iterator[str]:
    if not isinstance(given, dict):
        return
    for name in sorted(given.keys() - rules.keys() | given.keys() & set(_OURS)):
        why = "is filled in by the deployment" if name in _OURS else "is not in the template"
        yield f"Parameters/{name} {why}"
    for name, rule in rules.items():
        if name in given and name not in _OURS:
            yield from _value_problems(name, rule, given[name])
        elif "Default" not in rule and name not in _OURS:
            yield f"Parameters/{name} is missing: {rule['Description']}"


def _value_problems(name: str, rule: Mapping[str, Any], value: Any) -> Iterator[str]:
    allowed = _allowed(rule)
    text, where = _text(value, allowed), f"Parameters/{name}"
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
    if not rule.get("MinValue", number) <= number <= rule.get("MaxValue", number):
        yield f"{where} must be from {rule['MinValue']} to {rule['MaxValue']}"


def _allowed(rule: Mapping[str, Any]) -> list[str]:
    return [_text(each) for each in rule.get("AllowedValues", [])]


def _text(value: Any, allowed: Sequence[str] = ()) -> str:
    """YAML reads an on that nobody quoted as true."""
    if not isinstance(value, bool):
        return str(value)
    if {"on", "off"} & {*allowed}:
        return "on" if value else "off"
    return str(value).lower()
