"""The one answer to a waiting action: every result is published, then the action is completed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.core.errors import Code, Fault, Rejected
from provisioner.core.model import (
    LifecycleAction,
    LifecycleResult,
    Outcome,
    Status,
    Transition,
)
from provisioner.service import Task

from . import breaker
from .looking import states
from .patience import Patience

_TO_COMPLETE = 2.0  # seconds of the hook's time and of the invocation's, kept from publishing
_LEAST_TO_PUBLISH = 1.0  # seconds


def answered(
    task: Task,
    action: LifecycleAction,
    answer: LifecycleResult,
    ended: Sequence[Outcome],
    patience: Patience | None = None,
) -> list[Outcome]:
    """Servers that are ready go live even if nobody heard of it; the redelivery publishes."""
    outcomes = [replace(o, action=action, lifecycle_result=answer) for o in ended]
    unheard = _hurried(task, patience).announced(outcomes)
    if unheard and answer is not LifecycleResult.CONTINUE:
        raise unheard
    outcomes = _completed(task, action, answer, outcomes)
    if unheard:
        raise unheard
    return [task.told(outcome) for outcome in outcomes]


def failed(
    task: Task,
    action: LifecycleAction,
    answer: LifecycleResult,
    ended: Sequence[Outcome],
    patience: Patience | None = None,
) -> list[Outcome]:
    """`answer` is the binding's; the circuit breaker may have another for servers that come."""
    kills = action.transition is Transition.SCALE_OUT and answer is not LifecycleResult.CONTINUE
    if kills and breaker.trips(task, action):
        answer = LifecycleResult.CONTINUE
        ended = [replace(outcome, circuit_breaker=True) for outcome in ended]
    return answered(task, action, answer, ended, patience)


def ended_otherwise(outcome: Outcome, said: str) -> Outcome:
    error = Rejected(
        Code.HOOK_ENDED_OTHERWISE,
        f"the lifecycle action had ended before ({said} is on record); what the group holds "
        "is as reported here, and nothing more was written",
        fault=Fault.CONFLICT,
    )
    return replace(outcome, status=Status.FAILED, error=error, lifecycle_result=None)


def _hurried(task: Task, patience: Patience | None) -> Task:
    """A topic that does not answer must not cost the time in which to complete: neither the hook's,
    nor this invocation's, or every redelivery would end before it answers."""
    last = task.invocation.ends
    until = min(last, patience.until) if patience else last
    least = task.means.clock.now() + _LEAST_TO_PUBLISH
    ends = min(last, max(until - _TO_COMPLETE, least))
    return replace(task, invocation=replace(task.invocation, ends=ends))


def _completed(
    task: Task, action: LifecycleAction, answer: LifecycleResult, outcomes: list[Outcome]
) -> list[Outcome]:
    try:
        ours = task.means.scaling_groups.complete(action, answer, within=task.time_left())
    except Rejected as error:
        refused = [replace(o, status=Status.FAILED, error=error) for o in outcomes]
        return [task.published(outcome) for outcome in refused]
    said = answer.value if ours else _on_record(task, action)
    if said != answer.value:
        changed = [ended_otherwise(outcome, said) for outcome in outcomes]
        return [task.published(outcome) for outcome in changed]
    task.invocation.log.step(
        "completed",
        LifecycleHookId=action.hook_id,
        ScalingActivityId=action.scaling_activity_id,
        LifecycleActionResult=answer.value,
    )
    return outcomes


def _on_record(task: Task, action: LifecycleAction) -> str:
    found = states(task, action.scaling_activity_id)
    results = (state.result for state in found if state.action.token == action.token)
    return next(results, "nothing")
