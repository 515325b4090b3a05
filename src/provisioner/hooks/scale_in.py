"""Instances leave: take them out of their groups, then the action is answered.

ESS decides which instances leave: those on their way out, and those that are gone from their
scaling group. One that is in service, protected, on standby or coming stays in its groups, whatever
an old message says.

After an action that has ended, backends that its instances left in a group are reported as
`HookEndedOtherwise`; an earlier delivery that took them out is reported once more.

A drain lowers weights to 0. If the servers stay, because the action is answered with ROLLBACK or
ended so, the weights are set again as they were before. The result names what keeps the weight 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from provisioner.errors import Code, Fault, Rejected, Retryable
from provisioner.executor import CommandExecutor
from provisioner.groups.deregister import (
    DeregisterProtocol,
    Removal,
    plan_removals,
    read_concerned_groups,
)
from provisioner.groups.restore_weights import RestoreWeightsProtocol, select_backends
from provisioner.invocation import WorkWindow
from provisioner.model import (
    Backend,
    Binding,
    GroupRemoval,
    LifecycleResult,
    RemovalResult,
    VServerGroup,
)
from provisioner.provisioning import ProvisionTask
from provisioner.results.outcome import Outcome, Status

from .action import LEAVING, ActionContext
from .completion import mark_ended_otherwise
from .lifecycle_hook import Performed, TransitionWork

_ROLLBACK = LifecycleResult.ROLLBACK
_SHORTEST_DELIVERY = 10.0  # seconds that another delivery needs to remove servers
_SECONDS_TO_RESTORE = 3.0  # at least, also if the time for work is over


@dataclass(eq=False)
class ScaleIn(TransitionWork):
    """One hook in one invocation. `lowered` has the groups with the weights of before, by removal,
    and `not_restored` the backends that keep the weight 0, by LoadBalancerId."""

    done = Status.DEREGISTERED
    lowered: dict[Removal, tuple[VServerGroup, ...]] = field(default_factory=dict)
    not_restored: dict[str, tuple[Backend, ...]] = field(default_factory=dict)

    def perform(self, task: ProvisionTask, context: ActionContext) -> Performed:
        removals = _plan_removals(task, context)
        if not _select_leaving(context):
            outcomes = [_reject_staying(task, removal) for removal in removals]
        else:
            try:
                outcomes = task.run_groups(removals, self._deregister)
            except Retryable:
                if _is_hook_over(task) and self.failure_result(context.bindings[0]) is _ROLLBACK:
                    self._restore_weights(task)
                raise
        answers = [self._failure_result_of(removal, context) for removal in removals]
        failed = (a for a, o in zip(answers, outcomes, strict=True) if o.status is not self.done)
        if next(failed, None) is _ROLLBACK:
            self._restore_weights(task)
        outcomes = [
            _add_dropped(self._add_not_restored(outcome, removal), context)
            for outcome, removal in zip(outcomes, removals, strict=True)
        ]
        return list(zip(outcomes, answers, strict=True))

    def put_back(self, task: ProvisionTask, context: ActionContext) -> None:
        if context.state.result == _ROLLBACK.value:
            self._restore_weights(task)
        else:
            self._restore_weights(task, frozenset(_select_staying(context)))

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

    def _deregister(self, task: ProvisionTask, removal: Removal) -> Outcome:
        executor = task.new_executor(removal.group)
        protocol = DeregisterProtocol(removal)
        try:
            result = executor.run(protocol)
        except Rejected as error:
            outcome = _failure_outcome(task, removal, executor, error)
            done = RemovalResult(protocol.removals, executor.drained_seconds)
            return replace(outcome, removal=done)
        finally:
            # A second attempt finds the weight 0; the first one knows what it was before.
            self.lowered[removal] = (*self.lowered.get(removal, ()), *protocol.lowered)
        return _success_outcome(task, removal, executor, result)

    def _restore_weights(
        self, task: ProvisionTask, server_ids: frozenset[str] | None = None
    ) -> None:
        """Set the weights of before, of these servers or of all. The hook's own time and the end of
        its action do not count here."""
        deadline = max(task.invocation.deadline, task.deps.clock.now() + _SECONDS_TO_RESTORE)
        invocation = replace(task.invocation, deadline=deadline, checkpoint=WorkWindow)
        for removal, lowered in self.lowered.items():
            groups = lowered if server_ids is None else select_backends(lowered, server_ids)
            executor = replace(task, invocation=invocation).new_executor(removal.group)
            left = executor.run(RestoreWeightsProtocol(groups))
            self.not_restored[removal.load_balancer_id] = left
            task.invocation.log.write(
                "weights.restored",
                LoadBalancerId=removal.load_balancer_id,
                VServerGroupIds=[group.id for group in groups],
                not_restored=len(left),
            )
        self.lowered.clear()

    def _add_not_restored(self, outcome: Outcome, removal: Removal) -> Outcome:
        """Return the outcome with the backends that this delivery left at the weight 0."""
        left = self.not_restored.get(removal.load_balancer_id, ())
        if not left:
            return outcome
        result = outcome.removal or RemovalResult()
        return replace(outcome, removal=replace(result, not_restored=left))

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
        default_region_id=task.deps.config.region_id,
        all_bindings=task.deps.config.bindings,
    )


def _select_leaving(context: ActionContext) -> Mapping[str, str]:
    """Return the addresses of the instances that leave, by their ids; "" is unknown."""
    staying, known = _select_staying(context), context.instances
    ids = [instance.instance_id for instance in context.request.instances]
    return {i: known[i].private_ip if i in known else "" for i in ids if i not in staying}


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
        groups = read_concerned_groups(removal, executor.execute)
    except Rejected as error:
        return _failure_outcome(task, removal, executor, error)
    unchanged = tuple(
        GroupRemoval(group.id, group.name, remaining=group.backends) for group in groups
    )
    at_zero = _select_at_zero(groups, removal, context)
    result = RemovalResult(unchanged, not_restored=at_zero)
    outcome = _success_outcome(task, removal, executor, result)
    has_continued = context.state.result == LifecycleResult.CONTINUE.value
    if has_continued and not removal.server_ids:
        return _reject_staying(task, removal)
    if has_continued and not any(map(removal.select_leaving, groups)):
        return replace(outcome, lifecycle_result=LifecycleResult.CONTINUE)
    return mark_ended_otherwise(outcome, context.state.result)


def _is_hook_over(task: ProvisionTask) -> bool:
    """Tell whether the hook's time is too short for another delivery and ESS grants no more."""
    until, ask_again_at = task.invocation.checkpoint()
    return ask_again_at == inf and task.deps.clock.now() + _SHORTEST_DELIVERY >= until


def _select_at_zero(
    groups: Sequence[VServerGroup], removal: Removal, context: ActionContext
) -> tuple[Backend, ...]:
    """Return the backends of instances that stay with the weight 0, which no binding gives them: an
    earlier delivery may have lowered it and does not know any more from what."""
    staying = _select_staying(context)
    ports = {
        port
        for binding in context.bindings
        if binding.load_balancer_id == removal.load_balancer_id and binding.weight
        for port in binding.ports
    }
    backends = (backend for group in groups for backend in group.backends)
    return tuple(
        b for b in backends if b.weight == 0 and b.port in ports and b.server_id in staying
    )


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
