"""A request document by itself: a direct invocation, the body of an HTTP call, or the raw body of a
topic's message, which arrives without any envelope (MNS topic, STREAM; doc).

    {"RegionId": "cn-hangzhou", "LoadBalancerId": "lb-0001", "VServerGroupName": "web",
     "BackendServers": [{"ServerId": "i-0001", "Port": 8080, "Weight": 100}]}
"""

from __future__ import annotations

from typing import Any

from provisioner.groups import naming
from provisioner.mapping import document
from provisioner.model import EventRef, Request

from .envelope import Delivery, json_of, unreadable, unsound


def read(value: dict[str, Any], delivery: Delivery) -> Request | None:
    return _request(value, delivery) if document.is_request(value) else None


def read_body(body: bytes, *, source: str = "direct") -> Request:
    """The body is one request document. Raises `Rejected`: `Unreadable` or `InvalidRequest`."""
    delivery = Delivery(source=source, part="the body")
    return _request(json_of(body, part=delivery.part), delivery)


def _request(value: Any, delivery: Delivery) -> Request:
    _refuse_unsound(value, delivery)
    normalised, _ = document.normalised(value)
    _refuse_unsound(normalised, delivery)  # BackendServers may have been a string until now
    # A delivery without an id is known by what it asks for, so that the next one is the same event.
    event_id = delivery.id or f"sha256:{naming.digest(normalised)}"
    return document.read_request(value, EventRef(delivery.source, event_id))


def _refuse_unsound(value: Any, delivery: Delivery) -> None:
    reason = unsound(value)
    if reason:
        raise unreadable(f"{delivery.part} {reason}")
