"""ESS on the wire: parameters in, answers out, in the shape of the version that asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.call import Service
from localcloud.services.ess import shapes
from localcloud.services.ess.model import DEFAULT_HEARTBEAT, STATUSES
from localcloud.services.ess.paging import by_number, by_token
from localcloud.wire import rpc
from localcloud.wire.errors import invalid_parameter, missing_parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.call import Call, Operation
    from localcloud.cloud import Cloud
    from localcloud.services.ess.model import AutoScaling, LifecycleHook, ScalingGroup

_CLIENT_TOKEN_LENGTH = 64  # doc


def complete_lifecycle_action(ess: AutoScaling, call: Call, now: float) -> dict[str, Any]:
    parameters = call.parameters
    hook_id = parameters.require("LifecycleHookId")
    token = parameters.require("LifecycleActionToken")
    client_token = parameters.text("ClientToken") or ""
    if len(client_token) > _CLIENT_TOKEN_LENGTH or not client_token.isascii():
        raise invalid_parameter("ClientToken")
    # A completed action refuses the same ClientToken too (unknown; the stricter choice).
    ess.complete(hook_id, token, parameters.text("LifecycleActionResult"), now)
    return {}


def record_lifecycle_action_heartbeat(ess: AutoScaling, call: Call, now: float) -> dict[str, Any]:
    # sdk: lower camel case on the wire; the upper form is unknown, so both are taken.
    hook_id = call.parameters.require("lifecycleHookId", "LifecycleHookId")
    token = call.parameters.require("lifecycleActionToken", "LifecycleActionToken")
    seconds = call.parameters.integer(
        "heartbeatTimeout", "HeartbeatTimeout", default=DEFAULT_HEARTBEAT, low=0, high=10**8
    )
    ess.heartbeat(hook_id, token, seconds, now)
    return {}


def describe_lifecycle_actions(ess: AutoScaling, call: Call, _now: float) -> dict[str, Any]:
    activity_id = call.parameters.require("ScalingActivityId")
    status = call.parameters.text("LifecycleActionStatus")
    if status is not None and status not in STATUSES:
        raise invalid_parameter("LifecycleActionStatus")
    found = [
        shapes.action(action)
        for action in ess.actions
        if action.scaling_activity_id == activity_id and status in (None, action.status)
    ]
    return by_token(call.parameters, "LifecycleActions", found)


def describe_lifecycle_hooks(ess: AutoScaling, call: Call, _now: float) -> dict[str, Any]:
    group_id = call.parameters.text("ScalingGroupId")
    wanted = call.parameters.strings("LifecycleHookIds", "LifecycleHookId")
    name = call.parameters.text("LifecycleHookName")

    def matches(group: ScalingGroup, hook: LifecycleHook) -> bool:
        return (
            group_id in (None, group.scaling_group_id)
            and name in (None, hook.name)
            and (not wanted or hook.lifecycle_hook_id in wanted)
        )

    found = [
        shapes.hook(hook, group.scaling_group_id)
        for group in _groups(ess, call)
        for hook in group.hooks.values()
        if matches(group, hook)
    ]
    return by_number(call.parameters, "LifecycleHooks", found, largest=50)


def describe_scaling_activities(ess: AutoScaling, call: Call, _now: float) -> dict[str, Any]:
    call.parameters.require("RegionId")
    group_id = call.parameters.text("ScalingGroupId")
    wanted = call.parameters.strings("ScalingActivityIds", "ScalingActivityId")
    if group_id is None and not wanted:
        raise missing_parameter("ScalingGroupId")
    if group_id is not None and wanted:  # sdk: exactly one of the two
        raise invalid_parameter("ScalingActivityIds")
    status = call.parameters.text("StatusCode")
    regional = {group.scaling_group_id for group in _groups(ess, call)}
    found = [
        shapes.activity(activity)
        for activity in reversed(ess.activities.values())  # inferred: the newest first
        if activity.scaling_group_id in regional
        and (activity.scaling_group_id == group_id or activity.scaling_activity_id in wanted)
        and status in (None, activity.status_code)
    ]
    return by_number(call.parameters, "ScalingActivities", found, largest=50)


def describe_scaling_instances(ess: AutoScaling, call: Call, _now: float) -> dict[str, Any]:
    parameters = call.parameters
    parameters.require("RegionId")
    group_id = parameters.text("ScalingGroupId")
    activity_id = parameters.text("ScalingActivityId")
    ids = parameters.strings("InstanceIds", "InstanceId")
    states = parameters.strings("LifecycleStates", "LifecycleState")
    regional = {group.scaling_group_id for group in _groups(ess, call)}
    found = [
        shapes.instance(instance)
        for instance in ess.instances.values()
        if instance.scaling_group_id in regional
        and group_id in (None, instance.scaling_group_id)
        and activity_id in (None, instance.scaling_activity_id)
        and (not ids or instance.instance_id in ids)  # sdk: unknown ones are left out silently
        and (not states or instance.lifecycle_state in states)
    ]
    return by_number(parameters, "ScalingInstances", found, largest=100)


def describe_scaling_groups(ess: AutoScaling, call: Call, _now: float) -> dict[str, Any]:
    call.parameters.require("RegionId")
    ids = call.parameters.strings("ScalingGroupIds", "ScalingGroupId")
    names = call.parameters.strings("ScalingGroupNames", "ScalingGroupName")
    found = [
        shapes.group(group, _members(ess, group))
        for group in _groups(ess, call)
        if (not ids or group.scaling_group_id in ids) and (not names or group.name in names)
    ]
    return by_number(call.parameters, "ScalingGroups", found, largest=50)


def _groups(ess: AutoScaling, call: Call) -> list[ScalingGroup]:
    region_id = call.parameters.text("RegionId")
    return [group for group in ess.groups.values() if region_id in (None, group.region_id)]


def _members(ess: AutoScaling, group: ScalingGroup) -> list[Any]:
    members = ess.instances.values()
    return [item for item in members if item.scaling_group_id == group.scaling_group_id]


def _settled(operation: Callable[[AutoScaling, Call, float], dict[str, Any]]) -> Operation:
    """Ends what has timed out, then answers in the shape of the version that asked."""

    def answer(cloud: Cloud, call: Call) -> Any:
        now = cloud.clock.now()
        cloud.world.ess.settle(now)
        return shapes.shaped(call.version, operation(cloud.world.ess, call, now))

    return answer


SERVICE = Service(
    name="ess",
    dialect=rpc,
    versions=(shapes.FLAT, shapes.NESTED),
    operations={
        "CompleteLifecycleAction": _settled(complete_lifecycle_action),
        "RecordLifecycleActionHeartbeat": _settled(record_lifecycle_action_heartbeat),
        "DescribeLifecycleActions": _settled(describe_lifecycle_actions),
        "DescribeLifecycleHooks": _settled(describe_lifecycle_hooks),
        "DescribeScalingActivities": _settled(describe_scaling_activities),
        "DescribeScalingInstances": _settled(describe_scaling_instances),
        "DescribeScalingGroups": _settled(describe_scaling_groups),
    },
)
