"""Instances that leave: they are taken out of every owned group, then the action is answered.

Who leaves. ESS says so: an instance on its way out, or gone from its scaling group already. One
that is in service, protected, on standby or coming is not taken out, whatever an old message says:
it came back, or never left.

An action that has ended is only looked at. What its instances left in a group of ours is told as
`HookEndedOtherwise`; an earlier delivery that took them out is told once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from provisioner.errors import Code, Fault, Rejected
from provisioner.executor import Drive
from provisioner.groups.deregister import Removal, deregister, owned, removals, told_as
from provisioner.model import Binding, Deregistered, LifecycleResult, Shrunk, VServerGroup
from provisioner.provisioning import Task
from provisioner.results.outcome import Outcome, Status

from .action import LEAVING, Look
from .base import Hook, Worked
from .completion import ended_otherwise


@dataclass(frozen=True, slots=True)
class ScaleIn(Hook):
    DONE: ClassVar[Status] = Status.DEREGISTERED

    def worked(self, seen: Look) -> Worked:
        wanted = self._removals(seen)
        if self._leaving(seen):
            ended = self.each_group(wanted, _taken_out)
        else:
            ended = [self._they_stay(each) for each in wanted]
        return [
            (self._noted(outcome, seen), self._failure_result(each, seen))
            for outcome, each in zip(ended, wanted, strict=True)
        ]

    def looked_at(self, seen: Look) -> list[Outcome]:
        return [self._noted(self._looked_at(each, seen), seen) for each in self._removals(seen)]

    def about(self, seen: Look) -> Sequence[VServerGroup]:
        return [told_as(each) for each in self._removals(seen)]

    def failure_result(self, binding: Binding) -> LifecycleResult:
        return binding.scale_in_failure_result

    def _failure_result(self, removal: Removal, seen: Look) -> LifecycleResult:
        """Of the first binding of its load balancer."""
        bound = (b for b in seen.bound if b.load_balancer_id == removal.load_balancer_id)
        return self.failure_result(next(bound))

    def _removals(self, seen: Look) -> tuple[Removal, ...]:
        addresses = {name: each.private_ip for name, each in seen.there.items()}
        leaving = self._leaving(seen)
        return removals(
            self.request,
            seen.bound,
            leaving,
            addresses,
            default_region_id=self.means.policy.region_id,
            tagging=self.means.policy.tagging,
        )

    def _leaving(self, seen: Look) -> tuple[str, ...]:
        staying = self._staying(seen)
        ids = (instance.instance_id for instance in self.request.instances)
        return tuple(name for name in ids if name not in staying)

    def _staying(self, seen: Look) -> tuple[str, ...]:
        ids = (instance.instance_id for instance in self.request.instances)
        return tuple(
            name
            for name in ids
            if name in seen.there and seen.there[name].lifecycle_state not in LEAVING
        )

    def _noted(self, outcome: Outcome, seen: Look) -> Outcome:
        return replace(outcome, dropped_instances=self._staying(seen))

    def _they_stay(self, removal: Removal) -> Outcome:
        error = Rejected(
            Code.INSTANCES_STAY,
            "ESS has every one of the event's instances as staying in its scaling group; nothing "
            "was taken out",
            fault=Fault.CONFLICT,
        )
        return self.outcome(Status.REFUSED, group=told_as(removal), error=error)

    def _looked_at(self, removal: Removal, seen: Look) -> Outcome:
        drive = self.drive(removal.group)
        try:
            groups = drive.run(owned(removal))
        except Rejected as error:
            return _failed(self, removal, drive, error)
        stands = tuple(Shrunk(group.id, group.name, held=group.backends) for group in groups)
        found = _done(self, removal, drive, Deregistered(stands))
        continued = seen.state.result == LifecycleResult.CONTINUE.value
        if continued and not removal.server_ids:
            return self._they_stay(removal)
        if continued and not any(map(removal.leaving, groups)):
            return replace(found, lifecycle_result=LifecycleResult.CONTINUE)
        return ended_otherwise(found, seen.state.result)


def _taken_out(task: Task, removal: Removal) -> Outcome:
    drive = task.drive(removal.group)
    before: list[Shrunk] = []
    try:
        done = drive.run(deregister(removal, before, claiming=task.means.policy.claiming))
    except Rejected as error:
        failed = _failed(task, removal, drive, error)
        return replace(failed, deregistered=Deregistered(tuple(before), drive.drained))
    return _done(task, removal, drive, done)


def _done(task: Task, removal: Removal, drive: Drive, done: Deregistered) -> Outcome:
    group = told_as(removal)
    named = [each for each in done.groups if each.name == group.name]
    if len(named) == 1:
        group = replace(group, id=named[0].id, backends=named[0].held)
    return replace(
        task.outcome(Status.DEREGISTERED, group=group),
        deregistered=done,
        slb_request_ids=tuple(drive.request_ids),
    )


def _failed(task: Task, removal: Removal, drive: Drive, error: Rejected) -> Outcome:
    """What was taken out stays out: its servers leave."""
    status = Status.FAILED if drive.wrote else Status.REFUSED
    return replace(
        task.outcome(status, group=told_as(removal), error=error),
        slb_request_ids=tuple(drive.request_ids),
    )
