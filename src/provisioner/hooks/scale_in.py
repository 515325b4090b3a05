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
from provisioner.executor import CommandExecutor
from provisioner.groups.deregister import (
    DeregisterProtocol,
    Removal,
    plan_removals,
    read_owned_groups,
)
from provisioner.model import Binding, GroupRemoval, LifecycleResult, RemovalResult, VServerGroup
from provisioner.provisioning import ProvisionTask
from provisioner.results.outcome import Outcome, Status

from .action import LEAVING, ActionContext
from .base import Hook, Performed
from .completion import mark_ended_otherwise


@dataclass(frozen=True, slots=True)
class ScaleIn(Hook):
    DONE: ClassVar[Status] = Status.DEREGISTERED

    def perform(self, seen: ActionContext) -> Performed:
        wanted = self._plan_removals(seen)
        if self._select_leaving(seen):
            ended = self.each_group(wanted, _deregister)
        else:
            ended = [self._reject_staying(each) for each in wanted]
        return [
            (self._add_dropped(outcome, seen), self._failure_result(each, seen))
            for outcome, each in zip(ended, wanted, strict=True)
        ]

    def inspect_ended(self, seen: ActionContext) -> list[Outcome]:
        return [
            self._add_dropped(self._inspect_removal(each, seen), seen)
            for each in self._plan_removals(seen)
        ]

    def subjects(self, seen: ActionContext) -> Sequence[VServerGroup]:
        return [each.result_subject for each in self._plan_removals(seen)]

    def failure_result(self, binding: Binding) -> LifecycleResult:
        return binding.scale_in_failure_result

    def _failure_result(self, removal: Removal, seen: ActionContext) -> LifecycleResult:
        """Of the first binding of its load balancer."""
        bound = (b for b in seen.bindings if b.load_balancer_id == removal.load_balancer_id)
        return self.failure_result(next(bound))

    def _plan_removals(self, seen: ActionContext) -> tuple[Removal, ...]:
        addresses = {name: each.private_ip for name, each in seen.instances.items()}
        leaving = self._select_leaving(seen)
        return plan_removals(
            self.request,
            seen.bindings,
            leaving,
            addresses,
            default_region_id=self.deps.config.region_id,
        )

    def _select_leaving(self, seen: ActionContext) -> tuple[str, ...]:
        staying = self._select_staying(seen)
        ids = (instance.instance_id for instance in self.request.instances)
        return tuple(name for name in ids if name not in staying)

    def _select_staying(self, seen: ActionContext) -> tuple[str, ...]:
        ids = (instance.instance_id for instance in self.request.instances)
        return tuple(
            name
            for name in ids
            if name in seen.instances and seen.instances[name].lifecycle_state not in LEAVING
        )

    def _add_dropped(self, outcome: Outcome, seen: ActionContext) -> Outcome:
        return replace(outcome, dropped_instance_ids=self._select_staying(seen))

    def _reject_staying(self, removal: Removal) -> Outcome:
        error = Rejected(
            Code.INSTANCES_STAY,
            "ESS has every one of the event's instances as staying in its scaling group; nothing "
            "was taken out",
            fault=Fault.CONFLICT,
        )
        return self.new_outcome(Status.REFUSED, group=removal.result_subject, error=error)

    def _inspect_removal(self, removal: Removal, seen: ActionContext) -> Outcome:
        drive = self.new_executor(removal.group)
        try:
            groups = read_owned_groups(removal, drive.execute)
        except Rejected as error:
            return _failure_outcome(self, removal, drive, error)
        stands = tuple(
            GroupRemoval(group.id, group.name, remaining=group.backends) for group in groups
        )
        found = _success_outcome(self, removal, drive, RemovalResult(stands))
        continued = seen.state.result == LifecycleResult.CONTINUE.value
        if continued and not removal.server_ids:
            return self._reject_staying(removal)
        if continued and not any(map(removal.select_leaving, groups)):
            return replace(found, lifecycle_result=LifecycleResult.CONTINUE)
        return mark_ended_otherwise(found, seen.state.result)


def _deregister(task: ProvisionTask, removal: Removal) -> Outcome:
    drive = task.new_executor(removal.group)
    protocol = DeregisterProtocol(removal)
    try:
        done = drive.run(protocol)
    except Rejected as error:
        failed = _failure_outcome(task, removal, drive, error)
        return replace(failed, removal=RemovalResult(protocol.removals, drive.drained_seconds))
    return _success_outcome(task, removal, drive, done)


def _success_outcome(
    task: ProvisionTask, removal: Removal, drive: CommandExecutor, done: RemovalResult
) -> Outcome:
    group = removal.result_subject
    named = [each for each in done.groups if each.name == group.name]
    if len(named) == 1:
        group = replace(group, id=named[0].id, backends=named[0].remaining)
    return replace(
        task.new_outcome(Status.DEREGISTERED, group=group),
        removal=done,
        slb_request_ids=tuple(drive.request_ids),
    )


def _failure_outcome(
    task: ProvisionTask, removal: Removal, drive: CommandExecutor, error: Rejected
) -> Outcome:
    """What was taken out stays out: its servers leave."""
    status = Status.FAILED if drive.has_written else Status.REFUSED
    return replace(
        task.new_outcome(status, group=removal.result_subject, error=error),
        slb_request_ids=tuple(drive.request_ids),
    )
