"""Where the outcome of an asynchronous invocation goes, and what is said there.

    acs:mns:<region>:<account>:/queues/<name>/messages      (doc)
    acs:mns:<region>:<account>:/topics/<name>/messages      (seen)
    acs:fc:<region>:<account>:functions/<name>              (inferred; generation 2 has services/…/)

Region and account are those of this cloud.
"""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from localcloud.services.fc.model import LATEST
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud
    from localcloud.services.fc.events import Event
    from localcloud.services.fc.model import Function
    from localcloud.services.fc.outcome import Invocation

_MNS = re.compile(r"acs:mns:([^:/]*):([^:/]*):/(queues|topics)/([^/:]+)/messages")
_FC = re.compile(
    rf"acs:fc:([^:/]*):([^:/]*):(?:services/([^/.]+)(?:\.{LATEST})?/)?functions/([^/:]+)"
)
_log = logging.getLogger("localcloud")


class Destination(NamedTuple):
    kind: str
    name: str


def parse(arn: str, region: str, account: str) -> Destination | None:
    """None if nothing can be delivered there."""
    mns, function = _MNS.fullmatch(arn), _FC.fullmatch(arn)
    match = mns or function
    if match is None or match.groups()[:2] != (region, account):
        return None
    if mns:
        return Destination(mns[3], mns[4])
    return Destination("functions", f"{match[3]}/{match[4]}" if match[3] else match[4])


def record(cloud: Cloud, function: Function, event: Event, ended: Invocation) -> dict[str, Any]:
    """As seen; the condition of a success is unknown."""
    world = cloud.world
    return {
        "timestamp": int(cloud.clock.now() * 1000),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": function.arn(world.region, world.account),
            "condition": ended.error_type or "Success",
            "approximateInvokeCount": event.calls,
        },
        "requestPayload": event.payload.decode("utf-8", "replace"),
        "responseContext": {"statusCode": ended.status, "functionError": ended.error_type},
        "responsePayload": ended.body.decode("utf-8", "replace"),
    }


def deliver(cloud: Cloud, arn: str, document: dict[str, Any]) -> None:
    """What cannot be delivered (64 KB in MNS, doc; no such queue) is lost, and logged."""
    destination = parse(arn, cloud.world.region, cloud.world.account)
    text = json.dumps(document, ensure_ascii=False)
    assert destination is not None  # it was checked when the function was registered
    try:
        _send(cloud, destination, text)
    except ApiError as error:
        _log.warning("nothing reached %s: %s", arn, error)


def _send(cloud: Cloud, destination: Destination, text: str) -> None:
    if destination.kind == "functions":
        cloud.functions.enqueue(destination.name, text.encode())
    elif destination.kind == "topics":
        cloud.publish(destination.name, text)
    else:
        cloud.send(destination.name, text)
