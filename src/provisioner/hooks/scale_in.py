"""Instances leave: take them out of every group of ours, then the action is answered.

ESS decides which instances leave: those on their way out, and those that are gone from their
scaling group. One that is in service, protected, on standby or coming stays in its groups, whatever
an old message says.

After an action that has ended, backends that its instances left in a group of ours are reported as
`HookEndedOtherwise`; an earlier delivery that took them out is reported once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
from .completion import mark_ended_otherwise
from .lifecycle_hook import Performed, TransitionWork


class ScaleIn(TransitionWork):
    done = Status.DEREGISTERED

    def perform(self, task: ProvisionTask, context: ActionContext) -> Performed:
        removals = _plan_removals(task, context)
        if _select_leaving(context):
            outcomes = task.run_groups(removals, _deregister)
        else:
            outcomes = [_reject_staying(task, removal) for removal in removals]
        return [
            (_add_dropped(outcome, context), self._failure_result_of(removal, context))
            for outcome, removal in zip(outcomes, removals, strict=True)
        ]

    def inspect_ended(self, task: ProvisionTask, context: ActionContext) -> list[Outcome]:
        return [
            _add_dropped(_inspect_removal(task, removal, context), context)
            for removal in _plan_removals(task, context)
        ]

    def subjects(self, task: ProvisionTask, context: ActionContext) -> Sequence[VServerGroup]:
        return [removal.result_subject for removal in _plan_removals(task, context)]

    def undo(
        self,
        task: ProvisionTask,  # noqa: ARG002 - as for servers that come
        context: ActionContext,  # noqa: ARG002
        outcomes: Sequence[Outcome],
    ) -> list[Outcome]:
        """What was taken out stays out, because its servers leave."""
        return list(outcomes)

    def failure_result(self, binding: Binding) -> LifecycleResult:
        return binding.scale_in_failure_result

    def _failure_result_of(self, removal: Removal, context: ActionContext) -> LifecycleResult:
        """Return the failure result of the first binding of the removal's load balancer."""
        lb_id = removal.load_balancer_id
        bindings = (b for b in context.bindings if b.load_balancer_id == lb_id)
        return self.failure_result(next(bindings))


def _plan_removals(task: ProvisionTask, context: ActionContext) -> tuple[Removal, ...]:
    return plan_removals(
        context.request,
        context.bindings,
        _select_leaving(context),
        {name: instance.private_ip for name, instance in context.instances.items()},
        default_region_id=task.deps.config.region_id,
    )


def _select_leaving(context: ActionContext) -> tuple[str, ...]:
    staying = _select_staying(context)
    ids = (instance.instance_id for instance in context.request.instances)
    return tuple(instance_id for instance_id in ids if instance_id not in staying)


def _select_staying(context: ActionContext) -> tuple[str, ...]:
    known = context.instances
    ids = (instance.instance_id for instance in context.request.instances)
    return tuple(i for i in ids if i in known and known[i].lifecycle_state not in LEAVING)


def _add_dropped(outcome: Outcome, context: ActionContext) -> Outcome:
    """Return the outcome with the instances of the event that are not worked on."""
    return replace(outcome, dropped_instance_ids=_select_staying(context))


def _reject_staying(task: ProvisionTask, removal: Removal) -> Outcome:
    error = Rejected(
        Code.INSTANCES_STAY,
        "ESS says that every instance of the event stays in its scaling group; nothing was taken "
        "out",
        fault=Fault.CONFLICT,
    )
    return task.new_outcome(Status.REFUSED, group=removal.result_subject, error=error)


def _inspect_removal(task: ProvisionTask, removal: Removal, context: ActionContext) -> Outcome:
    executor = task.new_executor(removal.group)
    try:
        groups = read_owned_groups(removal, executor.execute)
    except Rejected as error:
        return _failure_outcome(task, removal, executor, error)
    unchanged = tuple(
        GroupRemoval(group.id, group.name, remaining=group.backends) for group in groups
    )
    outcome = _success_outcome(task, removal, executor, RemovalResult(unchanged))
    has_continued = context.state.result == LifecycleResult.CONTINUE.value
    if has_continued and not removal.server_ids:
        return _reject_staying(task, removal)
    if has_continued and not any(map(removal.select_leaving, groups)):
        return replace(outcome, lifecycle_result=LifecycleResult.CONTINUE)
    return mark_ended_otherwise(outcome, context.state.result)


def _deregister(task: ProvisionTask, removal: Removal) -> Outcome:
    executor = task.new_executor(removal.group)
    protocol = DeregisterProtocol(removal)
    try:
        result = executor.run(protocol)
    except Rejected as error:
        outcome = _failure_outcome(task, removal, executor, error)
        return replace(outcome, removal=RemovalResult(protocol.removals, executor.drained_seconds))
    return _success_outcome(task, removal, executor, result)


def _success_outcome(
    task: ProvisionTask, removal: Removal, executor: CommandExecutor, result: RemovalResult
) -> Outcome:
    group = removal.result_subject
    named = [each for each in result.groups if each.name == group.name]
    if len(named) == 1:
        group = replace(group, id=named[0].id, backends=named[0].remaining)
    return replace(
        task.new_outcome(Status.DEREGISTERED, group=group),
        removal=result,
        slb_request_ids=tuple(executor.request_ids),
    )


def _failure_outcome(
    task: ProvisionTask, removal: Removal, executor: CommandExecutor, error: Rejected
) -> Outcome:
    """What was taken out stays out, because its servers leave."""
    status = Status.FAILED if executor.has_written else Status.REFUSED
    return replace(
        task.new_outcome(status, group=removal.result_subject, error=error),
        slb_request_ids=tuple(executor.request_ids),
    )
