"""ScalingGroups with their hooks, ScalingActivities, ScalingInstances and LifecycleActions of a
seed document. A pending action's time runs from the moment it is seeded (emulator-only).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp
from localcloud.documents import Problem, pointer
from localcloud.services.ecs.model import Instance
from localcloud.services.ess.model import (
    DEFAULT_HEARTBEAT,
    AutoScaling,
    LifecycleAction,
    LifecycleHook,
    ScalingActivity,
    ScalingGroup,
    ScalingInstance,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INSTANCE_LISTS = ("CreatedInstances", "DestroyedInstances", "StartedInstances", "StoppedInstances")


def plant(ess: AutoScaling, document: Mapping[str, Any], now: float) -> Iterator[Problem]:
    yield from _plant_groups(ess, document.get("ScalingGroups", []))
    yield from _plant_activities(ess, document.get("ScalingActivities", []), now)
    yield from _plant_instances(ess, document.get("ScalingInstances", []))
    yield from _plant_actions(ess, document.get("LifecycleActions", []), now)


def _plant_groups(ess: AutoScaling, rows: list[dict[str, Any]]) -> Iterator[Problem]:
    for index, row in enumerate(rows):
        name = row.get("ScalingGroupName", row["ScalingGroupId"])
        group = ScalingGroup(row["ScalingGroupId"], name, row["RegionId"])
        for position, hook in enumerate(map(_read_hook, row.get("LifecycleHooks", []))):
            hook_id = hook.lifecycle_hook_id
            if _hook(ess, hook_id) or hook_id in group.hooks:
                path = pointer("ScalingGroups", index, "LifecycleHooks", position)
                yield Problem(f"{path}/LifecycleHookId", f"{hook_id} exists already")
            group.hooks[hook_id] = hook
        if ess.groups.setdefault(group.scaling_group_id, group) is not group:
            path = pointer("ScalingGroups", index, "ScalingGroupId")
            yield Problem(path, f"{group.scaling_group_id} exists already")


def _read_hook(row: dict[str, Any]) -> LifecycleHook:
    return LifecycleHook(
        lifecycle_hook_id=row["LifecycleHookId"],
        name=row.get("LifecycleHookName", row["LifecycleHookId"]),
        transition=row["LifecycleTransition"],
        default_result=row.get("DefaultResult", "CONTINUE"),
        heartbeat_timeout=row.get("HeartbeatTimeout", DEFAULT_HEARTBEAT),
        notification_arn=row.get("NotificationArn", ""),
        notification_metadata=row.get("NotificationMetadata", ""),
    )


def _plant_activities(
    ess: AutoScaling, rows: list[dict[str, Any]], now: float
) -> Iterator[Problem]:
    for index, row in enumerate(rows):
        activity = ScalingActivity(
            scaling_activity_id=row["ScalingActivityId"],
            scaling_group_id=row["ScalingGroupId"],
            status_code=row.get("StatusCode", "InProgress"),
            start_time=row.get("StartTime", timestamp(now)),
            end_time=row.get("EndTime"),
            instances={name: row.get(name, []) for name in _INSTANCE_LISTS},
        )
        if activity.scaling_group_id not in ess.groups:
            path = pointer("ScalingActivities", index, "ScalingGroupId")
            yield Problem(path, f"there is no scaling group {activity.scaling_group_id}")
        if ess.activities.setdefault(activity.scaling_activity_id, activity) is not activity:
            path = pointer("ScalingActivities", index, "ScalingActivityId")
            yield Problem(path, f"{activity.scaling_activity_id} exists already")


def _plant_instances(ess: AutoScaling, rows: list[dict[str, Any]]) -> Iterator[Problem]:
    for index, row in enumerate(rows):
        path = pointer("ScalingInstances", index)
        group = ess.groups.get(row["ScalingGroupId"])
        activity_id = row.get("ScalingActivityId", "")
        instance = ScalingInstance(
            instance_id=row["InstanceId"],
            scaling_group_id=row["ScalingGroupId"],
            scaling_activity_id=activity_id,
            lifecycle_state=row.get("LifecycleState", "InService"),
            private_ip_address=row.get("PrivateIpAddress", ""),
        )
        if group is None:
            yield Problem(f"{path}/ScalingGroupId", f"there is no {row['ScalingGroupId']}")
            continue
        if activity_id and activity_id not in ess.activities:
            yield Problem(f"{path}/ScalingActivityId", f"there is no {activity_id}")
        if ess.instances.setdefault(instance.instance_id, instance) is not instance:
            yield Problem(f"{path}/InstanceId", f"{instance.instance_id} exists already")
        address = instance.private_ip_address
        ess.compute.run(Instance(instance.instance_id, group.region_id, address))


def _plant_actions(ess: AutoScaling, rows: list[dict[str, Any]], now: float) -> Iterator[Problem]:
    for index, row in enumerate(rows):
        path = pointer("LifecycleActions", index)
        hook, activity_id = _hook(ess, row["LifecycleHookId"]), row["ScalingActivityId"]
        if hook is None:
            yield Problem(f"{path}/LifecycleHookId", f"there is no {row['LifecycleHookId']}")
            continue
        if activity_id not in ess.activities:
            yield Problem(f"{path}/ScalingActivityId", f"there is no {activity_id}")
        if any(action.token == row["LifecycleActionToken"] for action in ess.actions):
            yield Problem(f"{path}/LifecycleActionToken", "exists already")
        action = LifecycleAction(
            hook=hook,
            token=row["LifecycleActionToken"],
            scaling_activity_id=activity_id,
            instance_ids=row.get("InstanceIds", []),
            started=now,
            deadline=now + hook.heartbeat_timeout,
            status=row.get("LifecycleActionStatus", "Pending"),
            result=row.get("LifecycleActionResult", hook.default_result),
        )
        ess.actions.append(action)


def _hook(ess: AutoScaling, hook_id: str) -> LifecycleHook | None:
    hooks = (group.hooks.get(hook_id) for group in ess.groups.values())
    return next((hook for hook in hooks if hook is not None), None)
