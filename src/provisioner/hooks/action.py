"""What ESS knows of an action before anything is written for it. Reads only.

A message may lack its scaling group, its activity or its token: its instances tell the first two,
the record of actions the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from provisioner.concurrency import both
from provisioner.errors import Code, Fault, Rejected, Retryable
from provisioner.groups import naming
from provisioner.mapping import bindings
from provisioner.model import Binding, LifecycleAction, Request, Transition
from provisioner.ports import ActionState, ScalingInstance
from provisioner.provisioning import Task

# LifecycleState of DescribeScalingInstances: on its way out, or not running.
LEAVING = frozenset({"Removing", "Removing:Wait", "Stopped"})
_RECENT = 20  # activities among which one that a message does not name is looked for


@dataclass(frozen=True, slots=True)
class Look:
    """`request` is whole, and so is its action: it has a scaling group, an activity, a token."""

    request: Request
    bound: Sequence[Binding]
    state: ActionState
    there: Mapping[str, ScalingInstance]

    @property
    def action(self) -> LifecycleAction:
        return self.state.action


def look(task: Task) -> Look:
    """Raises `Rejected` where no binding or no action is known: nothing may be touched then."""
    request = task.request
    there = _instances(task, request) if not request.scaling_group_id else None
    known = _with_group(request, there) if there is not None else request
    bound = bindings.applicable(known, task.means.policy)
    activity, on_record = _action(known).scaling_activity_id, None
    if there is None and activity:
        there, on_record = both(partial(_instances, task, known), partial(states, task, activity))
    there = _instances(task, known) if there is None else there
    state = _state(task, known, there, on_record)
    event_id = naming.hook_event_id(
        state.action.hook_id, state.action.scaling_activity_id, state.action.token
    )
    if event_id != known.event.id or state.action is not known.action:
        event = replace(known.event, id=event_id)
        known = replace(known, action=state.action, event=event)
    return Look(known, bound, state, there)


def states(task: Task, scaling_activity_id: str) -> tuple[ActionState, ...]:
    if not scaling_activity_id:
        return ()
    region_id = _action(task.request).region_id
    return task.means.scaling_groups.lifecycle_actions(
        region_id, scaling_activity_id, within=task.time_left()
    )


def ended_by(state: ActionState) -> str:
    """The result of an action that ESS refuses as ended. Raises `Retryable` where its record does
    not say so yet: until then it shows the hook's default."""
    if state.pending:
        raise Retryable(
            Code.OUTCOME_UNKNOWN,
            "ESS takes the lifecycle action for ended, and has it on record as pending; the next "
            "delivery looks again",
        )
    return state.result


def _action(request: Request) -> LifecycleAction:
    assert request.action is not None, "a hook's request has an action"
    return request.action


def _instances(task: Task, request: Request) -> Mapping[str, ScalingInstance]:
    return task.means.scaling_groups.instances(
        _action(request).region_id,
        request.scaling_group_id,
        [instance.instance_id for instance in request.instances],
        within=task.time_left(),
    )


def _with_group(request: Request, there: Mapping[str, ScalingInstance]) -> Request:
    groups = sorted({instance.scaling_group_id for instance in there.values()} - {""})
    group = groups[0] if len(groups) == 1 else ""
    action = replace(_action(request), scaling_group_id=group)
    return replace(request, scaling_group_id=group, action=action)


def _state(
    task: Task,
    request: Request,
    there: Mapping[str, ScalingInstance],
    on_record: Sequence[ActionState] | None,
) -> ActionState:
    """`on_record` are the actions of the activity that the message names."""
    asked = _action(request)
    known = [on_record] if on_record is not None else _of_activities(task, request, there)
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
    task.invocation.log.step(
        "hook",
        LifecycleHookId=action.hook_id,
        ScalingActivityId=activity,
        pending=found.pending,
        instances=len(there),
    )
    return replace(found, action=action)


def _of_activities(
    task: Task, request: Request, there: Mapping[str, ScalingInstance]
) -> Iterator[Sequence[ActionState]]:
    for activity in _activities(task, request, there):
        yield states(task, activity)


def _activities(
    task: Task, request: Request, there: Mapping[str, ScalingInstance]
) -> Sequence[str]:
    """Where the message names none: an instance names the activity that added it (seen), and the
    one that removes it is among the group's newest."""
    asked = _action(request)
    if asked.scaling_activity_id:
        return [asked.scaling_activity_id]
    if asked.transition is Transition.SCALE_IN:
        return task.means.scaling_groups.recent_activities(
            asked.region_id, request.scaling_group_id, most=_RECENT, within=task.time_left()
        )
    return sorted({i.scaling_activity_id for i in there.values()} - {""})[:1]
