"""Read what ESS knows about an action, before anything is written for it. Reads only.

A message may lack its scaling group, its activity or its token. Its instances tell the first two,
the record of lifecycle actions tells the last.

A message claims, ESS knows: whoever can send to the queue can write any message. So what the
message says is checked against ESS's record. The instances are those of the record; a message that
names others, another transition, another scaling group or other metadata is refused, and the
action is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from provisioner.concurrency import run_both
from provisioner.errors import Code, Fault, Problem, Rejected, Retryable
from provisioner.groups.naming import build_hook_event_id
from provisioner.mapping.bindings import check_region, find_bindings
from provisioner.mapping.config import is_same_metadata
from provisioner.model import (
    ActionState,
    Binding,
    HookTerms,
    Instance,
    LifecycleAction,
    Request,
    ScalingInstance,
    Transition,
)
from provisioner.provisioning import ProvisionTask

# LifecycleState of DescribeScalingInstances: the instance leaves, or does not run.
LEAVING = frozenset({"Removing", "Removing:Wait", "Stopped"})
_RECENT_ACTIVITIES = 20  # in which an activity that the message does not name is looked up


@dataclass(frozen=True, slots=True)
class ActionContext:
    """The request, completed and checked by what ESS knows.

    Its action has a scaling group, an activity and a token. `instances` are those of the request
    that the scaling group still has, by id. `terms` are those of the hook while the action is
    pending; they were read after `asked_at`, a time of the function's clock.
    """

    request: Request
    bindings: Sequence[Binding]
    state: ActionState
    instances: Mapping[str, ScalingInstance]
    terms: HookTerms | None = None
    asked_at: float = 0.0

    @property
    def action(self) -> LifecycleAction:
        return self.state.action


def load_action_context(task: ProvisionTask) -> ActionContext:
    """Read the instances, the action and the terms of a hook.

    Raises `Rejected` if no binding or no action is known, or if the message differs from ESS's
    record, and `Skip` for a hook of another consumer; then nothing may be touched.
    """
    request = task.request
    check_region(request, task.deps.config)
    if not request.scaling_group_id:
        instances = _read_instances(task, request)
        request = _add_scaling_group(request, instances)
        bindings = find_bindings(request, task.deps.config)
        states = _list_states(task, request, instances)
    else:
        bindings = find_bindings(request, task.deps.config)
        instances, states = _read_both(task, request)
    state = _find_state(task, request, instances, states)
    request = _complete_request(request, state)
    asked_at = task.deps.clock.now()
    terms = _read_terms(task, state.action) if state.pending else None
    if problems := _compare(request, bindings, state, terms):
        raise Rejected.from_problems(
            problems, code=Code.HOOK_MESSAGE_DIFFERS, what="the hook message against ESS's record"
        )
    if terms and terms.metadata:
        action = replace(state.action, metadata=terms.metadata)
        request, state = replace(request, action=action), replace(state, action=action)
        bindings = find_bindings(request, task.deps.config)
    request, instances = _add_missing_instances(task, request, state, instances)
    return ActionContext(request, bindings, state, instances, terms, asked_at)


def list_action_states(task: ProvisionTask, scaling_activity_id: str) -> Sequence[ActionState]:
    """Return every lifecycle action of the activity."""
    if not scaling_activity_id:
        return ()
    region_id = _action_of(task.request).region_id
    return task.deps.scaling_groups.list_lifecycle_actions(
        region_id, scaling_activity_id, within=task.seconds_left()
    )


def require_final_result(state: ActionState) -> str:
    """Return the result of an action that ESS refuses as ended.

    Raises `Retryable` while the record still shows the action as pending: until then its result is
    the hook's default.
    """
    if state.pending:
        raise Retryable(
            Code.OUTCOME_UNKNOWN,
            "ESS says that the lifecycle action has ended, and has it on record as pending; the "
            "next delivery asks again",
        )
    return state.result


def _action_of(request: Request) -> LifecycleAction:
    assert request.action is not None, "a hook's request has an action"
    return request.action


def _read_instances(task: ProvisionTask, request: Request) -> Mapping[str, ScalingInstance]:
    return task.deps.scaling_groups.read_instances(
        _action_of(request).region_id,
        request.scaling_group_id,
        [instance.instance_id for instance in request.instances],
        within=task.seconds_left(),
    )


def _add_scaling_group(request: Request, instances: Mapping[str, ScalingInstance]) -> Request:
    """Return the request with the scaling group of its instances, if they are all in one."""
    ids = {instance.scaling_group_id for instance in instances.values()} - {""}
    scaling_group_id = ids.pop() if len(ids) == 1 else ""
    action = replace(_action_of(request), scaling_group_id=scaling_group_id)
    return replace(request, scaling_group_id=scaling_group_id, action=action)


def _complete_request(request: Request, state: ActionState) -> Request:
    """Return the request with ESS's action, and the event id that every delivery shares."""
    action = state.action
    event_id = build_hook_event_id(action.hook_id, action.scaling_activity_id, action.token)
    return replace(request, action=action, event=replace(request.event, id=event_id))


