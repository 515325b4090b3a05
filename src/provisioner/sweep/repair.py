"""One function for each remedy: it uses the protocol that should have done it, and looks again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from provisioner.errors import Code, Fault, Rejected
from provisioner.executor import CommandExecutor
from provisioner.groups.bisect_rejected import rejection_error
from provisioner.groups.commands import ReadGroup
from provisioner.groups.deregister import DeregisterProtocol, removal_error
from provisioner.groups.ensure import EnsureProtocol
from provisioner.groups.lease import delete_expired_claim
from provisioner.groups.naming import build_hook_event_id
from provisioner.groups.restore_weights import RestoreWeightsProtocol
from provisioner.hooks import handle_hook
from provisioner.invocation import Invocation
from provisioner.mapping.bindings import map_request
from provisioner.model import (
    EventRef,
    Instance,
    OnExisting,
    Request,
    ScalingInstance,
    VServerGroup,
)
from provisioner.provisioning import Dependencies
from provisioner.results.outcome import Status

from .detect import IN_SERVICE, Finding, Remedy, build_removal, select_zero_weights

Repair = Callable[[Dependencies, Finding, Invocation], None]

_HOOK_SOURCE = "ess_hook"  # the source of the event that a recovered action comes from


def _delete_claim(deps: Dependencies, finding: Finding, invocation: Invocation) -> None:
    executor = _new_executor(deps, finding, invocation)
    if not delete_expired_claim(finding.group, executor.execute):
        raise Rejected(Code.STILL_CHANGING, "the claim could not be deleted", fault=Fault.CONFLICT)


def _remove_backends(deps: Dependencies, finding: Finding, invocation: Invocation) -> None:
    """Raises `Rejected` if the load balancer keeps some of them; the others are removed."""
    assert finding.binding is not None
    removal = build_removal(finding.group, frozenset(finding.server_ids), finding.binding)
    result = _new_executor(deps, finding, invocation).run(DeregisterProtocol(removal))
    if any(group.rejected for group in result.groups):
        raise removal_error(result.groups)


def _add_backends(deps: Dependencies, finding: Finding, invocation: Invocation) -> None:
    """Add the instances that are in service now; one that leaves meanwhile is not put back.

    Raises `Rejected` if the load balancer refused some of them; the others are added.
    """
    assert finding.binding is not None
    instances = tuple(
        Instance(instance.instance_id, server_ip=instance.private_ip)
        for instance in _read_in_service(deps, finding, invocation)
    )
    if not instances:
        return
    request = Request(
        EventRef("sweep", f"{finding.scaling_group_id}/{finding.vserver_group_name}"),
        region_id=finding.region_id,
        load_balancer_id=finding.load_balancer_id,
        vserver_group_name=finding.vserver_group_name,
        scaling_group_id=finding.scaling_group_id,
        instances=instances,
        on_existing=OnExisting.EXTEND,
    )
    (wanted,) = map_request(request, [finding.binding], instances, deps.config)
    wanted = replace(wanted, from_hook=True, accept_partial=True)
    protocol = EnsureProtocol(wanted, deps.config.claiming)
    result = _new_executor(deps, finding, invocation).run(protocol)
    if result.plan.rejected:
        raise rejection_error(wanted, result.plan.rejected)


def _set_weights(deps: Dependencies, finding: Finding, invocation: Invocation) -> None:
    """Set the binding's weight for the servers that are in service now and still have the weight 0.

    Raises `Rejected` if the load balancer keeps the weight 0 for some of them.
    """
    assert finding.binding is not None
    instances = _read_in_service(deps, finding, invocation)
    executor = _new_executor(deps, finding, invocation)
    group: VServerGroup | None = executor.execute(ReadGroup(finding.vserver_group_id)).value
    if group is None:
        return
    backends = select_zero_weights(group, finding.binding, instances)
    if executor.run(RestoreWeightsProtocol((replace(group, backends=backends),))):
        raise Rejected(Code.STILL_CHANGING, "some weights could not be set", fault=Fault.CONFLICT)


def _read_in_service(
    deps: Dependencies, finding: Finding, invocation: Invocation
) -> list[ScalingInstance]:
    """Return those of the finding's instances that are in service now."""
    known = deps.scaling_groups.read_instances(
        finding.region_id,
        finding.scaling_group_id,
        finding.server_ids,
        within=invocation.hard_deadline - deps.clock.now(),
    )
    return [each for each in known.values() if each.lifecycle_state == IN_SERVICE]


def _handle_hook(deps: Dependencies, finding: Finding, invocation: Invocation) -> None:
    """Handle the hook; its results have the ids of the event that was lost."""
    assert finding.state is not None
    action = finding.state.action
    event_id = build_hook_event_id(action.hook_id, action.scaling_activity_id, action.token)
    request = Request(
        EventRef(_HOOK_SOURCE, event_id),
        region_id=action.region_id,
        scaling_group_id=action.scaling_group_id,
        instances=tuple(map(Instance, finding.server_ids)),
        action=action,
    )
    for outcome in handle_hook(deps, request, invocation):
        if outcome.error and outcome.status is not Status.SKIPPED:
            raise outcome.error


REPAIRS: Mapping[Remedy, Repair] = {
    Remedy.DELETE: _delete_claim,
    Remedy.REMOVE: _remove_backends,
    Remedy.ADD: _add_backends,
    Remedy.SET_WEIGHT: _set_weights,
    Remedy.HANDLE: _handle_hook,
}


def _new_executor(deps: Dependencies, finding: Finding, invocation: Invocation) -> CommandExecutor:
    place = VServerGroup(finding.region_id, finding.load_balancer_id, "")
    return CommandExecutor(place, invocation, deps.load_balancers, deps.clock, deps.random)
