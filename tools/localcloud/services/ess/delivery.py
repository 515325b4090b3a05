"""Auto Scaling's outbox is emptied here, into MNS and the event bus; and here time-outs take effect
by themselves, whether or not anybody looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcloud.services.ess import lifecycle, notices
from localcloud.services.ess.model import HookNotice, LifecycleAction
from localcloud.services.ess.targets import target_of
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud
    from localcloud.services.ess.model import ScalingGroup

_LONG = 3600.0  # seconds; a change ends every wait


async def keep_time(cloud: Cloud) -> None:
    while True:
        settle(cloud)
        deadline = lifecycle.next_deadline(cloud.world.ess)
        left = _LONG if deadline is None else deadline - cloud.clock.now()
        await cloud.changes.wait(max(0.0, min(left, _LONG)))


def settle(cloud: Cloud) -> None:
    """Ends what has timed out, and tells whoever waits for it."""
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
            event = notices.activity_event(ess, group, notice)
            cloud.bus.publish(event)
    cloud.changes.notify()


def _send(cloud: Cloud, group: ScalingGroup, action: LifecycleAction) -> str:
    """What became of the hook's message. One that cannot be delivered is lost (inferred)."""
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
