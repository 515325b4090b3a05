"""Each remedy goes the way of the protocol that would have done it, and looks again first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from provisioner import hooks
from provisioner.errors import Code, Fault, Rejected
from provisioner.executor import CommandExecutor
from provisioner.groups import naming
from provisioner.groups.bisect_rejected import rejection_error
from provisioner.groups.deregister import DeregisterProtocol
from provisioner.groups.ensure import EnsureProtocol
from provisioner.groups.lease import delete_expired_claim
from provisioner.invocation import Invocation
from provisioner.mapping import bindings
from provisioner.model import EventRef, Instance, OnExisting, Request, VServerGroup
from provisioner.provisioning import Dependencies
from provisioner.results.outcome import Status

from . import detect
from .detect import Finding, Remedy

Repair = Callable[[Dependencies, Finding, Invocation], None]

_IN_SERVICE = "InService"
_SOURCE = "ess_hook"  # what a recovered action would have come from


def _delete_claim(means: Dependencies, finding: Finding, share: Invocation) -> None:
    executor = _new_executor(means, finding, share)
    if not delete_expired_claim(_to_group(finding), executor.execute):
        raise Rejected(Code.STILL_CHANGING, "the claim could not be deleted", fault=Fault.CONFLICT)


def _remove_backends(means: Dependencies, finding: Finding, share: Invocation) -> None:
    assert finding.binding is not None
    gone = frozenset(finding.server_ids)
    removal = detect.build_removal(_to_group(finding), gone, finding.binding)
    _new_executor(means, finding, share).run(DeregisterProtocol(removal))


def _add_backends(means: Dependencies, finding: Finding, share: Invocation) -> None:
    """Of those that are in service now: one that leaves meanwhile is not put back. One that is
    refused is left out, as a hook's is, and the finding is not told as put right."""
    assert finding.binding is not None
    there = means.scaling_groups.read_instances(
        finding.region_id,
        finding.scaling_group_id,
        finding.server_ids,
        within=share.hard_deadline - means.clock.now(),
    )
    kept = tuple(
        Instance(name, server_ip=instance.private_ip)
        for name, instance in there.items()
        if instance.lifecycle_state == _IN_SERVICE
    )
    if not kept:
        return
    request = Request(
        EventRef("sweep", f"{finding.scaling_group_id}/{finding.vserver_group_name}"),
        region_id=finding.region_id,
        load_balancer_id=finding.load_balancer_id,
        vserver_group_name=finding.vserver_group_name,
        scaling_group_id=finding.scaling_group_id,
        instances=kept,
        on_existing=OnExisting.EXTEND,
    )
    (wanted,) = bindings.map_request(request, [finding.binding], kept, means.config)
    by_halves = replace(wanted, from_hook=True, accept_partial=True)
    protocol = EnsureProtocol(by_halves, means.config.claiming)
    done = _new_executor(means, finding, share).run(protocol)
    if done.plan.rejected:
        raise rejection_error(wanted, done.plan.rejected)


def _handle_hook(means: Dependencies, finding: Finding, share: Invocation) -> None:
    """The results are published with the ids of the event that was lost."""
    assert finding.state is not None
    action = finding.state.action
    event_id = naming.build_hook_event_id(action.hook_id, action.scaling_activity_id, action.token)
    request = Request(
        EventRef(_SOURCE, event_id),
        region_id=action.region_id,
        scaling_group_id=action.scaling_group_id,
        instances=tuple(map(Instance, finding.server_ids)),
        action=action,
    )
    for outcome in hooks.build_hook(means, request, share).handle():
        if outcome.error and outcome.status is not Status.SKIPPED:
            raise outcome.error


REPAIRS: Mapping[Remedy, Repair] = {
    Remedy.DELETE: _delete_claim,
    Remedy.REMOVE: _remove_backends,
    Remedy.ADD: _add_backends,
    Remedy.HANDLE: _handle_hook,
}


def _new_executor(means: Dependencies, finding: Finding, share: Invocation) -> CommandExecutor:
    place = VServerGroup(finding.region_id, finding.load_balancer_id, "")
    return CommandExecutor(place, share, means.load_balancers, means.clock, means.random)


def _to_group(finding: Finding) -> VServerGroup:
    return VServerGroup(
        finding.region_id,
        finding.load_balancer_id,
        finding.vserver_group_name,
        id=finding.vserver_group_id,
    )
