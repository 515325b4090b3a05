"""Empties Auto Scaling's outbox into MNS and the event bus, and lets time-outs take effect at their
own time, without a call.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from localcloud.services.ess import lifecycle, notices, notifications
from localcloud.services.ess.model import HookNotice, LifecycleAction
from localcloud.services.ess.targets import target_of
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud
    from localcloud.services.ess.model import ActivityNotice, ScalingGroup

_LONG = 3600.0  # seconds; a change ends every wait


async def keep_time(cloud: Cloud) -> None:
    while True:
        settle(cloud)
        deadline = lifecycle.next_deadline(cloud.world.ess)
        left = _LONG if deadline is None else deadline - cloud.clock.now()
        await cloud.changes.wait(max(0.0, min(left, _LONG)))


def settle(cloud: Cloud) -> None:
    """Ends the waits that have timed out, and delivers what that causes."""
    if lifecycle.settle(cloud.world.ess, cloud.clock.now()):
        deliver(cloud)


def deliver(cloud: Cloud) -> None:
    ess = cloud.world.ess
    waiting, ess.outbox = ess.outbox, []
    for notice in waiting:
        if isinstance(notice, HookNotice):
            activity = ess.activities[notice.action.scaling_activity_id]
            group = ess.groups[activity.scaling_group_id]
            notice.action.notification = _send(cloud, group, notice.action)
        else:
            group = ess.groups[notice.activity.scaling_group_id]
            cloud.bus.publish(notices.activity_event(ess, group, notice))
            _notify(cloud, group, notice)
    cloud.changes.notify()


def _notify(cloud: Cloud, group: ScalingGroup, notice: ActivityNotice) -> None:
    """Sends what the group's notification configurations want. A message that cannot be delivered
    is lost (inferred)."""
    ess, now = cloud.world.ess, cloud.clock.now()
    for item in group.notifications.values():
        name = item.type_of(notice)
        target = notifications.target(item.arn, ess, group)
        if name is None or target is None:
            continue
        if target.kind == notifications.CLOUD_MONITOR:
            cloud.bus.publish(notices.monitor_event(ess, group, notice, name))
            continue
        send = cloud.send if target.kind == "queue" else cloud.publish
        text = notices.notification(ess, group, notice, name, item.local_time(now))
        with contextlib.suppress(ApiError):
            send(target.name, item.encode(text))


def _send(cloud: Cloud, group: ScalingGroup, action: LifecycleAction) -> str:
    """Sends the hook's message; returns how that ended. A message that cannot be delivered is lost
    (inferred)."""
    ess = cloud.world.ess
    target = target_of(action.hook.notification_arn, group.region_id, ess.account)
    kind, name = target or ("", "")
    try:
        if kind == "queue":
            cloud.send(name, notices.hook_message(ess, group, action))
        elif kind == "topic":
            cloud.publish(name, notices.hook_message(ess, group, action))
        elif kind == "bus":
            cloud.bus.publish(notices.hook_event(ess, group, action))
        else:
            return "None"
    except ApiError as error:
        return error.code
    return "Sent"
