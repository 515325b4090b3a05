"""ESS on the wire: reads parameters, writes answers in the shape of the version that asked. The
actions that only read are in read_api.py.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from localcloud.call import Service
from localcloud.services.ess import (
    delivery,
    hooks,
    lifecycle,
    notification_api,
    read_api,
    scaling,
    shapes,
)
from localcloud.services.ess.model import DEFAULT_HEARTBEAT, refused
from localcloud.wire import rpc
from localcloud.wire.errors import invalid_parameter, not_implemented

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.call import Call, Operation
    from localcloud.cloud import Cloud
    from localcloud.services.ess.model import (
        AutoScaling,
        LifecycleHook,
        ScalingGroup,
        ScalingRule,
    )
    from localcloud.wire.parameters import Parameters

_CLIENT_TOKEN_LENGTH = 64  # doc
_ANY_INTEGER = 10**8


def complete_lifecycle_action(cloud: Cloud, call: Call) -> dict[str, Any]:
    parameters = call.parameters
    hook_id = parameters.require("LifecycleHookId")
    token = parameters.require("LifecycleActionToken")
    # A completed action refuses the same ClientToken too (unknown; the stricter choice).
    _client_token(parameters)
    result = parameters.text("LifecycleActionResult")
    lifecycle.complete(cloud.world.ess, hook_id, token, result, cloud.clock.now())
    return {}


def record_lifecycle_action_heartbeat(cloud: Cloud, call: Call) -> dict[str, Any]:
    # sdk: lower camel case on the wire; the upper form is unknown, so both are taken.
    hook_id = call.parameters.require("lifecycleHookId", "LifecycleHookId")
    token = call.parameters.require("lifecycleActionToken", "LifecycleActionToken")
    seconds = call.parameters.integer(
        "heartbeatTimeout", "HeartbeatTimeout", default=DEFAULT_HEARTBEAT, low=0, high=_ANY_INTEGER
    )
    lifecycle.heartbeat(cloud.world.ess, hook_id, token, seconds, cloud.clock.now())
    return {}


def create_lifecycle_hook(cloud: Cloud, call: Call) -> dict[str, Any]:
    world, quota = cloud.world, hooks.HOOKS[call.version]
    group = world.ess.group(call.parameters.require("ScalingGroupId"))
    hook = hooks.create(world.ess, world.mns, group, _wanted(call.parameters), quota)
    call.concerns["LifecycleHookId"] = hook.lifecycle_hook_id
    return {"LifecycleHookId": hook.lifecycle_hook_id}


def modify_lifecycle_hook(cloud: Cloud, call: Call) -> dict[str, Any]:
    world = cloud.world
    group, hook = _hook(world.ess, call.parameters)
    hooks.modify(world.ess, world.mns, group, hook, _wanted(call.parameters))
    return {}


def delete_lifecycle_hook(cloud: Cloud, call: Call) -> dict[str, Any]:
    group, hook = _hook(cloud.world.ess, call.parameters)
    hooks.delete(cloud.world.ess, group, hook, cloud.clock.now())
    return {}


def scale_with_adjustment(cloud: Cloud, call: Call) -> dict[str, Any]:
    parameters, ess = call.parameters, cloud.world.ess
    group = ess.group(parameters.require("ScalingGroupId"))
    kind = parameters.require("AdjustmentType")
    parameters.require("AdjustmentValue")
    value = parameters.integer("AdjustmentValue", default=0, low=-_ANY_INTEGER, high=_ANY_INTEGER)
    magnitude = parameters.integer("MinAdjustmentMagnitude", default=0, low=0, high=_ANY_INTEGER)
    mode = parameters.text("ExecutionMode") or "None"
    if mode != "None":
        raise not_implemented(f"the ExecutionMode {mode}")
    order = scaling.Order(
        change=scaling.change_of(kind, value, ess.size(group), magnitude),
        cause="A user requests to execute ScaleWithAdjustment.",
        request_id=call.request_id,
        context=scaling.read_context(parameters.text("LifecycleHookContext")),
        parallel=parameters.flag("ParallelTask"),
    )
    return _scaled(cloud, call, group, order)


def execute_scaling_rule(cloud: Cloud, call: Call) -> dict[str, Any]:
    group, rule = _rule(cloud.world.ess, call.parameters.require("ScalingRuleAri"))
    size = cloud.world.ess.size(group)
    order = scaling.Order(
        change=scaling.change_of(rule.adjustment_type, rule.adjustment_value, size),
        cause=f"A user requests to execute scaling rule {rule.scaling_rule_ari}.",
        request_id=call.request_id,
    )
    return _scaled(cloud, call, group, order)


def adjust(cloud: Cloud, scaling_group_id: str, change: int) -> dict[str, Any]:
    """For the control endpoint: an activity that no API call asked for."""
    delivery.settle(cloud)
    ess = cloud.world.ess
    order = scaling.Order(change, "localcloud was told to.", str(uuid.uuid4()).upper())
    activity = scaling.scale(ess, ess.group(scaling_group_id), order, cloud.clock.now())
    delivery.deliver(cloud)
    waits = ess.waits(activity.scaling_activity_id)
    return {
        **shapes.activity(activity),
        "LifecycleActions": [shapes.action(item) for item in waits],
    }


def _scaled(cloud: Cloud, call: Call, group: ScalingGroup, order: scaling.Order) -> dict[str, Any]:
    ess, token = cloud.world.ess, _client_token(call.parameters)
    activity_id = ess.client_tokens.get(token)
    if activity_id is None:  # sdk: the same token again is the same request
        activity_id = scaling.scale(ess, group, order, cloud.clock.now()).scaling_activity_id
        if token:
            ess.client_tokens[token] = activity_id
    call.concerns["ScalingActivityId"] = activity_id
    return {"ScalingActivityId": activity_id}


def _rule(ess: AutoScaling, ari: str) -> tuple[ScalingGroup, ScalingRule]:
    for group in ess.groups.values():
        for rule in group.rules:
            if rule.scaling_rule_ari == ari:
                return group, rule
    raise refused("InvalidScalingRuleAri.NotFound", "The scaling rule does not exist.")


def _hook(ess: AutoScaling, parameters: Parameters) -> tuple[ScalingGroup, LifecycleHook]:
    names = ("LifecycleHookId", "ScalingGroupId", "LifecycleHookName")
    return hooks.find(ess, *map(parameters.text, names))


def _wanted(parameters: Parameters) -> hooks.Wanted:
    return hooks.Wanted(
        name=parameters.text("LifecycleHookName"),
        transition=parameters.text("LifecycleTransition"),
        default_result=parameters.text("DefaultResult"),
        heartbeat_timeout=parameters.text("HeartbeatTimeout"),
        notification_arn=parameters.text("NotificationArn"),
        notification_metadata=parameters.text("NotificationMetadata"),
        status=parameters.text("LifecycleHookStatus"),
    )


def _client_token(parameters: Parameters) -> str:
    token = parameters.text("ClientToken") or ""
    if len(token) > _CLIENT_TOKEN_LENGTH or not token.isascii():
        raise invalid_parameter("ClientToken")
    return token


def _writing(operation: Callable[[Cloud, Call], dict[str, Any]]) -> Operation:
    """Ends what has timed out before the operation, and sends messages and events after it."""

    def answer(cloud: Cloud, call: Call) -> Any:
        delivery.settle(cloud)
        answered = operation(cloud, call)
        delivery.deliver(cloud)
        return answered

    return answer


def _reading(operation: Callable[[AutoScaling, Call], dict[str, Any]]) -> Operation:
    def answer(cloud: Cloud, call: Call) -> Any:
        delivery.settle(cloud)
        return shapes.shaped(call.version, operation(cloud.world.ess, call))

    return answer


SERVICE = Service(
    name="ess",
    dialect=rpc,
    versions=(shapes.FLAT, shapes.NESTED),
    operations={
        "ScaleWithAdjustment": _writing(scale_with_adjustment),
        "ExecuteScalingRule": _writing(execute_scaling_rule),
        "CreateLifecycleHook": _writing(create_lifecycle_hook),
        "ModifyLifecycleHook": _writing(modify_lifecycle_hook),
        "DeleteLifecycleHook": _writing(delete_lifecycle_hook),
        "CompleteLifecycleAction": _writing(complete_lifecycle_action),
        "RecordLifecycleActionHeartbeat": _writing(record_lifecycle_action_heartbeat),
        "CreateNotificationConfiguration": _writing(
            notification_api.create_notification_configuration
        ),
        "ModifyNotificationConfiguration": _writing(
            notification_api.modify_notification_configuration
        ),
        "DeleteNotificationConfiguration": _writing(
            notification_api.delete_notification_configuration
        ),
        "DescribeNotificationConfigurations": _reading(
            notification_api.describe_notification_configurations
        ),
        "DescribeNotificationTypes": _reading(notification_api.describe_notification_types),
        "DescribeLifecycleActions": _reading(read_api.describe_lifecycle_actions),
        "DescribeLifecycleHooks": _reading(read_api.describe_lifecycle_hooks),
        "DescribeScalingActivities": _reading(read_api.describe_scaling_activities),
        "DescribeScalingInstances": _reading(read_api.describe_scaling_instances),
        "DescribeScalingGroups": _reading(read_api.describe_scaling_groups),
    },
    background=(delivery.keep_time,),
)
