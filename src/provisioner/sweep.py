"""The sweep: read everything that is bound, tell what is amiss, and put it right where asked to.

Load balancers are read first and scaling groups after them, so that what ESS no longer knows had
left before it was asked. Each remedy goes the way of the protocol that would have done it, looks
again before it writes, and has its share of the time. One that fails is told, and the next begins;
what is left is found again by the next sweep. Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from . import failures, hooks
from .core import bindings, naming, sweep
from .core.commands import Command, ReadGroup
from .core.deregister import deregister
from .core.ensure import ensure
from .core.errors import Code, Fault, ProvisionerError, Rejected
from .core.held import Steps, clear
from .core.model import (
    Binding,
    Desired,
    EventRef,
    Instance,
    OnExisting,
    Request,
    Status,
    Sweep,
    SweepMode,
    VServerGroup,
)
from .core.sweep import Balancer, Finding, Kind, Remedy, Scaling
from .core.takeaway import take_away
from .driver import Drive, Invocation
from .service import Means

T = TypeVar("T")

_IN_SERVICE = "InService"
_READING = 2  # the share of the time that reading may take: one of so many parts
_SOURCE = "ess_hook"  # what a recovered action would have come from


@dataclass(frozen=True, slots=True)
class Treated:
    """`error` where the remedy failed; `applied` where it was carried out."""

    finding: Finding
    applied: bool = False
    error: ProvisionerError | None = None

    def document(self) -> dict[str, Any]:
        return {
            **_fields(self.finding),
            "applied": self.applied,
            "code": self.error.code if self.error else "",
        }


@dataclass(frozen=True, slots=True)
class Swept:
    """`unread`: codes by what could not be read, of which this sweep says nothing."""

    mode: SweepMode
    treated: tuple[Treated, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()

    def document(self) -> dict[str, Any]:
        return {
            "sweep": self.mode.value,
            "findings": [each.document() for each in self.treated],
            "unread": [{"id": name, "code": code} for name, code in self.unread],
        }


def swept(means: Means, request: Sweep, invocation: Invocation) -> Swept:
    mode = _mode(means, request, invocation)
    if mode is SweepMode.OFF:
        invocation.log.step("outcome", outcome="skipped", reason="SWEEP is off")
        return Swept(mode)
    reading = _Reading(means, invocation.share(means.clock.now(), _READING))
    found = reading.findings()
    for each in found:
        invocation.log.step("sweep.found", **_fields(each))
    treated = tuple(map(Treated, found))
    if mode is SweepMode.APPLY:
        treated = _treated(means, found, invocation)
    done = Swept(mode, treated, tuple(reading.unread))
    invocation.log.step(
        "sweep",
        mode=mode.value,
        findings=len(treated),
        applied=sum(each.applied for each in treated),
        failed=sum(each.error is not None for each in treated),
        unread=len(done.unread),
    )
    return done


def _mode(means: Means, request: Sweep, invocation: Invocation) -> SweepMode:
    """What was asked for, and never more than the deployment allows."""
    allowed = means.policy.sweep
    if allowed is SweepMode.APPLY and means.policy.paused:
        invocation.log.step("paused", sweep=SweepMode.REPORT.value)
        allowed = SweepMode.REPORT
    order = list(SweepMode)
    return min(allowed, request.wanted or allowed, key=order.index)


class _Reading:
    """Whatever cannot be read is noted, and the rest is read."""

    def __init__(self, means: Means, invocation: Invocation) -> None:
        self.unread: list[tuple[str, str]] = []
        self._means, self._invocation = means, invocation

    def findings(self) -> list[Finding]:
        policy = self._means.policy
        bound = [_located(binding, policy.region_id) for binding in policy.bindings]
        places = sorted({(b.region_id, b.load_balancer_id) for b in bound})
        balancers = {p: read for p in places if (read := self._tried(p[1], self._balancer, *p))}
        scaling = self._scaling(bound, balancers)
        names = sweep.known_names(bound, scaling.values())
        found = [f for each in balancers.values() for f in sweep.stale(each, names, policy)]
        for binding in bound:
            balancer = balancers.get((binding.region_id, binding.load_balancer_id))
            known = scaling.get((binding.region_id, binding.scaling_group_id))
            if balancer and known:
                found += sweep.released(balancer, binding, known, policy)
                found += sweep.missing(balancer, binding, known)
        return _distinct([*found, *(f for each in scaling.values() for f in sweep.stuck(each))])

    def _tried(self, name: str, read: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return read(*arguments)
        except Exception as error:  # noqa: BLE001 - the funnel of one reading
            told = failures.ours(error)
            self.unread.append((name, told.code))
            self._invocation.log.step("sweep.unread", id=name, code=told.code)
            return None

    def _left(self) -> float:
        return self._invocation.deadline - self._means.clock.now()

    def _balancer(self, region_id: str, load_balancer_id: str) -> Balancer:
        port = self._means.load_balancers
        listed = port.list_vserver_groups(region_id, load_balancer_id, within=self._left())
        groups = []
        for group in listed.value:
            if naming.is_pending(group.name):
                groups.append(group)
                continue
            read = port.read_vserver_group(region_id, group.id, within=self._left()).value
            if read is not None:
                groups.append(replace(group, name=read.name, backends=read.backends))
        return Balancer(region_id, load_balancer_id, listed.date, tuple(groups))

    def _scaling(
        self, bound: Sequence[Binding], balancers: dict[tuple[str, str], Balancer]
    ) -> dict[tuple[str, str], Scaling]:
        found = {}
        for place in sorted({(b.region_id, b.scaling_group_id) for b in bound}):
            ours = [b for b in bound if (b.region_id, b.scaling_group_id) == place]
            pairs = [
                (balancers[p], b)
                for b in ours
                if (p := (b.region_id, b.load_balancer_id)) in balancers
            ]
            known = self._tried(place[1], self._scaling_group, *place, pairs)
            if known:
                found[place] = known
        return found

    def _scaling_group(
        self, region_id: str, group_id: str, pairs: Sequence[tuple[Balancer, Binding]]
    ) -> Scaling:
        port, policy = self._means.scaling_groups, self._means.policy
        instances = port.group_instances(region_id, group_id, within=self._left())
        activities = port.activities(region_id, group_id, within=self._left())
        going_on = port.activities(region_id, group_id, in_progress=True, within=self._left())
        all_of_them = {a.scaling_activity_id: a for a in (*going_on, *activities)}
        known = Scaling(group_id, instances, tuple(all_of_them.values()))
        asked = {s for lb, b in pairs for s in sweep.strangers(lb, b, known, policy)}
        elsewhere = port.instances(region_id, "", sorted(asked), within=self._left())
        waiting = [
            (state, terms)
            for activity in going_on
            for state in port.lifecycle_actions(
                region_id, activity.scaling_activity_id, within=self._left()
            )
            if state.pending
            and (
                terms := port.hook_terms(
                    replace(state.action, scaling_group_id=group_id), within=self._left()
                )
            )
        ]
        return replace(known, elsewhere=frozenset(elsewhere), waiting=tuple(waiting))


def _treated(means: Means, found: Sequence[Finding], invocation: Invocation) -> tuple[Treated, ...]:
    """Hooks first: servers wait for them."""
    order = sorted(found, key=lambda each: each.kind is not Kind.STUCK_HOOK)
    done = []
    for number, finding in enumerate(order):
        share = invocation.share(means.clock.now(), len(order) - number)
        remedy = None if finding.remedy is Remedy.NONE else _REMEDIES[finding.remedy]
        done.append(_tried_remedy(means, finding, share, remedy))
    return tuple(done)


def _tried_remedy(
    means: Means, finding: Finding, share: Invocation, remedy: _Carry | None
) -> Treated:
    if remedy is None:
        return Treated(finding)
    try:
        remedy(means, finding, share)
    except Exception as error:  # noqa: BLE001 - the funnel of one remedy
        told = failures.ours(error)
        share.log.step("sweep.failed", code=told.code, **_fields(finding))
        return Treated(finding, error=told)
    share.log.step("sweep.applied", **_fields(finding))
    return Treated(finding, applied=True)


_Carry = Callable[[Means, Finding, Invocation], None]


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
    removal = sweep.removal_of(_group(finding), gone, finding.binding, means.policy)
    _run(means, finding, share, deregister(removal, claiming=means.policy.claiming))


def _added(means: Means, finding: Finding, share: Invocation) -> None:
    """Of those that are in service now: one that leaves meanwhile is not put back."""
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
    _run(means, finding, share, ensure(wanted, claiming=means.policy.claiming))


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


_REMEDIES: dict[Remedy, _Carry] = {
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


def _located(binding: Binding, region_id: str) -> Binding:
    return replace(binding, region_id=binding.region_id or region_id)


def _distinct(found: Sequence[Finding]) -> list[Finding]:
    """Two bindings may name one group: what both find is one finding."""
    first: dict[object, Finding] = {}
    for each in found:
        key = replace(each, binding=None) if each.kind is Kind.RELEASED_INSTANCE else id(each)
        first.setdefault(key, each)
    return list(first.values())


def _fields(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "remedy": finding.remedy.value,
        "what": finding.what,
        "RegionId": finding.region_id,
        "LoadBalancerId": finding.load_balancer_id,
        "VServerGroupId": finding.vserver_group_id,
        "VServerGroupName": finding.vserver_group_name,
        "ScalingGroupId": finding.scaling_group_id,
        "ServerIds": list(finding.server_ids),
    }
