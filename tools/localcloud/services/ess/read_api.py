"""What ESS answers to questions: lists, filtered and paged, in the 2022-02-22 shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.services.ess import shapes
from localcloud.services.ess.model import STATUSES
from localcloud.services.ess.paging import by_number, by_token
from localcloud.wire.errors import invalid_parameter, missing_parameter

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.services.ess.model import AutoScaling, LifecycleHook, ScalingGroup


def describe_lifecycle_actions(ess: AutoScaling, call: Call) -> dict[str, Any]:
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


def describe_lifecycle_hooks(ess: AutoScaling, call: Call) -> dict[str, Any]:
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


def describe_scaling_activities(ess: AutoScaling, call: Call) -> dict[str, Any]:
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


def describe_scaling_instances(ess: AutoScaling, call: Call) -> dict[str, Any]:
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


def describe_scaling_groups(ess: AutoScaling, call: Call) -> dict[str, Any]:
    call.parameters.require("RegionId")
    ids = call.parameters.strings("ScalingGroupIds", "ScalingGroupId")
    names = call.parameters.strings("ScalingGroupNames", "ScalingGroupName")
    group_type = call.parameters.text("GroupType")
    tags = [(row.get("Key"), row.get("Value")) for row in call.parameters.records("Tags")]

    def matches(group: ScalingGroup) -> bool:
        return (
            (not ids or group.scaling_group_id in ids)
            and (not names or group.name in names)
            # inferred: of several tags, all; one that is asked for without a value, with any
            and all(key in group.tags and value in (None, group.tags[key]) for key, value in tags)
            and group_type in (None, group.group_type)
        )

    found = [shapes.group(item, ess.members(item)) for item in _groups(ess, call) if matches(item)]
    return by_number(call.parameters, "ScalingGroups", found, largest=50)


def _groups(ess: AutoScaling, call: Call) -> list[ScalingGroup]:
    region_id = call.parameters.text("RegionId")
    return [group for group in ess.groups.values() if region_id in (None, group.region_id)]
