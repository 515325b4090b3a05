"""The one answer to a waiting action: every result is published, then the action is completed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.errors import Code, Fault, ProvisionerError, Rejected, Retryable
from provisioner.model import LifecycleAction, LifecycleResult, Transition
from provisioner.provisioning import Task
from provisioner.results.outcome import Outcome, Status

from . import circuit_breaker
from .action import ended_by, states
from .deadline import Patience

_TO_COMPLETE = 2.0  # seconds of the hook's time and of the invocation's, kept from publishing
_LEAST_TO_PUBLISH = 1.0  # seconds


def answered(
    task: Task,
    action: LifecycleAction,
    answer: LifecycleResult,
    ended: Sequence[Outcome],
    patience: Patience | None = None,
) -> list[Outcome]:
    """Servers that are ready go live even if nobody heard of it; the redelivery publishes. What
    failed is kept before it is answered: its redelivery finds an action that has ended."""
    outcomes = [replace(o, action=action, lifecycle_result=answer) for o in ended]
    hurried = _hurried(task, patience)
    lost = hurried.announced(outcomes) or _unkept(hurried, outcomes)
    if lost and answer is not LifecycleResult.CONTINUE:
        raise lost
    outcomes = _completed(task, action, answer, outcomes)
    if lost:
        raise lost
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
    if kills and circuit_breaker.trips(_asking(task, patience), action):
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


def _unkept(task: Task, outcomes: Sequence[Outcome]) -> ProvisionerError | None:
    try:
        task.invocation.keep(outcomes, task.invocation)
    except Retryable as error:
        return error
    return None


def _hurried(task: Task, patience: Patience | None) -> Task:
    """A topic that does not answer must not cost the time in which to complete: neither the hook's,
    nor this invocation's, or every redelivery would end before it answers."""
    last = task.invocation.ends
    until = min(last, patience.until) if patience else last
    least = task.means.clock.now() + _LEAST_TO_PUBLISH
    return _ending(task, min(last, max(until - _TO_COMPLETE, least)))


def _asking(task: Task, patience: Patience | None) -> Task:
    """What ESS recorded of others is worth half of the time in which to publish, or a record that
    cannot be read would keep the answer back."""
    now = task.means.clock.now()
    return _ending(task, now + (_hurried(task, patience).invocation.ends - now) / 2)


def _ending(task: Task, ends: float) -> Task:
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
    results = (ended_by(state) for state in found if state.action.token == action.token)
    return next(results, "nothing")
