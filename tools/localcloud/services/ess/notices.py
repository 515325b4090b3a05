"""What Auto Scaling tells the account: a hook's message, and events for the event bus.

The message's keys are those of Alibaba's own tutorial (doc); resourceArn is a guess, and so is the
place of notificationMetadata. An event's data is unknown: here it is the content of the message, or
the facts of the activity (inferred); the rest of its envelope is the bus's business.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from localcloud.services.ess.model import OUT

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
    return base64.b64encode(json.dumps(message).encode()).decode()


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
    activity = notice.activity
    data = {
        "scalingGroupId": group.scaling_group_id,
        "scalingGroupName": group.name,
        "scalingActivityId": activity.scaling_activity_id,
        "requestId": activity.request_id,
        "cause": activity.cause,
        "instanceIds": list(notice.instance_ids),
    }
    kind = f"ess:ScalingActivity:{_direction(activity.transition)}{notice.news}"
    return _event(ess, group, kind, data)


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
