"""The one answer to a waiting action: every result is published, then the action is completed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.errors import Code, Fault, ProvisionerError, Rejected, Retryable
from provisioner.model import LifecycleAction, LifecycleResult, Transition
from provisioner.provisioning import ProvisionTask
from provisioner.results.outcome import Outcome, Status

from . import circuit_breaker
from .action import list_action_states, read_final_result
from .deadline import HookDeadline

_TO_COMPLETE = 2.0  # seconds of the hook's time and of the invocation's, kept from publishing
_LEAST_TO_PUBLISH = 1.0  # seconds


def complete(
    task: ProvisionTask,
    action: LifecycleAction,
    answer: LifecycleResult,
    ended: Sequence[Outcome],
    patience: HookDeadline | None = None,
) -> list[Outcome]:
    """Servers that are ready go live even if nobody heard of it; the redelivery publishes. What
    failed is kept before it is answered: its redelivery finds an action that has ended."""
    outcomes = [replace(o, action=action, lifecycle_result=answer) for o in ended]
    hurried = _with_publish_deadline(task, patience)
    lost = hurried.publish_all(outcomes) or _archive(hurried, outcomes)
    if lost and answer is not LifecycleResult.CONTINUE:
        raise lost
    outcomes = _send_completion(task, action, answer, outcomes)
    if lost:
        raise lost
    return [task.log_outcome(outcome) for outcome in outcomes]


def complete_failed(
    task: ProvisionTask,
    action: LifecycleAction,
    answer: LifecycleResult,
    ended: Sequence[Outcome],
    patience: HookDeadline | None = None,
) -> list[Outcome]:
    """`answer` is the binding's; the circuit breaker may have another for servers that come."""
    kills = action.transition is Transition.SCALE_OUT and answer is not LifecycleResult.CONTINUE
    if kills and circuit_breaker.is_tripped(_with_breaker_deadline(task, patience), action):
        answer = LifecycleResult.CONTINUE
        ended = [replace(outcome, circuit_breaker=True) for outcome in ended]
    return complete(task, action, answer, ended, patience)


def mark_ended_otherwise(outcome: Outcome, said: str) -> Outcome:
    error = Rejected(
        Code.HOOK_ENDED_OTHERWISE,
        f"the lifecycle action had ended before ({said} is on record); what the group holds "
        "is as reported here, and nothing more was written",
        fault=Fault.CONFLICT,
    )
    return replace(outcome, status=Status.FAILED, error=error, lifecycle_result=None)


def _archive(task: ProvisionTask, outcomes: Sequence[Outcome]) -> ProvisionerError | None:
    try:
        task.invocation.archive_dead_letter(outcomes, task.invocation)
    except Retryable as error:
        return error
    return None


def _with_publish_deadline(task: ProvisionTask, patience: HookDeadline | None) -> ProvisionTask:
    """A topic that does not answer must not cost the time in which to complete: neither the hook's,
    nor this invocation's, or every redelivery would end before it answers."""
    last = task.invocation.hard_deadline
    until = min(last, patience.expires_at) if patience else last
    least = task.deps.clock.now() + _LEAST_TO_PUBLISH
    return _with_hard_deadline(task, min(last, max(until - _TO_COMPLETE, least)))


def _with_breaker_deadline(task: ProvisionTask, patience: HookDeadline | None) -> ProvisionTask:
    """What ESS recorded of others is worth half of the time in which to publish, or a record that
    cannot be read would keep the answer back."""
    now = task.deps.clock.now()
    return _with_hard_deadline(
        task, now + (_with_publish_deadline(task, patience).invocation.hard_deadline - now) / 2
    )


def _with_hard_deadline(task: ProvisionTask, ends: float) -> ProvisionTask:
    return replace(task, invocation=replace(task.invocation, hard_deadline=ends))


def _send_completion(
    task: ProvisionTask, action: LifecycleAction, answer: LifecycleResult, outcomes: list[Outcome]
) -> list[Outcome]:
    try:
        ours = task.deps.scaling_groups.complete_lifecycle_action(
            action, answer, within=task.time_left()
        )
    except Rejected as error:
        refused = [replace(o, status=Status.FAILED, error=error) for o in outcomes]
        return [task.publish(outcome) for outcome in refused]
    said = answer.value if ours else _read_recorded_result(task, action)
    if said != answer.value:
        changed = [mark_ended_otherwise(outcome, said) for outcome in outcomes]
        return [task.publish(outcome) for outcome in changed]
    task.invocation.log.write(
        "completed",
        LifecycleHookId=action.hook_id,
        ScalingActivityId=action.scaling_activity_id,
        LifecycleActionResult=answer.value,
    )
    return outcomes


def _read_recorded_result(task: ProvisionTask, action: LifecycleAction) -> str:
    found = list_action_states(task, action.scaling_activity_id)
    results = (read_final_result(state) for state in found if state.action.token == action.token)
    return next(results, "nothing")
