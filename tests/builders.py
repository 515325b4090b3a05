"""Events and what they come to. A test names what matters to it; the rest is like everywhere else.

Everything here is constructed: account 1000000000000001, region cn-hangzhou.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape

from provisioner.model import Backend, EventRef, Instance, LifecycleAction, Request

ACCOUNT = "1000000000000001"
REGION = "cn-hangzhou"
TOKEN = "00000000-0000-4000-8000-000000000001"
ABSENT: Any = object()  # as a value of a builder: leave this key out


def document(**changes: Any) -> dict[str, Any]:
    """A request document."""
    return _changed(
        {
            "RegionId": REGION,
            "LoadBalancerId": "lb-0001",
            "VServerGroupName": "web-8080",
            "BackendServers": [{"ServerId": "i-0001", "Port": 8080, "Weight": 100}],
        },
        changes,
    )


def a_request(source: str, event_id: str, **changes: Any) -> Request:
    """What `document()` asks for when the event is (`source`, `event_id`)."""
    asked = Request(
        event=EventRef(source, event_id),
        region_id=REGION,
        load_balancer_id="lb-0001",
        vserver_group_name="web-8080",
        backends=(Backend("i-0001", 8080, 100),),
        tags={},
    )
    return replace(asked, **changes)


def hook_message(top: dict[str, Any] | None = None, **content: Any) -> dict[str, Any]:
    """A lifecycle hook's message: `top` changes its own keys, the others those of its content."""
    return _changed(
        {
            "userId": ACCOUNT,
            "regionId": REGION,
            "resourceArn": f"acs:ess:{REGION}:{ACCOUNT}:scalinggroup/asg-0001",
            "content": _changed(
                {
                    "lifecycleHookId": "ash-0001",
                    "lifecycleHookName": "hook-out",
                    "lifecycleActionToken": TOKEN,
                    "lifecycleTransition": "SCALE_OUT",
                    "defaultResult": "CONTINUE",
                    "scalingGroupId": "asg-0001",
                    "scalingGroupName": "group-a",
                    "scalingActivityId": "asa-0001",
                    "requestId": "req-0001",
                    "instanceIds": ["i-0001", "i-0002"],
                },
                content,
            ),
        },
        top or {},
    )


def a_hook_request(
    event_id: str = "",
    instance_ids: Iterable[str] = ("i-0001", "i-0002"),
    region_id: str = REGION,
    **action: Any,
) -> Request:
    """What `hook_message()` asks for; `action` changes its LifecycleAction.

    Unless it is given, the event's id is that of the action: a message without an activity is
    known by the hash of its token."""
    waiting = LifecycleAction(
        hook_id="ash-0001",
        token=TOKEN,
        scaling_group_id="asg-0001",
        scaling_activity_id="asa-0001",
        region_id=region_id,
    )
    waiting = replace(waiting, **action)
    token_digest = hashlib.sha256(as_bytes(waiting.token)).hexdigest()
    activity = waiting.scaling_activity_id or f"token-{token_digest[:32]}"
    return Request(
        event=EventRef("ess_hook", event_id or f"{waiting.hook_id}:{activity}"),
        region_id=region_id,
        scaling_group_id=waiting.scaling_group_id,
        instances=tuple(map(Instance, instance_ids)),
        action=waiting,
    )


def cloud_event(data: Any, **changes: Any) -> dict[str, Any]:
    """CloudEvents 1.0 as EventBridge sends them."""
    return _changed(
        {
            "id": "id-0001",
            "source": "example",
            "specversion": "1.0",
            "type": "example:Capacity:Wanted",
            "datacontenttype": "application/json; charset=utf-8",
            "time": "2026-01-01T00:00:00.000Z",
            "aliyunaccountid": ACCOUNT,
            "aliyunregionid": REGION,
            "data": data,
        },
        changes,
    )


def queue_message(body: Any, message_id: str = "M1") -> dict[str, Any]:
    """An MNS queue's message as an event stream hands it over."""
    data = {"requestId": "R1", "messageId": message_id, "messageBody": body}
    return cloud_event(data, id=message_id, source="acs.mns", type="mns:Queue:SendMessage")


def xml_notification(body: str, message_id: str = "M1") -> str:
    """A message of an MNS topic in the format XML, as a queue that subscribes gets it."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<Notification xmlns="http://mns.aliyuncs.com/doc/v1/">'
        f"<TopicOwner>{ACCOUNT}</TopicOwner><TopicName>topic-1</TopicName>"
        f"<MessageId>{message_id}</MessageId><Message>{escape(body)}</Message>"
        "<PublishTime>1767225600000</PublishTime></Notification>"
    )


def http_event(body: Any, **changes: Any) -> dict[str, Any]:
    """An FC HTTP trigger's event, version v1."""
    http = {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    return _changed(
        {
            "version": "v1",
            "rawPath": "/",
            "body": body,
            "isBase64Encoded": False,
            "headers": {"Content-Type": "application/json"},
            "queryParameters": {},
            "requestContext": {"accountId": ACCOUNT, "http": http, "requestId": "req-0001"},
        },
        changes,
    )


def failure_record(payload: Any, **changes: Any) -> dict[str, Any]:
    """Of an asynchronous invocation that the platform gave up; a payload that is a list is one of
    an event stream. `changes` are of its context, or the functionError."""
    error = changes.pop("functionError", "UnhandledInvocationError")
    context = {
        "requestId": "req-0001",
        "functionArn": f"acs:fc:{REGION}:{ACCOUNT}:functions/provisioner",
        "condition": "UnhandledInvocationError",
        "approximateInvokeCount": 4,
    }
    return {
        "timestamp": 1767225600000,
        "requestContext": _changed(context, changes),
        "requestPayload": json.dumps(payload) if isinstance(payload, list) else payload,
        "responseContext": {"statusCode": 200, "functionError": error},
        "responsePayload": "{}",
    }


def as_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


def as_base64(value: Any) -> str:
    return base64.b64encode(as_bytes(value)).decode()


def _changed(value: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in {**value, **changes}.items() if each is not ABSENT}
