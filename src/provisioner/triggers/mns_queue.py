"""MNS queue, as an event stream of EventBridge hands it over: CloudEvents of type
mns:Queue:SendMessage around this, or (eventSchema RawData) nothing but this (doc).

    {"requestId": "R1", "messageId": "M1", "messageBody": "…"}

`messageBody` is decoded already where IsBase64Decode is true (default), otherwise Base64; it may
arrive as parsed JSON (unknown).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .envelope import EnvelopeContext, Wrapped, read_identifier


def read(value: dict[str, Any], delivery: EnvelopeContext) -> Wrapped | None:
    if "messageBody" not in value:
        return None
    return Wrapped(
        value["messageBody"],
        replace(
            delivery,
            source="mns_queue",
            id=read_identifier(value.get("messageId")),
            must_be_known=True,
            part="the messageBody",
        ),
    )
