"""Each remedy goes the way of the protocol that would have done it, and looks again first."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from provisioner import hooks
from provisioner.errors import Code, Fault, Rejected
from provisioner.executor import Drive
from provisioner.groups import naming
from provisioner.groups.bisect_rejected import refusal
from provisioner.groups.commands import Command, ReadGroup
from provisioner.groups.deregister import deregister, take_away
from provisioner.groups.ensure import ensure
from provisioner.groups.lease import Steps, clear
from provisioner.invocation import Invocation
from provisioner.mapping import bindings
from provisioner.model import Desired, EventRef, Instance, OnExisting, Request, VServerGroup
from provisioner.provisioning import Means
from provisioner.results.outcome import Status

from . import detect
from .detect import Finding, Remedy

T = TypeVar("T")
Carry = Callable[[Means, Finding, Invocation], None]

_IN_SERVICE = "InService"
_SOURCE = "ess_hook"  # what a recovered action would have come from


def _deleted(means: Means, finding: Finding, share: Invocation) -> None:
    group = _group(finding)

    def cleared() -> Steps:
        yield from clear(group)
        read = yield ReadGroup(group.id)
        return read.value is None or read.value.name != group.name

    if not _run(means, finding, share, cleared()):
        raise Rejected(Code.STILL_CHANGING, "the claim could not be deleted", fault=Fault.CONFLICT)


def _settled(means: Means, finding: Finding, share: Invocation) -> None:
    mark = naming.digest(finding.wanted_name)[:32]
    tags = naming.owner_tags(mark) if means.policy.tagging else {}
    group = replace(_group(finding), name=finding.wanted_name, id="", tags=tags)
    desired = Desired(group, OnExisting.EXTEND, mark)
    steps = take_away(desired, finding.vserver_group_id, claiming=means.policy.claiming)
    _run(means, finding, share, steps)


def _removed(means: Means, finding: Finding, share: Invocation) -> None:
    assert finding.binding is not None
    gone = frozenset(finding.server_ids)
    removal = detect.removal_of(_group(finding), gone, finding.binding, means.policy)
    _run(means, finding, share, deregister(removal, claiming=means.policy.claiming))


def _added(means: Means, finding: Finding, share: Invocation) -> None:
    """Of those that are in service now: one that leaves meanwhile is not put back. One that is
    refused is left out, as a hook's is, and the finding is not told as put right."""
    assert finding.binding is not None
    there = means.scaling_groups.instances(
        finding.region_id,
        finding.scaling_group_id,
        finding.server_ids,
        within=share.ends - means.clock.now(),
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
    (wanted,) = bindings.desired(request, [finding.binding], kept, means.policy)
    by_halves = replace(wanted, from_hook=True, partial=True)
    done = _run(means, finding, share, ensure(by_halves, claiming=means.policy.claiming))
    if done.plan.left_out:
        raise refusal(wanted, list(done.plan.left_out))


def _handled(means: Means, finding: Finding, share: Invocation) -> None:
    """The results are published with the ids of the event that was lost."""
    assert finding.state is not None
    action = finding.state.action
    event_id = naming.hook_event_id(action.hook_id, action.scaling_activity_id, action.token)
    request = Request(
        EventRef(_SOURCE, event_id),
        region_id=action.region_id,
        scaling_group_id=action.scaling_group_id,
        instances=tuple(map(Instance, finding.server_ids)),
        action=action,
    )
    for outcome in hooks.task(means, request, share).completed():
        if outcome.error and outcome.status is not Status.SKIPPED:
            raise outcome.error


REMEDIES: Mapping[Remedy, Carry] = {
    Remedy.DELETE: _deleted,
    Remedy.SETTLE: _settled,
    Remedy.REMOVE: _removed,
    Remedy.ADD: _added,
    Remedy.HANDLE: _handled,
}


def _run(means: Means, finding: Finding, share: Invocation, steps: Generator[Command, Any, T]) -> T:
    place = VServerGroup(finding.region_id, finding.load_balancer_id, "")
    return Drive(place, share, means.load_balancers, means.clock, means.random).run(steps)


def _group(finding: Finding) -> VServerGroup:
    return VServerGroup(
        finding.region_id,
        finding.load_balancer_id,
        finding.vserver_group_name,
        id=finding.vserver_group_id,
    )
