"""MQTT: an array of bare elements (doc).

    {"props": {"firstTopic": "topic-1", "secondTopic": "/a/b", "clientId": "GID_x@@@1"},
     "body": "…"}

Nothing in an element identifies the message, so the document's hash identifies the event.
"""

from __future__ import annotations

from typing import Any

from .envelope import EnvelopeContext, Wrapped, wrap_message


def read(value: dict[str, Any], context: EnvelopeContext) -> Wrapped | None:
    props = value.get("props")
    if "body" not in value or not isinstance(props, dict) or "firstTopic" not in props:
        return None
    return wrap_message(value["body"], context, source="mqtt", message_id="", part="the body")
