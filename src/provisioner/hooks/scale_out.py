"""Instances come: ensure the group of every binding, then the action is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from provisioner.errors import Code, Fault, Rejected, Retryable
from provisioner.groups.deregister import DeregisterProtocol, Removal
from provisioner.groups.ensure import inspect
from provisioner.model import (
    Binding,
    DesiredGroup,
    GroupRemoval,
    Instance,
    LifecycleResult,
    RemovalResult,
    VServerGroup,
)
from provisioner.provisioning import ProvisionTask
from provisioner.results.outcome import Outcome, Status

from .action import LEAVING, ActionContext
from .completion import mark_ended_otherwise
from .lifecycle_hook import Performed, TransitionWork

# Another backend of the group has the ServerIp (doc).
_ADDRESS_HELD = "InvalidBackendServers.ServerIpConflict"


class ScaleOut(TransitionWork):
    done = Status.PROVISIONED

    def perform(self, task: ProvisionTask, context: ActionContext) -> Performed:
        _require_addresses(context)
        instances = _select_instances(context)
        wanted = task.map_groups(instances)
        if instances:
            outcomes = task.ensure_groups(wanted)
            outcomes = _replace_stale_backends(task, context, wanted, outcomes)
        else:
            outcomes = [_reject_all_gone(task, desired) for desired in wanted]
        outcomes = [_add_dropped(outcome, instances, context) for outcome in outcomes]
        return list(zip(outcomes, [d.failure_result for d in wanted], strict=True))

    def inspect_ended(self, task: ProvisionTask, context: ActionContext) -> list[Outcome]:
        instances = _select_instances(context)
        return [
            _inspect_group(task, desired, context, instances)
            for desired in task.map_groups(instances)
        ]

    def subjects(self, task: ProvisionTask, context: ActionContext) -> Sequence[VServerGroup]:  # noqa: ARG002 - the request says it
        return [desired.group for desired in task.map_groups(())]

    def undo(
        self, task: ProvisionTask, context: ActionContext, outcomes: Sequence[Outcome]
    ) -> list[Outcome]:
        """Take the instances out of every group, because they are about to be released.

        Whatever delivery of the event added them: no group of ours keeps a released server.
        """
        groups = [outcome.group for outcome in outcomes if outcome.group]
        removals: dict[str, GroupRemoval] = {}
        for place in dict.fromkeys((group.region_id, group.load_balancer_id) for group in groups):
            removals |= _take_out(task, context, *place, groups)
        return [_mark_taken_out(outcome, removals) for outcome in outcomes]

    def failure_result(self, binding: Binding) -> LifecycleResult:
        return binding.failure_result


def _take_out(
    task: ProvisionTask,
    context: ActionContext,
    region_id: str,
    load_balancer_id: str,
    groups: Sequence[VServerGroup],
) -> dict[str, GroupRemoval]:
    """Remove the instances of the event from the groups of a load balancer.

    Returns what was removed by VServerGroupId; nothing if the load balancer refuses. Raises
    `Retryable`.
    """
    removal = Removal(
        region_id,
        load_balancer_id,
        frozenset(instance.instance_id for instance in context.request.instances),
        name_globs=tuple(g.name for g in groups if g.load_balancer_id == load_balancer_id),
    )
    try:
        result = task.new_executor(removal.group).run(DeregisterProtocol(removal))
    except Rejected as error:
        log = task.invocation.log
        log.write("undo.failed", LoadBalancerId=load_balancer_id, code=error.code)
        return {}
    return {each.id: each for each in result.groups if each.removed}


def _mark_taken_out(outcome: Outcome, removals: Mapping[str, GroupRemoval]) -> Outcome:
    """Return the outcome as failed if its group lost the servers again."""
    group = outcome.group
    removal = removals.get(group.id) if group else None
    if group is None or removal is None:
        return outcome
    return replace(
        outcome,
        status=Status.FAILED,
        group=replace(group, backends=removal.remaining),
        plan=replace(outcome.plan, add=()),
        removal=RemovalResult((removal,)),
        error=outcome.error
        or Rejected(
            Code.HOOK_FAILED,
            "another VServer group of this hook failed, so its instances are released; they were "
            "taken out of this group again",
            fault=Fault.CONFLICT,
        ),
    )


def _replace_stale_backends(
    task: ProvisionTask,
    context: ActionContext,
    wanted: Sequence[DesiredGroup],
    outcomes: Sequence[Outcome],
) -> list[Outcome]:
    """Take out ECI backends that hold addresses of new instances, and ensure these groups again.

    An address belongs to one container group at a time, and ESS says that a new instance has it.
    So the backend that holds it is of a container group that is gone. Raises `Retryable`.
    """
    results = list(outcomes)
    for place, (desired, outcome) in enumerate(zip(wanted, outcomes, strict=True)):
        if _is_address_held(outcome) and _remove_stale_backends(task, context, desired):
            results[place : place + 1] = task.ensure_groups([desired])
    return results


def _is_address_held(outcome: Outcome) -> bool:
    codes = {each.code for each in outcome.plan.rejected}
    return _ADDRESS_HELD in codes | {outcome.error.code if outcome.error else ""}


def _remove_stale_backends(
    task: ProvisionTask, context: ActionContext, desired: DesiredGroup
) -> bool:
    """Return whether stale backends were taken out."""
    executor = task.new_executor(desired.group)
    coming = {(b.server_ip, b.port): b.server_id for b in desired.group.backends if b.type == "eci"}
    try:
        group = inspect(desired, executor.execute).group
        stale = frozenset(
            backend.server_id
            for backend in group.backends
            if backend.type == "eci"
            and coming.get((backend.server_ip, backend.port), backend.server_id)
            != backend.server_id
        )
        stale -= context.instances.keys()
        place = (group.region_id, group.load_balancer_id)
        removal = Removal(*place, stale, name_globs=(group.name,))
        if stale:
            executor.run(DeregisterProtocol(removal))
    except Rejected as error:
        task.invocation.log.write("stale_backends.failed", code=error.code)
        return False
    task.invocation.log.write("stale_backends", ServerIds=sorted(stale))
    return bool(stale)


def _require_addresses(context: ActionContext) -> None:
    """An ENI or ECI backend is an address, which ESS may not have of a fresh instance yet."""
    if all(binding.type == "ecs" for binding in context.bindings):
        return
    missing = [each for each in context.instances.values() if not each.private_ip]
    if missing:
        raise Retryable(
            Code.INSTANCES_NOT_READY,
            f"{len(missing)} instance(s) have no private address yet; the next delivery asks again",
        )


def _select_instances(context: ActionContext) -> tuple[Instance, ...]:
    """Return the instances that may get traffic, with the addresses that ESS has of them."""
    pairs = [(each, context.instances.get(each.instance_id)) for each in context.request.instances]
    return tuple(
        Instance(instance.instance_id, instance.weight, known.private_ip)
        for instance, known in pairs
        if known is not None and known.lifecycle_state not in LEAVING
    )


def _add_dropped(
    outcome: Outcome, instances: Sequence[Instance], context: ActionContext
) -> Outcome:
    """Return the outcome with the instances of the event that are not worked on."""
    selected = {instance.instance_id for instance in instances}
    ids = (instance.instance_id for instance in context.request.instances)
    return replace(outcome, dropped_instance_ids=tuple(i for i in ids if i not in selected))


def _reject_all_gone(task: ProvisionTask, wanted: DesiredGroup) -> Outcome:
    error = Rejected(
        Code.INSTANCES_GONE,
        "none of the event's instances is in its scaling group any more",
        fault=Fault.CONFLICT,
    )
    return task.new_outcome(Status.REFUSED, group=replace(wanted.group, backends=()), error=error)


def _inspect_group(
    task: ProvisionTask,
    wanted: DesiredGroup,
    context: ActionContext,
    instances: Sequence[Instance],
) -> Outcome:
    """Inspect a group for an action that has ended.

    It is a replay if CONTINUE is on record and the group stands. What was taken out since then is
    somebody's choice, unless the hook timed out and the instances were never added.
    """
    outcome = _add_dropped(task.inspect(wanted, Status.PROVISIONED), instances, context)
    if outcome.error:
        return outcome
    group = outcome.group and replace(
        outcome.group, backends=() if outcome.created else outcome.group.backends
    )
    is_missing = outcome.created or (outcome.plan.add and context.state.timed_out)
    outcome = replace(outcome, group=group, created=False, plan=replace(outcome.plan, add=()))
    if context.state.result == LifecycleResult.CONTINUE.value and not is_missing:
        return replace(outcome, lifecycle_result=LifecycleResult.CONTINUE)
    return mark_ended_otherwise(outcome, context.state.result)
