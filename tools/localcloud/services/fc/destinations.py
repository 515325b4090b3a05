"""Where the record of an asynchronous invocation goes, and what it says.

    acs:mns:<region>:<account>:/queues/<name>/messages      (doc)
    acs:mns:<region>:<account>:/topics/<name>/messages      (seen)
    acs:fc:<region>:<account>:functions/<name>              (inferred; generation 2 has services/…/)
    acs:eventbridge:<region>:<account>:eventbus/default     (inferred)

Region and account are those of this cloud. A function that is its own destination is called with
the record of its call, and so on: each record quotes the one before, so that the circle ends when a
record is larger than its destination takes.
"""

from __future__ import annotations

import json
import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from localcloud.services.fc.model import LATEST
from localcloud.services.fc.outcome import FUNCTION_ERROR
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
_BUS = re.compile(r"acs:eventbridge:([^:/]*):([^:/]*):eventbus/(default)")
_LARGEST_ON_BUS = 64 << 10  # doc: bytes
_log = logging.getLogger("localcloud")


class Destination(NamedTuple):
    kind: str
    name: str


def parse(arn: str, region: str, account: str) -> Destination | None:
    """None if nothing can be delivered there."""
    mns, function, bus = _MNS.fullmatch(arn), _FC.fullmatch(arn), _BUS.fullmatch(arn)
    match = mns or function or bus
    if match is None or match.groups()[:2] != (region, account):
        return None
    if mns:
        return Destination(mns[3], mns[4])
    if bus:
        return Destination("bus", bus[3])
    return Destination("functions", f"{match[3]}/{match[4]}" if match[3] else match[4])


def record(cloud: Cloud, function: Function, event: Event, ended: Invocation) -> dict[str, Any]:
    """doc: a success has neither a condition nor a function error; of the failures, only one of the
    function itself has a function error."""
    world = cloud.world
    throttled = ended.status == HTTPStatus.TOO_MANY_REQUESTS
    function_error = ended.error_type if ended.error_type == FUNCTION_ERROR else ""
    return {
        "timestamp": int(cloud.clock.now() * 1000),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": function.arn(world.region, world.account),
            "condition": "FunctionResourceExhausted" if throttled else ended.error_type,
            "approximateInvokeCount": event.calls,
        },
        "requestPayload": event.payload.decode("utf-8", "replace"),
        "responseContext": {"statusCode": ended.status, "functionError": function_error},
        "responsePayload": ended.body.decode("utf-8", "replace"),
    }


def deliver(cloud: Cloud, arn: str, document: dict[str, Any], *, succeeded: bool) -> None:
    """Sends a record. What cannot be delivered (64 KB in MNS and EventBridge, 128 KB to a function,
    doc; no such queue) is lost, and logged."""
    destination = parse(arn, cloud.world.region, cloud.world.account)
    text = json.dumps(document, ensure_ascii=False)
    assert destination is not None  # it was checked when the function was registered
    try:
        if destination.kind == "bus":
            _publish(cloud, document, len(text.encode()), succeeded=succeeded)
        else:
            _send(cloud, destination, text)
    except ApiError as error:
        _log.warning("nothing reached %s: %s", arn, error)


def _publish(cloud: Cloud, document: dict[str, Any], size: int, *, succeeded: bool) -> None:
    if size > _LARGEST_ON_BUS:
        message = f"an event is at most {_LARGEST_ON_BUS} bytes"
        raise ApiError(HTTPStatus.BAD_REQUEST, "InvalidArgument", message)
    # doc: the type of a success; inferred: that of a failure
    kind = "succeeded" if succeeded else "failed"
    cloud.bus.publish(
        {
            "source": "acs:fc",
            "type": f"fc:AsyncInvoke:{kind}",
            "subject": document["requestContext"]["functionArn"],
            "data": document,
        }
    )


def _send(cloud: Cloud, destination: Destination, text: str) -> None:
    if destination.kind == "functions":
        cloud.functions.enqueue(destination.name, text.encode())
    elif destination.kind == "topics":
        cloud.publish(destination.name, text)
    else:
        cloud.send(destination.name, text)
