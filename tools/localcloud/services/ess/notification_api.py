"""Notification configurations on the wire."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localcloud.services.ess import notifications
from localcloud.services.ess.notifications import NotificationConfiguration

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.ess.model import AutoScaling
    from localcloud.wire.parameters import Parameters


def create_notification_configuration(cloud: Cloud, call: Call) -> dict[str, Any]:
    world, parameters = cloud.world, call.parameters
    group = world.ess.group(parameters.require("ScalingGroupId"))
    default = NotificationConfiguration(parameters.require("NotificationArn"), ())
    notifications.create(world.ess, world.mns, group, _read(parameters, default))
    return {}


def modify_notification_configuration(cloud: Cloud, call: Call) -> dict[str, Any]:
    world, parameters = cloud.world, call.parameters
    group = world.ess.group(parameters.require("ScalingGroupId"))
    found = notifications.find(group, parameters.require("NotificationArn"))
    wanted = _read(parameters, found)
    wanted.check(world.ess, world.mns, group)
    group.notifications[wanted.arn] = wanted
    return {}


def delete_notification_configuration(cloud: Cloud, call: Call) -> dict[str, Any]:
    group = cloud.world.ess.group(call.parameters.require("ScalingGroupId"))
    found = notifications.find(group, call.parameters.require("NotificationArn"))
    del group.notifications[found.arn]
    return {}


def describe_notification_configurations(ess: AutoScaling, call: Call) -> dict[str, Any]:
    group = ess.group(call.parameters.require("ScalingGroupId"))
    rows = [item.describe(group) for item in group.notifications.values()]
    return {"NotificationConfigurationModels": rows}


def describe_notification_types(_ess: AutoScaling, _call: Call) -> dict[str, Any]:
    return {"NotificationTypes": list(notifications.TYPES)}


def _read(parameters: Parameters, base: NotificationConfiguration) -> NotificationConfiguration:
    """What is left out stays as it is in `base`."""
    types = parameters.strings("NotificationTypes", "NotificationType")
    return replace(
        base,
        types=tuple(types) or base.types,
        encoding=parameters.text("MessageEncoding") or base.encoding,
        time_zone=parameters.text("TimeZone") or base.time_zone,
    )
