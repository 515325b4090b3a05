"""What a template says once its parameters are known: Ref, and the functions that are needed here.

A reference to a resource is its physical id; GetAtt and `${Name.Attribute}` are its attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from localcloud.wire.errors import ApiError, not_implemented

_NOTHING = object()
_VARIABLE = re.compile(r"\$\{([^}!]+)\}")


def invalid(message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, "StackValidationFailed", message)  # doc


class Evaluation:
    """`attributes` has those of each resource that is there; under the empty name, what Ref gives.
    `lenient`: what is not there yet is named instead, as a preview does."""

    def __init__(
        self,
        template: Mapping[str, Any],
        values: Mapping[str, Any],
        attributes: Mapping[str, Mapping[str, Any]],
        *,
        lenient: bool = False,
    ) -> None:
        self._template = template
        self._values = values
        self._attributes = attributes
        self._lenient = lenient

    def resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            found = [self.resolved(item) for item in value]
            return [item for item in found if item is not _NOTHING]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._reference(argument)
            if name.startswith("Fn::"):
                return self._function(name, argument)
        entries = {key: self.resolved(item) for key, item in value.items()}
        return {key: item for key, item in entries.items() if item is not _NOTHING}

    def _reference(self, name: str) -> Any:
        if name == "ALIYUN::NoValue":
            return _NOTHING
        if name in self._values:
            return self._values[name]
        return self._attribute(name, "")

    def _function(self, name: str, argument: Any) -> Any:
        if name == "Fn::GetAtt":
            return self._attribute(*argument)
        if name == "Fn::Sub":
            return _VARIABLE.sub(lambda match: str(self._variable(match[1])), argument)
        if name == "Fn::If":
            condition, yes, no = argument
            return self.resolved(yes if self._holds(condition) else no)
        if name == "Fn::Not":
            return not self.resolved(argument)
        if name == "Fn::Equals":
            first, second = self.resolved(argument)
            return first == second
        raise not_implemented(f"the template function {name}")

    def _holds(self, condition: str) -> bool:
        conditions = self._template.get("Conditions", {})
        if condition not in conditions:
            raise invalid(f"The condition {condition} is not defined.")
        return bool(self.resolved(conditions[condition]))

    def _variable(self, text: str) -> Any:
        resource, dot, attribute = text.partition(".")
        return self._attribute(resource, attribute) if dot else self._reference(text)

    def _attribute(self, resource: str, attribute: str) -> Any:
        if resource not in self._template.get("Resources", {}):
            raise invalid(f"The reference to {resource} leads nowhere.")
        found = self._attributes.get(resource)
        if found is None and self._lenient:
            return f"<{resource}.{attribute}>" if attribute else f"<{resource}>"
        if found is None or attribute not in found:
            raise invalid(f"The attribute {attribute} of {resource} is not there.")
        return found[attribute]


def in_order(template: Mapping[str, Any]) -> list[str]:
    """Each resource after those that it refers to or depends on."""
    resources = template.get("Resources", {})
    done: list[str] = []
    while len(done) < len(resources):
        ready = [
            name
            for name, resource in resources.items()
            if name not in done and _needs(resource, resources) <= {*done}
        ]
        if not ready:
            raise invalid("The resources depend on each other in a circle.")
        done += ready
    return done


def _needs(resource: Mapping[str, Any], resources: Mapping[str, Any]) -> set[str]:
    depends = resource.get("DependsOn", [])
    named = {depends} if isinstance(depends, str) else set(depends)
    return (named | set(_references(resource.get("Properties", {})))) & resources.keys()


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Ref":
                yield item
            elif key == "Fn::GetAtt":
                yield item[0]
            elif key == "Fn::Sub":
                yield from (text.partition(".")[0] for text in _VARIABLE.findall(item))
            else:
                yield from _references(item)
