"""The one answer to a waiting action: publish every result, then complete the action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.errors import Code, Fault, ProvisionerError, Rejected, Retryable
from provisioner.model import LifecycleAction, LifecycleResult, Transition
from provisioner.provisioning import ProvisionTask
from provisioner.results.outcome import Outcome, Status

from . import circuit_breaker
from .action import list_action_states, require_final_result
from .deadline import HookDeadline

_SECONDS_TO_COMPLETE = 2.0  # kept from publishing, of the hook's time and of the invocation's
_SHORTEST_PUBLISH = 1.0  # seconds


def complete(
    task: ProvisionTask,
    action: LifecycleAction,
    result: LifecycleResult,
    outcomes: Sequence[Outcome],
    deadline: HookDeadline | None = None,
) -> list[Outcome]:
    """Publish the outcomes and complete the action with `result`. Raises `Retryable`.

    Servers that are ready go into service even if the results cannot be published; the redelivery
    publishes them. A failure is published and archived before the action is completed, because its
    redelivery finds an action that has ended.
    """
    outcomes = [replace(o, action=action, lifecycle_result=result) for o in outcomes]
    publisher = _limit_time(task, _publish_deadline(task, deadline))
    error = publisher.publish_all(outcomes) or _archive(publisher, outcomes)
    if error and result is not LifecycleResult.CONTINUE:
        raise error
    outcomes = _send_completion(task, action, result, outcomes)
    if error:
        raise error
    return [task.log_outcome(outcome) for outcome in outcomes]


def choose_failure_result(
    task: ProvisionTask,
    action: LifecycleAction,
    result: LifecycleResult,
    deadline: HookDeadline | None,
) -> LifecycleResult:
    """Return `result` for a failed action, or CONTINUE if the circuit breaker is tripped.

    The breaker is asked for servers that come only. Reading the record takes at most half of the
    time in which to publish.
    """
    if action.transition is not Transition.SCALE_OUT or result is LifecycleResult.CONTINUE:
        return result
    now = task.deps.clock.now()
    half = now + (_publish_deadline(task, deadline) - now) / 2
    if circuit_breaker.is_tripped(_limit_time(task, half), action):
        return LifecycleResult.CONTINUE
    return result


def mark_ended_otherwise(outcome: Outcome, result: str) -> Outcome:
    """Return the outcome as failed, because the action ended with another result."""
    error = Rejected(
        Code.HOOK_ENDED_OTHERWISE,
        f"the lifecycle action had ended before ({result} is on record); the group holds what is "
        "reported here, and nothing more was written",
        fault=Fault.CONFLICT,
    )
    return replace(outcome, status=Status.FAILED, error=error, lifecycle_result=None)


def _archive(task: ProvisionTask, outcomes: Sequence[Outcome]) -> ProvisionerError | None:
    try:
        task.invocation.archive_dead_letter(outcomes, task.invocation)
    except Retryable as error:
        return error
    return None


def _publish_deadline(task: ProvisionTask, deadline: HookDeadline | None) -> float:
    """Return until when to publish, so that time is left in which to complete.

    A topic that does not answer must cost neither the hook's time nor the invocation's, or every
    redelivery would end before it completes the action.
    """
    last = task.invocation.hard_deadline
    until = min(last, deadline.expires_at) if deadline else last
    earliest = task.deps.clock.now() + _SHORTEST_PUBLISH
    return min(last, max(until - _SECONDS_TO_COMPLETE, earliest))


def _limit_time(task: ProvisionTask, hard_deadline: float) -> ProvisionTask:
    return replace(task, invocation=replace(task.invocation, hard_deadline=hard_deadline))


def _send_completion(
    task: ProvisionTask, action: LifecycleAction, result: LifecycleResult, outcomes: list[Outcome]
) -> list[Outcome]:
    """Complete the action. If it was refused or had ended, publish the outcomes as failed."""
    try:
        is_ours = task.deps.scaling_groups.complete_lifecycle_action(
            action, result, within=task.seconds_left()
        )
    except Rejected as error:
        failures = [replace(o, status=Status.FAILED, error=error) for o in outcomes]
        return [task.publish(outcome) for outcome in failures]
    recorded = result.value if is_ours else _read_recorded_result(task, action)
    if recorded != result.value:
        failures = [mark_ended_otherwise(outcome, recorded) for outcome in outcomes]
        return [task.publish(outcome) for outcome in failures]
    task.invocation.log.write(
        "completed",
        LifecycleHookId=action.hook_id,
        ScalingActivityId=action.scaling_activity_id,
        LifecycleActionResult=result.value,
    )
    return outcomes


def _read_recorded_result(task: ProvisionTask, action: LifecycleAction) -> str:
    """Raises `Retryable` if the record does not show the end yet."""
    for state in list_action_states(task, action.scaling_activity_id):
        if state.action.token == action.token:
            return require_final_result(state)
    return "nothing"
