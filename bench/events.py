"""The events that are measured, as the platform hands them over."""

from __future__ import annotations

import base64
import json
from typing import Any

from bench.cloud import ACTIVITY, GROUP, HOOK, REGION, TOKEN, balancer_id, instance_id


def hook(instances: int, transition: str = "SCALE_OUT") -> bytes:
    """In Base64, as MNS does."""
    document = {
        "userId": "1000000000000001",
        "regionId": REGION,
        "resourceArn": f"acs:ess:{REGION}:1000000000000001:scalinggroup/{GROUP}",
        "content": {
            "lifecycleHookId": HOOK,
            "lifecycleHookName": "bench",
            "lifecycleActionToken": TOKEN,
            "lifecycleTransition": transition,
            "scalingGroupId": GROUP,
            "scalingActivityId": ACTIVITY,
            "defaultResult": "ABANDON",
            "instanceIds": [instance_id(number) for number in range(instances)],
        },
    }
    return base64.b64encode(json.dumps(document).encode())


def batch(messages: int, balancers: int) -> bytes:
    """Messages of a queue, each of which asks for a group of its own with one backend."""
    events = [
        {"requestId": f"r{number}", "messageId": f"m{number}", "messageBody": _request(number, n)}
        for number in range(messages)
        for n in [number % balancers]
    ]
    return json.dumps(events).encode()


def http_plan() -> bytes:
    http = {"method": "POST", "path": "/plan", "sourceIp": "192.0.2.1", "userAgent": "bench"}
    document = {
        "version": "v1",
        "rawPath": "/plan",
        "body": _request(0, 0),
        "isBase64Encoded": False,
        "headers": {"Content-Type": "application/json"},
        "queryParameters": {},
        "requestContext": {"http": http, "requestId": "r"},
    }
    return json.dumps(document).encode()


def _request(number: int, balancer: int) -> str:
    backend = {"ServerId": instance_id(number), "Port": 8080, "Weight": 100}
    document: dict[str, Any] = {
        "RegionId": REGION,
        "LoadBalancerId": balancer_id(balancer),
        "VServerGroupName": f"bench-{number}",
        "BackendServers": [backend],
    }
    return json.dumps(document)
