"""What ESS knows of an action before anything is written for it. Reads only.

A message may lack its scaling group, its activity or its token: its instances tell the first two,
the record of actions the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from provisioner.concurrency import run_both
from provisioner.errors import Code, Fault, Rejected, Retryable
from provisioner.groups import naming
from provisioner.mapping import bindings
from provisioner.model import Binding, LifecycleAction, Request, Transition
from provisioner.ports import ActionState, ScalingInstance
from provisioner.provisioning import ProvisionTask

# LifecycleState of DescribeScalingInstances: on its way out, or not running.
LEAVING = frozenset({"Removing", "Removing:Wait", "Stopped"})
_RECENT = 20  # activities among which one that a message does not name is looked for


@dataclass(frozen=True, slots=True)
class ActionContext:
    """`request` is whole, and so is its action: it has a scaling group, an activity, a token."""

    request: Request
    bindings: Sequence[Binding]
    state: ActionState
    instances: Mapping[str, ScalingInstance]

    @property
    def action(self) -> LifecycleAction:
        return self.state.action


def load_action_context(task: ProvisionTask) -> ActionContext:
    """Raises `Rejected` where no binding or no action is known: nothing may be touched then. Raises
    `Skip` for a hook of another consumer."""
    request = task.request
    bindings.check_region(request, task.deps.config)
    there = _read_instances(task, request) if not request.scaling_group_id else None
    known = _add_scaling_group(request, there) if there is not None else request
    bound = bindings.find_bindings(known, task.deps.config)
    activity, on_record = _action_of(known).scaling_activity_id, None
    if there is None and activity:
        there, on_record = run_both(
            partial(_read_instances, task, known), partial(list_action_states, task, activity)
        )
    there = _read_instances(task, known) if there is None else there
    state = _find_state(task, known, there, on_record)
    event_id = naming.build_hook_event_id(
        state.action.hook_id, state.action.scaling_activity_id, state.action.token
    )
    if event_id != known.event.id or state.action is not known.action:
        event = replace(known.event, id=event_id)
        known = replace(known, action=state.action, event=event)
    return ActionContext(known, bound, state, there)


def list_action_states(task: ProvisionTask, scaling_activity_id: str) -> tuple[ActionState, ...]:
    if not scaling_activity_id:
        return ()
    region_id = _action_of(task.request).region_id
    return task.deps.scaling_groups.list_lifecycle_actions(
        region_id, scaling_activity_id, within=task.time_left()
    )


def read_final_result(state: ActionState) -> str:
    """The result of an action that ESS refuses as ended. Raises `Retryable` where its record does
    not say so yet: until then it shows the hook's default."""
    if state.pending:
        raise Retryable(
            Code.OUTCOME_UNKNOWN,
            "ESS takes the lifecycle action for ended, and has it on record as pending; the next "
            "delivery looks again",
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
        within=task.time_left(),
    )


def _add_scaling_group(request: Request, there: Mapping[str, ScalingInstance]) -> Request:
    groups = sorted({instance.scaling_group_id for instance in there.values()} - {""})
    group = groups[0] if len(groups) == 1 else ""
    action = replace(_action_of(request), scaling_group_id=group)
    return replace(request, scaling_group_id=group, action=action)


def _find_state(
    task: ProvisionTask,
    request: Request,
    there: Mapping[str, ScalingInstance],
    on_record: Sequence[ActionState] | None,
) -> ActionState:
    """`on_record` are the actions of the activity that the message names."""
    asked = _action_of(request)
    known = [on_record] if on_record is not None else _list_states(task, request, there)
    found = next(
        (
            state
            for actions in known
            for state in actions
            if state.action.hook_id == asked.hook_id and asked.token in ("", state.action.token)
        ),
        None,
    )
    if found is None:
        raise Rejected(
            Code.LIFECYCLE_ACTION_NOT_FOUND,
            "ESS has no such lifecycle action on record; nothing was written, and if one is "
            "waiting after all, its hook's DefaultResult will end it",
            fault=Fault.NOT_FOUND,
        )
    action, activity = asked, found.action.scaling_activity_id
    if (asked.token, asked.scaling_activity_id) != (found.action.token, activity):
        action = replace(asked, token=found.action.token, scaling_activity_id=activity)
    task.invocation.log.write(
        "hook",
        LifecycleHookId=action.hook_id,
        ScalingActivityId=activity,
        pending=found.pending,
        instances=len(there),
    )
    return replace(found, action=action)


def _list_states(
    task: ProvisionTask, request: Request, there: Mapping[str, ScalingInstance]
) -> Iterator[Sequence[ActionState]]:
    for activity in _list_activities(task, request, there):
        yield list_action_states(task, activity)


def _list_activities(
    task: ProvisionTask, request: Request, there: Mapping[str, ScalingInstance]
) -> Sequence[str]:
    """Where the message names none: an instance names the activity that added it (seen), and the
    one that removes it is among the group's newest."""
    asked = _action_of(request)
    if asked.scaling_activity_id:
        return [asked.scaling_activity_id]
    if asked.transition is Transition.SCALE_IN:
        return task.deps.scaling_groups.list_recent_activities(
            asked.region_id, request.scaling_group_id, most=_RECENT, within=task.time_left()
        )
    return sorted({i.scaling_activity_id for i in there.values()} - {""})[:1]
