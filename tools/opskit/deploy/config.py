"""What a deployment needs to know, from one file and the environment; everything that is missing or
cannot be is named at once, before anything is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from opskit.package import RUNTIMES

from . import parameters

ROOT = Path(__file__).parents[3]
FILE = ROOT / "deploy" / "config.yml"
TEMPLATES = {3: ROOT / "template.yml", 2: ROOT / "deploy" / "template.fc2.yml"}
# libyaml's, unless PyYAML was built without it: it takes an eighth of the time.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
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
_ENDPOINT = r"(https?://)?[A-Za-z0-9.-]+(:[0-9]{1,5})?/?"


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
    body = _template_of(given).read_text("utf-8")
    rules = yaml.load(body, _Loader)["Parameters"]  # noqa: S506 - it is a SafeLoader
    problems += parameters.problems(rules, given.get("Parameters") or {})
    if problems:
        raise UnfitConfigError(problems)
    return Config(
        stack_name=given["StackName"],
        region_id=given["RegionId"],
        code_bucket=given["CodeBucket"],
        runtime=given["Runtime"],
        template_body=body,
        parameters=parameters.texts(rules, given.get("Parameters") or {}),
        endpoints=given.get("Endpoints") or {},
        credentials=Credentials(
            environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
        ),
    )


def _document(file: Path, problems: list[str]) -> dict[str, Any]:
    """UnfitConfigError where there is none: what it lacks is nobody's question then."""
    try:
        document = yaml.load(file.read_text("utf-8"), _Loader)  # noqa: S506 - it is a SafeLoader
    except FileNotFoundError as error:
        why = f"{file} is missing: copy deploy/config.example.yml and fill it in"
        raise UnfitConfigError([*problems, why]) from error
    except (OSError, UnicodeDecodeError) as error:
        why = f"{file} cannot be read as a text file in UTF-8"
        raise UnfitConfigError([*problems, why]) from error
    except yaml.YAMLError as error:
        raise UnfitConfigError([*problems, f"{file} is no YAML{_place(error)}"]) from error
    if isinstance(document, dict):
        return document
    why = f"{file} is no YAML mapping: compare it with deploy/config.example.yml"
    raise UnfitConfigError([*problems, why])


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _template_of(given: Mapping[str, Any]) -> Path:
    """Of generation 3 where none can be meant, to check the parameters all the same."""
    generation = given.get("Generation", 3)
    return TEMPLATES[generation] if generation in list(TEMPLATES) else TEMPLATES[3]


def _shape_problems(given: Mapping[str, Any]) -> Iterator[str]:
    for name in parameters.in_order(given.keys() - _KEYS):
        yield f"{name} is not a key of this file: it has {', '.join(sorted(_KEYS))}"
    for name, shape in _SHAPES.items():
        if given.get(name) is None:
            yield f"{name} is missing"
        elif not (isinstance(given[name], str) and re.fullmatch(shape, given[name])):
            yield f"{name} must be a text that matches {shape}"
    if given.get("Runtime") not in list(RUNTIMES):
        yield f"Runtime must be one of {', '.join(RUNTIMES)}"
    if given.get("Generation", 3) not in list(TEMPLATES):
        yield "Generation must be 3 or 2"
    if not isinstance(given.get("Parameters") or {}, dict):
        yield "Parameters must be a mapping"
    yield from _endpoint_problems(given.get("Endpoints") or {})


def _endpoint_problems(given: Any) -> Iterator[str]:
    if not isinstance(given, dict):
        yield f"Endpoints must be a mapping of {', '.join(sorted(_SERVICES))}"
        return
    for name in parameters.in_order(given.keys() - _SERVICES):
        yield f"Endpoints/{name} is none of {', '.join(sorted(_SERVICES))}"
    for name in parameters.in_order(given.keys() & _SERVICES):
        if not (isinstance(given[name], str) and re.fullmatch(_ENDPOINT, given[name])):
            yield f"Endpoints/{name} must be a host or a URL, without a path"
