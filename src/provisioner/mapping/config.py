"""The deployment's configuration, bindings in JSON, and what a hook may override in a binding."""

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
    """What the deployment decides.

    `regions` are those that a message may name besides `region_id` and the regions of bindings.
    `backend_quota` counts the backends of all groups of one load balancer. `circuit_breaker` is the
    number of ABANDONs in a row after which a failure is answered with CONTINUE; 0 is never. With
    `merge_foreign`, a request may change a group that is not ours and that no binding names."""

    region_id: str
    bindings: tuple[Binding, ...] = ()
    regions: frozenset[str] = frozenset()
    backend_quota: int = 200
    claiming: bool = True
    circuit_breaker: int = 3
    skip_unbound_hooks: bool = False
    merge_foreign: bool = False
    paused: bool = False
    sweep: SweepMode = SweepMode.REPORT

    def may_change_foreign(self, load_balancer_id: str, name: str) -> bool:
        """Tell whether a group of this name may be changed also if somebody else created it."""
        globs = (
            naming.name_glob(binding.name_template, binding.scaling_group_id)
            for binding in self.bindings
            if binding.load_balancer_id == load_balancer_id
        )
        return self.merge_foreign or naming.matches_any_glob(name, globs)

    def has_region(self, region_id: str) -> bool:
        """Tell whether a region is one of this deployment's."""
        bound = (binding.region_id for binding in self.bindings)
        return region_id in {self.region_id, *self.regions, *bound}


def parse_bindings(value: Any) -> tuple[tuple[Binding, ...], list[Problem]]:
    """Build bindings from parsed JSON. Returns no bindings if there is a problem."""
    problems = validation.validate("bindings", value)
    for index, element in enumerate(value if isinstance(value, list) else []):
        template = element.get("VServerGroupName") if isinstance(element, Mapping) else None
        if isinstance(template, str) and template:
            problems += naming.check_template(template, _name_pointer(index))
    if problems:
        return (), problems
    bindings = tuple(Binding(**_to_fields(element)) for element in value)
    problems = [*_check_names(bindings), *_find_collisions(bindings), *_check_deletions(bindings)]
    return (() if problems else bindings), problems


def apply_overrides(binding: Binding, metadata: str) -> Binding:
    """Return the binding with the keys of NotificationMetadata that it allows.

    NotificationMetadata is the user's own text. If it is no JSON object, it is ignored, and so are
    the keys that the binding does not allow. Raises `Rejected` if an allowed key has a value that
    the schema of bindings rejects.
    """
    if not (metadata and binding.metadata_may_override):
        return binding
    try:
        options = json.loads(metadata)
    except (ValueError, RecursionError):
        return binding
    if not isinstance(options, Mapping):
        return binding
    overrides = {
        key: document.parse_whole_number(options[key])
        for key in binding.metadata_may_override
        if key in options
    }
    _, problems = parse_bindings([{**_binding_keys(binding), **overrides}])
    if problems:
        prefix = "/NotificationMetadata"
        moved = [Problem(prefix + p.path.removeprefix("/0"), p.message) for p in problems]
        raise Rejected.from_problems(moved, code=Code.BINDING_UNFIT, what="the hook")
    return replace(binding, **_to_fields(overrides))


def is_same_metadata(one: str, other: str) -> bool:
    """Whether two texts of NotificationMetadata are equal, as JSON if they are JSON."""
    if one == other:
        return True
    try:
        return bool(json.loads(one) == json.loads(other))
    except (ValueError, RecursionError):
        return False


def _binding_keys(binding: Binding) -> dict[str, Any]:
    """Return what the checks of a binding want to see beside the keys that metadata overrides."""
    return {
        "ScalingGroupId": "-",
        "LoadBalancerId": "-",
        "Ports": [1],
        "VServerGroupName": binding.name_template,
        "DeleteEmpty": binding.delete_empty,
    }


def _name_pointer(index: int) -> str:
    return validation.build_pointer(index, "VServerGroupName")


def _expand_known_facts(binding: Binding) -> str:
    """Return the name with the only fact that is known before there is an event."""
    return binding.name_template.replace("{scaling_group_id}", binding.scaling_group_id)


def _check_names(bindings: Sequence[Binding]) -> list[Problem]:
    """Check the names that do not depend on the event."""
    names = map(_expand_known_facts, bindings)
    return [
        problem
        for index, name in enumerate(names)
        if "{" not in name
        for problem in naming.check_name(name, _name_pointer(index))
    ]


def _check_deletions(bindings: Sequence[Binding]) -> list[Problem]:
    """Find bindings that would delete a group whose name is wanted again.

    The API cannot delete a group on the condition that it is still empty (`groups.deregister`).
    """
    return [
        Problem(
            _name_pointer(index),
            "must hold {scaling_activity_id} or {content_hash} where DeleteEmpty is on: a group "
            "with a name that is wanted again may get servers while it is deleted",
        )
        for index, binding in enumerate(bindings)
        if binding.delete_empty and not naming.is_wanted_once(binding.name_template)
    ]


def _find_collisions(bindings: Sequence[Binding]) -> list[Problem]:
    """Find bindings of one scaling group with the same group: each would fill it."""
    first_index: dict[object, int] = {}
    problems = []
    for index, binding in enumerate(bindings):
        name = _expand_known_facts(binding)
        identity = (binding.scaling_group_id, binding.load_balancer_id, name)
        first = first_index.setdefault(identity, index)
        if first != index:
            message = f"names the same VServer group as /{first}; give each a VServerGroupName"
            problems.append(Problem(_name_pointer(index), message))
    return problems


def _to_fields(element: Mapping[str, Any]) -> dict[str, Any]:
    """Map keys and values of the schema to fields of `Binding`."""
    return {_FIELDS[key][0]: _FIELDS[key][1](value) for key, value in element.items()}


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
