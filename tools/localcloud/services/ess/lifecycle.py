"""How the wait of a lifecycle action ends, and what that does to the activity and its instances.

An action is one hook's wait for one activity, with one token and one result for all its instances.
It ends by completion, with its hook or, on the cloud's clock, by time-out with the hook's
DefaultResult. When the last action of an activity has ended, its result decides:

| result   | scale-out                      | scale-in                      |
| -------- | ------------------------------ | ----------------------------- |
| CONTINUE | the instances are in service   | the instances are released    |
| ABANDON  | the instances are released     | the instances are released    |
| ROLLBACK | the instances are released     | the instances are in service  |

On scale-in, ABANDON and ROLLBACK end the other hooks' waits early (sdk).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcloud.clock import timestamp
from localcloud.services.ess.model import (
    IN,
    OUT,
    RESULTS,
    ActivityNotice,
    invalid_value,
    refused,
)

if TYPE_CHECKING:
    from localcloud.services.ess.model import (
        AutoScaling,
        LifecycleAction,
        LifecycleHook,
        ScalingActivity,
        ScalingInstance,
    )

HEARTBEATS = 20  # doc: per action
LONGEST_WAIT = 6 * 3600  # doc: seconds, in all
# sdk: seconds, of a hook's own time-out and of a heartbeat alike
SHORTEST_HEARTBEAT, LONGEST_HEARTBEAT = 30, 21600


def settle(ess: AutoScaling, now: float) -> bool:
    """Ends what has timed out; whether there was any."""
    due = [item for item in ess.actions if item.status == "Pending" and item.deadline <= now]
    for action in sorted(due, key=lambda item: item.deadline):
        if action.status == "Pending":  # an earlier one may have ended it
            _end(ess, action, "Timeout", action.hook.default_result, action.deadline)
    return bool(due)


def next_deadline(ess: AutoScaling) -> float | None:
    return min((item.deadline for item in ess.actions if item.status == "Pending"), default=None)


def complete(ess: AutoScaling, hook_id: str, token: str, result: str | None, now: float) -> None:
    action = _pending(ess, hook_id, token)
    if result is not None and result not in RESULTS:
        raise invalid_value()
    _end(ess, action, "Completed", result or action.hook.default_result, now)


def heartbeat(ess: AutoScaling, hook_id: str, token: str, seconds: int, now: float) -> None:
    action = _pending(ess, hook_id, token)
    if not SHORTEST_HEARTBEAT <= seconds <= LONGEST_HEARTBEAT:
        raise invalid_value()
    if action.heartbeats >= HEARTBEATS:
        raise refused(
            "LifecycleAction.RecordTimesExceeded",
            "The specified lifecycleAction exceed lifecycleAction max record times.",
        )
    if now + seconds > action.started + LONGEST_WAIT:
        raise refused(
            "LifecycleAction.TimeExceeded",
            "The specified parameter heartbeatTime exceed lifecycleAction max suspend time.",
        )
    action.heartbeats += 1
    action.deadline = now + seconds  # inferred: counted from now


def dismiss(ess: AutoScaling, hook: LifecycleHook, now: float) -> None:
    """Its deletion ends every wait for it (doc); inferred: with its DefaultResult."""
    for action in [item for item in ess.actions if item.hook is hook]:
        if action.status == "Pending":
            _end(ess, action, "Completed", hook.default_result, now)


def conclude(
    ess: AutoScaling,
    activity: ScalingActivity,
    instances: list[ScalingInstance],
    result: str,
    now: float,
) -> None:
    """What the last result does to an activity and its instances."""
    out = activity.transition == OUT
    kept = result == "CONTINUE" if out else result == "ROLLBACK"
    for instance in instances:
        if kept:
            instance.lifecycle_state = "InService"
        else:
            ess.release(instance, now)
    ids = [instance.instance_id for instance in instances]
    if not kept and not out:
        activity.instances["DestroyedInstances"] = ids
    if activity.is_in_progress:
        # inferred: an activity that was called off has failed.
        succeeded = kept == out
        activity.status_code = "Successful" if succeeded else "Failed"
        activity.end_time = timestamp(now)
        activity.total_capacity = len(ess.members(ess.groups[activity.scaling_group_id]))
        news = "Success" if succeeded else "Error"
        ess.outbox.append(ActivityNotice(activity, news, tuple(ids)))


def _pending(ess: AutoScaling, hook_id: str, token: str) -> LifecycleAction:
    for action in ess.actions:
        if (action.hook.lifecycle_hook_id, action.token) == (hook_id, token):
            if action.status == "Pending":
                return action
            break
    # doc: one answer for completed, timed out and a wrong pair alike.
    raise refused(
        "LifecycleHookIdAndLifecycleActionToken.Invalid",
        "The specified lifecycleActionToken and lifecycleHookId you provided does not match"
        " any in process lifecycle action.",
    )


def _end(ess: AutoScaling, action: LifecycleAction, status: str, result: str, now: float) -> None:
    action.status, action.result = status, result
    others = ess.waits(action.scaling_activity_id)
    if others and action.hook.transition == IN and result != "CONTINUE":
        for other in others:  # sdk: on scale-in these results end the others early
            other.status, other.result = "Completed", result
    elif others:
        return  # sdk: else the last one to end decides
    activity = ess.activities[action.scaling_activity_id]
    conclude(ess, activity, _waiting(ess, action), result, now)


def _waiting(ess: AutoScaling, action: LifecycleAction) -> list[ScalingInstance]:
    """The action's instances and, since an instance names the activity that added it (seen),
    those of a scale-out activity; as far as they are on their way in or out."""
    state = "Pending" if action.hook.transition == OUT else "Removing"
    return [
        item
        for item in ess.instances.values()
        if item.lifecycle_state in (state, f"{state}:Wait")
        and (
            item.instance_id in action.instance_ids
            or item.scaling_activity_id == action.scaling_activity_id
        )
    ]
