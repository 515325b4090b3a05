"""What the deployment decides, and its bindings as they are written: JSON, read with every problem
named, and what a hook's NotificationMetadata may override in one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner.errors import Code, Problem, Rejected
from provisioner.groups import naming
from provisioner.model import Binding, LifecycleResult, OnPause, SweepMode

from . import document, validation


@dataclass(frozen=True, slots=True)
class DeploymentConfig:
    """What the deployment decides. `backend_quota` is of one load balancer, over all its groups;
    `circuit_breaker` is how many ABANDONs in a row are enough, 0 never."""

    region_id: str
    bindings: tuple[Binding, ...] = ()
    backend_quota: int = 200
    claiming: bool = True
    circuit_breaker: int = 3
    paused: bool = False
    sweep: SweepMode = SweepMode.REPORT


def parse_bindings(value: Any) -> tuple[tuple[Binding, ...], list[Problem]]:
    """Bindings as JSON. Nothing is read from a list that has a problem."""
    found = validation.validate("bindings", value)
    for index, element in enumerate(value if isinstance(value, list) else []):
        template = element.get("VServerGroupName") if isinstance(element, Mapping) else None
        path = validation.build_pointer(index, "VServerGroupName")
        if isinstance(template, str) and template:
            found += naming.check_template(template, path)
    if found:
        return (), found
    read = tuple(Binding(**_to_fields(element)) for element in value)
    found = [*_check_names(read), *_find_collisions(read), *_check_deletions(read)]
    return (() if found else read), found


def apply_overrides(binding: Binding, metadata: str) -> Binding:
    """NotificationMetadata is the user's own text: what is no JSON object, and every key that the
    binding does not open to it, says nothing to us."""
    if not (metadata and binding.metadata_may_override):
        return binding
    try:
        said = json.loads(metadata)
    except (ValueError, RecursionError):
        return binding
    if not isinstance(said, Mapping):
        return binding
    opened = {
        k: document.parse_whole_number(said[k]) for k in binding.metadata_may_override if k in said
    }
    # The schema of a binding holds for what overrides one, with the required keys beside it.
    stub = {
        "ScalingGroupId": "-",
        "LoadBalancerId": "-",
        "Ports": [1],
        "VServerGroupName": binding.name_template,
        "DeleteEmpty": binding.delete_empty,
    }
    _, found = parse_bindings([{**stub, **opened}])
    if found:
        path = "/NotificationMetadata"
        moved = [Problem(path + p.path.removeprefix("/0"), p.message) for p in found]
        raise Rejected.from_problems(moved, code=Code.BINDING_UNFIT, what="the hook")
    return replace(binding, **_to_fields(opened))


def _known_name(binding: Binding) -> str:
    """The name as far as the binding alone tells it."""
    return binding.name_template.replace("{scaling_group_id}", binding.scaling_group_id)


def _check_names(bindings: Sequence[Binding]) -> list[Problem]:
    """Of those whose name is known before there is an event."""
    names = [(index, _known_name(binding)) for index, binding in enumerate(bindings)]
    return [
        problem
        for index, name in names
        if "{" not in name
        for problem in naming.check_name(name, validation.build_pointer(index, "VServerGroupName"))
    ]


def _check_deletions(bindings: Sequence[Binding]) -> list[Problem]:
    """Nothing can delete a group on the condition that it is still empty (see `deregister`)."""
    return [
        Problem(
            validation.build_pointer(index, "VServerGroupName"),
            "must hold {scaling_activity_id} or {content_hash} where DeleteEmpty is on: a group "
            "with a name that is wanted again may get servers while it is deleted",
        )
        for index, binding in enumerate(bindings)
        if binding.delete_empty and not naming.is_wanted_once(binding.name_template)
    ]


def _find_collisions(bindings: Sequence[Binding]) -> list[Problem]:
    """Two bindings of one scaling group that name one group would fill it from both sides."""
    seen: dict[object, int] = {}
    found = []
    for index, binding in enumerate(bindings):
        name = _known_name(binding)
        which = (binding.scaling_group_id, binding.load_balancer_id, name)
        first = seen.setdefault(which, index)
        if first != index:
            message = f"names the same VServer group as /{first}; give each a VServerGroupName"
            found.append(Problem(validation.build_pointer(index, "VServerGroupName"), message))
    return found


def _to_fields(element: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of the schema to fields of `Binding`."""
    return {_FIELDS[k][0]: _FIELDS[k][1](value) for k, value in element.items()}


_FIELDS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "ScalingGroupId": ("scaling_group_id", str),
    "LoadBalancerId": ("load_balancer_id", str),
    "RegionId": ("region_id", str),
    "Ports": ("ports", lambda ports: tuple(map(int, ports))),
    "Weight": ("weight", int),
    "Type": ("type", str),
    "Description": ("description", str),
    "VServerGroupName": ("name_template", str),
    "FailureResult": ("failure_result", LifecycleResult),
    "ScaleInFailureResult": ("scale_in_failure_result", LifecycleResult),
    "Drain": ("drain", int),
    "DeleteEmpty": ("delete_empty", bool),
    "OnPause": ("on_pause", OnPause),
    "OnPartial": ("accept_partial", lambda choice: choice == "continue"),
    "MetadataMayOverride": ("metadata_may_override", frozenset),
}
