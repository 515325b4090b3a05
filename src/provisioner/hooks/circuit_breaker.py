"""The circuit breaker: no bug of ours, and no mistake in a binding, kills server after server.

When the last actions of a hook all ended by ABANDON, the next failure is answered CONTINUE: its
servers live, unready, and somebody can look. ESS's own record is the memory: the activities of the
group, the newest first, and the actions of this hook among theirs. A time-out counts by the result
that ended it; ROLLBACK on scale-out is ABANDON (sdk). A CONTINUE, the breaker's own too, starts the
count anew: while the cause lasts, one scale-out of so many lives.
"""

from __future__ import annotations

from provisioner.errors import ProvisionerError
from provisioner.model import LifecycleAction, LifecycleResult
from provisioner.provisioning import ProvisionTask

from .action import list_action_states

_LOOKED_AT = 20  # activities: some are of other transitions, or passed the hook by


def is_tripped(task: ProvisionTask, action: LifecycleAction) -> bool:
    """Asked only when a failure is about to be answered. A record that cannot be read is no reason
    to keep the answer back, or to give another than the binding says."""
    wanted = task.deps.config.circuit_breaker
    if not wanted:
        return False
    try:
        tripped = _has_only_abandoned(task, action, wanted)
    except ProvisionerError as error:
        task.invocation.log.write("circuit_breaker.failed", code=error.code)
        return False
    if tripped:
        task.invocation.log.write(
            "circuit_breaker",
            ScalingGroupId=action.scaling_group_id,
            LifecycleHookId=action.hook_id,
            ScalingActivityId=action.scaling_activity_id,
            abandoned=wanted,
            LifecycleActionResult=LifecycleResult.CONTINUE.value,
        )
    return tripped


def _has_only_abandoned(task: ProvisionTask, action: LifecycleAction, wanted: int) -> bool:
    recent = task.deps.scaling_groups.list_recent_activities(
        action.region_id,
        action.scaling_group_id,
        most=_LOOKED_AT,
        within=task.time_left(),
    )
    found = 0
    for activity in recent:
        if activity == action.scaling_activity_id:
            continue
        for state in list_action_states(task, activity):
            if state.action.hook_id != action.hook_id or state.pending:
                continue
            if state.result == LifecycleResult.CONTINUE.value:
                return False
            found += 1
        if found >= wanted:
            return True
    return False
