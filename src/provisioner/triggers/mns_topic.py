r"""MNS topic trigger: one message a call (doc).

STREAM, the default          the raw body: see `request_document` and `ess_hook`
STREAM with attributes       {"body": "…", "attrs": {"Extend": "{\"k\": \"v\"}"}}
JSON                         {"TopicOwner": "1000000000000001", "TopicName": "topic-1",
                              "Subscriber": "1000000000000001", "SubscriptionName": "sub-1",
                              "MessageId": "<32 hex>", "MessageMD5": "<32 hex>", "Message": "…",
                              "PublishTime": 1767225600000}
JSON with attributes         the same, with the attributes among the top-level keys

`MessageTag` and `Context` are optional (unknown). A body is plain or Base64 (unknown). A queue that
subscribes to a topic can get the JSON form as a message body.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .envelope import EnvelopeContext, Wrapped, wrap_message

_KEYS_BESIDE_MESSAGE = frozenset(
    {"TopicOwner", "TopicName", "Subscriber", "SubscriptionName", "MessageId", "MessageMD5"}
)


def read_notification(value: dict[str, Any], context: EnvelopeContext) -> Wrapped | None:
    if "Message" not in value or _KEYS_BESIDE_MESSAGE.isdisjoint(value):
        return None
    return wrap_message(
        value["Message"],
        context,
        source="mns_topic",
        message_id=value.get("MessageId"),
        part="the Message",
    )


def read_body_with_attributes(value: dict[str, Any], context: EnvelopeContext) -> Wrapped | None:
    """Read the STREAM form with attributes, which does not identify the message."""
    if "body" not in value or not value.keys() <= {"body", "attrs"}:
        return None
    return Wrapped(value["body"], replace(context, source="mns_topic", part="the body"))
