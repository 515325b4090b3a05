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

from .envelope import EnvelopeContext, decode_json, find_structural_problem, unreadable_error


def read(value: dict[str, Any], delivery: EnvelopeContext) -> Request | None:
    return _parse_request(value, delivery) if document.is_request_document(value) else None


def parse_body(body: bytes, *, source: str = "direct") -> Request:
    """The body is one request document. Raises `Rejected`: `Unreadable` or `InvalidRequest`."""
    delivery = EnvelopeContext(source=source, part="the body")
    return _parse_request(decode_json(body, part=delivery.part), delivery)


def _parse_request(value: Any, delivery: EnvelopeContext) -> Request:
    _reject_structural_problem(value, delivery)
    normalised, _ = document.normalize(value)
    _reject_structural_problem(
        normalised, delivery
    )  # BackendServers may have been a string until now
    # A delivery without an id is known by what it asks for, so that the next one is the same event.
    event_id = delivery.id or f"sha256:{naming.compute_digest(normalised)}"
    return document.parse_request(value, EventRef(delivery.source, event_id))


def _reject_structural_problem(value: Any, delivery: EnvelopeContext) -> None:
    reason = find_structural_problem(value)
    if reason:
        raise unreadable_error(f"{delivery.part} {reason}")
