"""Checks documents that people write by hand against their JSON Schema; names every problem."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jsonschema import Draft202012Validator, ValidationError


class Problem(NamedTuple):
    path: str  # a JSON Pointer into the document
    message: str


class BadDocument(Exception):
    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{item.path or '/'}: {item.message}" for item in problems))
        self.problems = list(problems)


def check(document: Any, schema: str) -> None:
    errors = sorted(_validator(schema).iter_errors(document), key=lambda error: error.json_path)
    if errors:
        raise BadDocument(
            [Problem(pointer(*error.absolute_path), _text(error)) for error in errors]
        )


def _text(error: ValidationError) -> str:
    # A field with a value that nothing may be (`{"not": {}}`) is one that would be ignored.
    ignored = error.validator == "not" and error.validator_value == {}
    return "this means nothing beside the other fields" if ignored else error.message


def pointer(*steps: str | int) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


@functools.cache
def _validator(schema: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow; few starts need it
    from referencing import Registry, Resource  # noqa: PLC0415 - see above

    # One schema may refer to another by its file name.
    registry: Registry[Any] = Registry(  # the checker does not know attrs' aliases
        retrieve=lambda name: Resource.from_contents(_read(name))  # type: ignore[call-arg]
    )
    return Draft202012Validator(_read(f"{schema}.schema.json"), registry=registry)


def _read(name: str) -> Any:
    file = resources.files("localcloud") / "schemas" / name
    return json.loads(file.read_text(encoding="utf-8"))
