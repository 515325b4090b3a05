"""What Auto Scaling tells the account: a hook's message, notifications, and events for the bus.

The keys of a hook's message are those of Alibaba's own tutorial (doc); resourceArn and the place of
notificationMetadata are inferred. The data of an event and the body of a notification are unknown:
here they are the content of the hook's message, or the facts of the activity (inferred).
CloudMonitor's events have the documented keys.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localcloud.services.ess.model import OUT
from localcloud.services.ess.notifications import encode

if TYPE_CHECKING:
    from localcloud.services.ess.model import (
        ActivityNotice,
        AutoScaling,
        LifecycleAction,
        ScalingGroup,
    )


def hook_message(ess: AutoScaling, group: ScalingGroup, action: LifecycleAction) -> str:
    """As it travels: JSON in Base64 (doc)."""
    message = {
        "userId": ess.account,
        "regionId": group.region_id,
        "resourceArn": _resource(ess, group),
        "content": hook_content(ess, group, action),
    }
    return encode(json.dumps(message))


def hook_content(ess: AutoScaling, group: ScalingGroup, action: LifecycleAction) -> dict[str, Any]:
    hook = action.hook
    content: dict[str, Any] = {
        "lifecycleHookId": hook.lifecycle_hook_id,
        "lifecycleHookName": hook.name,
        "lifecycleActionToken": action.token,
        "lifecycleTransition": hook.transition,
        "defaultResult": hook.default_result,
        "scalingGroupId": group.scaling_group_id,
        "scalingGroupName": group.name,
        "scalingActivityId": action.scaling_activity_id,
        "requestId": ess.activities[action.scaling_activity_id].request_id,
        "instanceIds": action.instance_ids,
    }
    if hook.notification_metadata:
        content["notificationMetadata"] = hook.notification_metadata
    return content


def hook_event(ess: AutoScaling, group: ScalingGroup, action: LifecycleAction) -> dict[str, Any]:
    kind = f"ess:LifecycleHook:{_direction(action.hook.transition)}"
    return _event(ess, group, kind, hook_content(ess, group, action))


def activity_event(ess: AutoScaling, group: ScalingGroup, notice: ActivityNotice) -> dict[str, Any]:
    kind = f"ess:ScalingActivity:{_direction(notice.activity.transition)}{notice.news}"
    return _event(ess, group, kind, _facts(group, notice))


def monitor_event(
    ess: AutoScaling, group: ScalingGroup, notice: ActivityNotice, name: str
) -> dict[str, Any]:
    """What CloudMonitor publishes of a notification: its system event."""
    kind, _, rest = name.partition(":")
    data = {
        "product": "ESS",
        "name": name,
        "level": "WARN" if notice.news == "Error" else "INFO",
        "resourceId": _resource(ess, group),
        "regionId": group.region_id,
        "content": _facts(group, notice),
        "ver": "1.0",
    }
    return _event(ess, group, f"ess:CloudMonitor:{kind}[{rest.replace('_', '')}]", data)


def notification(
    ess: AutoScaling, group: ScalingGroup, notice: ActivityNotice, name: str, time: str
) -> str:
    """The JSON of a notification, before its configuration encodes it."""
    message = {
        "userId": ess.account,
        "regionId": group.region_id,
        "resourceArn": _resource(ess, group),
        "event": name,
        "time": time,
        "content": _facts(group, notice),
    }
    return json.dumps(message)


def _facts(group: ScalingGroup, notice: ActivityNotice) -> dict[str, Any]:
    activity = notice.activity
    return {
        "scalingGroupId": group.scaling_group_id,
        "scalingGroupName": group.name,
        "scalingActivityId": activity.scaling_activity_id,
        "requestId": activity.request_id,
        "cause": activity.cause,
        "instanceIds": list(notice.instance_ids),
    }


def _event(
    ess: AutoScaling, group: ScalingGroup, kind: str, data: dict[str, Any]
) -> dict[str, Any]:
    return {
        "source": "acs.ess",
        "type": kind,
        "subject": _resource(ess, group),
        "aliyunregionid": group.region_id,
        "data": data,
    }


def _resource(ess: AutoScaling, group: ScalingGroup) -> str:
    return f"acs:ess:{group.region_id}:{ess.account}:scalinggroup/{group.scaling_group_id}"


def _direction(transition: str) -> str:
    return "ScaleOut" if transition == OUT else "ScaleIn"
