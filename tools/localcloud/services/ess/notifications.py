"""Notification configurations: which news of a group's activities go where (doc).

| target       | NotificationArn                                             |
| ------------ | ----------------------------------------------------------- |
| queue, topic | as of lifecycle hooks (targets.py)                          |
| CloudMonitor | acs:ess:{r}:{a}:cloudmonitor; it publishes to the event bus |

A type is spelt `AUTOSCALING:SCALE_OUT_START` on the pages and `AUTOSCALG:…` in the API's metadata:
both are taken, and the message names it as the configuration does. A message's body is unknown
(notices.py).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from localcloud.services.ess.model import OUT, invalid_value, refused
from localcloud.services.ess.targets import Target, check_target, target_of
from localcloud.wire.errors import missing_parameter

if TYPE_CHECKING:
    from localcloud.services.ess.model import ActivityNotice, AutoScaling, ScalingGroup
    from localcloud.services.mns.messaging import Messaging

PER_GROUP = 6  # doc
ENCODINGS = ("Base64", "PlainText")  # sdk, the default first
CLOUD_MONITOR = "cloudmonitor"
DEFAULT_ZONE = "UTC+8"  # doc
_ZONE = re.compile(r"UTC([+-](?:1[0-2]|0?[0-9]))")
_ACTIVITIES = ("SCALE_OUT", "SCALE_IN")
_NEWS = ("START", "SUCCESS", "WARN", "ERROR")
TYPES = (  # doc
    *(f"AUTOSCALING:{activity}_{news}" for activity in _ACTIVITIES for news in _NEWS),
    "AUTOSCALING:SCALE_REJECT",
    "AUTOSCALING:SCHEDULE_TASK_EXPIRING",
    "SCALING_GROUP_DIAGNOSE",
)


@dataclass(frozen=True)
class NotificationConfiguration:
    arn: str
    types: tuple[str, ...]
    encoding: str = ENCODINGS[0]
    time_zone: str = DEFAULT_ZONE

    def type_of(self, notice: ActivityNotice) -> str | None:
        """The name that this configuration has for the news of an activity; None: not wanted."""
        activity = "SCALE_OUT" if notice.activity.transition == OUT else "SCALE_IN"
        suffix = f":{activity}_{notice.news.upper()}"
        return next((name for name in self.types if name.endswith(suffix)), None)

    def local_time(self, now: float) -> str:
        """A moment in its time zone, in seconds, by ISO 8601."""
        match = _ZONE.fullmatch(self.time_zone)
        assert match is not None  # it was checked
        zone = timezone(timedelta(hours=int(match[1])))
        return datetime.fromtimestamp(now, zone).isoformat(timespec="seconds")

    def encode(self, text: str) -> str:
        return encode(text) if self.encoding == ENCODINGS[0] else text

    def check(self, ess: AutoScaling, mns: Messaging, group: ScalingGroup) -> None:
        known = {name.replace("AUTOSCALG:", "AUTOSCALING:") for name in self.types} <= set(TYPES)
        zoned = _ZONE.fullmatch(self.time_zone)
        if not known or self.encoding not in ENCODINGS or not zoned:
            raise invalid_value()
        check_target(mns, target(self.arn, ess, group))

    def describe(self, group: ScalingGroup) -> dict[str, Any]:
        return {
            "ScalingGroupId": group.scaling_group_id,
            "NotificationArn": self.arn,
            "NotificationTypes": list(self.types),
            "MessageEncoding": self.encoding,
            "TimeZone": self.time_zone,
        }


def target(arn: str, ess: AutoScaling, group: ScalingGroup) -> Target | None:
    """None if it is of no known form, or of another region or account."""
    if arn == f"acs:ess:{group.region_id}:{ess.account}:cloudmonitor":
        return Target(CLOUD_MONITOR, "")
    found = target_of(arn, group.region_id, ess.account)
    return found if found and found.kind in ("queue", "topic") else None


def create(
    ess: AutoScaling, mns: Messaging, group: ScalingGroup, wanted: NotificationConfiguration
) -> None:
    if not wanted.types:
        raise missing_parameter("NotificationTypes")
    wanted.check(ess, mns, group)
    if wanted.arn in group.notifications:  # doc: one for each accepter; inferred: the code
        message = "The group has a notification configuration for this NotificationArn already."
        raise refused("InvalidNotificationArn.Duplicate", message)
    if len(group.notifications) >= PER_GROUP:  # doc: the number; inferred: the code
        message = f"A scaling group has at most {PER_GROUP} notification configurations."
        raise refused("QuotaExceeded.NotificationConfiguration", message)
    group.notifications[wanted.arn] = wanted


def find(group: ScalingGroup, arn: str) -> NotificationConfiguration:
    found = group.notifications.get(arn)
    if found is None:  # inferred: the code
        message = "The group has no notification configuration for this NotificationArn."
        raise refused("InvalidNotificationArn.NotFound", message)
    return found


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
