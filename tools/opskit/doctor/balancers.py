"""The load balancers that bindings name: there, with room left, and with a way to the groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioner.model import Binding

from .finding import Finding, failure, ok, unknown, warning
from .patient import Patient, RefusedError, asked

_LITTLE = 0.1  # of the quota
_STABLE = "{scaling_group_id}"


def load_balancers(patient: Patient) -> Iterator[Finding]:
    for binding in _each(patient):
        name = binding.load_balancer_id
        try:
            groups = _listed(patient, binding)
        except RefusedError as error:
            yield _unseen(name, error)
            continue
        yield ok(f"load balancer {name} is there, with {len(groups)} VServer group(s)")


def quota_left(patient: Patient) -> Iterator[Finding]:
    for binding in _each(patient):
        name = binding.load_balancer_id
        try:
            held = sum(_size(patient, binding, group) for group in _listed(patient, binding))
        except RefusedError as error:
            yield unknown(f"the quota of {name}: {error}", "let the load balancer be read first")
            continue
        assert patient.settings is not None, "there is a binding"
        quota = patient.settings.config.backend_quota
        told = f"{name} holds {held} backends; {quota - held} of {quota} are left"
        remedy = "remove backends that have gone, or have the quota raised and set BACKEND_QUOTA"
        if held >= quota:
            yield failure(told, remedy)
        elif quota - held < quota * _LITTLE:
            yield warning(told, remedy)
        else:
            yield ok(told)


def references(patient: Patient) -> Iterator[Finding]:
    """A group that no listener and no rule refers to gets no traffic."""
    for binding in patient.bindings:
        name = binding.name_template.replace(_STABLE, binding.scaling_group_id)
        of = f"of {binding.load_balancer_id}"
        if "{" in name:
            told = f"groups of the name {binding.name_template} {of} are new with each event"
            yield unknown(told, "let a listener's owner read the published VServerGroupId")
            continue
        try:
            found = [g for g in _listed(patient, binding) if g.vserver_group_name == name]
        except RefusedError as error:
            yield unknown(f"listeners {of}: {error}", "let the load balancer be read first")
            continue
        yield _referred(name, of, found)


def _referred(name: str, of: str, found: list[Any]) -> Finding:
    if not found:
        remedy = "make it once, empty, and let a listener refer to its VServerGroupId"
        return warning(f"there is no VServer group {name} {of} yet", remedy)
    if len(found) > 1:
        told = f"{len(found)} VServer groups {of} are called {name}: none of them is touched"
        return failure(told, "rename or delete all but one")
    users = _users(found[0])
    told = f"VServer group {name} {of}"
    if users:
        return ok(f"{told} is referred to by {', '.join(users)}")
    remedy = f"set VServerGroupId {found[0].vserver_group_id} on a listener or a forwarding rule"
    return failure(f"no listener and no rule refers to {told}", remedy)


def _users(group: Any) -> list[str]:
    objects = group.associated_objects
    listeners = (objects and objects.listeners and objects.listeners.listener) or ()
    rules = (objects and objects.rules and objects.rules.rule) or ()
    return [f"listener {item.port}" for item in listeners] + [f"rule {r.rule_id}" for r in rules]


def _each(patient: Patient) -> list[Binding]:
    """One binding of each load balancer."""
    return list({binding.load_balancer_id: binding for binding in patient.bindings}.values())


def _listed(patient: Patient, binding: Binding) -> list[Any]:
    from alibabacloud_slb20140515 import models  # noqa: PLC0415 - slow

    request = models.DescribeVServerGroupsRequest(
        region_id=patient.region_of(binding),
        load_balancer_id=binding.load_balancer_id,
        include_listener=True,
        include_rule=True,
    )
    body = asked(lambda: patient.slb().describe_vserver_groups(request)).body
    return list((body.vserver_groups and body.vserver_groups.vserver_group) or ())


def _size(patient: Patient, binding: Binding, group: Any) -> int:
    from alibabacloud_slb20140515 import models  # noqa: PLC0415 - slow

    request = models.DescribeVServerGroupAttributeRequest(
        region_id=patient.region_of(binding), vserver_group_id=group.vserver_group_id
    )
    body = asked(lambda: patient.slb().describe_vserver_group_attribute(request)).body
    return len((body.backend_servers and body.backend_servers.backend_server) or ())


def _unseen(name: str, error: RefusedError) -> Finding:
    told = f"load balancer {name}: {error}"
    if error.is_of_permission:
        return failure(told, "allow slb:DescribeVServerGroups on it (see opskit policy)")
    if not error.code:
        return unknown(told, "see what is said about the endpoint of slb")
    return failure(told, "let the binding name a load balancer of this account and region")
