"""The circuit breaker: no defect and no wrong binding may release server after server.

If the last actions of a hook all ended with ABANDON, the next failure is answered with CONTINUE:
its servers live, without traffic, and somebody can look. ESS's record is the memory: the newest
activities of the scaling group and the actions of this hook among theirs. An action that timed out
counts by its result; ROLLBACK on scale-out is ABANDON (sdk). A CONTINUE, also the breaker's own,
restarts the count: while the cause lasts, one scale-out of so many lives.
"""

from __future__ import annotations

from provisioner.errors import ProvisionerError
from provisioner.model import LifecycleAction, LifecycleResult
from provisioner.provisioning import ProvisionTask

from .action import list_action_states

_ACTIVITIES = 20  # to read at most: some are of other transitions or have no such hook


def is_tripped(task: ProvisionTask, action: LifecycleAction) -> bool:
    """Whether the last actions of the hook all ended with ABANDON.

    If the record cannot be read, the answer is no: the binding's own result is given in time.
    """
    limit = task.deps.config.circuit_breaker
    if not limit:
        return False
    try:
        tripped = _has_only_abandoned(task, action, limit)
    except ProvisionerError as error:
        task.invocation.log.write("circuit_breaker.failed", code=error.code)
        return False
    if tripped:
        task.invocation.log.write(
            "circuit_breaker",
            ScalingGroupId=action.scaling_group_id,
            LifecycleHookId=action.hook_id,
            ScalingActivityId=action.scaling_activity_id,
            abandoned=limit,
            LifecycleActionResult=LifecycleResult.CONTINUE.value,
        )
    return tripped


def _has_only_abandoned(task: ProvisionTask, action: LifecycleAction, limit: int) -> bool:
    activity_ids = task.deps.scaling_groups.list_recent_activities(
        action.region_id, action.scaling_group_id, most=_ACTIVITIES, within=task.seconds_left()
    )
    abandoned = 0
    for activity_id in activity_ids:
        if activity_id == action.scaling_activity_id:
            continue
        for state in list_action_states(task, activity_id):
            if state.action.hook_id != action.hook_id or state.pending:
                continue
            if state.result == LifecycleResult.CONTINUE.value:
                return False
            abandoned += 1
        if abandoned >= limit:
            return True
    return False
