"""A stack: what it was made from, what it is made of, and what has happened to it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

from localcloud.services.ros.made import Made
from localcloud.wire.errors import ApiError

DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "ROLLBACK_COMPLETE")  # from which an update may start


@dataclass(frozen=True)
class Resource:
    type: str
    properties: Mapping[str, Any]  # resolved
    made: Made


class Source(NamedTuple):
    """What a stack is made from."""

    body: str
    template: Mapping[str, Any]
    values: Mapping[str, Any]  # of parameters and pseudo parameters


@dataclass
class Stack:
    name: str
    region: str
    created: float
    source: Source = field(default_factory=lambda: Source("", {}, {}))
    status: str = ""
    reason: str = ""
    updated: float | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    stack_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def template(self) -> Mapping[str, Any]:
        return self.source.template

    @property
    def values(self) -> Mapping[str, Any]:
        return self.source.values

    @property
    def attributes(self) -> dict[str, dict[str, Any]]:
        return {
            name: {"": item.made.physical_id, **item.made.attributes}
            for name, item in self.resources.items()
        }

    def describe(self) -> dict[str, Any]:
        """Policies are told; other properties may be secrets."""
        return {
            "StackId": self.stack_id,
            "StackName": self.name,
            "Status": self.status,
            "Resources": [
                {
                    "LogicalResourceId": name,
                    "ResourceType": item.type,
                    "PhysicalResourceId": item.made.physical_id,
                    **({"Properties": item.properties} if item.type.endswith("::Role") else {}),
                }
                for name, item in self.resources.items()
            ],
        }


def not_found(name: str) -> ApiError:
    message = f"The Stack ({name}) could not be found."
    return ApiError(HTTPStatus.NOT_FOUND, "StackNotFound", message)  # doc
