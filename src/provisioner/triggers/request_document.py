"""A request document without an envelope: a direct invocation, the body of an HTTP call, or the raw
body of a topic's message (MNS topic, STREAM; doc).

    {"RegionId": "cn-hangzhou", "LoadBalancerId": "lb-0001", "VServerGroupName": "web",
     "BackendServers": [{"ServerId": "i-0001", "Port": 8080, "Weight": 100}]}
"""

from __future__ import annotations

from typing import Any

from provisioner.groups import naming
from provisioner.mapping import document
from provisioner.mapping.strict_json import find_structural_problem, has_broken_text
from provisioner.model import EventRef, Request

from .envelope import EnvelopeContext, decode_json, unreadable_error


def read(value: dict[str, Any], context: EnvelopeContext) -> Request | None:
    return _parse_request(value, context) if document.is_request_document(value) else None


def parse_body(body: bytes, *, source: str = "direct") -> Request:
    """Read a body that is one request document.

    Raises `Rejected` with the code `Unreadable` or `InvalidRequest`.
    """
    context = EnvelopeContext(source=source, part="the body")
    return _parse_request(decode_json(body, part=context.part), context)


def _parse_request(value: Any, context: EnvelopeContext) -> Request:
    if problem := find_structural_problem(value):
        raise unreadable_error(f"{context.part} {problem}")
    if has_broken_text(value):
        raise unreadable_error(f"{context.part} contains half of a surrogate pair: no valid text")
    normalized, _ = document.normalize(value)
    # Without an id, the normalized document identifies the event in every delivery.
    event_id = context.id or f"sha256:{naming.compute_digest(normalized)}"
    return document.parse_request(value, EventRef(context.source, event_id))
