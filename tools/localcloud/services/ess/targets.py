"""NotificationArn: where a hook's message goes, in the forms of both editions of the API (doc).

| target      | 2022-02-22                              | 2014-08-28                |
| ----------- | --------------------------------------- | ------------------------- |
| queue       | acs:mns:{r}:{a}:queue/{name}            | acs:ess:…:queue/{name}    |
| topic       | acs:mns:{r}:{a}:topic/{name}            | acs:ess:…:topic/{name}    |
| template    | acs:oos:{r}:{a}:template/{name}         | acs:ess:…:oos/{name}      |
| event bus   | acs:eventbridge:{r}:{a}:eventbus/default|                           |
| none        | left out; reads back acs:ess:…:null/null|                           |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from localcloud.services.ess.model import refused
from localcloud.wire.errors import not_implemented

if TYPE_CHECKING:
    from localcloud.services.mns.messaging import Messaging

_ARN = re.compile(r"acs:(mns|ess|oos|eventbridge):([^:/]+):([^:/]+):(\w+)/([^/:]+)")
_KINDS = {
    ("mns", "queue"): "queue",
    ("ess", "queue"): "queue",
    ("mns", "topic"): "topic",
    ("ess", "topic"): "topic",
    ("oos", "template"): "template",
    ("ess", "oos"): "template",
    ("eventbridge", "eventbus"): "bus",
    ("ess", "null"): "none",
}


class Target(NamedTuple):
    kind: str
    name: str


def target_of(arn: str, region_id: str, account: str) -> Target | None:
    """None if it is of no known form, or of another region or account."""
    match = _ARN.fullmatch(arn)
    if match is None or match.groups()[1:3] != (region_id, account):
        return None
    kind, name = _KINDS.get((match[1], match[4])), match[5]
    if kind is None or (kind == "bus" and name != "default"):
        return None
    return Target(kind, name)


def nowhere(region_id: str, account: str) -> str:
    return f"acs:ess:{region_id}:{account}:null/null"


def check_target(mns: Messaging, target: Target | None) -> None:
    """Refuses a target that is none, or that does not exist."""
    if target is None:
        raise refused("InvalidNotificationArn", "The specified NotificationArn is invalid.")
    if target.kind == "template":
        raise not_implemented("OOS templates as the target of a lifecycle hook")
    if target.kind == "queue" and target.name not in mns.queues:
        raise refused("QueueNotExist", "The specified queue does not exist.")
    if target.kind == "topic" and target.name not in mns.topics:
        raise refused("TopicNotExist", "The specified topic does not exist.")
