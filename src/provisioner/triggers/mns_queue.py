"""MNS queue: CloudEvents of type mns:Queue:SendMessage with this as data, or only this if the event
stream has the eventSchema RawData (doc).

    {"requestId": "R1", "messageId": "M1", "messageBody": "…"}

With IsBase64Decode (the default) `messageBody` is decoded already, otherwise it is Base64. It may
be parsed JSON (unknown).
"""

from __future__ import annotations

from typing import Any

from .envelope import EnvelopeContext, Wrapped, wrap_message


def read(value: dict[str, Any], context: EnvelopeContext) -> Wrapped | None:
    if "messageBody" not in value:
        return None
    return wrap_message(
        value["messageBody"],
        context,
        source="mns_queue",
        message_id=value.get("messageId"),
        part="the messageBody",
    )
