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
    LARGEST_SIZE,
    AutoScaling,
    LifecycleAction,
    LifecycleHook,
    ScalingActivity,
    ScalingGroup,
    ScalingInstance,
    ScalingRule,
)
from localcloud.services.ess.notifications import (
    DEFAULT_ZONE,
    ENCODINGS,
    NotificationConfiguration,
    target,
)
from localcloud.services.ess.targets import nowhere, target_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INSTANCE_LISTS = ("CreatedInstances", "DestroyedInstances", "StartedInstances", "StoppedInstances")


def plant(ess: AutoScaling, document: Mapping[str, Any], now: float) -> Iterator[Problem]:
    yield from _plant_groups(ess, document.get("ScalingGroups", []), now)
    yield from _plant_activities(ess, document.get("ScalingActivities", []), now)
    yield from _plant_instances(ess, document.get("ScalingInstances", []), now)
    yield from _plant_actions(ess, document.get("LifecycleActions", []), now)


def _plant_groups(ess: AutoScaling, rows: list[dict[str, Any]], now: float) -> Iterator[Problem]:
    for index, row in enumerate(rows):
        group = _read_group(row, now)
        for position, hook_row in enumerate(row.get("LifecycleHooks", [])):
            path = pointer("ScalingGroups", index, "LifecycleHooks", position)
            yield from _plant_hook(ess, group, hook_row, path)
        for position, given in enumerate(row.get("NotificationConfigurations", [])):
            path = pointer("ScalingGroups", index, "NotificationConfigurations", position)
            yield from _plant_notification(ess, group, given, path)
        if ess.groups.setdefault(group.scaling_group_id, group) is not group:
            path = pointer("ScalingGroups", index, "ScalingGroupId")
            yield Problem(path, f"{group.scaling_group_id} exists already")


def _read_group(row: dict[str, Any], now: float) -> ScalingGroup:
    return ScalingGroup(
        scaling_group_id=row["ScalingGroupId"],
        name=row.get("ScalingGroupName", row["ScalingGroupId"]),
        region_id=row["RegionId"],
        created=timestamp(now),
        min_size=row.get("MinSize", 0),
        max_size=row.get("MaxSize", LARGEST_SIZE),
        desired_capacity=row.get("DesiredCapacity"),
        vpc_id=row.get("VpcId", ""),
        group_type=row.get("GroupType", "ECS"),
        tags={tag["Key"]: tag.get("Value", "") for tag in row.get("Tags", [])},
        rules=[
            ScalingRule(rule["ScalingRuleAri"], rule["AdjustmentType"], rule["AdjustmentValue"])
            for rule in row.get("ScalingRules", [])
        ],
    )


def _plant_hook(
    ess: AutoScaling, group: ScalingGroup, row: dict[str, Any], path: str
) -> Iterator[Problem]:
    hook_id, none = row["LifecycleHookId"], nowhere(group.region_id, ess.account)
    hook = LifecycleHook(
        lifecycle_hook_id=hook_id,
        name=row.get("LifecycleHookName", hook_id),
        transition=row["LifecycleTransition"],
        default_result=row.get("DefaultResult", "CONTINUE"),
        heartbeat_timeout=row.get("HeartbeatTimeout", DEFAULT_HEARTBEAT),
        notification_arn=row.get("NotificationArn", none),
        notification_metadata=row.get("NotificationMetadata", ""),
        status=row.get("LifecycleHookStatus", "Active"),
    )
    if ess.hook(hook_id) or hook_id in group.hooks:
        yield Problem(f"{path}/LifecycleHookId", f"{hook_id} exists already")
    if target_of(hook.notification_arn, group.region_id, ess.account) is None:
        problem = "a target of no known form, or of another region or account"
        yield Problem(f"{path}/NotificationArn", problem)
    group.hooks[hook_id] = hook


def _plant_notification(
    ess: AutoScaling, group: ScalingGroup, row: dict[str, Any], path: str
) -> Iterator[Problem]:
    item = NotificationConfiguration(
        arn=row["NotificationArn"],
        types=tuple(row["NotificationTypes"]),
        encoding=row.get("MessageEncoding", ENCODINGS[0]),
        time_zone=row.get("TimeZone", DEFAULT_ZONE),
    )
    if target(item.arn, ess, group) is None:
        problem = "a target of no known form, or of another region or account"
        yield Problem(f"{path}/NotificationArn", problem)
    if item.arn in group.notifications:
        yield Problem(f"{path}/NotificationArn", f"{item.arn} has one already")
    group.notifications[item.arn] = item


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


def _plant_instances(ess: AutoScaling, rows: list[dict[str, Any]], now: float) -> Iterator[Problem]:
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
            created=timestamp(now),
        )
        if group is None:
            yield Problem(f"{path}/ScalingGroupId", f"there is no {row['ScalingGroupId']}")
            continue
        if activity_id and activity_id not in ess.activities:
            yield Problem(f"{path}/ScalingActivityId", f"there is no {activity_id}")
        if ess.instances.setdefault(instance.instance_id, instance) is not instance:
            yield Problem(f"{path}/InstanceId", f"{instance.instance_id} exists already")
        if instance.instance_id not in ess.compute.instances:  # a row of Instances says more
            server = Instance(
                instance.instance_id,
                group.region_id,
                instance.private_ip_address,
                kind=group.group_type.lower(),
            )
            ess.compute.run(server)


def _plant_actions(ess: AutoScaling, rows: list[dict[str, Any]], now: float) -> Iterator[Problem]:
    for index, row in enumerate(rows):
        path = pointer("LifecycleActions", index)
        hook, activity_id = ess.hook(row["LifecycleHookId"]), row["ScalingActivityId"]
        if hook is None:
            yield Problem(f"{path}/LifecycleHookId", f"there is no {row['LifecycleHookId']}")
            continue
        activity = ess.activities.get(activity_id)
        if activity is None:
            yield Problem(f"{path}/ScalingActivityId", f"there is no {activity_id}")
        else:
            activity.transition = hook.transition
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
