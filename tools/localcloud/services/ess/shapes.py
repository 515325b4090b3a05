"""ESS answers, as both editions of the API write them.

They are built in the 2022-02-22 shape, where lists are flat. In 2014-08-28 a list is wrapped in an
object under its items' name: `LifecycleActions.LifecycleAction[]` (doc); the other item names
follow from it (inferred).
"""

from __future__ import annotations

from collections import Counter
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
# sdk: what a group counts its instances by; a state waits or it does not
_CAPACITIES = {
    "InService": "Active",
    "Pending": "Pending",
    "Pending:Wait": "PendingWait",
    "Protected": "Protected",
    "Standby": "Standby",
    "Stopped": "Stopped",
    "Removing": "Removing",
    "Removing:Wait": "RemovingWait",
}
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
    counted = Counter(instance.lifecycle_state for instance in instances)
    described: dict[str, Any] = {
        "ScalingGroupId": item.scaling_group_id,
        "ScalingGroupName": item.name,
        "RegionId": item.region_id,
        "VpcId": item.vpc_id,
        "LifecycleState": "Active",
        "GroupType": item.group_type,
        "CreationTime": item.created,
        "MinSize": item.min_size,
        "MaxSize": item.max_size,
        "EnableDesiredCapacity": item.desired_capacity is not None,
        "TotalInstanceCount": len(instances),
        "TotalCapacity": len(instances),
        **{f"{name}Capacity": counted[state] for state, name in _CAPACITIES.items()},
        "Tags": [{"TagKey": key, "TagValue": value} for key, value in item.tags.items()],
        "VServerGroups": [],
        "SuspendedProcesses": [],
    }
    if item.desired_capacity is not None:
        described["DesiredCapacity"] = item.desired_capacity
    return described


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
        "LifecycleHookStatus": item.status,
    }


def activity(item: ScalingActivity) -> dict[str, Any]:
    ended = not item.is_in_progress
    described: dict[str, Any] = {
        "ScalingActivityId": item.scaling_activity_id,
        "ScalingGroupId": item.scaling_group_id,
        "StatusCode": item.status_code,
        "StartTime": item.start_time,
        "Cause": item.cause,
        "Description": item.description,
        "Progress": 100 if ended else 0,
        "ScalingInstanceNumber": sum(map(len, item.instances.values())),
        **{name.replace("Instances", "Capacity"): len(ids) for name, ids in item.instances.items()},
        **item.instances,
        "ErrorMessages": [],
    }
    if item.end_time:
        described["EndTime"] = item.end_time
    if item.total_capacity is not None:
        described["TotalCapacity"] = item.total_capacity
    return described


def instance(item: ScalingInstance) -> dict[str, Any]:
    return {
        "InstanceId": item.instance_id,
        "ScalingGroupId": item.scaling_group_id,
        "ScalingActivityId": item.scaling_activity_id,
        "LifecycleState": item.lifecycle_state,
        "HealthStatus": "Healthy",
        "CreationType": "AutoCreated",
        "CreationTime": item.created,
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
