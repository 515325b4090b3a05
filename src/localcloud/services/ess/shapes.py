"""ESS answers, as both editions of the API write them.

They are built in the 2022-02-22 shape, where lists are flat. In 2014-08-28 a list is wrapped in an
object under its items' name: `LifecycleActions.LifecycleAction[]` (doc); the other item names
follow from it (inferred).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcloud.services.ess.model import (
        LifecycleAction,
        LifecycleHook,
        ScalingActivity,
        ScalingGroup,
        ScalingInstance,
    )

NESTED = "2014-08-28"
FLAT = "2022-02-22"
_ITEMS = {"ScalingActivities": "ScalingActivity", "SuspendedProcesses": "SuspendedProcess"}


def shaped(version: str, value: Any) -> Any:
    if version == FLAT:
        return value
    if isinstance(value, list):
        return [shaped(version, item) for item in value]
    if isinstance(value, dict):
        return {key: _wrapped(version, key, item) for key, item in value.items()}
    return value


def _wrapped(version: str, key: str, value: Any) -> Any:
    inner = shaped(version, value)
    return {_ITEMS.get(key, key.removesuffix("s")): inner} if isinstance(value, list) else inner


def group(item: ScalingGroup, instances: list[ScalingInstance]) -> dict[str, Any]:
    def count(state: str) -> int:
        return sum(1 for instance in instances if instance.lifecycle_state == state)

    return {
        "ScalingGroupId": item.scaling_group_id,
        "ScalingGroupName": item.name,
        "RegionId": item.region_id,
        "LifecycleState": "Active",
        "GroupType": "ECS",
        "TotalCapacity": len(instances),
        "ActiveCapacity": count("InService"),
        "PendingWaitCapacity": count("Pending:Wait"),
        "RemovingWaitCapacity": count("Removing:Wait"),
        "VServerGroups": [],
        "SuspendedProcesses": [],
    }


def hook(item: LifecycleHook, scaling_group_id: str) -> dict[str, Any]:
    return {
        "ScalingGroupId": scaling_group_id,
        "LifecycleHookId": item.lifecycle_hook_id,
        "LifecycleHookName": item.name,
        "LifecycleTransition": item.transition,
        "DefaultResult": item.default_result,
        "HeartbeatTimeout": item.heartbeat_timeout,
        "NotificationArn": item.notification_arn,
        "NotificationMetadata": item.notification_metadata,
        "LifecycleHookStatus": "Active",
    }


def activity(item: ScalingActivity) -> dict[str, Any]:
    described: dict[str, Any] = {
        "ScalingActivityId": item.scaling_activity_id,
        "ScalingGroupId": item.scaling_group_id,
        "StatusCode": item.status_code,
        "StartTime": item.start_time,
        **item.instances,
        "ErrorMessages": [],
    }
    if item.end_time:
        described["EndTime"] = item.end_time
    return described


def instance(item: ScalingInstance) -> dict[str, Any]:
    return {
        "InstanceId": item.instance_id,
        "ScalingGroupId": item.scaling_group_id,
        "ScalingActivityId": item.scaling_activity_id,
        "LifecycleState": item.lifecycle_state,
        "HealthStatus": "Healthy",
        "CreationType": "AutoCreated",
        "PrivateIpAddress": item.private_ip_address,
    }


def action(item: LifecycleAction) -> dict[str, Any]:
    return {
        "LifecycleHookId": item.hook.lifecycle_hook_id,
        "LifecycleActionToken": item.token,
        "LifecycleActionStatus": item.status,
        "LifecycleActionResult": item.result,
        "InstanceIds": item.instance_ids,
    }