def _read_both(
    task: ProvisionTask, request: Request
) -> tuple[Mapping[str, ScalingInstance], Iterable[ActionState]]:
    """Read the instances and the actions, at the same time if the message names the activity."""
    activity_id = _action_of(request).scaling_activity_id
    read_instances = partial(_read_instances, task, request)
    if activity_id:
        return run_both(read_instances, partial(list_action_states, task, activity_id))
    instances = read_instances()
    return instances, _list_states(task, request, instances)


def _find_state(
    task: ProvisionTask,
    request: Request,
    instances: Mapping[str, ScalingInstance],
    states: Iterable[ActionState],
) -> ActionState:
    """Return ESS's record of the request's action. Raises `Rejected` if ESS has none."""
    action = _action_of(request)
    for state in states:
        known = state.action
        if known.hook_id == action.hook_id and action.token in ("", known.token):
            task.invocation.log.write(
                "hook",
                LifecycleHookId=known.hook_id,
                ScalingActivityId=known.scaling_activity_id,
                pending=state.pending,
                instances=len(instances),
            )
            activity_id = known.scaling_activity_id
            action = replace(action, token=known.token, scaling_activity_id=activity_id)
            return replace(state, action=action)
    raise Rejected(
        Code.LIFECYCLE_ACTION_NOT_FOUND,
        "ESS has no such lifecycle action on record; nothing was written, and if one waits after "
        "all, the DefaultResult of its hook will end it",
        fault=Fault.NOT_FOUND,
    )


def _read_terms(task: ProvisionTask, action: LifecycleAction) -> HookTerms | None:
    """Return the terms of the action's hook, or None if the scaling group has no such hook.

    Raises `Retryable` also for a refusal that does not say so: a read that failed proves nothing.
    """
    try:
        return task.deps.scaling_groups.read_hook_terms(action, within=task.seconds_left())
    except Rejected as error:
        if error.fault is Fault.NOT_FOUND:
            return None
        raise Retryable(error.code, error.message) from error


def _compare(
    request: Request,
    bindings: Sequence[Binding],
    state: ActionState,
    terms: HookTerms | None,
) -> list[Problem]:
    """Return how the message differs from ESS's record, as far as the record says anything."""
    action, recorded = state.action, set(state.instance_ids)
    problems = []
    unknown = [i for i in request.instances if i.instance_id not in recorded]
    if recorded and unknown:
        message = f"names {len(unknown)} instance(s) that are not in the record of the action"
        problems.append(Problem("/content/instanceIds", message))
    if not state.pending:
        return problems
    if terms is None:
        problems.append(Problem("/content/scalingGroupId", "has no such hook or activity"))
        return problems
    if terms.transition not in (None, action.transition):
        message = f"is {action.transition.value}, the hook's own is another"
        problems.append(Problem("/content/lifecycleTransition", message))
    if terms.scaling_group_id not in ("", action.scaling_group_id):
        message = "is not the scaling group of the activity"
        problems.append(Problem("/content/scalingGroupId", message))
    may_override = any(binding.metadata_may_override for binding in bindings)
    if may_override and action.metadata and not is_same_metadata(action.metadata, terms.metadata):
        message = "is not the NotificationMetadata of the hook"
        problems.append(Problem("/content/notificationMetadata", message))
    return problems


def _add_missing_instances(
    task: ProvisionTask,
    request: Request,
    state: ActionState,
    instances: Mapping[str, ScalingInstance],
) -> tuple[Request, Mapping[str, ScalingInstance]]:
    """Add the instances of the record that the message lacks."""
    named = {instance.instance_id for instance in request.instances}
    missing = tuple(Instance(i) for i in state.instance_ids if i not in named)
    if not missing:
        return request, instances
    added = _read_instances(task, replace(request, instances=missing))
    request = replace(request, instances=(*request.instances, *missing))
    return request, {**instances, **added}


def _list_states(
    task: ProvisionTask, request: Request, instances: Mapping[str, ScalingInstance]
) -> Iterable[ActionState]:
    """Read the actions of one activity after the other."""
    for activity_id in _list_activities(task, request, instances):
        yield from list_action_states(task, activity_id)


def _list_activities(
    task: ProvisionTask, request: Request, instances: Mapping[str, ScalingInstance]
) -> Sequence[str]:
    """Return the activities that the action may belong to.

    An instance names the activity that added it (seen); the one that removes it is among the
    newest of its scaling group.
    """
    action = _action_of(request)
    if action.scaling_activity_id:
        return [action.scaling_activity_id]
    if action.transition is Transition.SCALE_IN:
        return task.deps.scaling_groups.list_recent_activities(
            action.region_id,
            request.scaling_group_id,
            most=_RECENT_ACTIVITIES,
            within=task.seconds_left(),
        )
    return sorted({i.scaling_activity_id for i in instances.values()} - {""})[:1]
